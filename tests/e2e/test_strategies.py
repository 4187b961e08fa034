"""The other families of endpoints: each way of paging, of asking for changes and of signing in, on the local cloud.

Their catalogues stand here, and run in the place of a source that the local environment has.
"""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from local import control
from local.cloud import Cloud
from local.deployment import Deployment

from .truth import Rows, differences, moment

pytestmark = pytest.mark.cloud

Report = dict[str, Any]
Run = Callable[..., Report]
SECRET = "xmlift/local/ewm"

OAI = """
source: ecb
base_url: https://example.com
namespaces: { oai: http://www.openarchives.org/OAI/2.0/, dc: http://purl.org/dc/elements/1.1/ }
streams:
  oai_records:
    request:
      path: /oai?verb=ListRecords
      query: { metadataPrefix: oai_dc, from: "{window.from}", until: "{window.to}" }
    page:
      type: token
      xpath: "/oai:OAI-PMH/oai:ListRecords/oai:resumptionToken"
      parameter: resumptionToken
      exclusive: true
    guards: { error: "/oai:OAI-PMH/oai:error", empty: "/oai:OAI-PMH/oai:error[@code='noRecordsMatch']" }
    records: /oai:OAI-PMH/oai:ListRecords/oai:record
    cursor:
      type: watermark
      field: changed
      format: "%Y-%m-%dT%H:%M:%SZ"
      resolution: 1s
      slice: 365d
      start: "2024-01-01T00:00:00Z"
    key: [id]
    deletes: { type: tombstone, path: "oai:header/@status", equals: deleted }
    columns:
      id: { path: "substring-after(oai:header/oai:identifier, 'tracker:')", type: bigint }
      changed: { path: "oai:header/oai:datestamp", type: timestamptz }
      title: { path: "oai:metadata//dc:title", type: varchar(1024) }
      subjects: { path: "oai:metadata//dc:subject", many: true, join: "; ", type: varchar(1024) }
"""

ARXIV = """
source: ecb
base_url: https://example.com
limits: { requests_per_second: 1000 }
namespaces: { a: http://www.w3.org/2005/Atom, os: http://a9.com/-/spec/opensearch/1.1/ }
streams:
  papers:
    request:
      path: /arxiv/query
      query: { search_query: "lastUpdatedDate:[{window.from} TO {window.to}]", max_results: "{size}" }
    page: { type: offset, parameter: start, size: 300, total: "/a:feed/os:totalResults" }
    records: /a:feed/a:entry
    cursor: { type: watermark, field: updated, format: "%Y%m%d%H%M", resolution: 1m, start: "2024-01-01T00:00:00Z" }
    key: [id]
    columns:
      id: { path: "substring-after(a:id, '/abs/')", type: bigint }
      updated: { path: "a:updated", type: timestamptz }
      title: { path: "a:title", type: varchar(1024) }
      category: { path: "a:category/@term", type: varchar(256) }
      authors: { path: "a:author/a:name", many: true, type: super }
"""

RSS = """
source: ecb
base_url: https://example.com
streams:
  news:
    request: { path: /rss/items.xml }
    records: /rss/channel/item
    cursor: { type: full }
    key: [guid]
    columns:
      guid: { path: guid, type: bigint }
      published: { path: pubDate, type: timestamptz, format: rfc822 }
      title: { path: title, type: varchar(1024) }
"""

NETSUITE = """
source: ecb
base_url: https://example.com
auth: { type: bearer, secret: ewm }
namespaces:
  s: http://schemas.xmlsoap.org/soap/envelope/
  c: urn:core.platform.webservices.netsuite.com
  m: urn:messages.platform.webservices.netsuite.com
streams:
  searched:
    request:
      path: /netsuite/services
      method: POST
      body: >-
        <e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><searchMoreWithId>
        <searchId>{search_id}</searchId><pageIndex>{page}</pageIndex></searchMoreWithId></e:Body></e:Envelope>
      bootstrap:
        path: /netsuite/services
        method: POST
        body: >-
          <e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><search><from>{window.from}</from>
          <before>{window.to}</before><pageSize>{size}</pageSize></search></e:Body></e:Envelope>
        values: { search_id: "//c:searchId", total_pages: "//c:totalPages" }
    page: { type: page_number, start: 1, size: 250 }
    guards: { error: "/s:Envelope/s:Body/s:Fault/faultstring" }
    records: /s:Envelope/s:Body/m:searchResponse/c:searchResult/c:recordList/c:record
    cursor: { type: watermark, field: changed, resolution: 1ms, slice: 365d, start: "2024-01-01T00:00:00Z" }
    key: [id]
    columns:
      id: { path: "@internalId", type: bigint }
      changed: { path: "c:lastModifiedDate", type: timestamptz }
      title: { path: "c:title", type: varchar(1024) }
"""

ODATA = """
source: ecb
base_url: https://example.com
auth: { type: oauth2_client, secret: ewm, token_url: "ENDPOINT/oauth2/token" }
namespaces:
  a: http://www.w3.org/2005/Atom
  d: http://schemas.microsoft.com/ado/2007/08/dataservices
  m: http://schemas.microsoft.com/ado/2007/08/dataservices/metadata
streams:
  entities:
    request: { path: /odata/WorkItems, query: { tombstones: entry } }
    page: { type: next_url, xpath: "/a:feed/a:link[@rel='next']/@href" }
    records: /a:feed/a:entry
    cursor: { type: delta_link, xpath: "/a:feed/a:link[@rel='http://odata.org/delta']/@href" }
    key: [id]
    deletes: { type: tombstone, path: "@m:deleted", equals: "true" }
    columns:
      id: { path: "a:content/m:properties/d:Id", type: bigint }
      title: { path: "a:content/m:properties/d:Title", type: varchar(1024) }
      state: { path: "a:content/m:properties/d:State", type: varchar(64) }
"""


