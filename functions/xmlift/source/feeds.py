"""Two feeds in one window: the records, and after them what tells that keys are gone."""

from collections.abc import Mapping

from lxml import etree

from xmlift.source.walk import NOTHING, Captured, PageRequest, Walk

_FEED = "_feed"
"""No name that a request's values may have in a catalogue."""


class TwoFeeds:
    """The way through the pages of one feed, and then through those of the second one; `gone_first`: before them.

    Where no time tells which of two versions of a key is newer, it is the one that was read later: what is there is
    read after what is gone, so that a key which is in both (it was restored) is there.
    """

    def __init__(self, main: Walk, second: Walk, *, gone_first: bool = False) -> None:
        self._main = main
        self._second = second
        self.gone_first = gone_first
        self.bootstrap: Captured | None = main.bootstrap
        self.ended_by = f"{main.ended_by}; then of the second feed: {second.ended_by}"
        if gone_first:
            self.ended_by = f"of the second feed: {second.ended_by}; then: {main.ended_by}"

    def first(self, values: Mapping[str, str] = NOTHING) -> PageRequest | None:
        if self.gone_first:
            return self._begin_second() or self._main.first(values)
        return self._main.first(values) or self._begin_second()

    def following(
        self, root: etree._Element, request: PageRequest, answer_url: str, records: int | None
    ) -> PageRequest | None:
        if is_of_second(request):
            following = self._second.following(root, request, answer_url, records)
            following = None if following is None else of_second(following)
        else:
            following = self._main.following(root, request, answer_url, records)
        # While a page is being read, what follows it in its own feed is not told apart from its end.
        return following if following is not None or records is None else self.after_last(request)

    def after_last(self, request: PageRequest) -> PageRequest | None:
        """What is asked where the feed of this request has ended, whatever its page says."""
        if is_of_second(request):
            return self._main.first() if self.gone_first else None
        return None if self.gone_first else self._begin_second()

    def begins_later_feed(self, request: PageRequest) -> bool:
        """Whether the request is for the first page of the feed that is read after the other one."""
        first = self._main.first() if self.gone_first else self._begin_second()
        of_it = is_of_second(request) != self.gone_first
        return of_it and first is not None and request.asks_the_same_as(first)

    def _begin_second(self) -> PageRequest | None:
        first = self._second.first()
        return None if first is None else of_second(first)


def is_of_second(request: PageRequest) -> bool:
    """Whether the page tells of what is gone."""
    return _FEED in request.values


def of_second(request: PageRequest) -> PageRequest:
    """The request as one of the feed that tells of what is gone."""
    return request._replace(values={**request.values, _FEED: "second"})
