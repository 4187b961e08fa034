"""The bench tells what it measured: claims, medians, the page, the plots."""

import subprocess
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.errors import LocalError

from . import page, results
from .__main__ import MODULES
from .results import Kept
from .section import Bench, Claim, Plot, Samples, Section, Table, interleaved, median_of

CLAIM = Claim("twice as fast", 2.5, 2.0, "×")
BARS = Plot(
    "rates",
    "Rates <of> all",
    "bars",
    ["xmlift", "an other"],
    {"MB/s": [(0, 80.0), (1, 1.5)]},
    "",
    "MB/s",
    logarithmic=True,
)
LINES = Plot("growth", "Growth", "lines", [], {"a": [(1, 2), (10, 3)], "b": [(1, 1), (10, 9)]}, "MB", "MB")
SECTION = Section(
    title="Throughput",
    prose="How it was measured.\n",
    claims=[CLAIM],
    tables=[Table("On 10 MB", ["", "rate"], [["xmlift", "80 MB/s"], ["a|b", "1.50 MB/s"]], "A note.")],
    plots=[BARS, LINES],
)
PAGE = """\
## What is claimed, and what was measured

| claim | measured | holds |
| --- | ---: | ---: |
| twice as fast | 2.50× | yes |

## Measured on

|  |  |
| --- | --- |
| processor | Abacus |
| measured | 2026-11-22 at abcdef |

## Throughput

How it was measured.

**On 10 MB**

|  | rate |
| --- | ---: |
| xmlift | 80 MB/s |
| a\\|b | 1.50 MB/s |

A note.

![Rates <of> all](performance/rates.svg)

![Growth](performance/growth.svg)
"""


def test_page_is_made_of_sections_as_they_are() -> None:
    rendered = page.rendered(
        [Kept(SECTION, "2026-11-22", "abcdef")], [["processor", "Abacus"]], "performance"
    )
    assert rendered[rendered.index("## ") :] == PAGE


def test_page_says_which_section_is_of_which_day() -> None:
    sections = [Kept(SECTION, "2026-11-22", "abc"), Kept(SECTION._replace(title="Load"), "2026-11-23", "def")]
    rendered = page.rendered(sections, [], "performance")
    assert "| measured | Throughput: 2026-11-22 at abc; Load: 2026-11-23 at def |" in rendered


def test_page_shows_a_broken_claim() -> None:
    broken = SECTION._replace(claims=[CLAIM._replace(measured=1.99)])
    rendered = page.rendered([Kept(broken, "2026-11-22", "abc")], [], "performance")
    assert "| twice as fast | 1.99× | **no** |" in rendered


@pytest.mark.parametrize(
    ("measured", "floor", "at_least", "holds"),
    [
        (0.40, 0.40, True, True),
        (0.399, 0.40, True, False),
        (64.0, 64.0, False, True),
        (64.1, 64.0, False, False),
        (float("nan"), 1.0, True, False),
        (float("nan"), 1.0, False, False),
    ],
)
def test_claim(measured: float, floor: float, at_least: bool, holds: bool) -> None:
    assert Claim("", measured, floor, "×", at_least).holds is holds


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "s", "0 s"),
        (0.004234, "s", "0.00423 s"),
        (1.2345, "×", "1.23×"),
        (12.345, "MB", "12.3 MB"),
        (99.96, "MB", "100 MB"),
        (1234.5, "", "1,234"),
        (9.999, "s", "10.0 s"),
        (-2.5, "", "-2.50"),
        (float("nan"), "s", "could not be measured"),
    ],
)
def test_number(value: float, unit: str, text: str) -> None:
    assert page.number(value, unit) == text


@given(st.floats(min_value=1e-9, max_value=1e12))
def test_number_is_right_to_three_digits(value: float) -> None:
    assert float(page.number(value).replace(",", "")) == pytest.approx(value, rel=0.0051)


def test_samples() -> None:
    assert Samples([3.0, 1.0, 2.0]).median == 2.0
    assert Samples([3.0, 1.0, 2.0]).spread == 1.0
    assert Samples([0.0, 0.0]).spread == 0.0


def test_median_of_measures_as_often_as_it_is_told() -> None:
    taken = iter([5.0, 1.0, 4.0])
    assert median_of(3, lambda: next(taken)) == Samples([5.0, 1.0, 4.0])


def test_interleaved_takes_turns() -> None:
    order: list[str] = []

    def note(name: str) -> float:
        order.append(name)
        return float(len(order))

    found = interleaved(2, {"a": lambda: note("a"), "b": lambda: note("b")})
    assert order == ["a", "b", "a", "b"]
    assert found == {"a": Samples([1.0, 3.0]), "b": Samples([2.0, 4.0])}


@pytest.mark.parametrize("name", MODULES)
def test_every_part_of_the_bench_measures(name: str) -> None:
    assert callable(import_module(f".{name}", __package__).measure)


def test_runs_are_five_and_in_a_hurry_three(tmp_path: Path) -> None:
    assert [Bench(tmp_path, quick, print).runs for quick in (False, True)] == [5, 3]


def test_sections_are_kept(tmp_path: Path) -> None:
    results.keep(tmp_path, "throughput", SECTION)
    (kept,) = results.kept(tmp_path, ["throughput"])
    assert page.rendered([kept], [], "p") == page.rendered([kept._replace(section=SECTION)], [], "p")


def test_page_is_not_written_of_some_sections(tmp_path: Path) -> None:
    results.keep(tmp_path, "throughput", SECTION)
    with pytest.raises(LocalError, match=r"never measured in .*: memory, load; run `make bench`"):
        results.kept(tmp_path, ["throughput", "memory", "load"])


@pytest.mark.skipif(
    not page.PLOTS_PYTHON.exists(), reason="no .venvs/bench-plots: `make bench-quick` makes it"
)
def test_plots_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    for folder in ("once", "again"):
        page.draw([BARS, LINES], tmp_path / folder)
    for plot in (BARS, LINES):
        once, again = ((tmp_path / folder / f"{plot.name}.svg").read_bytes() for folder in ("once", "again"))
        assert once == again
        assert len(once) < 60_000
        texts = "".join(ElementTree.fromstring(once).itertext())
        assert plot.title in texts
        assert all(label in texts for label in (*plot.labels, plot.y_label))


@pytest.mark.skipif(
    not page.PLOTS_PYTHON.exists(), reason="no .venvs/bench-plots: `make bench-quick` makes it"
)
def test_plots_of_no_section_are_removed(tmp_path: Path) -> None:
    old = tmp_path / "performance" / "old.svg"
    old.parent.mkdir()
    old.write_text("<svg/>")
    page.write(tmp_path / "performance.md", [Kept(SECTION, "2026-11-22", "abc")])
    assert sorted(file.name for file in old.parent.iterdir()) == ["growth.svg", "rates.svg"]


def test_written_in_a_hurry_is_refused() -> None:
    command = [".venv/bin/python", "-m", "tests.bench", "--quick", "--write"]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command,
        cwd=root,
        env={"PYTHONPATH": "scripts:functions"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "leave out --quick" in done.stderr
