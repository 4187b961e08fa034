"""What the presets of IBM's Rational products write: paths, queries, pages and times as each server wants them.

The shapes are those of the products' Reportable REST interfaces and of OSLC; docs/rational.md tells of each.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from xmlift.catalogue.asked_fields import field_tree, joined, mapping
from xmlift.catalogue.element_paths import element_paths

Document = dict[str, Any]

_ETM_SERVICE = "/service/com.ibm.rqm.integration.service.IIntegrationService"
# What a server takes for a time: milliseconds and an offset without a colon, the same in UTC, whole seconds in UTC.
_OFFSET_TIME = {"format": "%Y-%m-%dT%H:%M:%S.%f%z", "resolution": "1ms"}
_UTC_TIME = {"format": "%Y-%m-%dT%H:%M:%S.%fZ", "resolution": "1ms"}
_UTC_SECONDS = {"format": "%Y-%m-%dT%H:%M:%SZ", "resolution": "1s"}
_BETWEEN = "{0}>{1}{{window.from}}{1} and {0}<{1}{{window.to}}{1}"
_PARTITION = "{partition}"
# `Query _… expired.` in HTTP 200, in a namespace that a source need not know.
_OSLC_ERROR = "/*[local-name()='error']/*[local-name()='message']"
# Prefixes that OSLC itself declares.
_OSLC_PREFIXES = frozenset({"dcterms", "rdf", "rdfs", "oslc"})
_QUOTED, _PREFIX = re.compile(r'"[^"]*"'), re.compile(r"([A-Za-z_][\w.-]*):")


@dataclass(frozen=True)
class Given:
    """A stream as its author wrote it, and those of its keys that are the preset's own (empty: not written).

    `namespaces` are the source's prefixes, the preset's among them.
    """

    stream: Document
    words: Mapping[str, str]
    namespaces: Mapping[str, str]

    def has_written(self, *keys: str) -> bool:
        """Whether the author has written a value at this path of keys."""
        found: Any = self.stream
        for key in keys:
            if not isinstance(found, dict) or key not in found:
                return False
            found = found[key]
        return True

    @property
    def cursor(self) -> Document:
        """The cursor if it asks for a stretch of time, else an empty one."""
        cursor = self.stream.get("cursor")
        if isinstance(cursor, dict) and cursor.get("type", "watermark") in ("watermark", "window"):
            return cursor
        return {}

    def cursor_path(self, default: str) -> str:
        """The path of the cursor's column; the default where the cursor has no field. Raises ValueError."""
        name = self.cursor.get("field")
        column = mapping(self.stream, "columns").get(name) if isinstance(name, str) else None
        path = column.get("path") if isinstance(column, dict) else None
        if not isinstance(path, str):
            return default
        if len(found := element_paths(path)) != 1 or "/".join(found[0]) != path.strip():
            raise ValueError(
                f"column {name}: the server cannot be asked for times at {path!r}: give the cursor's column the "
                "plain path of an element, or write the request's query yourself"
            )
        return path.strip()


@dataclass(frozen=True)
class Preset:
    """What sources of one product have in common, and what follows from what a stream says."""

    source: Document
    stream: Callable[[Given], Document]
    keys: frozenset[str] = field(default_factory=frozenset)


def _ewm(given: Given) -> Document:
    resource, _, element = given.words["resource"].partition("/")
    if not resource or not element or "/" in element:
        raise ValueError(
            "write the `resource` that is read, such as workitem/workItem or foundation/projectArea"
        )
    query: Document = {"size": 500}
    if not given.has_written("request", "query", "fields"):
        query["fields"] = f"{resource}/{element}{_ewm_condition(given)}/{joined(field_tree(given.stream))}"
    return {
        "request": {"path": f"/rpt/repository/{resource}", "query": query},
        "page": {"type": "next_url", "xpath": f"/{resource}/@href", "when": f"/{resource}/@rel='next'"},
        "guards": {"error": _OSLC_ERROR},
        "records": f"/{resource}/{element}",
        **_cursor(given, _OFFSET_TIME),
        **_ewm_deletes(given),
    }


