"""Peak resident memory of one process: by the size of the page, by that of its records, and the others' beside."""

from pathlib import Path

from . import children
from .children import OTHERS, OURS, Peer
from .corpora import Corpus, corpus
from .page import number
from .section import Bench, Claim, Plot, Section, Table

PAGES = (10, 100, 1000)
"""Megabytes of a page of ordinary records."""

RECORDS = (16_000, 128_000, 1_000_000)
"""Bytes of a record's comments; limits.record_megabytes is 1 where a catalogue says nothing."""

QUICK_RECORDS = (128_000, 1_000_000)
RECORDS_PAGE = 100
RUNS = 3
"""Of each page: what the allocator keeps is not the same in every process."""

SMALL_PAGE = 10
QUICK_PAGE = 2

_PROSE = """\
The largest resident memory that the process ever had (`VmHWM` on Linux: `ru_maxrss` would tell that of the process
which started it, where that one is larger), interpreter and libraries included. **By page**: one page of ordinary
records of {ordinary:,.0f} bytes, which stands for a window of as many bytes; the largest peak of three processes.
**By record**: pages of {records_page:.0f} MB whose records carry ever more comments, which go into a table of their
own. **Others**: the scripts of the section above on {small:.0f} MB, which keep the whole page or its table in
memory, except lxml.iterparse.
"""


def measure(bench: Bench) -> Section:
    """Measure each size in a process of its own."""
    sizes = PAGES[:-1] if bench.quick else PAGES
    pages = [corpus(bench.folder, "ewm", megabytes) for megabytes in sizes]
    by_page = {page: max(_peak(bench, OURS, page) for _ in range(RUNS)) for page in pages}
    page_size = SMALL_PAGE if bench.quick else RECORDS_PAGE
    ordinary = corpus(bench.folder, "ewm", page_size)
    records = QUICK_RECORDS if bench.quick else RECORDS
    large = [corpus(bench.folder, "ewm", max(page_size, 4 * size / 1e6), size) for size in records]
    by_record = {page: _peak(bench, OURS, page, "discussed") for page in (ordinary, *large)}
    small = corpus(bench.folder, "ewm", QUICK_PAGE if bench.quick else SMALL_PAGE)
    by_peer = {peer.name: _peak(bench, peer, small) for peer in (OURS, *OTHERS)}
    return Section(
        title="Memory of one process",
        prose=_PROSE.format(
            ordinary=pages[0].size / pages[0].records, records_page=page_size, small=small.size / 1e6
        ),
        claims=_claims(by_page, by_record),
        tables=[_page_table(by_page), _record_table(by_record), _peer_table(small, by_peer)],
        plots=[_plot(by_page)],
    )


def _peak(bench: Bench, peer: Peer, page: Corpus, stream: str = "items") -> float:
    """Megabytes, of 10^6 bytes."""
    bench.say(f"memory of {peer.name} on {page.size / 1e6:.0f} MB, records of {_record(page)}")
    folder: Path = bench.folder / "work" / peer.script
    return children.run(peer, page, folder, stream).peak / 1e6


def _record(page: Corpus) -> str:
    size = page.size / page.records
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.1f} kB"


def _claims(by_page: dict[Corpus, float], by_record: dict[Corpus, float]) -> list[Claim]:
    claims = []
    for page, peak in by_page.items():
        megabytes = round(page.size / 1e6)
        if megabytes >= 1000:
            claims.append(Claim("at most 96 MB of memory on 1 GB", peak, 96, "MB", at_least=False))
        elif megabytes >= 100:
            claims.append(Claim("at most 64 MB of memory on 100 MB", peak, 64, "MB", at_least=False))
    text = "at most 64 MB on 100 MB, with records of any size that the default limit allows"
    claims.append(Claim(text, max(by_record.values()), 64, "MB", at_least=False))
    return claims


def _page_table(by_page: dict[Corpus, float]) -> Table:
    rows = [
        [number(page.size / 1e6, "MB"), f"{page.records:,}", number(peak, "MB")]
        for page, peak in by_page.items()
    ]
    return Table("By the size of the page", ["page", "records", "peak memory"], rows)


def _record_table(by_record: dict[Corpus, float]) -> Table:
    rows = [
        [_record(page), f"{page.records:,}", number(page.size / 1e6, "MB"), number(peak, "MB")]
        for page, peak in by_record.items()
    ]
    return Table("By the size of a record", ["a record", "records", "page", "peak memory"], rows)


def _peer_table(page: Corpus, by_peer: dict[str, float]) -> Table:
    rows = [[name, number(peak, "MB")] for name, peak in by_peer.items()]
    return Table(f"Others, on {page.size / 1e6:.0f} MB", ["", "peak memory"], rows)


def _plot(by_page: dict[Corpus, float]) -> Plot:
    points = [(page.size / 1e6, peak) for page, peak in by_page.items()]
    return Plot(
        name="memory",
        title="Peak memory by the size of the page",
        kind="lines",
        labels=[],
        series={"xmlift": points},
        x_label="MB of XML",
        y_label="MB of resident memory",
    )
