"""The repair path: what it mends, that it says so, and what it never touches."""

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmlift.errors import RecordError
from xmlift.records import Field, Mapping, repair
from xmlift.records.repair import Repaired

from .pages import read

MAPPING = Mapping("/r/i", (Field("a", "a"),), (), {})


def repaired(page: bytes, mapping: Mapping) -> Repaired:
    return repair.repaired(io.BytesIO(page), mapping)


@pytest.mark.parametrize(
    "page",
    [
        b"<r><i><a>1</a></i></r>",
        '<?xml version="1.0" encoding="utf-16"?><r/>'.encode("utf-16"),
        b"<r/>\n<!-- served by node 3 -->",
    ],
)
def test_a_well_formed_page_passes_byte_for_byte_and_without_a_fault(page: bytes) -> None:
    assert repaired(page, MAPPING) == (page, None)


@pytest.mark.parametrize(
    ("page", "expected", "fault"),
    [
        ("<r><i><a>R & D</a></i><i><a>2</a></i></r>", [["R  D"], ["2"]], "xmlParseEntityRef"),
        ("<r><i><a>1<b>2</a></b></i><i><a>3</a></i></r>", [["12"], ["3"]], "tag mismatch"),
        ("<r><i><a>x\x01y</a></i></r>\n", [["xy"]], "1 control bytes, which XML does not have, are left out"),
        ("<r>\x00<i\x1f><a>\t\r\n \x0b</a></i></r>", [["\t\n "]], "3 control bytes"),
        ("<r><i><a>\x08R & D</a></i></r>", [["R  D"]], "PCDATA invalid Char"),
        ("<r><i><a>é&nbsp;€</a></i></r >", [["é€"]], "Entity 'nbsp' not defined"),
    ],
)
def test_a_broken_page_is_mended_and_the_fault_is_told(
    page: str, expected: list[list[str]], fault: str
) -> None:
    mended = repaired(page.encode(), MAPPING)
    assert read(mended.page, MAPPING)[0] == expected
    assert mended.fault is not None
    assert fault in mended.fault


def test_a_page_cut_short_is_no_page_with_control_bytes() -> None:
    with pytest.raises(RecordError, match="cut short"):
        repaired(b"<r><i><a>\x01</a></i>", MAPPING)


def test_control_bytes_without_repair_are_refused() -> None:
    with pytest.raises(
        RecordError, match=r"not well-formed XML: PCDATA invalid Char value 1.*`repair: true`"
    ):
        read(b"<r><i><a>x\x01</a></i></r>", MAPPING)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32"])
def test_in_wide_characters_no_byte_is_a_control(encoding: str) -> None:
    page = '<?xml version="1.0" encoding="utf-16"?><r><i><a>\u0101\x01</a></i></r>'.encode(encoding)
    with pytest.raises(RecordError):
        repaired(page, MAPPING)


def test_a_page_in_another_encoding_keeps_its_letters() -> None:
    page = '<?xml version="1.0" encoding="iso-8859-1"?><r><i><a>é & è</a></i></r>'.encode("iso-8859-1")
    assert read(repaired(page, MAPPING).page, MAPPING)[0] == [["é  è"]]


BROKEN = "<?xml version='1.0'?>\n<r><i><a>R & D</a></i><i><a>€2</a></i></r>\n".encode()


@pytest.mark.parametrize("length", range(len(BROKEN) - 2))
def test_a_page_cut_short_is_refused_and_not_mended(length: int) -> None:
    with pytest.raises(RecordError, match="cut short"):
        repaired(BROKEN[:length], MAPPING)


@pytest.mark.parametrize("page", [b"", b"Gateway timeout", b"R & D </r>", b"<r><i>&</i></r><!-- more"])
def test_what_has_no_closed_root_is_refused(page: bytes) -> None:
    with pytest.raises(RecordError, match="its root is not closed"):
        repaired(page, MAPPING)


def test_a_page_too_large_to_be_mended_is_refused_before_anything_is_made_of_it() -> None:
    start, end = b"<r><i><a>R & D</a></i>", b"</r>"
    fits = start + b" " * (repair.MOST_BYTES - len(start) - len(end)) + end
    assert repaired(fits, MAPPING).fault
    with pytest.raises(RecordError, match=r"larger than 8388608 bytes.*repair: true.*smaller pages"):
        repaired(fits + b" ", MAPPING)


def test_a_root_of_the_records_own_name_is_no_way_around_it() -> None:
    alike = Mapping("/i/i", (Field("a", "."),), (), {})
    with pytest.raises(RecordError, match="cut short"):
        repaired(b"<i><i>R & D</i><i>2</i>", alike)
    assert repaired(b"<i><i>R & D</i><i/><i b='1'/></i>", alike).fault


@pytest.mark.parametrize(
    "page",
    [
        b"<r><i><a>1</i><i><a>2</a></i></r>",  # the second one would become a part of the first
        b"<r><i><a>1<br></a></i><i><a>2</a></i></r>",
        b"<r><i>1</a></i><i><a>2</a></i></r>",  # recovery ends here, and with it the page
        b"<r><i><a>1 < 2</a></i><i><a>2</a></i></r>",
        b"<r><i><a b=1>1</a></i><i><a>2</a></i></r>",
        b"<r><i><a>1</a></i></r><r><i><a>2</a></i></r>",
        b"<r><i><a>&</a></i><box><i/></box></r>",
    ],
)
def test_a_page_that_would_lose_records_is_refused(page: bytes) -> None:
    with pytest.raises(RecordError, match=r"losing records: of [12] elements .* \d are where they belong"):
        repaired(page, MAPPING)


def test_a_page_that_is_broken_after_all_is_refused() -> None:
    with pytest.raises(RecordError, match="Double hyphen within comment"):
        repaired(b"<r><!-- a -- b --><i><a>1</a></i></r>", MAPPING)


def test_tags_in_comments_and_cdata_are_not_taken_for_records() -> None:
    page = b"<r><!-- <i> --><i><a><![CDATA[<i>]]> & </a></i><?pi <i> ?></r>"
    assert repaired(page, MAPPING).fault


@given(
    st.lists(st.sampled_from(["<i>", "</i>", "<a>", "</a>", "&", "x", "<!--", "-->", "\x02"]), max_size=12)
)
def test_whatever_is_mended_is_well_formed_afterwards(parts: list[str]) -> None:
    page = f"<r>{''.join(parts)}</r>".encode()
    try:
        mended = repaired(page, MAPPING)
    except RecordError:
        return
    assert repaired(mended.page, MAPPING) == (mended.page, None)
    if mended.fault is not None:
        assert len(read(mended.page, MAPPING)[0]) == re.sub("<!--.*?-->", "", page.decode()).count("<i>")
