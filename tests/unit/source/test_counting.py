"""Pages that are counted: every record once, or the window is begun anew, or the author is told."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from xmlift.errors import SourceError
from xmlift.source.counting import Offset, PageNumber
from xmlift.source.paging import Start
from xmlift.source.refusals import RefusedError
from xmlift.source.template import Template
from xmlift.source.walk import PageRequest, Walk

START = Start(Template("https://h", "/a", {"n": "{size}"}), {"size": "3"})


class Server:
    """So many records; it sends at most `most` at a time, and can tell their number."""

    def __init__(self, records: int, most: int = 10**6) -> None:
        self.records = records
        self.most = most

    def read(self, walk: Walk, parameter: str, size: int, first: int = 0, **captured: str) -> list[int]:
        """The records that a walk finds, each page's request made anew from what a link keeps."""
        found: list[int] = []
        request = walk.first(captured)
        while request is not None:
            number = int(parse_qs(urlsplit(request.url).query)[parameter][0]) - first
            at = number * size if isinstance(walk, PageNumber) else number
            records = range(self.records)[at : at + min(size, self.most)]
            found.extend(records)
            root = etree.fromstring(f"<w total='{self.records}' pages='{-(-self.records // size)}'/>")
            request = walk.following(root, request, request.url, len(records))
        return found


@given(
    st.integers(0, 30),
    st.integers(1, 7),
    st.sampled_from([0, 1]),
    st.sampled_from([None, "/w/@total"]),
)
def test_offsets_find_each_record_once(records: int, size: int, base: int, total: str | None) -> None:
    walk = Offset(START, "start", (base, size), total, {})
    assert Server(records).read(walk, "start", size, base) == list(range(records))


@given(
    st.integers(0, 30),
    st.integers(1, 7),
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from([None, "/w/@pages"]),
)
def test_page_numbers_find_each_record_once(
    records: int, size: int, first: int, knows_size: bool, total: str | None
) -> None:
    walk = PageNumber(START, "page", (first, size if knows_size else None), total, {})
    assert Server(records).read(walk, "page", size, first) == list(range(records))


@given(st.integers(0, 30), st.integers(1, 7))
def test_the_total_may_come_with_the_first_call(records: int, size: int) -> None:
    walk = Offset(START, "start", (0, size), None, {})
    assert Server(records).read(walk, "start", size, total=str(records)) == list(range(records))
    pages = str(-(-records // size))
    numbered = PageNumber(START, "page", (1, size), None, {})
    assert Server(records).read(numbered, "page", size, 1, total_pages=pages) == list(range(records))


def test_of_nothing_no_page_is_asked_for() -> None:
    assert Offset(START, "start", (0, 5), None, {}).first({"total": "0"}) is None
    assert PageNumber(START, "page", (0, None), None, {}).first({"total_pages": "0"}) is None


@given(st.integers(4, 30), st.integers(1, 3), st.sampled_from([None, "/w/@total"]))
def test_a_server_that_sends_fewer_than_asked_for_loses_nothing_unnoticed(
    records: int, most: int, total: str | None
) -> None:
    walk = Offset(START, "start", (0, 4), total, {})
    try:
        assert Server(records, most).read(walk, "start", 4) == list(range(records))
    except SourceError as error:
        assert "page.size" in str(error)
    else:
        assert total == "/w/@total" or records <= most


def page(walk: Walk, request: PageRequest, xml: str, records: int | None) -> PageRequest | None:
    return walk.following(etree.fromstring(xml), request, request.url, records)


def first(walk: Walk, **captured: str) -> PageRequest:
    request = walk.first(captured)
    assert request is not None
    return request


def test_a_total_that_changes_begins_anew() -> None:
    walk = Offset(START, "start", (0, 2), "/w/@total", {})
    second = page(walk, first(walk), "<w total='5'/>", 2)
    assert second is not None
    with pytest.raises(RefusedError, match="total was 5 on the first page and is 6 here"):
        page(walk, second, "<w total='6'/>", 2)


def test_records_that_do_not_amount_to_the_total_begin_anew() -> None:
    walk = Offset(START, "start", (0, 2), "/w/@total", {})
    second = page(walk, first(walk), "<w total='4'/>", 2)
    assert second is not None
    with pytest.raises(RefusedError, match="counts 4 records, but sent 3"):
        page(walk, second, "<w total='4'/>", 1)


@pytest.mark.parametrize(
    ("walk", "said"),
    [
        (Offset(START, "start", (0, 2), "/w/@n", {}), "empty, though only 2 of 9 records were read"),
        (PageNumber(START, "page", (1, None), "/w/@n", {}), "empty, though it is page 2 of 9"),
    ],
)
def test_an_empty_page_below_the_total_is_not_the_last(walk: Walk, said: str) -> None:
    second = page(walk, first(walk), "<w n='9'/>", 2)
    assert second is not None
    with pytest.raises(RefusedError, match=said):
        page(walk, second, "<w n='9'/>", 0)


@pytest.mark.parametrize(
    "xml", ["<w/>", "<w total=''/>", "<w total='many'/>", "<w total='1.5'/>", "<w total='-1'/>"]
)
def test_a_total_that_is_no_number_is_a_wrong_mapping(xml: str) -> None:
    walk = Offset(START, "start", (0, 2), "/w/@total", {})
    with pytest.raises(SourceError, match=r"page\.total /w/@total finds no number but") as caught:
        page(walk, first(walk), xml, 2)
    assert not isinstance(caught.value, RefusedError)


def test_a_captured_total_that_is_no_number_is_told() -> None:
    with pytest.raises(SourceError, match=r"total captured by the first call is not a number: 'many'"):
        Offset(START, "start", (0, 2), None, {}).first({"total": "many"})


def test_while_a_page_is_read_its_head_tells_the_next_one() -> None:
    walk = Offset(START, "start", (0, 2), "/w/@total", {})
    for head in ("<w/>", "<w total='5'/>"):
        early = page(walk, first(walk), head, None)
        late = page(walk, first(walk), "<w total='5'/>", 2)
        assert early is not None
        assert late is not None
        assert early.asks_the_same_as(late)
    assert page(walk, first(walk), "<w total='2'/>", None) is None


def test_the_page_stands_where_the_template_says() -> None:
    soap = Template("https://h", "/soap", headers={"A": "{id}"}, body="<n s='{size}'>{page} of {id}</n>")
    walk = PageNumber(Start(soap, {"size": "20"}), None, (1, 20), None, {})
    headers = {"A": "x<y", "Content-Type": "text/xml; charset=utf-8"}
    request = first(walk, id="x<y")
    assert (request.url, request.body, request.headers) == (
        "https://h/soap",
        b"<n s='20'>1 of x&lt;y</n>",
        headers,
    )
    second = page(walk, request, "<w/>", 20)
    assert second is not None
    assert (second.url, second.body, second.headers) == (
        "https://h/soap",
        b"<n s='20'>2 of x&lt;y</n>",
        headers,
    )
