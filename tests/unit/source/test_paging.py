"""From a page to the next one."""

import pytest
from lxml import etree

from xmlift.errors import SourceError
from xmlift.source.paging import NextUrl, OnePage, Start, Token
from xmlift.source.template import Template
from xmlift.source.walk import PageRequest, Walk

URL = "https://host/ccm/items?page=1"
OSLC = {"oslc": "http://open-services.net/xmlns/cm/1.0/"}
START = Start(Template("https://host/ccm", "/items?page=1"), {})
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
    assert next_url(NextUrl(START, "/w/@href", "/w/@rel='next'", {}), xml) == url


@pytest.mark.parametrize("xml", ['<w rel="next"/>', '<w rel="next" href=""/>', '<w rel="next" href="  "/>'])
def test_a_page_that_promises_another_one_without_a_url_is_not_the_last_one(xml: str) -> None:
    with pytest.raises(SourceError) as caught:
        next_url(NextUrl(START, "/w/@href", "/w/@rel='next'", {}), xml)
    assert "/w/@rel='next' says that a page follows, but /w/@href finds no URL" in str(caught.value)
    assert "page.xpath" in str(caught.value)


def test_why_it_ended_is_that_of_the_paging() -> None:
    assert (
        NextUrl(START, "/w/@href", "/w/@rel='next'", {}).ended_by
        == "not true of the last page: /w/@rel='next'"
    )
    assert NextUrl(START, "/w/@href", None, {}).ended_by == "not in the last page: /w/@href"
    assert "no paging" in OnePage(START).ended_by


def test_without_a_guard_the_url_alone_decides() -> None:
    paging = NextUrl(START, "/w/next", None, {})
    assert (
        next_url(paging, "<w><next>?page=2</next><next>?page=3</next></w>") == "https://host/ccm/items?page=2"
    )
    assert next_url(paging, "<w><next/></w>") is None


def test_prefixes_are_the_catalogues_not_the_pages() -> None:
    paging = NextUrl(START, "/oslc:Collection/@oslc:next", None, OSLC)
    xml = '<x:Collection xmlns:x="http://open-services.net/xmlns/cm/1.0/" x:next="?page=2"/>'
    assert next_url(paging, xml) == "https://host/ccm/items?page=2"


def test_one_answer_holds_everything() -> None:
    assert next_url(OnePage(START), '<w rel="next" href="?page=2"/>') is None


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
    with pytest.raises(SourceError, match=r"page\.(xpath|when): XPath") as caught:
        NextUrl(START, xpath, when, OSLC)
    assert wrong in str(caught.value)


def test_a_next_page_that_is_no_url_is_a_fault_of_the_source() -> None:
    with pytest.raises(SourceError, match="not a URL"):
        next_url(NextUrl(START, "/w/@href", None, {}), '<w href="https://host:port/"/>')


def test_the_next_page_is_asked_for_with_the_first_ones_headers() -> None:
    start = Start(Template("https://host", "/a", headers={"OSLC-Core-Version": "2.0"}), {})
    walk = NextUrl(start, "/w/@href", None, {})
    first = walk.first()
    assert first is not None
    following = walk.following(etree.fromstring('<w href="/b"/>'), first, first.url, 1)
    assert following == PageRequest("https://host/b", None, {"OSLC-Core-Version": "2.0"})


def token(template: Template, parameter: str | None = None, *, exclusive: bool = False) -> Token:
    return Token(Start(template, {"window.from": "2026"}), "/w/token", parameter, {}, exclusive=exclusive)


OAI = Template("https://host", "/oai?verb=ListRecords", {"from": "{window.from}", "set": "a b"})


def pages(walk: Token, *answers: str) -> list[PageRequest]:
    """What is asked for while the server answers so."""
    request = walk.first()
    asked = []
    for xml in answers:
        assert request is not None
        asked.append(request)
        request = walk.following(etree.fromstring(xml), request, request.url, 1)
    assert request is None
    return asked


@pytest.mark.parametrize("end", ["<w><token/></w>", "<w><token> \n</token></w>", "<w/>"])
def test_an_exclusive_token_stands_alone_beside_the_path_and_an_empty_one_ends(end: str) -> None:
    asked = pages(token(OAI, "resumptionToken", exclusive=True), "<w><token> a+b/1 </token></w>", end)
    assert [request.url for request in asked] == [
        "https://host/oai?verb=ListRecords&from=2026&set=a%20b",
        "https://host/oai?verb=ListRecords&resumptionToken=a%2Bb%2F1",
    ]


