"""`make bench`: measure what the product claims about speed, memory and cost, beside others; write the page.

`make bench-quick` measures the same with fewer and smaller runs, save the pipeline, and writes nothing.
"""

import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer

from commands.display import fail, out, say
from commands.tables import print_table
from local.environment import scrub
from local.errors import LocalError
from local.servers import ROOT

from . import page, results
from .section import Bench, Section

MODULES = ("throughput", "memory", "processes", "pipeline", "load", "scaling", "cold_start", "packaging")
QUICK = tuple(name for name in MODULES if name != "pipeline")
"""Measured in a hurry unless something else is asked for: a cloud of its own takes a minute to deploy."""

DOCUMENT = ROOT / "docs" / "performance.md"


def main(
    only: Annotated[
        list[str] | None, typer.Option(help=f"Measure this only; one of {', '.join(MODULES)}.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer and smaller runs; nothing is written.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help=f"Write {DOCUMENT.relative_to(ROOT)} and its plots.")
    ] = False,
    folder: Annotated[Path, typer.Option(help="Where corpora and results are kept.")] = ROOT / ".bench",
) -> None:
    """Measure, print tables and claims; 1 where a claim does not hold.

    With --only and --write, the other sections stand as they were measured last, each with its date.
    """
    if unknown := set(only or ()) - set(MODULES):
        raise typer.BadParameter(
            f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(MODULES)}"
        )
    if quick and write:
        raise typer.BadParameter(
            "what is measured in a hurry is not written into the docs: leave out --quick"
        )
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # whoever ends it ends the cloud that it started
    scrub(os.environ)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        wanted = only or (QUICK if quick else MODULES)
        broken = _measure(Bench(folder, quick, _progress()), [name for name in MODULES if name in wanted])
        if write:
            page.write(DOCUMENT, results.kept(folder, MODULES))
            say(f"Written: {DOCUMENT.relative_to(ROOT)}")
    except LocalError as error:
        fail(str(error))
        raise typer.Exit(1) from error
    if broken:
        fail(f"{broken} of the claims above did not hold")
        raise typer.Exit(1)


def _measure(bench: Bench, names: list[str]) -> int:
    """Measure and show; how many claims did not hold."""
    broken = 0
    for name in names:
        bench.say(f"{name} …")
        os.sync()  # what the one before has written is not on its way to the disk meanwhile
        measured = import_module(f".{name}", __package__).measure(bench)
        _show(measured)
        broken += sum(not claim.holds for claim in measured.claims)
        if not bench.quick:
            results.keep(bench.folder, name, measured)
    return broken


def _progress() -> Callable[[str], None]:
    begun = monotonic()

    def tell(text: str) -> None:
        sys.stderr.write(f"{monotonic() - begun:7.1f} s  {text}\n")
        sys.stderr.flush()

    return tell


def _show(section: Section) -> None:
    out.print(f"\n{section.title}", style="bold")
    for table in section.tables:
        out.print(f"\n{table.heading}", markup=False)
        print_table(table.columns, table.rows, right=table.columns[1:])
        if table.note:
            out.print(table.note, markup=False)
    if section.claims:
        out.print()
        print_table(["claim", "measured", "holds"], [page.claim_row(claim) for claim in section.claims])


if __name__ == "__main__":
    typer.run(main)
