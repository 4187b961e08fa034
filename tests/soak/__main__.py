"""`make soak`: 100,000 records a run, ten runs in a row; every table compared, the functions' memory measured."""

import os
import shutil
import signal
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from commands import cloud as clouds
from commands import package
from commands.display import Activity, activity, fail, print_json, say
from commands.tables import print_table
from local.cloud import stop
from local.environment import scrub
from local.servers import ROOT
from operate.errors import OperatorError
from operate.execution import Look

from . import summary
from .runs import Run, Soak
from .source import STREAMS

DOCUMENT = ROOT / "docs" / "reliability.md"


def main(
    runs: Annotated[int, typer.Option(min=1, help="Runs in a row.")] = 10,
    records: Annotated[int, typer.Option(min=STREAMS, help="Records that a run reads, at least.")] = 100_000,
    folder: Annotated[
        Path | None, typer.Option(help="Where the cloud keeps its files.", show_default="a new folder")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help=f"Write the table into {DOCUMENT.relative_to(ROOT)}.")
    ] = False,
) -> None:
    """Run a source of four streams over fifty windows again and again, on a local cloud of its own.

    All its work items change between the runs. After each run every table is compared with what the endpoint
    holds, row by row, and the peak memory of every function with the size that it has. Ends at the first run
    that fails.
    """
    scrub(os.environ)
    # Told to end, it stops its cloud first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    place = folder or Path(tempfile.mkdtemp(prefix="xmlift-soak-"))
    try:
        with activity() as show:
            soak, done = _soak(show, place, runs, records)
    except OperatorError as error:
        fail(str(error))
        raise typer.Exit(1) from error
    finally:
        stop(place)
    sizes = soak.memory.sizes
    if as_json:
        print_json(summary.document(done, sizes))
    else:
        _show(done, summary.table(done, sizes))
    if any(run.faults for run in done):
        say(f"The logs are in {place / 'logs'}")
        raise typer.Exit(1)
    if folder is None:
        shutil.rmtree(place)  # of a run that went well nobody needs the logs
    if write:
        summary.write(DOCUMENT, done, sizes)
        say(f"Written into {DOCUMENT.relative_to(ROOT)}")


def _soak(show: Activity, folder: Path, runs: int, records: int) -> tuple[Soak, list[Run]]:
    """As many runs as are wanted, or up to the first one that is not as it has to be."""
    items = records // STREAMS
    package.build(show)
    cloud = clouds.start(show, folder, items, data=None)
    deployment = clouds.deploy(show, cloud)
    soak = Soak(deployment, items, datetime.now(UTC))
    done: list[Run] = []
    while len(done) < runs and not (done and done[-1].faults):
        done.append(_run(show, soak, f"run {len(done) + 1} of {runs}"))
    return soak, done


def _run(show: Activity, soak: Soak, title: str) -> Run:
    work = show.begin(title)

    def on_look(look: Look) -> None:
        work.update(f"{look.state}: {look.landed} of {look.windows} windows", look.landed, look.windows + 1)

    run = soak.run(on_look)
    words = f"{run.records:,} records in {run.windows} windows, {run.seconds:.1f} s"
    work.finish(run.faults[0] if run.faults else words, ok=not run.faults)
    return run


def _show(done: Sequence[Run], table: tuple[list[str], list[list[str]]]) -> None:
    columns, rows = table
    print_table(columns, rows, right=columns)
    for run in done:
        for fault in run.faults:
            fail(f"run {run.number}: {fault}")


if __name__ == "__main__":
    typer.run(main)
