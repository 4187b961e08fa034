"""run: start the state machine for sources, follow it, and tell what it did."""

import time
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

from commands.display import Activity, Work, activity, fail, print_json, print_table, say
from commands.options import FOLDER, Folder, Json
from local import cloud as clouds
from local import control, execution
from local.deployment import Deployment, deployed
from local.errors import LocalError
from local.execution import Execution, Look
from local.servers import CATALOGUE
from xmlift.catalogue import load_source

Report = dict[str, Any]

_COLUMNS = ("windows", "pages", "records", "rejected", "loaded", "seconds")
_PAUSE = 0.25  # seconds between two looks at running executions


def run(
    source: Annotated[
        str | None, typer.Argument(help="One source; else all that the endpoint serves.")
    ] = None,
    folder: Folder = FOLDER,
    json: Json = False,
) -> None:
    """Run the sources again and say what changed."""
    deployment = deployed(clouds.get(folder))
    with activity() as show:
        reports = run_sources(show, deployment, [source] if source else served(deployment))
    if json:
        print_json(reports)
    else:
        show_reports(reports)
    if failed(reports):
        raise typer.Exit(1)


def served(deployment: Deployment) -> list[str]:
    """The sources that the XML endpoint can answer; says which are left out, and why."""
    families = control.status(deployment.cloud)["families"]
    for source in sorted(set(deployment.sources) - set(families)):
        say(
            f"Skipping {source}: the endpoint has no recorded responses for it. "
            "Name their folder with XMLIFT_DATA when the local cloud is started."
        )
    return [source for source in deployment.sources if source in families]


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


def show_reports(reports: Iterable[Report]) -> None:
    """A table of all streams, then in words what changed, then what went wrong."""
    reports = list(reports)
    rows = [
        [f"{report['source']}.{stream['stream']}", *(f"{stream[column]:,}" for column in _COLUMNS)]
        for report in reports
        for stream in report["streams"]
    ]
    if rows:
        print_table("", ("stream", *_COLUMNS), rows, right=_COLUMNS)
    for report in reports:
        whole = _read_as_a_whole(report["source"])
        for stream in report["streams"] if report["status"] == "succeeded" else ():
            say(f"{report['source']}.{stream['stream']}: {changes(stream, stream['stream'] in whole)}")
    for report in reports:
        if report["status"] != "succeeded":
            fail(report["message"])


def changes(stream: dict[str, Any], read_as_a_whole: bool) -> str:
    """What a run did to a stream's table, in words.

    read_as_a_whole: its endpoint cannot be asked for a window, so that what it had before was read again.
    """
    told = [
        f"{count:,} {what}"
        for count, what in (
            (stream["inserted"], "new"),
            (
                stream["updated"],
                "updated (the endpoint always answers all)" if read_as_a_whole else "updated",
            ),
            (stream["stale"] + stream["duplicates"], "known already"),
            (stream["rejected"], "rejected"),
        )
        if count
    ]
    return ", ".join(told) or "nothing new"


def _read_as_a_whole(source: str) -> set[str]:
    path = CATALOGUE / f"{source}.yaml"
    streams = load_source(path.read_bytes(), path.name).streams
    return {name for name, stream in streams.items() if not stream.is_bounded}


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
