"""Presets: what they write, what of it an author may overrule, and what they say of mistakes."""

import copy
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from xmlift.catalogue import load_source
from xmlift.catalogue.document import read_document
from xmlift.catalogue.presets import PRESETS, expand, merged
from xmlift.errors import CatalogueError

Document = dict[str, Any]


def source(preset: str, stream: Document, **more: Any) -> Document:
    return {
        "source": "tracker",
        "preset": preset,
        "base_url": "https://elm.example.com/app",
        "auth": {"secret": "tracker"},
        "streams": {"items": stream},
        **more,
    }


def dumped(document: Document) -> bytes:
    return yaml.safe_dump(document, sort_keys=False).encode()


def stream(preset: str, written: Document, **more: Any) -> Document:
    return expand(source(preset, written, **more))["streams"]["items"]


ITEMS: Document = {
    "cursor": {"field": "modified", "slice": "90d"},
    "key": ["id"],
    "columns": {
        "id": {"path": "id", "type": "bigint"},
        "modified": {"path": "modified", "type": "timestamptz"},
        "state": {"path": "state/name"},
    },
}


def test_ewm_asks_for_what_the_columns_need() -> None:
    written = {
        **ITEMS,
        "resource": "workitem/workItem",
        "where": "projectArea/name='A' or projectArea/name='B'",
        "children": {"comments": {"records": "comments", "columns": {"author": {"path": "creator/name"}}}},
    }
    written["columns"] = {**ITEMS["columns"], "group": {"path": "state/group"}}
    made = stream("ewm", written)
    assert made["request"] == {
        "path": "/rpt/repository/workitem",
        "query": {
            "size": 500,
            "fields": "workitem/workItem[modified>{window.from} and modified<{window.to} and "
            "(projectArea/name='A' or projectArea/name='B')]/"
            "(id|modified|state/(name|group)|comments/creator/name)",
        },
    }
    assert made["records"] == "/workitem/workItem"
    assert made["page"] == {"type": "next_url", "xpath": "/workitem/@href", "when": "/workitem/@rel='next'"}
    assert made["guards"] == {"error": "/*[local-name()='error']/*[local-name()='message']"}
    assert made["cursor"] == {
        "type": "watermark",
        "format": "%Y-%m-%dT%H:%M:%S.%f%z",
        "resolution": "1ms",
        "field": "modified",
        "slice": "90d",
    }
    assert not {"resource", "where"} & made.keys()


def test_ewm_asks_for_keys_and_values_and_for_what_predicates_read() -> None:
    columns = {
        "all": {
            "pairs": {"records": "allExtensions", "key": "key", "value": "displayValue"},
            "type": "super",
        },
        "asil": {"path": "allExtensions[type='enumeration']/displayValue"},
    }
    made = stream("ewm", {"resource": "workitem/workItem", "key": ["asil"], "columns": columns})
    assert made["request"]["query"]["fields"] == "workitem/workItem/allExtensions/(key|displayValue|type)"


def test_ewm_asks_for_deleted_work_items_as_it_asks_for_work_items() -> None:
    columns = {"id": {"path": "id"}, "modified": {"path": "modified"}}
    written = {
        **ITEMS,
        "resource": "workitem/workItem",
        "deletes": {"type": "second_feed", "columns": columns},
    }
    assert stream("ewm", written)["deletes"] == {
        "type": "second_feed",
        "columns": columns,
        "request": {
            "path": "/rpt/repository/workitem",
            "query": {
                "size": 500,
                "fields": "workitem/deletedWorkItem[modified>{window.from} and modified<{window.to}]/(id|modified)",
            },
        },
        "page": {"type": "next_url", "xpath": "/workitem/@href", "when": "/workitem/@rel='next'"},
        "records": "/workitem/deletedWorkItem",
    }


def test_doors_next_asks_per_project_area_since_a_time() -> None:
    made = stream("doors_next", {**ITEMS, "for_each": {"stream": "areas", "field": "id"}})
    assert made["request"] == {
        "path": "/publish/resources",
        "query": {"size": 500, "projectURI": "{partition}", "modifiedSince": "{window.from}"},
    }
    assert made["records"] == "/ds:dataSource/ds:artifact"
    assert (made["cursor"]["format"], made["cursor"]["resolution"]) == ("%Y-%m-%dT%H:%M:%SZ", "1s")
    areas = stream("doors_next", {"resource": "project_areas", "columns": {"id": {"path": "jp06:url"}}})
    assert areas["request"] == {"path": "/process/project-areas"}
    assert areas["records"] == "/jp06:project-areas/jp06:project-area"


