"""From measurements to claims and tables: literal numbers in, literal numbers out."""

from pathlib import Path

from . import memory, throughput
from .children import BEAUTIFUL_SOUP, DLT, ITERPARSE, JSON_NORMALIZE, OTHERS, OURS, READ_XML, Measured
from .corpora import Corpus
from .section import Samples
from .throughput import XMLLINT

LARGE = Corpus(Path("large"), "ewm", 100_000_000, 50_000)
SMALL = Corpus(Path("small"), "ewm", 10_000_000, 5_000)
FAST = {
    XMLLINT: Samples([0.4, 0.5, 0.6]),
    OURS.name: Samples([1.2, 1.0, 1.0]),
    ITERPARSE.name: Samples([6.0]),
}
SLOW = {
    OURS.name: Samples([0.2]),
    ITERPARSE.name: Samples([0.6]),
    READ_XML.name: Samples([0.6, 0.4, 0.7]),
    JSON_NORMALIZE.name: Samples([0.8]),
    DLT.name: Samples([2.0]),
    BEAUTIFUL_SOUP.name: Samples([2.9]),
}


def test_claims_compare_by_the_megabyte() -> None:
    claims = throughput._claims(LARGE, SMALL, FAST, SLOW)
    assert [(round(claim.measured, 6), claim.floor, claim.holds) for claim in claims] == [
        (0.5, 0.40, True),
        (29.0, 30, False),
        (20.0, 8, True),
        (6.0, 5, True),
        (0.5, 1.1, True),
    ]


def test_large_page() -> None:
    assert throughput._fast_table(LARGE, FAST).rows == [
        [XMLLINT, "200 MB/s", "–", "0.500 s", "40%", "1.00×"],
        ["xmlift", "100 MB/s", "50,000", "1.00 s", "20%", "0.500×"],
        ["lxml.iterparse, csv, gzip", "16.7 MB/s", "8,333", "6.00 s", "0%", "0.0833×"],
    ]


def test_small_page() -> None:
    runs = throughput.Runs(Path("nowhere"))
    runs.last = {name: Measured(9.0, 9.0, 0.25, 9) for name in SLOW}
    outputs = dict.fromkeys(SLOW, "the same")
    rows = throughput._slow_table(LARGE, SMALL, FAST[OURS.name], SLOW, runs, outputs).rows
    assert rows[0] == ["xmlift", "50.0 MB/s", "0.200 s", "0%", "1.00×", "2.00×", "0.250 s", "the same"]
    assert rows[2] == [
        "pandas.read_xml",
        "16.7 MB/s",
        "0.600 s",
        "50%",
        "3.00×",
        "6.00×",
        "0.250 s",
        "the same",
    ]
    assert len(rows) == 1 + len(OTHERS)


def test_plot_has_the_fastest_first() -> None:
    plot = throughput._plot(LARGE, SMALL, FAST, SLOW)
    assert plot.labels[:3] == [XMLLINT, "xmlift", "lxml.iterparse, csv, gzip"]
    assert plot.series["throughput"][:2] == [(0.0, 200.0), (1.0, 100.0)]


def test_memory_claims() -> None:
    pages = {
        SMALL: 70.0,
        LARGE: 64.5,
        LARGE._replace(size=1_000_000_000): 95.0,
    }
    claims = memory._claims(pages, {SMALL: 50.0, LARGE: 63.0})
    assert [(claim.measured, claim.floor, claim.holds) for claim in claims] == [
        (64.5, 64, False),
        (95.0, 96, True),
        (63.0, 64, True),
    ]


def test_a_record_is_told_with_its_unit() -> None:
    assert memory._record(SMALL) == "2.0 kB"
    assert memory._record(SMALL._replace(records=5)) == "2.0 MB"
