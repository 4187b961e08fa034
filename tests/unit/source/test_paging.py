"""From a page to the next one."""

import pytest
from lxml import etree

from xmlift.errors import SourceError
from xmlift.source.paging import NextUrl, OnePage
from xmlift.source.walk import PageRequest, Walk

URL = "https://host/ccm/items?page=1"
OSLC = {"oslc": "http://open-services.net/xmlns/cm/1.0/"}


FIRST = PageRequest(URL)


def next_url(walk: Walk, xml: str) -> str | None:
    following = walk.following(etree.fromstring(xml), FIRST, URL, 1)
    return following and following.url


@pytest.mark.parametrize(
    ("xml", "url"),
    [
        ('<w rel="next" href="https://host/ccm/items?page=2"/>', "https://host/ccm/items?page=2"),
        ('<w rel="next" href="?id=_x%2By&amp;pos=5"/>', "https://host/ccm/items?id=_x%2By&pos=5"),
        ('<w rel="next" href="/other"/>', "https://host/other"),
        ('<w rel="next" href="  ?page=2 \n"/>', "https://host/ccm/items?page=2"),
        ('<w rel="prev" href="?page=0"/>', None),
        ('<w href="?page=0"/>', None),
        ("<w/>", None),
    ],
)
def test_the_next_page_where_the_guard_holds(xml: str, url: str | None) -> None:
    assert next_url(NextUrl(FIRST, "/w/@href", "/w/@rel='next'", {}), xml) == url


@pytest.mark.parametrize("xml", ['<w rel="next"/>', '<w rel="next" href=""/>', '<w rel="next" href="  "/>'])
def test_a_page_that_promises_another_one_without_a_url_is_not_the_last_one(xml: str) -> None:
    with pytest.raises(SourceError) as caught:
        next_url(NextUrl(FIRST, "/w/@href", "/w/@rel='next'", {}), xml)
    assert "/w/@rel='next' says that a page follows, but /w/@href finds no URL" in str(caught.value)
    assert "page.xpath" in str(caught.value)
    assert URL in str(caught.value)


def test_why_it_ended_is_that_of_the_paging() -> None:
    assert (
        NextUrl(FIRST, "/w/@href", "/w/@rel='next'", {}).ended_by
        == "not true of the last page: /w/@rel='next'"
    )
    assert NextUrl(FIRST, "/w/@href", None, {}).ended_by == "not in the last page: /w/@href"
    assert "no paging" in OnePage(FIRST).ended_by


def test_without_a_guard_the_url_alone_decides() -> None:
    paging = NextUrl(FIRST, "/w/next", None, {})
    assert (
        next_url(paging, "<w><next>?page=2</next><next>?page=3</next></w>") == "https://host/ccm/items?page=2"
    )
    assert next_url(paging, "<w><next/></w>") is None


def test_prefixes_are_the_catalogues_not_the_pages() -> None:
    paging = NextUrl(FIRST, "/oslc:Collection/@oslc:next", None, OSLC)
    xml = '<x:Collection xmlns:x="http://open-services.net/xmlns/cm/1.0/" x:next="?page=2"/>'
    assert next_url(paging, xml) == "https://host/ccm/items?page=2"


def test_one_answer_holds_everything() -> None:
    assert next_url(OnePage(FIRST), '<w rel="next" href="?page=2"/>') is None


@pytest.mark.parametrize(
    ("xpath", "when"),
    [
        ("/w/@href[", None),
        ("/w/@href", "/w/@rel=="),
        ("/p:w/@href", None),
        ("/w/@href", "/p:w"),
        ("unknown-function(/w)", None),
    ],
)
def test_an_expression_that_is_wrong_is_named_before_anything_is_asked(xpath: str, when: str | None) -> None:
    wrong = when or xpath
    with pytest.raises(SourceError, match="paging") as caught:
        NextUrl(FIRST, xpath, when, OSLC)
    assert wrong in str(caught.value)


def test_a_next_page_that_is_no_url_is_a_fault_of_the_source() -> None:
    with pytest.raises(SourceError, match="not a URL"):
        next_url(NextUrl(FIRST, "/w/@href", None, {}), '<w href="https://host:port/"/>')