def test_etm_asks_for_a_feed_of_one_project_area() -> None:
    written = {
        **ITEMS,
        "resource": "executionresult",
        "project": "JKE+Banking",
        "where": "testplan/@href='{partition}'",
    }
    made = stream("etm", written)
    service = "/service/com.ibm.rqm.integration.service.IIntegrationService"
    assert made["request"] == {
        "path": f"{service}/resources/JKE+Banking/executionresult",
        "query": {
            "includeArchived": "true",
            "fields": "feed/entry/content/executionresult[updated>'{window.from}' and updated<'{window.to}' and "
            "testplan/@href='{partition}']/*",
        },
    }
    assert made["page"]["xpath"] == "/atom:feed/atom:link[@rel='next']/@href"
    assert stream("etm", {"resource": "projects"})["request"] == {"path": f"{service}/projects"}


OSLC_ITEMS: Document = {
    "resource": "/oslc/repo/R/db/D/query",
    "cursor": {"field": "modified"},
    "key": ["id"],
    "columns": {
        "id": {"path": "dcterms:identifier"},
        "modified": {"path": "dcterms:modified", "type": "timestamptz"},
        "owner": {"path": "cq:Owner/@rdf:resource"},
        "url": {"path": "@rdf:about"},
    },
}


def test_oslc_2_selects_and_declares_prefixes() -> None:
    cq = "http://www.ibm.com/xmlns/prod/rational/clearquest/1.0/"
    made = stream(
        "oslc", {**OSLC_ITEMS, "where": 'cq:State="New: cm:x"'}, namespaces={"cq": cq, "other": "urn:x"}
    )
    assert made["request"] == {
        "path": "/oslc/repo/R/db/D/query",
        "headers": {"OSLC-Core-Version": "2.0", "Accept": "application/rdf+xml"},
        "query": {
            "oslc.pageSize": 100,
            "oslc.select": "dcterms:identifier,dcterms:modified,cq:Owner",
            "oslc.where": 'dcterms:modified>"{window.from}" and dcterms:modified<"{window.to}" '
            'and cq:State="New: cm:x"',
            "oslc.prefix": f"cq=<{cq}>",
        },
    }
    assert made["records"] == "/rdf:RDF/rdf:Description/rdfs:member/rdf:Description"


def test_oslc_1_has_a_query_of_its_own() -> None:
    columns = {"modified": {"path": "dc:modified", "type": "timestamptz"}}
    made = stream("oslc", {**OSLC_ITEMS, "version": "1.0", "columns": columns})
    assert made["request"]["query"] == {
        "oslc_cm.pageSize": 100,
        "oslc_cm.query": 'dc:modified>"{window.from}" and dc:modified<"{window.to}"',
    }
    assert made["records"] == "/oslc_cm:Collection/oslc_cm:ChangeRequest"


def test_a_preset_signs_in_as_its_product_does() -> None:
    made = {name: expand(source(name, {}, streams=None))["auth"] for name in PRESETS}
    jazz = {"type": "jazz_form", "secret": "tracker"}
    assert made == {
        "ewm": jazz,
        "doors_next": jazz,
        "etm": jazz,
        "oslc": {"type": "application_password", "secret": "tracker"},
    }


def test_what_the_author_writes_wins() -> None:
    written = {
        **ITEMS,
        "resource": "workitem/workItem",
        "request": {"query": {"size": 1000, "fields": "workitem/workItem/*"}},
        "cursor": {"type": "full"},
        "page": {"type": "none"},
        "records": "/workitem/other",
        "columns": {"all": {"path": "//anything"}},  # nothing is derived from it, so it may be
    }
    made = stream("ewm", written)
    assert made["request"]["query"] == {"size": 1000, "fields": "workitem/workItem/*"}
    assert (made["cursor"], made["page"], made["records"]) == (
        {"type": "full"},
        {"type": "none"},
        "/workitem/other",
    )
    login = expand(source("ewm", {"resource": "a/b", **ITEMS}, auth={"type": "basic", "secret": "x"}))["auth"]
    assert login == {"type": "basic", "secret": "x"}


def test_a_null_takes_away_what_the_preset_would_write() -> None:
    written = {
        **ITEMS,
        "resource": "testcase",
        "project": "P",
        "request": {"query": {"includeArchived": None}},
    }
    assert "includeArchived" not in stream("etm", written)["request"]["query"]


def test_merging_joins_mappings_of_one_type() -> None:
    below = {"a": {"x": 1, "y": 2}, "t": {"type": "p", "x": 1}, "l": [1]}
    above = {"a": {"y": 3, "z": 4}, "t": {"type": "q", "y": 2}, "l": [2], "n": None}
    assert merged(below, above) == {
        "a": {"x": 1, "y": 3, "z": 4},
        "t": {"type": "q", "y": 2},
        "l": [2],
        "n": None,
    }