def test_a_token_that_is_not_exclusive_joins_the_query() -> None:
    asked = pages(token(OAI, "t"), "<w><token>1</token></w>", "<w/>")
    assert asked[1].url == "https://host/oai?verb=ListRecords&from=2026&set=a%20b&t=1"


@pytest.mark.parametrize(
    ("template", "first", "second"),
    [
        (
            Template("https://h", "/a", headers={"X-Token": "{token}", "X-Always": "v{token}"}),
            PageRequest("https://h/a", None, {"X-Always": "v"}),
            PageRequest("https://h/a", None, {"X-Token": "<&1", "X-Always": "v<&1"}),
        ),
        (
            Template("https://h", "/a/{token}"),
            PageRequest("https://h/a/"),
            PageRequest("https://h/a/%3C%261"),
        ),
        (
            Template("https://h", "/a", {"t": "{token}"}),
            PageRequest("https://h/a"),
            PageRequest("https://h/a?t=%3C%261"),
        ),
        (
            Template("https://h", "/a", headers={"content-type": "text/xml"}, body="<t>{token}</t>"),
            PageRequest("https://h/a", b"<t></t>", {"content-type": "text/xml"}),
            PageRequest("https://h/a", b"<t>&lt;&amp;1</t>", {"content-type": "text/xml"}),
        ),
    ],
)
def test_a_token_stands_where_the_template_says(
    template: Template, first: PageRequest, second: PageRequest
) -> None:
    assert pages(token(template), "<w><token>&lt;&amp;1</token></w>", "<w/>") == [first, second]


def test_a_link_takes_the_first_pages_place() -> None:
    start = Start(Template("https://h/x", "/a", {"size": 5}, {"A": "b"}), {}, link="/delta?since=%3C1")
    assert OnePage(start).first() == PageRequest("https://h/delta?since=%3C1", None, {"A": "b"})


def test_a_token_goes_on_from_the_link_and_not_from_the_beginning() -> None:
    start = Start(Template("https://h/x", "/all", {"size": 5}), {}, link="/delta?t=0&since=%3C1")
    walk = Token(start, "/r/@token", "t", {}, exclusive=False)
    first = walk.first()
    assert first is not None
    assert first.url == "https://h/delta?t=0&since=%3C1"
    second = walk.following(etree.fromstring('<r token="a+b"/>'), first, first.url, 1)
    assert second is not None
    assert second.url == "https://h/delta?since=%3C1&t=a%2Bb"


@pytest.mark.parametrize(
    ("xpath", "xml", "near"),
    [
        ("/w/resumptiontoken", "<w><resumptionToken>t</resumptionToken></w>", "resumptionToken"),
        ("/w/@Next", '<w next="?p=2"/>', "@next"),
        ("/w/oslc:next", "<w><next>?p=2</next></w>", "next"),
        ("/w/next", "<w xmlns='urn:w'><next>?p=2</next></w>", "{urn:w}next"),
        ("//info/Next[1]", "<w><info><next>?p=2</next></info></w>", "next"),
        ("string(/w/NEXT/text())", "<w><next>?p=2</next></w>", None),
    ],
)
def test_what_is_nearly_the_next_page_is_no_end(xpath: str, xml: str, near: str | None) -> None:
    for walk in (NextUrl(START, xpath, None, OSLC), Token(START, xpath, "t", OSLC, exclusive=False)):
        if near is None:
            assert next_url(walk, xml) is None
            continue
        with pytest.raises(SourceError) as caught:
            next_url(walk, xml)
        assert f"{xpath} finds nothing, but the page has {near}: correct page.xpath" in str(caught.value)
        head = walk.following(etree.fromstring(xml), FIRST, URL, None)
        assert head is None, "what is looked at early may still come"


@pytest.mark.parametrize(
    ("xpath", "xml"),
    [
        ("/w/next", "<w><text>t</text><note/></w>"),
        ("/w/next", "<w><next/></w>"),
        ("/w/next", "<w><Next/></w>"),
        ("/w/link[@rel='next']/@href", "<w><link rel='self' href='?p=1'/></w>"),
        ("/w/link[@rel='next']", "<w><link rel='self'>?p=1</link></w>"),
        ("/w/oslc:info/oslc:next", f"<w xmlns:o='{OSLC['oslc']}'><o:next/></w>"),
        ("/w/@*", "<w/>"),
    ],
)
def test_a_page_without_a_next_one_is_the_last(xpath: str, xml: str) -> None:
    assert next_url(NextUrl(START, xpath, None, OSLC), xml) is None
