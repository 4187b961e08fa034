"""The catalogue's requests, ways of paging and guards: what fits together, and what is said where it does not."""

import pytest

from xmlift.catalogue import Stream, load_source
from xmlift.catalogue.paging import OffsetPaging, TokenPaging
from xmlift.errors import CatalogueError

SOURCE = """
source: ncbi
base_url: https://host
streams:
  docs:
    request: { path: /a }
    records: /list/doc
    key: [id]
    columns: { id: { path: id, type: bigint } }
"""
BOOTSTRAP = """path: "/fetch/{web_env}"
      bootstrap: {path: /search, query: {rows: "{size}"}, values: {web_env: /r/WebEnv}}"""


def stream(request: str, rest: str = "") -> Stream:
    text = SOURCE.replace("{ path: /a }", request) + (f"    {rest}\n" if rest else "")
    return load_source(text.encode(), "ncbi.yaml").streams["docs"]


@pytest.mark.parametrize(
    ("request_", "rest"),
    [
        ("{path: /a, query: {v: x}}", "page: {type: token, xpath: /l/t, parameter: t, exclusive: true}"),
        ('{path: "/a/{token}"}', "page: {type: token, xpath: /l/t}"),
        ('{path: /a, headers: {X: "{token}"}}', "page: {type: token, xpath: /l/t}"),
        ('{path: /a, query: {rows: "{size}"}}', "page: {type: offset, parameter: start, size: 5, base: 1}"),
        ('{path: /a, query: {s: "{offset}"}}', "page: {type: offset, size: 5, total: /l/n}"),
        (
            '{path: /a, method: POST, body: "<q>{page}</q>"}',
            "page: {type: page_number, start: 0, total_pages: /l/n}",
        ),
        (f"\n      {BOOTSTRAP}", "page: {type: offset, parameter: s, size: 5}"),
        (
            "{path: /a, method: POST, body: '<q><![CDATA[a]]>{token}<![CDATA[b]]></q>'}",
            "page: {type: token, xpath: /t}",
        ),
        (
            "{path: /a, method: POST, headers: {Content-Type: application/json}, body: '[<![CDATA[{token}]]>]'}",
            "page: {type: token, xpath: /t}",
        ),
        ("{path: /a, headers: {X-Key: 'Grüße {token}'}}", "page: {type: token, xpath: /t}"),
        ("{path: /a}", "guards: {error: /error, empty: /none, rows_outside_window: ignore}"),
    ],
)
def test_what_fits_together(request_: str, rest: str) -> None:
    stream(request_, rest)


def test_what_is_read_is_what_is_meant() -> None:
    page = stream("{path: /a}", "page: {type: offset, parameter: s, size: 5, base: 1, total: /l/n}").page
    assert page == OffsetPaging(parameter="s", size=5, base=1, total="/l/n")
    page = stream("{path: /a}", "page: {type: token, xpath: /l/t, parameter: t, exclusive: true}").page
    assert page == TokenPaging(xpath="/l/t", parameter="t", exclusive=True)


def test_a_window_may_be_asked_for_by_the_first_call_alone() -> None:
    request = """
      path: /fetch
      query: {e: "{env}"}
      bootstrap:
        path: /search
        query: {from: "{window.from}", to: "{window.to}"}
        values: {env: /r/WebEnv}"""
    text = SOURCE.replace(" { path: /a }", request).replace(
        "id: { path: id, type: bigint }",
        "id: { path: id, type: bigint }, at: { path: at, type: timestamptz }",
    )
    text += "    cursor: {type: watermark, field: at}\n"
    assert load_source(text.encode(), "ncbi.yaml").streams["docs"].is_bounded


