"""run: start the state machine for sources, follow it, and tell what it did."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import typer

from commands.display import Activity, Work, activity, print_json, say
from commands.environments import LOCAL, Env, opened
from commands.options import FOLDER, Concurrent, Folder, Json
from commands.reports import show_reports
from operate import execution
from operate.deployment import Deployment
from operate.errors import OperatorError
from operate.execution import Execution, Look

Report = dict[str, Any]


class Progress(NamedTuple):
    """How far an execution is, in words and of a total (0: not known)."""

    words: str
    done: int = 0
    total: int = 0


def run(
    source: Annotated[str | None, typer.Argument(help="One source; else all that can be read here.")] = None,
    concurrent: Concurrent = False,
    folder: Folder = FOLDER,
    env: Env = LOCAL,
    json: Json = False,
) -> None:
    """Run the sources again and say what changed.

    Each run reads what is missing since the last one, gaps included. While an execution of a source is under way,
    another one is refused.
    """
    deployment = opened(env, folder)
    changes = {"concurrent": True} if concurrent else {}
    with activity() as show:
        reports = run_sources(show, deployment, [source] if source else deployment.readable(), changes)
    tell(reports, json)


def tell(reports: list[Report], json: bool, from_raw: bool = False) -> None:
    """Print the reports. Raises: Exit with 1 if one of them is of a run that failed.

    from_raw: the runs read kept answers.
    """
    if json:
        print_json(reports)
    else:
        show_reports(reports, from_raw)
    if failed(reports):
        raise typer.Exit(1)


def run_sources(
    show: Activity, deployment: Deployment, sources: Sequence[str], changes: Mapping[str, Any] | None = None
) -> list[Report]:
    """Run the pipeline for all of them at the same time; answers their reports, in the same order.

    changes: what differs in the executions' inputs from those of the schedules.
    """
    given = {source: deployment.given(source, **(changes or {})) for source in sources}
    started = [
        (execution.start(deployment, source, given[source]), show.begin(f"run {source}"))
        for source in sources
    ]
    return follow(started)


def windows_landed(started: Execution, look: Look) -> Progress:
    """An execution that reads: by its windows. One more than there are: after the last one all are loaded."""
    if not look.windows:
        return Progress(look.state)
    words = f"{look.state}: {look.landed} of {look.windows} windows landed"
    return Progress(words, look.landed, look.windows + 1)


def follow(
    started: Sequence[tuple[Execution, Work]],
    progress: Callable[[Execution, Look], Progress] = windows_landed,
) -> list[Report]:
    """Show executions until all have ended; answers their reports, in the same order."""
    reports: dict[str, Report] = {}
    running = list(started)
    try:
        while running:
            for each in list(running):
                one, work = each
                look = one.look()
                if look.status == "RUNNING":
                    work.update(*progress(one, look))
                    continue
                running.remove(each)
                reports[one.arn] = _ended(one, work)
            if running:
                time.sleep(running[0][0].deployment.pause)
    except KeyboardInterrupt:
        say(
            f"Only the looking on has ended: what runs goes on. See: {started[0][0].deployment.command('runs')}"
        )
        raise
    return [reports[one.arn] for one, _ in started]


def failed(reports: Iterable[Report]) -> bool:
    return any(report["status"] != "succeeded" for report in reports)


def _ended(started: Execution, work: Work) -> Report:
    try:
        report = started.report()
    except OperatorError as error:
        report = {"source": started.source, "status": "failed", "message": str(error), "streams": []}
    work.finish(report["status"], ok=report["status"] == "succeeded")
    return report
