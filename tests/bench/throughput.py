"""One process: from a page's bytes to typed, validated rows in compressed CSV, beside xmllint and other tools."""

import time
from functools import partial
from pathlib import Path

from . import children, comparison
from .children import BEAUTIFUL_SOUP, DLT, ITERPARSE, OTHERS, OURS, READ_XML, Measured, Peer
from .corpora import Corpus, corpus
from .page import number
from .section import Bench, Claim, Plot, Samples, Section, Table, interleaved

LARGE_MEGABYTES = 100
SMALL_MEGABYTES = 10
QUICK_MEGABYTES = 2
"""Of the file that all peers read: the slow ones take half a second a megabyte."""

XMLLINT = "xmllint --stream --noout"

_PROSE = """\
The page is what Reportable REST answers for work items, {megabytes:.0f} MB with {records:,} records of
{record_bytes:,.0f} bytes, 26 columns of which are taken: bigint, varchar, timestamptz, boolean, super (a list
split at `|`), decimal and date. The comments in the records are read over by all, except where a line says
otherwise.

**xmlift** is the deployed product's own `extract`, from the bytes of the page to parts, SHA-256 sums and commit,
with a file in place of the network and a folder in place of S3. It checks every value and refuses what does not
fit. **xmllint** reads the same file and does nothing with it, which is what libxml2 can do at best. None of the
**others** checks anything; each is a script as its library's documentation advises, in an environment of its own
(`tests/bench/peers`), compresses at gzip's level 1, and has its rows compared with ours value by value (what counts
as the same value is said in `tests/bench/comparison.py`).

Every run is a process of its own on one and the same CPU, all take turns, and the times are CPU time (user and
system) of the work alone. Interpreter and imports come before and are shown apart: a function pays them once in its
life. The others are too slow for the large page: they read {small:.0f} MB, and are compared by the megabyte.

What keeps a record from being loaded twice is not in these times: copies of a key are told apart by the load, in
the warehouse. {keys}
"""


def measure(bench: Bench) -> Section:
    """Measure, and compare what the peers wrote."""
    large = corpus(bench.folder, "ewm", LARGE_MEGABYTES)
    small = corpus(bench.folder, "ewm", QUICK_MEGABYTES if bench.quick else SMALL_MEGABYTES)
    runs = Runs(bench.folder / "work")
    on_large = {XMLLINT: partial(runs.lint, large), OURS.name: partial(runs.run, OURS, large)}
    if not bench.quick:
        on_large[ITERPARSE.name] = partial(runs.run, ITERPARSE, large)
    bench.say(f"{', '.join(on_large)} on {large.size / 1e6:.0f} MB")
    fast = interleaved(bench.runs, on_large)
    bench.say(f"{len(OTHERS)} others on {small.size / 1e6:.0f} MB")
    slow = interleaved(bench.runs, {peer.name: partial(runs.run, peer, small) for peer in (OURS, *OTHERS)})
    outputs = _compared(bench.folder / "work")
    bench.say("other shapes of pages")
    shapes = _shapes(bench, runs)
    return Section(
        title="Throughput of one process",
        prose=_PROSE.format(
            megabytes=large.size / 1e6,
            records=large.records,
            record_bytes=large.size / large.records,
            small=small.size / 1e6,
            keys=_keys(large, fast[OURS.name]),
        ),
        claims=_claims(large, small, fast, slow),
        tables=[
            _fast_table(large, fast),
            _slow_table(large, small, fast[OURS.name], slow, runs, outputs),
            shapes,
        ],
        plots=[_plot(large, small, fast, slow)],
    )


