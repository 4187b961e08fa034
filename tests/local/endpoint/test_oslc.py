"""OSLC 2 with an application password, and OSLC-CM 1.0: values in attributes, pages that go away."""

from typing import Any

import pytest
from lxml import etree

from local.endpoint.endpoint import PASSWORD, USER

from .endpoint_client import Client, parsed

NAMESPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "oslc": "http://open-services.net/ns/core#",
    "dcterms": "http://purl.org/dc/terms/",
    "cq": "http://www.ibm.com/xmlns/prod/rational/clearquest/1.0/",
    "oslc_cm": "http://open-services.net/xmlns/cm/1.0/",
    "rtc_cm": "http://jazz.net/xmlns/prod/jazz/rtc/cm/1.0/",
}
QUERY = "/cqweb/oslc/repo/ACME/db/TRACK/query"
CQ = "cq=<http://www.ibm.com/xmlns/prod/rational/clearquest/1.0/>"
NEXT = "string(oslc:ResponseInfo/oslc:nextPage/@rdf:resource)"
RECORDS = "rdf:Description/rdfs:member/rdf:Description"


def found(page: etree._Element, path: str) -> Any:
    return page.xpath(path, namespaces=NAMESPACES)


@pytest.fixture
def client(visitor: Client) -> Client:
    visitor.session.auth = (USER, PASSWORD)
    visitor.session.headers["OSLC-Core-Version"] = "2.0"
    return visitor


def test_pages_hold_each_record_once(client: Client) -> None:
    pages = [parsed(client.get(QUERY))]
    while following := found(pages[-1], NEXT):
        pages.append(parsed(client.get(following)))
    assert [len(found(page, RECORDS)) for page in pages] == [50, 50, 50, 50, 40]
    shown = [n for page in pages for n in found(page, f"{RECORDS}/dcterms:identifier/text()")]
    assert shown == [str(item["id"]) for item in client.truth()]


def test_a_record_says_what_the_work_item_says(client: Client) -> None:
    page = parsed(client.get(QUERY, params={"oslc.pageSize": 1000, "oslc.prefix": CQ}))
    records = found(page, RECORDS)
    assert len(records) == 100, "the server's largest page"
    for record, item in zip(records, client.truth()[:100], strict=True):
        assert (found(record, "string(dcterms:title)") or None) == item["summary"]
        assert found(record, "string(dcterms:modified)") == item["modified"]
        assert found(record, "dcterms:subject/text()") == item["tags"]
        assert found(record, "string(cq:Owner/@rdf:resource)").endswith(f"/user/{item['owner']['userId']}")
        assert found(record, "string(cq:Owner)") == ""
        assert bool(found(record, "cq:Parent")) == (item["parent"] is not None)


def test_conditions_hold_together(client: Client) -> None:
    since = sorted(item["modified"] for item in client.truth())[120]
    where = f'dcterms:modified>"{since}"^^xsd:dateTime and cq:State="New" and dcterms:identifier<1200'
    query = {
        "oslc.where": where,
        "oslc.prefix": CQ,
        "oslc.pageSize": 100,
        "oslc.select": "dcterms:identifier",
    }
    page = parsed(client.get(QUERY, params=query))
    wanted = [
        str(item["id"])
        for item in client.truth()
        if item["modified"] > since and item["state"]["name"] == "New" and item["id"] < 1200
    ]
    assert wanted
    assert found(page, f"{RECORDS}/*/text()") == wanted


def test_a_page_goes_away_once_anything_has_changed(client: Client) -> None:
    following = found(parsed(client.get(QUERY)), NEXT)
    assert client.get(following).ok
    client.control("advance", {"change": 1})
    assert client.get(following).status_code == 404


def test_without_the_version_it_answers_as_oslc_1(client: Client) -> None:
    del client.session.headers["OSLC-Core-Version"]
    assert etree.QName(parsed(client.get(QUERY))).localname == "feed"


@pytest.mark.parametrize(
    "query",
    [
        {"oslc.where": 'cq:State="New"'},  # the prefix is not declared
        {"oslc.where": "dcterms:modified>yesterday"},
        {"oslc.where": 'dcterms:modified>"2024-01-01T00:00:00"'},  # no offset
        {"oslc.where": 'dcterms:title="a" or dcterms:title="b"'},
        {"oslc.select": "dcterms:nothing"},
        {"oslc.pageSize": "0"},
    ],
)
def test_what_makes_no_sense_is_refused_in_rdf(client: Client, query: dict[str, str]) -> None:
    answer = client.get(QUERY, params=query)
    assert answer.status_code == 400
    assert found(etree.fromstring(answer.content), "string(oslc:Error/oslc:message)")


@pytest.mark.parametrize("auth", [None, (USER, "wrong")])
def test_without_the_application_password_a_browser_is_sent_for(client: Client, auth: Any) -> None:
    client.session.auth = auth
    answer = client.get(QUERY)
    assert answer.status_code == 401
    assert "/oidc/" in answer.headers["X-JSA-AUTHORIZATION-REDIRECT"]
    assert "Basic" not in answer.headers["WWW-Authenticate"]


def test_oslc_cm_names_the_next_page_in_an_attribute(visitor: Client) -> None:
    areas = parsed(visitor.get("/jazz/oslc/projectareas"))
    area = found(areas, "string(rtc_cm:Project[1]/@rdf:resource)").rpartition("/")[2]
    since = sorted(item["modified"] for item in visitor.truth())[20]
    query = {"oslc_cm.query": f'dc:modified>="{since}"', "oslc_cm.pageSize": "10"}
    pages = [parsed(visitor.get(f"/jazz/oslc/contexts/{area}/workitems", params=query))]
    while following := pages[-1].get(f"{{{NAMESPACES['oslc_cm']}}}next"):
        pages.append(parsed(visitor.get(following)))
    assert len(pages) > 2
    wanted = [
        str(item["id"])
        for item in visitor.truth()
        if item["projectArea"]["itemId"] == area and item["modified"] >= since
    ]
    assert [
        n for page in pages for n in found(page, "oslc_cm:ChangeRequest/dcterms:identifier/text()")
    ] == wanted
    assert all(
        "rdf" in page.nsmap and found(page, "oslc_cm:ChangeRequest/rtc_cm:ownedBy/@rdf:resource")
        for page in pages
    )


def test_oslc_cm_says_in_a_200_that_a_query_expired(visitor: Client) -> None:
    areas = parsed(visitor.get("/jazz/oslc/projectareas"))
    area = found(areas, "string(rtc_cm:Project[1]/@rdf:resource)").rpartition("/")[2]
    first = parsed(visitor.get(f"/jazz/oslc/contexts/{area}/workitems?oslc_cm.pageSize=5"))
    following = first.get(f"{{{NAMESPACES['oslc_cm']}}}next")
    visitor.control("expire", {"queries": True})
    assert "expired" in found(parsed(visitor.get(following)), "string(/oslc_cm:error/oslc_cm:message)")
