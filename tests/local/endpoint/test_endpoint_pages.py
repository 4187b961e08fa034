"""Paging by query id: what a client that follows `href` verbatim gets."""

from typing import Any

import pytest
from lxml import etree

from .endpoint_client import ITEMS, Client, ids, parsed

ALL = "workitem/workItem/(id|summary|modified)"


def walk(client: Client, page: etree._Element) -> list[etree._Element]:
    pages = [page]
    while pages[-1].get("rel") == "next":
        pages.append(parsed(client.get(pages[-1].get("href"))))
    return pages


def stamps(page: etree._Element) -> list[tuple[int, str]]:
    return list(zip(ids(page), page.xpath("workItem/modified/text()"), strict=True))


def test_pages_hold_every_work_item_once_in_order(client: Client) -> None:
    pages = walk(client, parsed(client.query(ALL)))
    assert [len(page) for page in pages] == [100, 100, 40]
    assert [i for page in pages for i in ids(page)] == [item["id"] for item in client.truth()]
    assert "href" not in pages[-1].attrib


def test_the_root_and_the_next_link_are_written_as_ewm_writes_them(client: Client) -> None:
    opening = '<?xml version="1.0" encoding="UTF-8" ?>\n<workitem Version="1.0.0" rel="next" href="https://'
    text = client.query(ALL, size=100, pos=0).text
    assert text.startswith(opening)
    assert "&amp;size=100&amp;pos=100" in text


def test_a_page_that_ends_with_the_last_work_item_is_the_last(client: Client) -> None:
    page = parsed(client.query(ALL, size=ITEMS))
    assert len(page) == ITEMS
    assert dict(page.attrib) == {"Version": "1.0.0"}


def test_no_match_is_a_page_without_records(client: Client) -> None:
    assert ids(parsed(client.query("workitem/workItem[id=1]/id"))) == []


def test_pages_neither_shift_nor_grow_while_work_items_change(client: Client) -> None:
    start = client.get("/_endpoint/status").json()["now"].replace("Z", "+0000")
    before = [item["id"] for item in client.truth()]
    first = parsed(client.query(f"workitem/workItem[modified<{start}]/(id|modified)", size=50))

    client.control("advance", {"change": ITEMS, "create": 30})
    pages = walk(client, first)

    assert [i for page in pages for i in ids(page)] == before
    assert len(client.truth()) == ITEMS + 30
    # All of them changed since: those pages show them as they are now, though they match no more.
    current = stamps(parsed(client.query("workitem/workItem/(id|modified)", size=ITEMS)))
    assert [pair for page in pages[1:] for pair in stamps(page)] == current[50:]
    assert stamps(first) != current[:50]
    assert ids(parsed(client.query(f"workitem/workItem[modified<{start}]/id"))) == []


def test_a_forgotten_query_is_an_error_in_a_200(client: Client) -> None:
    href = parsed(client.query(ALL)).get("href")
    assert client.control("expire", {"queries": True}) == {"queries": 1}
    page = parsed(client.get(href))
    assert etree.QName(page).localname == "error"
    assert "expired" in page.xpath("string()")
    # Who starts over is served: the login did not go with the query.
    assert len(ids(parsed(client.query(ALL)))) == 100


@pytest.mark.parametrize("paging", [{"size": 0}, {"size": -1}, {"size": "many"}, {"pos": -5}])
def test_paging_that_makes_no_sense_is_refused(client: Client, paging: dict[str, Any]) -> None:
    assert client.query(ALL, **paging).status_code == 400