class Runs:
    """Runs children, answers their CPU seconds, and keeps all that the last run of each told."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.last: dict[str, Measured] = {}

    def lint(self, page: Corpus) -> float:
        self.last[XMLLINT] = children.xmllint(page)
        return self.last[XMLLINT].cpu

    def run(self, peer: Peer, page: Corpus, stream: str = "items") -> float:
        measured = children.run(peer, page, self._folder / peer.script, stream)
        self.last[peer.name] = measured
        return measured.cpu


def _times(large: Corpus, small: Corpus, ours: Samples, theirs: Samples) -> float:
    """How much longer they take than we, by the megabyte: theirs on the small page, ours on the large one."""
    return (theirs.median / small.size) / (ours.median / large.size)


def _claims(large: Corpus, small: Corpus, fast: dict[str, Samples], slow: dict[str, Samples]) -> list[Claim]:
    def faster(peer: Peer) -> float:
        return _times(large, small, fast[OURS.name], slow[peer.name])

    of_xmllint = fast[XMLLINT].median / fast[OURS.name].median
    return [
        Claim(
            "one process, XML to typed CSV.gz: at least 0.40 of xmllint's throughput", of_xmllint, 0.40, "×"
        ),
        Claim("at least 30 times Beautiful Soup per record", faster(BEAUTIFUL_SOUP), 30, "×"),
        Claim("at least 8 times dlt with xmltodict", faster(DLT), 8, "×"),
        Claim("at least 5 times pandas.read_xml", faster(READ_XML), 5, "×"),
        Claim(
            f"linear in bytes: CPU of a megabyte among {LARGE_MEGABYTES}, of that among few",
            1 / faster(OURS),
            1.1,
            "×",
            at_least=False,
        ),
    ]


def _fast_table(page: Corpus, fast: dict[str, Samples]) -> Table:
    rows = [
        [
            name,
            number(page.size / 1e6 / samples.median, "MB/s"),
            number(page.records / samples.median) if name != XMLLINT else "–",
            number(samples.median, "s"),
            f"{samples.spread:.0%}",
            number(fast[XMLLINT].median / samples.median, "×"),
        ]
        for name, samples in fast.items()
    ]
    columns = ["on one CPU", "throughput", "records/s", "CPU time", "spread", "of xmllint's"]
    return Table(f"{page.size / 1e6:.0f} MB, medians of {len(fast[XMLLINT].samples)}", columns, rows)


def _slow_table(
    large: Corpus, page: Corpus, ours: Samples, slow: dict[str, Samples], runs: Runs, outputs: dict[str, str]
) -> Table:
    rows = [
        [
            name,
            number(page.size / 1e6 / samples.median, "MB/s"),
            number(samples.median, "s"),
            f"{samples.spread:.0%}",
            number(samples.median / slow[OURS.name].median, "×"),
            number(_times(large, page, ours, samples), "×"),
            number(runs.last[name].start_cpu, "s"),
            outputs[name],
        ]
        for name, samples in slow.items()
    ]
    columns = [
        *("", "throughput", "CPU time", "spread", "times xmlift's", "times xmlift's on the large page"),
        *("start and imports", "rows"),
    ]
    note = (
        "A window's fixed costs (its catalogue, its stylesheet, its commit) weigh more here than on the large "
        "page. Claimed is the comparison by the megabyte with the large page."
    )
    return Table(f"{page.size / 1e6:.0f} MB, medians of {len(slow[OURS.name].samples)}", columns, rows, note)


def _compared(work: Path) -> dict[str, str]:
    """What the peers' last outputs are, beside ours."""
    stream = children.catalogue("ewm").streams["items"]
    mine = comparison.ours(work / OURS.script, stream)
    said = {OURS.name: f"{len(mine):,}"}
    for peer in OTHERS:
        found = comparison.differences(mine, comparison.theirs(work / peer.script, stream))
        said[peer.name] = f"{len(found):,} differ: {found[0]}" if found else "the same"
    return said


def _shapes(bench: Bench, runs: Runs) -> Table:
    """Pages that the fastest way cannot read, or not all of it."""
    rows = []
    for title, shape, stream in (
        ("work items", "ewm", "items"),
        ("the same, comments as a child table", "ewm", "discussed"),
        ("CDATA in every other record, XML comments between fields", "mixed", "items"),
        ("OSLC: namespaces, values in attributes of empty elements; 16 columns", "oslc", "items"),
    ):
        page = corpus(bench.folder, shape, QUICK_MEGABYTES if bench.quick else SMALL_MEGABYTES)
        found = interleaved(
            bench.runs, {"xmllint": partial(runs.lint, page), "ours": partial(runs.run, OURS, page, stream)}
        )
        ours, lint = found["ours"], found["xmllint"]
        rows.append(
            [
                title,
                number(page.size / 1e6 / ours.median, "MB/s"),
                number(page.records / ours.median),
                f"{ours.spread:.0%}",
                number(lint.median / ours.median, "×"),
            ]
        )
    columns = ["xmlift on other shapes of pages", "throughput", "records/s", "spread", "of xmllint's"]
    return Table(f"What a page's shape costs ({page.size / 1e6:.0f} MB each)", columns, rows)


def _keys(page: Corpus, ours: Samples) -> str:
    """What it would cost to tell copies apart here already, by a set of the keys."""
    begun = time.process_time()
    seen: set[str] = set()
    for first in range(0, page.records, 64):
        keys = [str(100_000 + key) for key in range(first, min(first + 64, page.records))]
        assert not seen.intersection(keys)
        seen.update(keys)
    cost = time.process_time() - begun
    return (
        f"A set of all keys in `extract` would cost {number(cost * 1000, 'ms')} of {number(ours.median, 's')} "
        f"({cost / ours.median:.1%}), and memory that grows with the window."
    )


def _plot(large: Corpus, small: Corpus, fast: dict[str, Samples], slow: dict[str, Samples]) -> Plot:
    rates = {name: large.size / 1e6 / samples.median for name, samples in fast.items()}
    rates |= {name: small.size / 1e6 / samples.median for name, samples in slow.items() if name not in rates}
    ordered = sorted(rates, key=rates.__getitem__, reverse=True)
    return Plot(
        name="throughput",
        title="XML to rows in CSV.gz on one CPU (xmllint: to nothing)",
        kind="bars",
        labels=ordered,
        series={"throughput": [(float(place), rates[name]) for place, name in enumerate(ordered)]},
        x_label="",
        y_label="MB of XML per second of CPU time",
        logarithmic=True,
    )
