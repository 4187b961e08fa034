"""rebuild-ledger: forget what the ledger says of a source, and load all again that has landed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Annotated

import typer

from commands.display import Activity, activity, print_json, say
from commands.environments import LOCAL, Env, opened
from commands.options import FOLDER, Folder, Json
from commands.replay import follow_replay
from commands.reports import show_reports
from commands.run import failed
from commands.tables import print_table
from operate import execution
from operate.deployment import Deployment
from operate.errors import OperatorError
from operate.inputs import check
from operate.past_runs import RUNNING, PastRuns
from operate.rebuilding import Counts, counts, forget

_LEDGER = "windows in the ledger"


def rebuild_ledger(
    source: Annotated[str, typer.Argument(help="The source whose ledger is lost or wrong.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    folder: Folder = FOLDER,
    env: Env = LOCAL,
    json: Json = False,
) -> None:
    """Forget the ledger of a source, and load again all that has landed.

    For a ledger that no longer tells the truth about its tables: they were dropped, emptied or restored by hand.
    All windows in the landing zone are loaded again. Rows that the tables have already are loaded over themselves
    and stay as they are, those they lack come back; the endpoint is not asked. What has left the landing zone is a
    gap, which the next run reads. If it is interrupted, replay goes on.
    """
    deployment = opened(env, folder)
    given = deployment.given(source, replay=True)
    check(deployment, given, datetime.now(UTC))
    _refuse_while_running(deployment, source)
    with activity(passing=True) as show:
        before = _counted(show, deployment, source)
    if not yes:
        _ask(source, before)
    _refuse_while_running(deployment, source)  # again: the question may have stood for hours
    with activity() as show:
        work = show.begin(f"forget {source}")
        with _telling_of_an_empty_ledger(deployment, source):
            forget(deployment, source)
            work.finish(f"{before.windows:,} windows forgotten")
            started = execution.start(deployment, source, given)
        report = follow_replay(show, started, given)
    with activity(passing=True) as show:
        after = _counted(show, deployment, source)
    if json:
        print_json({"before": vars(before), "after": vars(after), "report": report})
    else:
        show_reports([report])
        print_counts(source, before, after)
    if failed([report]):
        say(f"The ledger of {source} may lack windows. {_go_on(deployment, source)}")
        raise typer.Exit(1)


def print_counts(source: str, before: Counts, after: Counts) -> None:
    """What has become of the source's tables; a table that was not there has no count."""
    rows: list[list[str]] = [[_LEDGER, f"{before.windows:,}", f"{after.windows:,}"]]
    for table in sorted({*before.tables, *after.tables}):
        had, has = (f"{each.tables[table]:,}" if table in each.tables else "" for each in (before, after))
        rows.append([f"{source}.{table}", had, has])
    print_table(("rows of", "before", "after"), rows, right=("before", "after"))


def _counted(show: Activity, deployment: Deployment, source: str) -> Counts:
    work = show.begin(f"count rows of {source}")
    found = counts(deployment, source)
    work.finish()
    return found


def _refuse_while_running(deployment: Deployment, source: str) -> None:
    running = [run.run for run in PastRuns(deployment).newest([source], 20) if run.status == RUNNING]
    if running:
        raise OperatorError(
            f"{source} is under way: {', '.join(running)}. Wait until it has ended "
            f"({deployment.command(f'runs SOURCE={source}')}), then rebuild its ledger"
        )


@contextmanager
def _telling_of_an_empty_ledger(deployment: Deployment, source: str) -> Iterator[None]:
    """Say so if the ledger was forgotten, and no replay was started that would fill it."""
    try:
        yield
    except BaseException:
        windows = 0
        with suppress(Exception):  # the first error is the one to be told; and who cannot look, warns
            windows = counts(deployment, source).windows
        if not windows:
            say(f"The ledger is empty now. {_go_on(deployment, source)}")
        raise


def _go_on(deployment: Deployment, source: str) -> str:
    return f"Before the schedule runs: {deployment.command(f'replay SOURCE={source}')}"


def _ask(source: str, before: Counts) -> None:
    say(
        f"The ledger's {before.windows:,} windows of {source} will be forgotten, and all that has landed of it is "
        "loaded again. The tables keep what they have."
    )
    if not sys.stdin.isatty():
        raise OperatorError("Nobody is there to be asked. Remedy: give --yes")
    typer.confirm("Go ahead?", abort=True, err=True)