@pytest.mark.parametrize(
    ("request_", "rest", "said"),
    [
        (
            "{path: '/a/{tokn}'}",
            "",
            "path: nothing stands for {tokn}; write {window.from}, {window.to}, {partition}, ",
        ),
        ("{path: /a, headers: {X: '{env}'}}", "", "header X: nothing stands for {env}"),
        ("{path: /a, method: POST, body: '{env}'}", "", "body: nothing stands for {env}"),
        ("{path: /a, method: POST}", "", "write both `method: POST` and `body`"),
        ("{path: /a, body: <a/>}", "", "write both `method: POST` and `body`"),
        (
            "{path: /a, method: PUT, body: <a/>}",
            "",
            "Invalid enum value 'PUT' (at `request.method`); use GET, POST",
        ),
        (
            "{path: /a, method: POST, body: a, headers: {content-type: text/plain}}",
            "",
            "body: its values cannot be escaped for Content-Type text/plain: use one of XML, JSON or",
        ),
        ("{path: '/a/{token}'}", "", "the request asks for {token}, which the stream's `page` does not know"),
        (
            "{path: '/a/{page}'}",
            "page: {type: offset, size: 5, parameter: s}",
            "the request asks for {page}, which the stream's `page` does not know",
        ),
        ("{path: '/a/{size}'}", "", "the request asks for {size}: say how many records as `page.size`"),
        (
            "{path: '/a/{size}'}",
            "page: {type: page_number, parameter: p}",
            "the request asks for {size}: say how many records as `page.size`",
        ),
        (
            "{path: /a}",
            "page: {type: token, xpath: /t}",
            "by `page.parameter` in the query, or by {token} somewhere",
        ),
        (
            "{path: '/a/{offset}'}",
            "page: {type: offset, size: 5, parameter: s}",
            "by `page.parameter` in the query, or by {offset} somewhere",
        ),
        (
            "{path: /a, query: {s: 1}}",
            "page: {type: offset, size: 5, parameter: s}",
            "query s: that is page.parameter: leave it out of the query",
        ),
        (
            "{path: '/a/{token}'}",
            "page: {type: token, xpath: /t, exclusive: true}",
            "page exclusive: the token is the query's only parameter: name it as `parameter`",
        ),
        (
            "{path: /a}",
            "page: {type: offset, parameter: s}",
            "Object missing required field `size` (at `page`)",
        ),
        ("{path: /a}", "page: {type: offset, parameter: s, size: 0}", "Expected `int` >= 1 (at `page.size`)"),
        (
            "{path: /a}",
            "page: {type: offset, parameter: s, size: 5, base: 2}",
            "Expected `int` <= 1 (at `page.base`)",
        ),
        (
            "{path: /a, method: POST, body: <a/>}",
            "page: {type: next_url, xpath: /n}",
            "page next_url is followed by GET: a request by POST needs another `page`",
        ),
        (
            "{path: /a, bootstrap: {path: /b, values: {token: /t}}}",
            "",
            "bootstrap: {token} stands for something else: name the value otherwise",
        ),
        (
            "{path: /a, bootstrap: {path: '/b/{page}', values: {x: /t}}}",
            "",
            "path: nothing stands for {page}; write {window.from}, {window.to}, {partition}, {size}",
        ),
        ("{path: /a, bootstrap: {path: /b, values: {}}}", "", "(at `request.bootstrap.values`)"),
        (
            "{path: /a, bootstrap: {path: /b, values: {total: /t}}}",
            "page: {type: offset, size: 5, parameter: s, total: /n}",
            "the total is captured by bootstrap and found by page.total: write one of them",
        ),
        ("{path: /a}", "guards: {error: ''}", "Expected `str` of length >= 1 (at `guards.error`)"),
        ("{path: /a}", "guards: {rows_outside_window: count}", "use fail, ignore"),
        (
            "{path: /a, method: POST, body: '<q><![CDATA[x > {window.from}]]></q>'}",
            "",
            "body: {window.from} stands in a CDATA section, where what is escaped stays as it is: leave",
        ),
        (
            "{path: /a, method: POST, body: '<q>{partition}<![CDATA[a]]><![CDATA[{partition}'}",
            "",
            "stands in a CDATA section",
        ),
        (
            "{path: /a, headers: {X-Key: '€ 5'}}",
            "",
            "header X-Key: a header carries characters of Latin-1 alone",
        ),
        ("{path: /a, headers: {X-Key: ' 5'}}", "", "header X-Key: leave out the spaces around its value"),
        ('{path: /a, headers: {X-Key: "a\\nb"}}', "", "header X-Key: a header carries no control character"),
        ("{path: /a, headers: {'X Key': '5'}}", "", "header 'X Key' is no header's name"),
        (
            "{path: /a}",
            "page: {type: pages}",
            "Invalid value 'pages' (at `page.type`); use next_url, none, offset, page_number, token",
        ),
    ],
)
def test_what_does_not_fit_together_is_told(request_: str, rest: str, said: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        stream(request_, rest)
    assert str(caught.value).startswith("ncbi.yaml: stream ncbi.docs: ")
    assert said in str(caught.value)
