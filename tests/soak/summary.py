"""What the soak found: a table for people, the same as Markdown for the documentation, and as JSON."""

import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from local.errors import LocalError

from .runs import Run

_BEGIN, _END = "<!-- soak:begin -->", "<!-- soak:end -->"
_STEPS = ("plan", "extract", "load", "report", "migrate")


def table(runs: Sequence[Run], sizes: Mapping[str, int]) -> tuple[list[str], list[list[str]]]:
    """Columns and rows: a row for each run, with the peak memory of each function so far."""
    steps = [step for step in _STEPS if step in sizes]
    columns = ["run", "windows", "records", "new", "changed", "seconds", "records/s"]
    columns += [f"{step} MB of {sizes[step]:,}" for step in steps]
    rows = [
        [
            str(run.number),
            *(f"{count:,}" for count in (run.windows, run.records, run.new, run.changed)),
            f"{run.seconds:.1f}",
            f"{run.records_per_second:,.0f}",
            *(f"{run.memory[step]:.0f}" if step in run.memory else "" for step in steps),
        ]
        for run in runs
    ]
    return columns, rows


def document(runs: Sequence[Run], sizes: Mapping[str, int]) -> dict[str, Any]:
    """Everything, for programs."""
    described = [
        {**asdict(run), "records_per_second": round(run.records_per_second, 1), "ok": not run.faults}
        for run in runs
    ]
    return {"memory_sizes": dict(sizes), "runs": described, "ok": not any(run.faults for run in runs)}


def write(file: Path, runs: Sequence[Run], sizes: Mapping[str, int]) -> None:
    """Put the table between the marks of a Markdown file.

    Raises: LocalError if the file has no such marks.
    """
    text = file.read_text()
    if _BEGIN not in text or _END not in text:
        raise LocalError(f"{file} has no lines {_BEGIN} and {_END}, between which the table is written")
    written = f"{_BEGIN}\n{markdown(runs, sizes)}\n{_END}"
    between = re.compile(f"{re.escape(_BEGIN)}.*{re.escape(_END)}", re.DOTALL)
    file.write_text(between.sub(lambda _: written, text, count=1))


def markdown(runs: Sequence[Run], sizes: Mapping[str, int]) -> str:
    columns, rows = table(runs, sizes)
    lines = [columns, ["---:"] * len(columns), *rows]
    where = f"{os.cpu_count()} processors, {platform.system()} {platform.machine()}"
    steps = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in _mean_steps(runs).items())
    return "\n".join(
        [
            *(f"| {' | '.join(cells)} |" for cells in lines),
            "",
            f"{where}. A run's time, on average: {steps}.",
        ]
    )


def _mean_steps(runs: Sequence[Run]) -> dict[str, float]:
    measured = [run.steps for run in runs if run.steps]
    names = measured[0] if measured else {}
    return {name: sum(steps[name] for steps in measured) / len(measured) for name in names}