def _ewm_deletes(given: Given) -> Document:
    """What is deleted has a resource of its own, which is asked for as the stream's is."""
    deletes = given.stream.get("deletes")
    if not isinstance(deletes, dict) or deletes.get("type") != "second_feed":
        return {}
    words = {"resource": "workitem/deletedWorkItem", "where": ""}
    stream = {key: deletes[key] for key in ("request", "columns") if key in deletes}
    feed = _ewm(Given({**stream, "cursor": given.stream.get("cursor")}, words, given.namespaces))
    return {"deletes": {"type": "second_feed", **{key: feed[key] for key in ("request", "records", "page")}}}


def _ewm_condition(given: Given) -> str:
    parts = []
    if given.cursor:
        parts.append(_BETWEEN.format(given.cursor_path("modified"), ""))
    if where := given.words["where"]:
        parts.append(f"({where})" if parts and " or " in where else where)
    return f"[{' and '.join(parts)}]" if parts else ""


def _doors_next(given: Given) -> Document:
    resource = given.words["resource"] or "resources"
    if resource == "project_areas":
        return {
            "request": {"path": "/process/project-areas"},
            "records": "/jp06:project-areas/jp06:project-area",
        }
    query: Document = {"size": 500}
    if not given.has_written("request", "query", "projectURI"):
        query["projectURI"] = _project(given)
    if given.cursor:
        query["modifiedSince"] = "{window.from}"
    return {
        "request": {"path": f"/publish/{resource}", "query": query},
        "page": {"type": "next_url", "xpath": "/ds:dataSource/@href", "when": "/ds:dataSource/@rel='next'"},
        "records": "/ds:dataSource/ds:artifact",
        **_cursor(given, _UTC_SECONDS),
    }


def _etm(given: Given) -> Document:
    resource = given.words["resource"]
    if not resource:
        raise ValueError(
            "write the `resource` that is read, such as testcase, testplan, executionresult or projects"
        )
    if resource == "projects":
        return {"request": {"path": f"{_ETM_SERVICE}/projects"}, **_feed()}
    request: Document = {"query": {"includeArchived": "true"}}
    if not given.has_written("request", "path"):
        request["path"] = f"{_ETM_SERVICE}/resources/{_project(given)}/{resource}"
    parts = [_BETWEEN.format("updated", "'")] if given.cursor else []
    if where := given.words["where"]:
        parts.append(f"({where})" if parts and " or " in where else where)
    condition = f"[{' and '.join(parts)}]" if parts else ""
    request["query"]["fields"] = f"feed/entry/content/{resource}{condition}/*"
    return {"request": request, **_feed(), **_cursor(given, _UTC_TIME)}


def _feed() -> Document:
    following = "/atom:feed/atom:link[@rel='next']/@href"
    return {"page": {"type": "next_url", "xpath": following}, "records": "/atom:feed/atom:entry"}


def _oslc(given: Given) -> Document:
    path = given.words["resource"]
    if not path.startswith("/"):
        raise ValueError("write the `resource` that is read: the query's path below base_url, /oslc/…")
    if (version := given.words["version"] or "2.0") not in ("2.0", "1.0"):
        raise ValueError(f"`version` is '2.0' or '1.0' (in quotes), not {version!r}")
    return _oslc_2(given, path) if version == "2.0" else _oslc_1(given, path)


def _oslc_2(given: Given, path: str) -> Document:
    query: Document = {"oslc.pageSize": 100}
    if not given.has_written("request", "query", "oslc.select"):
        query["oslc.select"] = ",".join(field_tree(given.stream)) or "*"
    if where := _oslc_where(given, "dcterms:modified"):
        query["oslc.where"] = where
    asked = {**query, **mapping(mapping(given.stream, "request"), "query")}
    if prefixes := _declared(
        f"{asked.get('oslc.select', '')} {asked.get('oslc.where', '')}", given.namespaces
    ):
        query["oslc.prefix"] = prefixes
    return {
        "request": {
            "path": path,
            "query": query,
            "headers": {"OSLC-Core-Version": "2.0", "Accept": "application/rdf+xml"},
        },
        "page": {"type": "next_url", "xpath": "/rdf:RDF/oslc:ResponseInfo/oslc:nextPage/@rdf:resource"},
        "guards": {"error": "/rdf:RDF/oslc:Error/oslc:message"},
        "records": "/rdf:RDF/rdf:Description/rdfs:member/rdf:Description",
        **_cursor(given, _UTC_TIME),
    }


