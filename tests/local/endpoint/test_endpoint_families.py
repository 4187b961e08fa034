"""The small families: one way each of paging, of telling deletions, of being signed in to."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from lxml import etree

from .endpoint_client import Client, parsed

NAMESPACES = {
    "oai": "http://www.openarchives.org/OAI/2.0/",
    "a": "http://www.w3.org/2005/Atom",
    "os": "http://a9.com/-/spec/opensearch/1.1/",
    "d": "http://schemas.microsoft.com/ado/2007/08/dataservices",
    "at": "http://purl.org/atompub/tombstones/1.0",
    "c": "urn:core.platform.webservices.netsuite.com",
}
SOAP = '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>{}</e:Body></e:Envelope>'


def found(page: etree._Element, path: str) -> Any:
    return page.xpath(path, namespaces=NAMESPACES)


def ids(client: Client) -> list[int]:
    return [item["id"] for item in client.truth()]


class TestOai:
    def ask(self, client: Client, **query: str) -> etree._Element:
        return parsed(client.get("/oai", params={"verb": "ListRecords", **query}))

    def test_an_empty_token_ends_the_list(self, visitor: Client) -> None:
        pages = [self.ask(visitor, metadataPrefix="oai_dc")]
        while token := found(pages[-1], "string(.//oai:resumptionToken)"):
            pages.append(self.ask(visitor, resumptionToken=token))
        assert len(found(pages[-1], ".//oai:resumptionToken")) == 1
        shown = [int(n.rpartition(":")[2]) for page in pages for n in found(page, ".//oai:identifier/text()")]
        assert shown == ids(visitor)

    def test_a_token_comes_alone(self, visitor: Client) -> None:
        token = found(self.ask(visitor, metadataPrefix="oai_dc"), "string(.//oai:resumptionToken)")
        refused = self.ask(visitor, metadataPrefix="oai_dc", resumptionToken=token)
        assert found(refused, "string(oai:error/@code)") == "badArgument"

    def test_deleted_records_are_headers(self, visitor: Client) -> None:
        passed = visitor.control("advance", {"delete": 3})
        since = passed["now"][:19] + "Z"
        page = self.ask(visitor, **{"metadataPrefix": "oai_dc", "from": since[:10], "until": since[:10]})
        gone = found(
            page, ".//oai:record[oai:header/@status='deleted' and not(oai:metadata)]//oai:identifier/text()"
        )
        assert sorted(int(n.rpartition(":")[2]) for n in gone) == passed["deleted"]

    def test_nothing_is_an_error(self, visitor: Client) -> None:
        page = self.ask(visitor, metadataPrefix="oai_dc", until="1990-01-01")
        assert found(page, "string(oai:error/@code)") == "noRecordsMatch"

    def test_bounds_are_of_one_kind(self, visitor: Client) -> None:
        query = {"metadataPrefix": "oai_dc", "from": "2024-01-01", "until": "2025-01-01T00:00:00Z"}
        assert found(self.ask(visitor, **query), "string(oai:error/@code)") == "badArgument"


class TestArxiv:
    def ask(self, client: Client, query: str, **more: int) -> etree._Element:
        return parsed(client.get("/arxiv/query", params={"search_query": query, **more}))

    def test_offsets_go_up_to_the_total(self, visitor: Client) -> None:
        moments = sorted(item["modified"] for item in visitor.truth())
        first, last = (f"{m[:4]}{m[5:7]}{m[8:10]}{m[11:13]}{m[14:16]}" for m in (moments[10], moments[200]))
        query = f"lastUpdatedDate:[{first} TO {last}]"
        total = int(found(self.ask(visitor, query), "string(os:totalResults)"))
        pages = [self.ask(visitor, query, start=start, max_results=50) for start in range(0, total + 50, 50)]
        shown = [int(n.rpartition("/")[2]) for page in pages for n in found(page, "a:entry/a:id/text()")]
        assert len(shown) == total >= 191
        wanted = {
            i["id"] for i in visitor.truth() if moments[10][:16] <= i["modified"][:16] <= moments[200][:16]
        }
        assert set(shown) == wanted

    def test_a_page_below_the_total_may_be_empty(self, visitor: Client) -> None:
        fault = {"path": "/arxiv", "kind": "hollow", "record_end": "</entry>", "after": 1}
        visitor.control("faults", fault)
        query = "lastUpdatedDate:[199001010000 TO 209001010000]"
        pages = [self.ask(visitor, query, start=start) for start in (0, 10, 20)]
        assert [len(found(page, "a:entry")) for page in pages] == [10, 0, 10]
        assert len({found(page, "string(os:totalResults)") for page in pages}) == 1

    def test_who_asks_too_often_is_told_when_to_come_back(self, visitor: Client) -> None:
        visitor.control("paces", [{"path": "/arxiv", "requests": 2, "seconds": 3600}])
        query = {"search_query": "lastUpdatedDate:[199001010000 TO 209001010000]"}
        answers = [visitor.get("/arxiv/query", params=query) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert 0 < int(answers[2].headers["Retry-After"]) <= 3600
        assert visitor.get("/_endpoint/status").json()["refused"] == {"/arxiv": 1}


class TestRss:
    def test_what_the_caller_has_is_not_sent_again(self, visitor: Client) -> None:
        first = visitor.get("/rss/items.xml")
        times = parsed(first).xpath("/rss/channel/item/pubDate/text()")
        assert len(times) == 200
        for header, value in (("If-None-Match", "ETag"), ("If-Modified-Since", "Last-Modified")):
            again = visitor.get("/rss/items.xml", headers={header: first.headers[value]})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["ETag"] == first.headers["ETag"]
        visitor.control("advance", {"change": 1})
        after = visitor.get("/rss/items.xml", headers={"If-None-Match": first.headers["ETag"]})
        assert after.status_code == 200


class TestNetsuite:
    def ask(self, client: Client, body: str) -> etree._Element:
        headers = {"Authorization": "Bearer etl-token"}
        return parsed(client.post("/netsuite/services", data=SOAP.format(body).encode(), headers=headers))

    def test_pages_of_a_search_are_asked_for_by_its_id(self, visitor: Client) -> None:
        times = "<from>1990-01-01T00:00:00Z</from><before>2090-01-01T00:00:00Z</before>"
        search = self.ask(visitor, f"<search>{times}<pageSize>100</pageSize></search>")
        identifier = found(search, "string(.//c:searchId)")
        assert found(search, "string(.//c:totalPages)") == "3"
        shown: list[int] = []
        for number in (1, 2, 3):
            more = f"<searchId>{identifier}</searchId><pageIndex>{number}</pageIndex>"
            page = self.ask(visitor, f"<searchMoreWithId>{more}</searchMoreWithId>")
            shown += [int(n) for n in found(page, ".//c:record/@internalId")]
        assert shown == ids(visitor)

    @pytest.mark.parametrize(
        "body", ["<nothing/>", "<search/>", "<searchMoreWithId><searchId>x</searchId></searchMoreWithId>"]
    )
    def test_a_fault_comes_with_200(self, visitor: Client, body: str) -> None:
        assert self.ask(visitor, body).xpath("string(//faultstring)")

    @pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}])
    def test_without_the_token_it_is_401(self, visitor: Client, given: dict[str, str]) -> None:
        answer = visitor.post("/netsuite/services", data="<x/>", headers=given)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (
            401,
            'Bearer error="invalid_token"',
        )


class TestOdata:
    def token(self, client: Client) -> requests.Response:
        form = {
            "grant_type": "client_credentials",
            "client_id": "etl-client",
            "client_secret": "etl-client-secret",
        }
        return client.post("/oauth2/token", data=form)

    @pytest.fixture
    def client(self, visitor: Client) -> Client:
        visitor.session.headers["Authorization"] = f"Bearer {self.token(visitor).json()['access_token']}"
        return visitor

    def walk(self, client: Client, url: str) -> tuple[list[int], list[int], str]:
        """Ids of entries, ids of tombstones, and the link to what changes from then on."""
        entries, gone = [], []
        while True:
            page = parsed(client.get(url))
            entries += [int(n) for n in found(page, ".//d:Id/text()")]
            gone += [int(r.rpartition("(")[2][:-1]) for r in found(page, "at:deleted-entry/@ref")]
            if delta := found(page, "string(a:link[@rel='http://odata.org/delta']/@href)"):
                return entries, gone, delta
            url = found(page, "string(a:link[@rel='next']/@href)")

    def test_a_delta_link_has_what_changed_and_what_went(self, client: Client) -> None:
        everything, gone, delta = self.walk(client, "/odata/WorkItems")
        assert (everything, gone) == (ids(client), [])
        passed = client.control("advance", {"change": 120, "create": 5, "delete": 7})
        changed, gone, following = self.walk(client, delta)
        assert changed == sorted([*passed["changed"], *passed["created"]])
        assert sorted(gone) == passed["deleted"]
        assert self.walk(client, following)[:2] == ([], [])
        # The link stays good: who lost the answer may ask again.
        assert self.walk(client, delta)[:2] == (changed, gone)

    def test_a_token_expires(self, client: Client) -> None:
        assert client.get("/odata/WorkItems").ok
        assert client.control("expire", {"sessions": True})["sessions"] >= 1
        assert client.get("/odata/WorkItems").status_code == 401

    def test_the_client_may_come_as_basic(self, visitor: Client) -> None:
        basic = base64.b64encode(b"etl-client:etl-client-secret").decode()
        form = {"grant_type": "client_credentials"}
        answer = visitor.post("/oauth2/token", data=form, headers={"Authorization": f"Basic {basic}"})
        assert answer.json()["token_type"] == "Bearer"

    @pytest.mark.parametrize(
        ("form", "status"),
        [({"grant_type": "password"}, 400), ({"grant_type": "client_credentials", "client_id": "x"}, 401)],
    )
    def test_others_get_no_token(self, visitor: Client, form: dict[str, str], status: int) -> None:
        answer = visitor.post("/oauth2/token", data=form)
        assert answer.status_code == status
        assert "error" in answer.json()


def test_an_advance_deletes_what_it_neither_changes_nor_creates(visitor: Client) -> None:
    before = set(ids(visitor))
    passed = visitor.control("advance", {"change": 10, "create": 2, "delete": 5})
    assert set(ids(visitor)) == (before | set(passed["created"])) - set(passed["deleted"])
    assert len(passed["deleted"]) == 5
    assert not set(passed["deleted"]) & {*passed["changed"], *passed["created"]}
    assert datetime.fromisoformat(passed["now"]).tzinfo == UTC


class TestEwmBesideWorkItems:
    def ask(self, client: Client, resource: str, fields: str) -> etree._Element:
        return parsed(client.get(f"/ccm/rpt/repository/{resource}", params={"fields": fields}))

    def test_deleted_work_items_are_a_resource_of_their_own(self, client: Client) -> None:
        passed = client.control("advance", {"delete": 4})
        left = parsed(client.query("workitem/workItem/id", size=500))
        assert [int(n) for n in left.xpath("workItem/id/text()")] == ids(client)
        page = self.ask(client, "workitem", "workitem/deletedWorkItem/(id|modified|projectArea/name)")
        assert page.tag == "workitem"
        assert sorted(int(n) for n in page.xpath("deletedWorkItem/id/text()")) == passed["deleted"]
        moment = datetime.fromisoformat(page.xpath("string(deletedWorkItem[1]/modified)"))
        assert moment <= datetime.fromisoformat(passed["now"])

    def test_a_page_leaves_out_what_was_deleted_since(self, client: Client) -> None:
        first = parsed(client.query("workitem/workItem/id", size=100))
        gone = client.control("advance", {"delete": 100})["deleted"]
        second = parsed(client.get(first.get("href")))
        kept = [n for n in range(1101, 1201) if n not in gone]
        assert [int(n) for n in second.xpath("workItem/id/text()")] == kept

    def test_project_areas_come_and_go(self, client: Client) -> None:
        fields = "foundation/projectArea/(itemId|name|archived)"
        names = "projectArea/name/text()"
        assert len(self.ask(client, "foundation", fields).xpath(names)) == 4
        client.control("project_areas", {"add": "Hydrogen", "remove": "Powertrain"})
        shown = self.ask(client, "foundation", fields).xpath(names)
        assert "Hydrogen" in shown
        assert "Powertrain" not in shown
        assert not any(item["projectArea"]["name"] == "Powertrain" for item in client.truth())
        client.control("advance", {"create": 40})
        query = "workitem/workItem[projectArea/name='Hydrogen']/id"
        assert self.ask(client, "workitem", query).xpath("workItem/id/text()")

    def test_one_resource_has_not_the_elements_of_another(self, client: Client) -> None:
        answer = client.get("/ccm/rpt/repository/foundation", params={"fields": "workitem/workItem/id"})
        assert (answer.status_code, "CRRED0108E" in answer.text) == (500, True)
