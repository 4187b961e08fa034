"""OSLC 2 as ClearQuest has it: `GET /cqweb/oslc/repo/{repository}/db/{database}/query`, RDF/XML.

`oslc.where` (comparisons joined by `and`), `oslc.select` (names, or `*`), `oslc.prefix` for prefixes of the
tool's own, `oslc.pageSize` (50; at most 100). Without the header `OSLC-Core-Version: 2.0` the answer is in
the shape of OSLC 1. Pages are counted over what is there: once anything has changed, the next one is 404.
Values that name another resource stand in `rdf:resource` of an empty element.
"""

import re
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlencode

from local.endpoint.exchange import Answer, Request, text_answer
from local.endpoint.kept import whole_number
from local.endpoint.markup import declarations, element, quoted
from local.endpoint.oslc_where import Comparison, WhereError, holds, parse_prefixes, parse_where
from local.endpoint.workitem import Record, plain
from local.endpoint.world import World

PATH = re.compile(r"/cqweb/oslc/repo/[^/]+/db/[^/]+/query")
RDF = "application/rdf+xml"
DEFAULT_SIZE, MOST = "50", 100
_CQ = "http://www.ibm.com/xmlns/prod/rational/clearquest/1.0/"
_NAMESPACES = {
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "oslc": "http://open-services.net/ns/core#",
    "dcterms": "http://purl.org/dc/terms/",
    "cq": _CQ,
}

Values = Callable[[Record, str], list[str | None]]


def _text(*path: str) -> Values:
    def values(item: Record, _: str) -> list[str | None]:
        found = item
        for name in path:
            found = found[name]
        return [None if found is None else str(found)]

    return values


def _user(name: str) -> Values:
    return lambda item, root: [f"{root}/user/{item[name]['userId']}"]


# Name of a property: its values in a work item, and whether each is the address of a resource.
_PROPERTIES: dict[str, tuple[Values, bool]] = {
    "dcterms:identifier": (_text("id"), False),
    "dcterms:title": (_text("summary"), False),
    "dcterms:description": (_text("description"), False),
    "dcterms:created": (lambda item, _: [plain(item["created"])], False),
    "dcterms:modified": (lambda item, _: [plain(item["modified"])], False),
    "dcterms:creator": (_user("creator"), True),
    "dcterms:subject": (lambda item, _: list(item["tags"]), False),
    "cq:Owner": (_user("owner"), True),
    "cq:State": (_text("state", "name"), False),
    "cq:Severity": (_text("severity", "name"), False),
    "cq:Priority": (_text("priority", "name"), False),
    "cq:Project": (_text("projectArea", "name"), False),
    "cq:Parent": (
        lambda item, root: [f"{root}/record/{item['parent']['id']}"] if item["parent"] else [],
        True,
    ),
}


class Oslc2:
    """A world's work items as the records of a ClearQuest database."""

    name = "oslc"

    def __init__(self, world: World) -> None:
        self._world = world

    def expire(self) -> int:
        """Nothing is kept from one page to the next."""
        return 0

    def answer(self, request: Request) -> Answer | None:
        """The answer to a request below /cqweb; None where nothing is served there."""
        if request.method != "GET" or not PATH.fullmatch(request.path):
            return None
        if request.header("OSLC-Core-Version") != "2.0":
            return Answer(
                b'<?xml version="1.0"?>\n<feed xmlns="http://www.w3.org/2005/Atom"><title>OSLC 1</title></feed>\n'
            )
        try:
            return self._page(request)
        except (WhereError, ValueError) as error:
            return _refused(str(error))

    def _page(self, request: Request) -> Answer:
        given = request.parameters()
        prefixes = {"rdf", "rdfs", "oslc", "dcterms", *parse_prefixes(given.get("oslc.prefix", ""))}
        size = whole_number(given.get("oslc.pageSize", DEFAULT_SIZE), 1)
        page = whole_number(given.get("page", "1"), 1)
        if size is None or page is None:
            raise ValueError("oslc.pageSize and page are numbers from 1")
        size = min(size, MOST)
        if given.get("version", str(self._world.version)) != str(self._world.version):
            return text_answer("CRVAP0408E: that page of the query is not available any more", 404)
        found = self._matching(parse_where(given.get("oslc.where", "")), prefixes)
        selected = _selected(given.get("oslc.select", "*"), prefixes)
        following = ""
        if page * size < len(found):
            kept = {**given, "page": str(page + 1), "version": str(self._world.version)}
            following = f"{request.origin}{request.path}?{urlencode(kept)}"
        shown = found[(page - 1) * size : page * size]
        return Answer(_rdf(request, shown, selected, len(found), following), RDF)

    def _matching(self, where: list[Comparison], prefixes: set[str]) -> list[Record]:
        for comparison in where:
            _check_name(comparison.name, prefixes)
        return [item for item in self._world.items() if all(_satisfies(item, one) for one in where)]


def _satisfies(item: Record, comparison: Comparison) -> bool:
    match comparison.name:
        case "dcterms:modified" | "dcterms:created":
            moment: datetime = item[comparison.name.removeprefix("dcterms:")]
            return holds(comparison, moment)
        case "dcterms:identifier":
            return holds(comparison, item["id"])
    values, _ = _PROPERTIES[comparison.name]
    return any(value is not None and holds(comparison, value) for value in values(item, ""))


def _selected(text: str, prefixes: set[str]) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if names == ["*"]:
        return list(_PROPERTIES)
    for name in names:
        _check_name(name, prefixes)
    return names


def _check_name(name: str, prefixes: set[str]) -> None:
    if name.partition(":")[0] not in prefixes:
        raise WhereError(f"the prefix of {name} is not declared in oslc.prefix")
    if name not in _PROPERTIES:
        raise WhereError(f"there is no property {name}")


def _rdf(request: Request, items: list[Record], selected: list[str], total: int, following: str) -> bytes:
    url = f"{request.origin}{request.path}"
    root = url.removesuffix("/query")
    here = f"{url}?{request.query}" if request.query else url
    next_page = element("oslc:nextPage", None, rdf__resource=following) if following else ""
    return "".join(
        [
            f'<?xml version="1.0" encoding="UTF-8"?>\n<rdf:RDF{declarations(_NAMESPACES)}>\n',
            f'<oslc:ResponseInfo rdf:about="{quoted(here)}">{element("oslc:totalCount", str(total))}',
            f"{next_page}</oslc:ResponseInfo>\n",
            f'<rdf:Description rdf:about="{quoted(url)}">\n',
            *(f"<rdfs:member>{_record(item, root, selected)}</rdfs:member>\n" for item in items),
            "</rdf:Description>\n</rdf:RDF>\n",
        ]
    ).encode()


def _record(item: Record, root: str, selected: list[str]) -> str:
    parts = []
    for name in selected:
        values, is_resource = _PROPERTIES[name]
        for value in values(item, root):
            if value is not None:
                parts.append(
                    element(name, None, rdf__resource=value) if is_resource else element(name, value)
                )
    about = quoted(f"{root}/record/{item['id']}")
    return f'<rdf:Description rdf:about="{about}">{"".join(parts)}</rdf:Description>'


def _refused(message: str) -> Answer:
    error = element("oslc:statusCode", "400") + element("oslc:message", message)
    text = f"<rdf:RDF{declarations(_NAMESPACES)}><oslc:Error>{error}</oslc:Error></rdf:RDF>"
    return Answer(f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode(), RDF, 400)
