"""An RSS feed of what changed last: `GET /rss/items.xml`, one answer, times as in mail.

Who says which state they have (`If-None-Match`, or `If-Modified-Since`) gets 304 while it is still the same.
"""

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from local.endpoint.exchange import Answer, Request
from local.endpoint.markup import element
from local.endpoint.workitem import Record
from local.endpoint.world import World

NEWEST = 200


class Rss:
    """A world's newest work items as items of a channel."""

    name = "rss"

    def __init__(self, world: World) -> None:
        self._world = world

    def expire(self) -> int:
        """Nothing is kept from one request to the next."""
        return 0

    def answer(self, request: Request) -> Answer | None:
        """The answer to a request to /rss/items.xml; None where nothing is served there."""
        if request.method != "GET" or request.path != "/rss/items.xml":
            return None
        items = sorted(self._world.items(), key=lambda item: item["modified"], reverse=True)[:NEWEST]
        changed = items[0]["modified"].astimezone(UTC).replace(microsecond=0)
        tag = f'"{self._world.version}"'
        headers = (("ETag", tag), ("Last-Modified", format_datetime(changed, usegmt=True)))
        if _has_it(request, tag, changed):
            return Answer(status=304, headers=headers)
        listed = "".join(map(_item, items))
        channel = f"<channel>{element('title', 'Work items')}\n{listed}</channel>"
        text = f'<?xml version="1.0"?>\n<rss version="2.0">{channel}</rss>\n'
        return Answer(text.encode(), "application/rss+xml", headers=headers)


def _has_it(request: Request, tag: str, changed: datetime) -> bool:
    """Whether the caller has this state already; a tag counts more than a time."""
    if known := request.header("If-None-Match"):
        return known == tag
    if since := request.header("If-Modified-Since"):
        try:
            return parsedate_to_datetime(since) >= changed
        except (TypeError, ValueError):
            return False
    return False


def _item(item: Record) -> str:
    return (
        f"<item>{element('guid', str(item['id']), isPermaLink='false')}{element('title', item['summary'] or '')}"
        f"{element('pubDate', format_datetime(item['modified'].replace(microsecond=0)))}"
        f"{element('category', item['state']['name'])}</item>\n"
    )
