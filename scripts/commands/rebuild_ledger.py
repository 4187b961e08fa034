"""rebuild-ledger: forget what the ledger says of a source, and load all again that has landed."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from commands.display import Activity, activity, print_json, say
from commands.options import FOLDER, Folder, Json
from commands.replay import replay_source
from commands.reports import show_reports
from commands.run import failed
from commands.tables import print_table
from local import cloud as clouds
from local.deployment import Deployment, deployed
from local.errors import LocalError
from local.inputs import check
from local.past_runs import RUNNING, PastRuns
from local.rebuilding import Counts, counts, forget

_LEDGER = "windows in the ledger"


def rebuild_ledger(
    source: Annotated[str, typer.Argument(help="The source whose ledger is lost or wrong.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    folder: Folder = FOLDER,
    json: Json = False,
) -> None:
    """Forget the ledger of a source, and load again all that has landed.

    For a ledger that no longer tells the truth about its tables: they were dropped, emptied or restored by hand.
    All windows in the landing zone are loaded again. Rows that the tables have already are known and stay, those
    they lack come back; the endpoint is not asked. What has left the landing zone is a gap, which the next run
    reads. If it is interrupted, replay goes on.
    """
    deployment = deployed(clouds.get(folder))
    given = deployment.given(source, replay=True)
    check(deployment, given, datetime.now(UTC))
    _refuse_while_running(deployment, source)
    with activity(passing=True) as show:
        before = _counted(show, deployment, source)
    if not yes:
        _ask(source, before)
    with activity() as show:
        work = show.begin(f"forget {source}")
        forget(deployment, source)
        work.finish(f"{before.windows:,} windows forgotten")
        report = replay_source(show, deployment, given)
    with activity(passing=True) as show:
        after = _counted(show, deployment, source)
    if json:
        print_json({"before": vars(before), "after": vars(after), "report": report})
    else:
        show_reports([report])
        print_counts(source, before, after)
    if failed([report]):
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
        raise LocalError(
            f"{source} is under way: {', '.join(running)}. Wait until it has ended (make runs SOURCE={source}), "
            "then rebuild its ledger"
        )


def _ask(source: str, before: Counts) -> None:
    say(
        f"The ledger's {before.windows:,} windows of {source} will be forgotten, and all that has landed of it is "
        "loaded again. The tables keep what they have."
    )
    if not sys.stdin.isatty():
        raise LocalError("Nobody is there to be asked. Remedy: give --yes")
    typer.confirm("Go ahead?", abort=True, err=True)
