"""How long `make package` takes: with nothing changed, with a line of ours changed, and from nothing."""

import os
import shutil
import subprocess
from pathlib import Path
from time import perf_counter

from local.errors import LocalError
from local.servers import ROOT

from .page import number
from .section import Bench, Claim, Samples, Section, Table, median_of

MOST_SECONDS_UNCHANGED = 1.0
MOST_SECONDS_FROM_NOTHING = 30.0

_PROSE = """\
Wall time of the whole command `make package` in a copy of this checkout, which borrows its virtual environments.
**From nothing**: no `dist/`, so that all libraries are unpacked, compiled and compressed; their wheels lie in uv's
cache. **A line of ours**: a comment is added to the library that all functions share.
"""


def measure(bench: Bench) -> Section:
    """Package in a copy of the checkout, so that dist/ here stays what it is."""
    folder = bench.folder / "work" / "packaging"
    copy_checkout(ROOT, folder)
    runs = bench.runs
    if not bench.quick:
        bench.say("packaging: once, for uv's cache")
        from_nothing(folder)
    bench.say("packaging from nothing")
    nothing = median_of(1 if bench.quick else runs, lambda: from_nothing(folder))
    bench.say("packaging with nothing changed, and a line of ours")
    unchanged = median_of(runs, lambda: seconds(folder))
    changed = median_of(runs, lambda: with_a_line_more(folder))
    shutil.rmtree(folder)
    return Section(
        title="Packaging",
        prose=_PROSE,
        claims=claims(unchanged, nothing),
        tables=[_table({"nothing changed": unchanged, "a line of ours": changed, "from nothing": nothing})],
        plots=[],
    )


def copy_checkout(source: Path, folder: Path) -> None:
    """Copy what packaging reads of a checkout, times included: make must not think that anything is new."""
    shutil.rmtree(folder, ignore_errors=True)
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("build", "functions", "scripts"):
        shutil.copytree(source / name, folder / name, ignore=ignored)
    shutil.copy2(source / "Makefile", folder)
    for name in (".venv", ".venvs"):
        (folder / name).symlink_to(source / name)


def seconds(folder: Path) -> float:
    """Wall seconds of `make package` there. Raises LocalError with what it said if it fails."""
    # As if typed: what a make around us tells its children is none of this one's business.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    began = perf_counter()
    done = subprocess.run(
        ["make", "package"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    taken = perf_counter() - began
    if done.returncode:
        raise LocalError(f"make package failed in {folder}:\n{done.stderr}")
    return taken


def from_nothing(folder: Path) -> float:
    """Wall seconds of `make package` without anything of an earlier one."""
    shutil.rmtree(folder / "dist", ignore_errors=True)
    return seconds(folder)


def with_a_line_more(folder: Path) -> float:
    """Wall seconds of `make package` after a change of the library that all functions share."""
    with (folder / "functions" / "xmlift" / "__init__.py").open("a") as module:
        module.write("# one more line\n")
    return seconds(folder)


def claims(unchanged: Samples, nothing: Samples) -> list[Claim]:
    """What is promised of `make package`."""
    return [
        Claim(
            "make package with nothing changed: under 1 s",
            unchanged.median,
            MOST_SECONDS_UNCHANGED,
            "s",
            at_least=False,
        ),
        Claim(
            "make package from nothing, warm download cache: under 30 s",
            nothing.median,
            MOST_SECONDS_FROM_NOTHING,
            "s",
            at_least=False,
        ),
    ]


def _table(measured: dict[str, Samples]) -> Table:
    rows = [
        [name, number(found.median), f"{found.spread:.0%}", str(len(found.samples))]
        for name, found in measured.items()
    ]
    return Table("make package", ["after", "seconds", "spread", "runs"], rows)
