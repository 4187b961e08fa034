"""OData 2 with delta links: `GET /odata/WorkItems`, an Atom feed with its values in `m:properties`.

Pages go on by `link[@rel='next']` with a `$skiptoken`. The last one has a link to what changes from now on: in time
it answers changed entries, tombstones and the next such link. A tombstone is an `at:deleted-entry`, or with
`?tombstones=entry` an entry whose `m:deleted` is true, as some servers have it.
"""

from local.endpoint.exchange import Answer, Request, text_answer
from local.endpoint.kept import KeptQueries, whole_number
from local.endpoint.markup import element
from local.endpoint.workitem import Record, plain
from local.endpoint.world import World

PAGE_SIZE = 100
DELTA = "http://odata.org/delta"
_NAMESPACES = (
    'xmlns="http://www.w3.org/2005/Atom" xmlns:d="http://schemas.microsoft.com/ado/2007/08/dataservices" '
    'xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata" '
    'xmlns:at="http://purl.org/atompub/tombstones/1.0"'
)
_PATH = "/odata/WorkItems"


class Odata:
    """A world's work items as an entity set."""

    name = "odata"

    def __init__(self, world: World) -> None:
        self._world = world
        # What a query found and how far the world's history was then.
        self._queries: KeptQueries[tuple[list[Record], str]] = KeptQueries()
        self.expire = self._queries.expire

    def answer(self, request: Request) -> Answer | None:
        """The answer to a request to /odata/WorkItems; None where nothing is served there."""
        if request.method != "GET" or request.path != _PATH:
            return None
        given = request.parameters()
        if "$skiptoken" in given:
            token, _, start = given["$skiptoken"].partition("~")
            kept, first = self._queries.find(token), whole_number(start, 0)
            if kept is None or first is None:
                return text_answer("the skip token has expired", 410)
            ((found, delta),) = kept
            return self._page(request, (token, first), found, delta)
        delta = f"{len(self._world.states())}.{len(self._world.deleted())}"
        if "!deltatoken" not in given:
            found = self._world.items()
        else:
            since = [whole_number(part, 0) for part in given["!deltatoken"].split(".")]
            if len(since) != 2 or None in since:
                return text_answer("the delta token has expired", 410)
            found = self._changed(since[0] or 0, since[1] or 0)
        return self._page(request, (self._queries.keep([(found, delta)]), 0), found, delta)

    def _changed(self, states: int, deleted: int) -> list[Record]:
        """Each work item that changed since, as it is now, and what is left of those deleted since."""
        touched = {state["id"] for state in self._world.states(states)}
        now = [item for one in sorted(touched) if (item := self._world.item(one)) is not None]
        return [*now, *self._world.deleted()[deleted:]]

    @staticmethod
    def _page(request: Request, at: tuple[str, int], found: list[Record], delta: str) -> Answer:
        """One page: of the query with that token, from that record on."""
        token, first = at
        style = request.parameters().get("tombstones", "element")
        url, end = f"{request.origin}{_PATH}", first + PAGE_SIZE
        if end < len(found):
            following = f"{url}?tombstones={style}&$skiptoken={token}~{end}"
            link = element("link", None, rel="next", href=following)
        else:
            link = element("link", None, rel=DELTA, href=f"{url}?tombstones={style}&!deltatoken={delta}")
        entries = "".join(_entry(url, record, style) for record in found[first:end])
        feed = f"<feed {_NAMESPACES}>{element('id', url)}\n{entries}{link}</feed>\n"
        return Answer(f'<?xml version="1.0" encoding="utf-8"?>\n{feed}'.encode(), "application/atom+xml")


def _entry(url: str, record: Record, style: str) -> str:
    address = f"{url}({record['id']})"
    if "summary" not in record and style == "element":
        return f"{element('at:deleted-entry', None, ref=address, when=plain(record['modified']))}\n"
    if "summary" not in record:
        return (
            f'<entry m:deleted="true">{element("id", address)}<content type="application/xml"><m:properties>'
            f"{element('d:Id', str(record['id']))}</m:properties></content></entry>\n"
        )
    properties = [
        element("d:Id", str(record["id"])),
        element("d:Title", record["summary"])
        if record["summary"]
        else element("d:Title", None, m__null="true"),
        element("d:Modified", plain(record["modified"])),
        element("d:State", record["state"]["name"]),
    ]
    return (
        f"<entry>{element('id', address)}{element('updated', plain(record['modified']))}"
        f'<content type="application/xml"><m:properties>{"".join(properties)}</m:properties></content></entry>\n'
    )
