"""docs/performance.md: first what was claimed and measured, then the machine, then the sections as handed in.

Nothing is reworded here: a number that the page shows is the number of the run that wrote it.
"""

import json
import math
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from local.errors import LocalError
from local.servers import ROOT

from . import machine
from .results import Kept
from .section import Claim, Plot, Table

PLOTS_PYTHON = ROOT / ".venvs" / "bench-plots" / "bin" / "python"

_OPENING = """\
# Performance

Written by `make bench`, never by hand. Every ratio is one of medians, of two things measured in turn in the same
run. On another machine the numbers differ; what is claimed are the ratios, and the memory. `make bench-quick` says
in two minutes whether they hold on yours, all but the pipeline's.
"""


def write(document: Path, sections: Sequence[Kept]) -> None:
    """Write the page, and the plots into a folder of its name beside it; plots of no section are removed."""
    folder = document.with_suffix("")
    plots = [plot for kept in sections for plot in kept.section.plots]
    draw(plots, folder)
    for old in set(folder.glob("*.svg")) - {folder / f"{plot.name}.svg" for plot in plots}:
        old.unlink()
    document.write_text(rendered(sections, machine.described(), folder.name))


def draw(plots: Sequence[Plot], folder: Path) -> None:
    """Draw each plot as an SVG that is the same bytes for the same numbers."""
    if not PLOTS_PYTHON.exists():
        raise LocalError(f"{PLOTS_PYTHON.relative_to(ROOT)} does not exist; `make bench` makes it")
    folder.mkdir(parents=True, exist_ok=True)
    script = Path(__file__).with_name("plotting.py")
    # Without -P this folder's modules would come before matplotlib's own dependencies of the same name.
    command = [str(PLOTS_PYTHON), "-P", str(script), str(folder)]
    drawn = subprocess.run(
        command,
        input=json.dumps([plot._asdict() for plot in plots]),
        capture_output=True,
        text=True,
        check=False,
    )
    if drawn.returncode:
        raise LocalError(f"the plots could not be drawn: {drawn.stderr.strip()[-2000:]}")


def rendered(sections: Sequence[Kept], machine_rows: list[list[str]], plots_folder: str) -> str:
    """The page's Markdown."""
    return "\n".join(_parts(sections, machine_rows, plots_folder))


def _parts(sections: Sequence[Kept], machine_rows: list[list[str]], plots_folder: str) -> Iterator[str]:
    yield _OPENING
    yield "## What is claimed, and what was measured\n"
    yield from _table(["claim", "measured", "holds"], _claims(sections))
    yield "## Measured on\n"
    yield from _table(["", ""], [*machine_rows, ["measured", _measured(sections)]], right="---")
    for section, _, _ in sections:
        yield f"## {section.title}\n"
        yield section.prose.strip() + "\n"
        for table in section.tables:
            yield from _shown(table)
        for plot in section.plots:
            yield f"![{plot.title}]({plots_folder}/{plot.name}.svg)\n"


def _claims(sections: Sequence[Kept]) -> list[list[str]]:
    return [claim_row(claim) for kept in sections for claim in kept.section.claims]


def claim_row(claim: Claim) -> list[str]:
    """A claim as a row: its text, what was measured, whether it holds."""
    return [claim.text, number(claim.measured, claim.unit), "yes" if claim.holds else "**no**"]


def _measured(sections: Sequence[Kept]) -> str:
    runs = sorted({f"{kept.day} at {kept.commit}" for kept in sections})
    if len(runs) == 1:
        return runs[0]
    return "; ".join(f"{kept.section.title}: {kept.day} at {kept.commit}" for kept in sections)


def _shown(table: Table) -> Iterator[str]:
    yield f"**{table.heading}**\n"
    yield from _table(table.columns, table.rows)
    if table.note:
        yield f"{table.note}\n"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: str = "---:") -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"| {' | '.join(['---', *[right] * (len(columns) - 1)])} |"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '\\|') for cell in row)} |"
    yield ""


def number(value: float, unit: str = "") -> str:
    """Three digits that mean something, thousands set apart, with the unit where there is one."""
    if math.isnan(value):
        return "could not be measured"
    if abs(value) >= 99.95:
        text = f"{value:,.0f}"
    else:
        rounded = float(f"{value:.3g}")
        text = f"{rounded:.{2 - math.floor(math.log10(abs(rounded)))}f}" if rounded else "0"
    separator = "" if unit in ("×", "") else " "
    return f"{text}{separator}{unit}"
