"""What is told of a stream's paging: a path that is wrong ends each window with its first page, without a word."""

from types import SimpleNamespace
from typing import Any

import pytest

from xmlift.catalogue import Stream, load_source
from xmlift.landing.commits import Progress, TableCounts
from xmlift.planning.missing import stream_start
from xmlift.reporting.stream_report import StreamReport

SOURCE = """
source: shop
base_url: https://host
streams:
  items:
    request: {{ path: /i, query: {{ q: "{{window.from}}", size: {size} }} }}
    page: {page}
    records: /r/i
    cursor: {{ type: watermark, field: at, start: "2026-01-01T00:00:00Z" }}
    key: [id]
    columns: {{ id: {{ path: id }}, at: {{ path: at, type: timestamptz }} }}
"""
NEXT = "{ type: next_url, xpath: /r/@next }"
TOKEN = "{ type: token, xpath: /r/t, parameter: t }"


def stream(page: str, size: str = "x") -> Stream:
    return load_source(SOURCE.format(page=page, size=size).encode(), "shop.yaml").streams["items"]


def told(model: Stream, *windows: tuple[int, int], first_load: bool = False) -> list[str]:
    """The warnings of a run whose windows had so many pages with so many records."""
    report = StreamReport(stream="items")
    report.began_at = stream_start(model) if first_load else None
    landed: list[Any] = []
    for pages, records in windows:
        progress = Progress(pages=pages, tables={"items": TableCounts(read=records, written=records)})
        commit = SimpleNamespace(progress=progress, not_modified=False, parts_of=lambda _: [])
        landed.append(SimpleNamespace(commit=commit))
        report.add_landed(landed[-1])
    report.note_paging(model, landed)
    return [line for line in report.warnings("shop") if "page" in line]


@pytest.mark.parametrize("page", [NEXT, TOKEN])
@pytest.mark.parametrize(
    ("size", "windows", "first_load", "said"),
    [
        ("50", [(1, 50), (1, 3)], False, "one of 50 records, as many as the request asks for at a time"),
        ("x", [(1, 100), (1, 100), (1, 37)], False, "2 of 100 records each"),
        ("x", [(1, 25)], True, "25 records in the stream's first load"),
    ],
)
def test_windows_that_end_with_their_first_page_are_told(
    page: str, size: str, windows: list[tuple[int, int]], first_load: bool, said: str
) -> None:
    (line,) = told(stream(page, size), *windows, first_load=first_load)
    assert line.startswith("shop.items: no window has a second page: ")
    assert said in line
    assert "is page.xpath right? Where one answer holds everything, write `page: {type: none}`" in line


@pytest.mark.parametrize("size", ["x", "50"])
@pytest.mark.parametrize(
    ("windows", "first_load"),
    [
        ([(1, 50), (2, 51)], True),
        ([(1, 51)], False),
        ([(1, 3), (1, 3), (1, 2)], False),
        ([(1, 30), (1, 31), (1, 30)], False),
        ([(1, 9)], True),
        ([(1, 0)], True),
        ([], True),
    ],
)
def test_windows_that_say_nothing_of_it_are_not(
    size: str, windows: list[tuple[int, int]], first_load: bool
) -> None:
    assert told(stream(NEXT, size), *windows, first_load=first_load) == []


@pytest.mark.parametrize("page", ["{ type: none }", "{ type: page_number, parameter: p }"])
def test_what_needs_no_path_is_not_told(page: str) -> None:
    assert told(stream(page, "50"), (1, 50), (1, 50), first_load=True) == []
