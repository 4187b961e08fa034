"""OSLC-CM 1.0 as EWM has it: `GET /jazz/oslc/contexts/{project area}/workitems`, and `/jazz/oslc/projectareas`.

`oslc_cm.query` (comparisons joined by `and`), `oslc_cm.pageSize` (50; at most 100). The next page is named by
`oslc_cm:next` of the root, with the token of a query that the server keeps. Most values are resources, whose
addresses stand in `rdf:resource` of empty elements.
"""

import re
from datetime import UTC, datetime

from local.endpoint.exchange import Answer, Request, text_answer
from local.endpoint.kept import KeptQueries, whole_number
from local.endpoint.markup import declarations, element, quoted
from local.endpoint.oslc_where import Comparison, WhereError, holds, parse_where
from local.endpoint.workitem import Record, plain
from local.endpoint.world import World

_PATH = re.compile(r"/jazz/oslc/contexts/(?P<area>[^/]+)/workitems(\.xml)?")
_AREAS = "/jazz/oslc/projectareas"
DEFAULT_SIZE, MOST = "50", 100
_NAMESPACES = {
    "oslc_cm": "http://open-services.net/xmlns/cm/1.0/",
    "rtc_cm": "http://jazz.net/xmlns/prod/jazz/rtc/cm/1.0/",
    "dc": "http://purl.org/dc/terms/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
}
_ERROR = 'xmlns:oslc_cm="http://open-services.net/xmlns/cm/1.0/"'


class OslcCm:
    """A world's work items as change requests."""

    name = "oslc_cm"

    def __init__(self, world: World) -> None:
        self._world = world
        self._queries: KeptQueries[int] = KeptQueries()
        self.expire = self._queries.expire

    def answer(self, request: Request) -> Answer | None:
        """The answer to a request below /jazz/oslc; None where nothing is served there."""
        if request.method != "GET":
            return None
        if request.path == _AREAS:
            return self._project_areas(request)
        if path := _PATH.fullmatch(request.path):
            return self._work_items(request, path["area"])
        return None

    def _work_items(self, request: Request, area: str) -> Answer:
        given = request.parameters()
        size = whole_number(given.get("oslc_cm.pageSize", DEFAULT_SIZE), 1)
        start = whole_number(given.get("_startIndex", "0"), 0)
        if size is None or start is None:
            return text_answer("oslc_cm.pageSize is a number from 1, _startIndex one from 0", 400)
        token = given.get("_resultToken")
        try:
            found = self._queries.find(token) if token else self._run(given.get("oslc_cm.query", ""), area)
        except WhereError as error:
            return _error(400, str(error))
        if found is None:
            return _error(200, f"Query {token} expired.")
        end = start + min(size, MOST)
        following = ""
        if end < len(found):
            token = token or self._queries.keep(found)
            page = f"oslc_cm.pageSize={end - start}&_resultToken={token}&_startIndex={end}"
            following = f"{request.origin}{request.path}?{page}"
        items = [item for one in found[start:end] if (item := self._world.item(one)) is not None]
        rows = [_change_request(item, f"{request.origin}/jazz") for item in items]
        return Answer(_collection(rows, len(found), following))

    def _run(self, query: str, area: str) -> list[int]:
        where = parse_where(query)
        return [
            item["id"]
            for item in self._world.items()
            if item["projectArea"]["itemId"] == area and all(_satisfies(item, one) for one in where)
        ]

    def _project_areas(self, request: Request) -> Answer:
        root = f"{request.origin}/jazz/oslc/projectareas"
        areas = [
            f'<rtc_cm:Project rdf:resource="{quoted(f"{root}/{area['itemId']}")}">'
            f"{element('dc:title', area['name'])}{element('rtc_cm:archived', 'false')}</rtc_cm:Project>"
            for area in self._world.project_areas()
        ]
        return Answer(_collection(areas, len(areas), ""))


def _satisfies(item: Record, comparison: Comparison) -> bool:
    match comparison.name:
        case "dc:modified" | "dc:created":
            moment: datetime = item[comparison.name.removeprefix("dc:")]
            return holds(comparison, moment)
        case "dc:identifier":
            return holds(comparison, item["id"])
    raise WhereError(f"{comparison.name} cannot be compared")


def _collection(rows: list[str], total: int, following: str) -> bytes:
    next_page = f' oslc_cm:next="{quoted(following)}"' if following else ""
    opening = f'<oslc_cm:Collection{declarations(_NAMESPACES)} oslc_cm:totalCount="{total}"{next_page}>'
    text = "\n".join([opening, *rows, "</oslc_cm:Collection>\n"])
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()


def _change_request(item: Record, root: str) -> str:
    def resource(name: str, path: str) -> str:
        return element(name, None, rdf__resource=f"{root}/oslc/{path}")

    estimate = item["duration"]
    return "".join(
        [
            f'<oslc_cm:ChangeRequest rdf:resource="{quoted(f"{root}/resource/itemOid/{item['itemId']}")}">',
            element("dc:identifier", str(item["id"])),
            element("dc:title", item["summary"] or ""),
            element("dc:description", item["description"] or ""),
            element("dc:created", plain(item["created"].astimezone(UTC))),
            element("dc:modified", plain(item["modified"].astimezone(UTC))),
            resource("dc:creator", f"users/{item['creator']['userId']}"),
            resource("rtc_cm:ownedBy", f"users/{item['owner']['userId']}"),
            resource("rtc_cm:state", f"workflows/states/{item['state']['id']}"),
            resource("oslc_cm:severity", f"enumerations/severity/{item['severity']['id']}"),
            resource("oslc_cm:priority", f"enumerations/priority/{item['priority']['id']}"),
            element("rtc_cm:archived", "true" if item["archived"] else "false"),
            element("rtc_cm:estimate", str(estimate)),
            "</oslc_cm:ChangeRequest>",
        ]
    )


def _error(status: int, message: str) -> Answer:
    said = f"{element('oslc_cm:status', str(status))}{element('oslc_cm:message', message)}"
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<oslc_cm:error {_ERROR}>{said}</oslc_cm:error>\n'
    return Answer(text.encode(), status=status)