def _oslc_1(given: Given, path: str) -> Document:
    query: Document = {"oslc_cm.pageSize": 100}
    if where := _oslc_where(given, "dc:modified"):
        query["oslc_cm.query"] = where
    return {
        "request": {"path": path, "query": query, "headers": {"Accept": "application/xml"}},
        "page": {"type": "next_url", "xpath": "/oslc_cm:Collection/@oslc_cm:next"},
        "guards": {"error": _OSLC_ERROR},
        "records": "/oslc_cm:Collection/oslc_cm:ChangeRequest",
        **_cursor(given, _UTC_TIME),
    }


def _oslc_where(given: Given, default: str) -> str:
    parts = [_BETWEEN.format(given.cursor_path(default), '"')] if given.cursor else []
    return " and ".join([*parts, *([given.words["where"]] if given.words["where"] else [])])


def _declared(text: str, namespaces: Mapping[str, str]) -> str:
    """`cq=<http://…>` for each prefix in a text that OSLC does not know by itself and the source does."""
    used = dict.fromkeys(_PREFIX.findall(_QUOTED.sub("", text)))
    return ",".join(
        f"{prefix}=<{namespaces[prefix]}>"
        for prefix in used
        if prefix in namespaces and prefix not in _OSLC_PREFIXES
    )


def _cursor(given: Given, time: Document) -> Document:
    return {"cursor": {"type": given.cursor.get("type", "watermark"), **time}} if given.cursor else {}


def _project(given: Given) -> str:
    """The project area that is asked for: named, or each one of another stream's. Raises ValueError."""
    if project := given.words["project"]:
        return project
    if given.has_written("for_each"):
        return _PARTITION
    raise ValueError("write the `project` that is read, or `for_each` to read those of another stream")


_OWN = {"resource", "where"}

EWM = Preset({"auth": {"type": "jazz_form"}}, _ewm, frozenset(_OWN))
DOORS_NEXT = Preset(
    {
        "auth": {"type": "jazz_form"},
        "namespaces": {
            "ds": "http://jazz.net/xmlns/alm/rm/datasource/v0.1",
            "rrm": "http://www.ibm.com/xmlns/rrm/1.0/",
            "attribute": "http://jazz.net/xmlns/alm/rm/attribute/v0.1",
            "text": "http://jazz.net/xmlns/alm/rm/text/v0.1",
            "jp06": "http://jazz.net/xmlns/prod/jazz/process/0.6/",
        },
    },
    _doors_next,
    frozenset({"resource", "project"}),
)
ETM = Preset(
    {
        "auth": {"type": "jazz_form"},
        "namespaces": {
            "atom": "http://www.w3.org/2005/Atom",
            "qm": "http://jazz.net/xmlns/alm/qm/v0.1/",
            "alm": "http://jazz.net/xmlns/alm/v0.1/",
            "dc": "http://purl.org/dc/elements/1.1/",
        },
    },
    _etm,
    frozenset(_OWN | {"project"}),
)
OSLC = Preset(
    {
        "auth": {"type": "application_password"},
        "namespaces": {
            "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
            "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
            "oslc": "http://open-services.net/ns/core#",
            "dcterms": "http://purl.org/dc/terms/",
            "oslc_cm": "http://open-services.net/xmlns/cm/1.0/",
            "rtc_cm": "http://jazz.net/xmlns/prod/jazz/rtc/cm/1.0/",
            "dc": "http://purl.org/dc/terms/",
        },
    },
    _oslc,
    frozenset(_OWN | {"version"}),
)
