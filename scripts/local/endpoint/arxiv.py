"""arXiv's API: `GET /arxiv/query?search_query=lastUpdatedDate:[… TO …]&start=0&max_results=100`, an Atom feed.

Times are `YYYYMMDDHHMM` in GMT, both bounds included. `opensearch:totalResults` counts what matches now.
"""

import re
from datetime import UTC, datetime, timedelta

from local.endpoint.exchange import Answer, Request, text_answer
from local.endpoint.kept import whole_number
from local.endpoint.markup import element
from local.endpoint.workitem import Record, plain
from local.endpoint.world import World

_QUERY = re.compile(r"lastUpdatedDate:\[(?P<first>\d{12}) TO (?P<last>\d{12})\]")
_NAMESPACES = (
    'xmlns="http://www.w3.org/2005/Atom" xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" '
    'xmlns:arxiv="http://arxiv.org/schemas/atom"'
)


class Arxiv:
    """A world's work items as papers."""

    name = "arxiv"

    def __init__(self, world: World) -> None:
        self._world = world

    def expire(self) -> int:
        """Nothing is kept from one page to the next."""
        return 0

    def answer(self, request: Request) -> Answer | None:
        """The answer to a request to /arxiv/query; None where nothing is served there."""
        if request.method != "GET" or request.path != "/arxiv/query":
            return None
        given = request.parameters()
        query = _QUERY.fullmatch(given.get("search_query", ""))
        start = whole_number(given.get("start", "0"), 0)
        size = whole_number(given.get("max_results", "10"), 1)
        if query is None or start is None or size is None:
            return text_answer("search_query, start or max_results is malformed", 400)
        first, last = (
            datetime.strptime(query[name], "%Y%m%d%H%M").replace(tzinfo=UTC) for name in ("first", "last")
        )
        end = last + timedelta(minutes=1)
        found = [item for item in self._world.items() if first <= item["modified"] < end]
        shown = found[start : start + size]
        counts = "".join(
            element(f"opensearch:{name}", str(count))
            for name, count in (
                ("totalResults", len(found)),
                ("startIndex", start),
                ("itemsPerPage", len(shown)),
            )
        )
        entries = "".join(map(_entry, shown))
        text = f'<?xml version="1.0" encoding="UTF-8"?>\n<feed {_NAMESPACES}>{counts}\n{entries}</feed>\n'
        return Answer(text.encode(), "application/atom+xml; charset=utf-8")


def _entry(item: Record) -> str:
    authors = [item["creator"], *item["subscriptions"]]
    return "".join(
        [
            f"<entry>{element('id', f'http://arxiv.example.com/abs/{item["id"]}')}",
            element("updated", plain(item["modified"])),
            element("published", plain(item["created"])),
            element("title", item["summary"] or ""),
            element("summary", item["description"] or ""),
            *(f"<author>{element('name', author['name'])}</author>" for author in authors),
            element("category", None, term=item["category"]["name"]),
            "</entry>\n",
        ]
    )
