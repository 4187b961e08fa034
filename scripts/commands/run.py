"""run: start the state machine for sources, follow it, and tell what it did."""

import time
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

from commands.display import Activity, Work, activity, print_json
from commands.options import FOLDER, Folder, Json
from commands.reports import show_reports
from local import cloud as clouds
from local import control, execution
from local.deployment import Deployment, deployed
from local.errors import LocalError
from local.execution import Execution, Look

Report = dict[str, Any]

_PAUSE = 0.25  # seconds between two looks at running executions


def run(
    source: Annotated[str | None, typer.Argument(help="One source; else all that can be read here.")] = None,
    folder: Folder = FOLDER,
    json: Json = False,
) -> None:
    """Run the sources again and say what changed."""
    deployment = deployed(clouds.get(folder))
    with activity() as show:
        reports = run_sources(show, deployment, [source] if source else readable(deployment))
    if json:
        print_json(reports)
    else:
        show_reports(reports)
    if failed(reports):
        raise typer.Exit(1)


def readable(deployment: Deployment) -> list[str]:
    """All sources but those that the XML endpoint should answer for and has no recorded responses of."""
    families = control.status(deployment.cloud)["families"]
    return [
        source
        for source in deployment.sources
        if (family := deployment.family(source)) is None or family in families
    ]


def run_sources(show: Activity, deployment: Deployment, sources: Sequence[str]) -> list[Report]:
    """Run the pipeline for all of them at the same time; answers their reports, in the same order."""
    running = {
        source: (execution.start(deployment, source), show.begin(f"run {source}")) for source in sources
    }
    reports = {}
    while running:
        for source, (started, work) in list(running.items()):
            look = started.look()
            if look.status == "RUNNING":
                # One more than there are windows: after the last one has landed, all are loaded.
                work.update(_words(look), look.landed, look.windows + 1)
                continue
            del running[source]
            reports[source] = _ended(started, work)
        if running:
            time.sleep(_PAUSE)
    return [reports[source] for source in sources]


def failed(reports: Iterable[Report]) -> bool:
    return any(report["status"] != "succeeded" for report in reports)


def _words(look: Look) -> str:
    return f"{look.state}: {look.landed} of {look.windows} windows landed" if look.windows else look.state


def _ended(started: Execution, work: Work) -> Report:
    try:
        report = started.report()
    except LocalError as error:
        report = {"source": started.source, "status": "failed", "message": str(error), "streams": []}
    work.finish(report["status"], ok=report["status"] == "succeeded")
    return report