@pytest.mark.parametrize(
    ("preset", "written", "message"),
    [
        ("rtc", {}, "preset 'rtc' is not known: use ewm, doors_next, etm, oslc"),
        (["ewm"], {}, "preset ['ewm'] is not known"),
        (
            "ewm",
            ITEMS,
            "stream tracker.items: preset ewm: write the `resource` that is read, such as workitem/workItem",
        ),
        ("ewm", {**ITEMS, "resource": "workitem"}, "write the `resource` that is read"),
        ("ewm", {**ITEMS, "resource": 7}, "`resource` is a text that is not empty, not 7"),
        ("ewm", {**ITEMS, "resource": "a/b", "where": " "}, "`where` is a text that is not empty, not ' '"),
        (
            "ewm",
            {"resource": "a/b", "columns": {"x": {"path": "//y"}}},
            "column x: '//y': it cannot be told which",
        ),
        ("ewm", {"resource": "a/b", "columns": {}}, "no column says which fields to ask for"),
        (
            "ewm",
            {"resource": "a/b", "cursor": {"field": "x"}, "columns": {"x": {"path": "y[1]"}}},
            "column x: the server cannot be asked for times at 'y[1]'",
        ),
        ("doors_next", ITEMS, "write the `project` that is read, or `for_each`"),
        ("etm", {**ITEMS, "project": "P"}, "write the `resource` that is read, such as testcase"),
        ("oslc", {**OSLC_ITEMS, "resource": "query"}, "the query's path below base_url, /oslc/…"),
        ("oslc", {**OSLC_ITEMS, "version": "3.0"}, "`version` is '2.0' or '1.0' (in quotes), not '3.0'"),
    ],
)
def test_mistakes_are_named_with_stream_and_key(preset: Any, written: Document, message: str) -> None:
    text = dumped(source(preset, written))
    with pytest.raises(CatalogueError) as raised:
        load_source(text, "tracker.yaml")
    assert str(raised.value).startswith("tracker.yaml: ")
    assert message in str(raised.value)


def test_a_key_of_another_preset_is_refused_by_the_model() -> None:
    text = dumped(source("ewm", {**ITEMS, "resource": "workitem/workItem", "project": "P"}))
    with pytest.raises(CatalogueError, match="unknown field `project`"):
        load_source(text, "tracker.yaml")


@pytest.mark.parametrize(
    "streams", [None, [], {"items": None}, {"items": {"request": 1, "columns": [], "cursor": 2}}]
)
@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_no_presets_affair_is_left_to_the_models(preset: str, streams: Any) -> None:
    text = dumped(source(preset, {}, streams=streams))
    with pytest.raises(CatalogueError, match=r"^tracker\.yaml: "):
        load_source(text, "tracker.yaml")


LETTERS = st.text("abcxz", min_size=1, max_size=6)
XPATHS = st.lists(LETTERS, min_size=1, max_size=3).map("/".join)
COLUMNS = st.dictionaries(
    LETTERS.map("c_{}".format),
    st.builds(lambda path, n: {"path": path, "type": f"varchar({n})"}, XPATHS, st.integers(1, 99)),
)
CURSORS = st.sampled_from(
    [None, {"field": "modified"}, {"type": "full"}, {"field": "modified", "overlap": "1h"}]
)
OWN: dict[str, Document] = {
    "ewm": {"resource": "workitem/workItem"},
    "doors_next": {"project": "_x"},
    "etm": {"resource": "testcase", "project": "P"},
    "oslc": {"resource": "/oslc/query"},
}


@st.composite
def documents(draw: st.DrawFn) -> Document:
    preset = draw(st.sampled_from(sorted(PRESETS)))
    written: Document = {
        **OWN[preset],
        "key": ["id"],
        "columns": {
            "id": {"path": "id", "type": "bigint"},
            "modified": {"path": "modified", "type": "timestamptz"},
            **draw(COLUMNS),
        },
    }
    if cursor := draw(CURSORS):
        written["cursor"] = cursor
    if children := draw(st.dictionaries(LETTERS.map("k_{}".format), COLUMNS.filter(bool), max_size=2)):
        written["children"] = {
            name: {"records": "some/rows", "columns": columns} for name, columns in children.items()
        }
    if preset == "ewm" and "field" in written.get("cursor", {}) and draw(st.booleans()):
        columns = {"id": {"path": "id"}, "modified": {"path": "modified"}}
        written["deletes"] = {"type": "second_feed", "columns": columns}
    if preset != "doors_next" and draw(st.booleans()):
        written["where"] = draw(LETTERS) + '="x"'
    if draw(st.booleans()):
        written["request"] = {"query": {"more": draw(LETTERS)}, "headers": {"X-Why": "because"}}
    return source(preset, written)


@given(documents())
def test_an_expanded_document_loads_and_expands_no_further(document: Document) -> None:
    untouched = copy.deepcopy(document)
    expanded = expand(document)
    assert document == untouched
    assert expand(expanded) == expanded
    text = dumped(document)
    assert read_document(text, "tracker.yaml") == expanded
    loaded = load_source(text, "tracker.yaml")
    assert loaded == load_source(dumped(expanded), "tracker.yaml")
    written = document["streams"]["items"]
    assert list(loaded.streams["items"].columns) == list(written["columns"])
    for name, value in written.get("request", {}).get("query", {}).items():
        assert loaded.streams["items"].request.query[name] == value
