"""Cut and transformed, or read by events, or asked by XPath: every way gives what a plain reading gives."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from xmlift.errors import RecordError
from xmlift.records import cutter, stream
from xmlift.records.stylesheet import Stylesheet

from .pages import KINDS, encoded, mapping, pages, read, twin

ENCODINGS = ["utf-8", "utf-8", "utf-8-sig", "utf-16", "iso-8859-1"]
PIECES = [3, 17, 64, 128 * 1024]
WAYS = ["cut", "events", "xpath"]


@contextmanager
def way(name: str, piece: int) -> Iterator[None]:
    """Read by one of the ways, in pieces of so many bytes."""

    def nothing(*_: Any) -> None:
        return None

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutter, "PIECE_BYTES", piece)
        patch.setattr(stream, "PIECE_BYTES", piece)
        patch.setattr(stream, "_EVENT_BATCH", 2)
        if name == "events":
            patch.setattr(cutter, "find_head", nothing)
        if name == "xpath":
            patch.setattr(Stylesheet, "fields", nothing)
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
