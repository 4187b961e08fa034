"""Cut and transformed, or read by events, or asked by XPath: every way gives what a plain reading gives."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from xmlift.errors import RecordError
from xmlift.records import cutter, pieces, stream
from xmlift.records.shape import Shape
from xmlift.records.stylesheet import Stylesheet

from .pages import KINDS, encoded, mapping, pages, read, twin

ENCODINGS = ["utf-8", "utf-8", "utf-8-sig", "utf-16", "iso-8859-1"]
PIECES = [3, 17, 64, 128 * 1024]
WAYS = ["shape", "cut", "events", "xpath"]


@contextmanager
def way(name: str, piece: int) -> Iterator[None]:
    """Read by one of the ways, in pieces of so many bytes."""

    def nothing(*_: Any) -> None:
        return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutter, "PIECE_BYTES", piece)
        patch.setattr(stream, "PIECE_BYTES", piece)
        patch.setattr(cutter, "_HEAD_STEP", piece)
        patch.setattr(pieces, "SAMPLE_RECORDS", 2)
        patch.setattr(stream, "_EVENT_BATCH", 2)
        if name == "events":
            patch.setattr(cutter, "find_head", nothing)
        if name != "shape":
            patch.setattr(Shape, "columns", nothing)
        if name == "xpath":
            patch.setattr(Stylesheet, "columns", nothing)
        yield


@pytest.mark.parametrize("kind", list(KINDS))
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_way_reads_what_a_plain_reading_reads(kind: str, data: st.DataObject) -> None:
    mapped = mapping(KINDS[kind])
    page = encoded(data.draw(pages(KINDS[kind])), data.draw(st.sampled_from(ENCODINGS)))
    expected = twin(page, mapped)
    assert expected is not None, "the generated page is well-formed"
    event(f"{min(len(expected[0]), 3)} records or more")
    piece = data.draw(st.sampled_from(PIECES))
    for name in WAYS:
        with way(name, piece):
            assert read(page, mapped) == expected, name


@pytest.mark.parametrize("kind", list(KINDS))
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_damaged_page_is_refused_wherever_a_plain_reading_refuses_it(
    kind: str, data: st.DataObject
) -> None:
    mapped = mapping(KINDS[kind])
    page = encoded(data.draw(pages(KINDS[kind])), "utf-8")
    start = data.draw(st.integers(0, len(page)))
    end = data.draw(st.integers(start, min(len(page), start + 9)))
    page = (
        page[:start]
        + data.draw(st.sampled_from([b"", b"<", b"</i>", b"&", b"<i>", b"\xff", b">"]))
        + page[end:]
    )
    expected = twin(page, mapped)
    event("refused" if expected is None else "read")
    with way(data.draw(st.sampled_from(WAYS)), data.draw(st.sampled_from(PIECES))):
        if expected is None:
            with pytest.raises(RecordError):
                read(page, mapped)
        else:
            assert read(page, mapped) == expected


GROUPS = "".join(
    f"<g t='{day}'>" + "".join(f"<i b='{day}>{n}'><a>é{n}</a></i >" for n in range(4)) + "</g>\n"
    for day in range(3)
)
LITERAL = [
    ("grouped", f"<r>{GROUPS}</r>"),
    ("grouped", f"<r><g t='x'/>{GROUPS}<g t='y'><i/></g><g/></r>"),
    (
        "grouped",
        f"<r t='root'><g t='1'><i/><i><a>2</a></i></g><!--</g><g>-->{GROUPS}<other><i>no</i></other></r>",
    ),
    (
        "plain",
        "<r><i><a>1</a></i><i><i><a>inner</a></i><a>2</a></i><box><i><a>no</a></i></box><i/><i b='>'/></r>",
    ),
    (
        "plain",
        "<r><i><a><![CDATA[</i>]]></a></i><!--<i>--><i><a><!--</i>-->2<?p </i> ?></a></i><i><a>3</a></i></r>",
    ),
    (
        "all alike",
        "<i><i t='1'><i><a>1</a></i><i><i/></i></i><i t='2'><i b='2'><a>2</a></i><i><a>3</a></i></i></i>",
    ),
    (
        "prefixed",
        "<m:r xmlns:m='urn:m'><m:g t='1'><i xmlns='urn:n' b='1'/><n:i xmlns:n='urn:n' b='2'><a>2</a></n:i></m:g>"
        "<g xmlns='urn:m' t='2'><z:i xmlns:z='urn:n' b='3'></z:i><i b='another'/></g></m:r>",
    ),
]


@pytest.mark.parametrize("piece", [1, 7, 30, 75, 200])
@pytest.mark.parametrize(("kind", "text"), LITERAL)
def test_every_way_reads_these(kind: str, text: str, piece: int) -> None:
    mapped = mapping(KINDS[kind])
    expected = twin(text.encode(), mapped)
    assert expected is not None
    assert len(expected[0]) > 2
    for name in WAYS:
        with way(name, piece):
            assert read(text.encode(), mapped) == expected, name