@pytest.fixture
def read(run: Run, cloud: Cloud) -> Callable[[str], dict[str, Any]]:
    """Run a catalogue to its end; answers its only stream's counts."""

    def read(catalogue: str) -> dict[str, Any]:
        text = catalogue.replace("ENDPOINT", cloud.endpoint_url)
        report = run("ecb", catalogue=text, base_url=cloud.endpoint_url)
        assert report["status"] == "succeeded", report["message"]
        (stream,) = report["streams"]
        return dict(stream)

    return read


@pytest.fixture
def secret(deployed: Deployment) -> Iterator[Callable[..., None]]:
    """Give the secret that the catalogues above name another value, until the test is over."""
    client = deployed.client("secretsmanager")
    before = client.get_secret_value(SecretId=SECRET)["SecretString"]
    yield lambda **value: client.put_secret_value(SecretId=SECRET, SecretString=json.dumps(value))
    client.put_secret_value(SecretId=SECRET, SecretString=before)


def whole_second(text: str) -> datetime:
    found = moment(text)
    assert found is not None
    return found.replace(microsecond=0)


def test_oai_pmh_has_an_exclusive_token_and_deleted_records(
    read: Callable[[str], dict[str, Any]], query: Callable[..., Rows], cloud: Cloud
) -> None:
    for passing in (False, True):
        gone = control.advance(cloud, change=40, create=4, delete=3)["deleted"] if passing else []
        read(OAI)
        rows = query(
            "SELECT id, changed, title, subjects FROM ecb.oai_records WHERE _deleted IS NOT TRUE ORDER BY id"
        )
        wanted = [
            {
                "id": item["id"],
                "changed": whole_second(item["modified"]),
                "title": item["summary"],
                "subjects": "; ".join(item["tags"]) or None,
            }
            for item in control.truth(cloud)
        ]
        assert differences(rows, wanted) == []
        marked = {row["id"] for row in query("SELECT id FROM ecb.oai_records WHERE _deleted")}
        assert set(gone) <= marked


def test_arxiv_has_offsets_and_a_pace(
    read: Callable[[str], dict[str, Any]], query: Callable[..., Rows], cloud: Cloud
) -> None:
    control.set_pace(cloud, "/arxiv", requests=10, seconds=1)
    read(ARXIV)
    rows = query("SELECT id, updated, title, category, authors FROM ecb.papers ORDER BY id")
    wanted = [
        {
            "id": item["id"],
            "updated": moment(item["modified"]),
            "title": item["summary"],
            "category": item["category"]["name"],
            "authors": [item["creator"]["name"], *(each["name"] for each in item["subscriptions"])],
        }
        for item in control.truth(cloud)
    ]
    assert differences(rows, wanted) == []


def test_rss_is_read_again_only_when_it_has_changed(
    read: Callable[[str], dict[str, Any]], query: Callable[..., Rows], cloud: Cloud
) -> None:
    def newest() -> list[dict[str, Any]]:
        items = sorted(control.truth(cloud), key=lambda item: item["modified"], reverse=True)[:200]
        return sorted(
            (
                {"guid": i["id"], "published": whole_second(i["modified"]), "title": i["summary"]}
                for i in items
            ),
            key=lambda row: row["guid"],
        )

    read(RSS)
    assert differences(query("SELECT guid, published, title FROM ecb.news ORDER BY guid"), newest()) == []
    assert read(RSS)["records"] == 0  # 304: not a byte of it is read again
    control.advance(cloud, change=5, create=0)
    read(RSS)
    rows = {row["guid"]: row for row in query("SELECT guid, published, title FROM ecb.news")}
    assert differences([rows[item["guid"]] for item in newest()], newest()) == []


def test_netsuite_searches_once_and_asks_for_pages_by_number(
    read: Callable[[str], dict[str, Any]],
    query: Callable[..., Rows],
    cloud: Cloud,
    secret: Callable[..., None],
) -> None:
    secret(token="etl-token")
    read(NETSUITE)
    rows = query("SELECT id, changed, title FROM ecb.searched ORDER BY id")
    wanted = [
        {"id": item["id"], "changed": moment(item["modified"]), "title": item["summary"]}
        for item in control.truth(cloud)
    ]
    assert differences(rows, wanted) == []


def test_odata_goes_on_from_a_delta_link(
    read: Callable[[str], dict[str, Any]],
    query: Callable[..., Rows],
    cloud: Cloud,
    secret: Callable[..., None],
) -> None:
    secret(client_id="etl-client", client_secret="etl-client-secret")
    for passing in (False, True):
        passed = control.advance(cloud, change=30, create=3, delete=4) if passing else None
        counts = read(ODATA)
        rows = query("SELECT id, title, state FROM ecb.entities WHERE _deleted IS NOT TRUE ORDER BY id")
        wanted = [
            {"id": item["id"], "title": item["summary"], "state": item["state"]["name"]}
            for item in control.truth(cloud)
        ]
        assert differences(rows, wanted) == []
        if passed:
            # The link brings what changed and nothing else.
            assert counts["records"] == len({*passed["changed"], *passed["created"], *passed["deleted"]})
