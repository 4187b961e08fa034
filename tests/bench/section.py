"""What a measuring module hands back: claims, tables and plots of one section of docs/performance.md."""

from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Literal, NamedTuple

FULL_RUNS = 5
QUICK_RUNS = 3


class Bench(NamedTuple):
    """One run of the bench. `folder` holds what is made on the way and may be kept; `say` tells how far it is."""

    folder: Path
    quick: bool
    say: Callable[[str], None]

    @property
    def runs(self) -> int:
        """How often each thing is measured."""
        return QUICK_RUNS if self.quick else FULL_RUNS


class Claim(NamedTuple):
    """What is promised, and what was measured: at least the floor, or at most where `at_least` is False."""

    text: str
    measured: float
    floor: float
    unit: str
    at_least: bool = True

    @property
    def holds(self) -> bool:
        # A number that could not be had (nan) keeps no promise, whichever way it is compared.
        return self.measured >= self.floor if self.at_least else self.measured <= self.floor


class Table(NamedTuple):
    """Rows of texts; all columns but the first are set to the right. `note` stands below."""

    heading: str
    columns: list[str]
    rows: list[list[str]]
    note: str = ""


class Plot(NamedTuple):
    """docs/performance/<name>.svg. For bars, x of each point is the index of its label in `labels`."""

    name: str
    title: str
    kind: Literal["bars", "lines"]
    labels: list[str]
    series: dict[str, list[tuple[float, float]]]
    x_label: str
    y_label: str
    logarithmic: bool = False


class Section(NamedTuple):
    """One section of the page. `prose` is Markdown: how it was measured, by what, and what it leaves out."""

    title: str
    prose: str
    claims: list[Claim]
    tables: list[Table]
    plots: list[Plot]


class Samples(NamedTuple):
    """Measurements of one thing in the order in which they were made, seconds mostly."""

    samples: list[float]

    @property
    def median(self) -> float:
        return median(self.samples)

    @property
    def spread(self) -> float:
        """How far the extremes lie apart, as a fraction of the median."""
        return (max(self.samples) - min(self.samples)) / self.median if self.median else 0.0


def median_of(runs: int, once: Callable[[], float]) -> Samples:
    """Measure one thing so many times in a row."""
    return Samples([once() for _ in range(runs)])


def interleaved(runs: int, things: dict[str, Callable[[], float]]) -> dict[str, Samples]:
    """Measure several things in turn, so that a machine that slows down does so for all of them."""
    found: dict[str, list[float]] = {name: [] for name in things}
    for _ in range(runs):
        for name, once in things.items():
            found[name].append(once())
    return {name: Samples(samples) for name, samples in found.items()}
