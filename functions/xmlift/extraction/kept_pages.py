"""Kept answers in place of the endpoint: the pages of a window as one run read them, to be parsed once more."""

import io
from collections.abc import Mapping
from itertools import pairwise
from types import TracebackType
from typing import Self

from lxml import etree

from xmlift.errors import LandingError
from xmlift.landing.commits import Commit
from xmlift.landing.names import WindowName
from xmlift.landing.raw import raw_answer
from xmlift.landing.zone import Zone
from xmlift.source.answer import Answer
from xmlift.source.feeds import of_second
from xmlift.source.walk import NOTHING, Captured, PageRequest


class KeptPages:
    """The way through the kept answers of a window, and what fetches them: a Walk and a Fetching in one.

    Each answer is as old as it is: it was read when the commit says, by the server's clock of then, and for the
    epoch of then (`epoch`). Of a later one, for which all is to be asked anew, it settles nothing.
    """

    bootstrap: Captured | None = None

    def __init__(self, zone: Zone, window: WindowName, commit: Commit) -> None:
        """Raises LandingError for a window of which not all answers are kept."""
        if not commit.raw or len(commit.raw) != commit.progress.pages:
            raise LandingError(
                f"of the {commit.progress.pages} answers that {window} was made of {len(commit.raw)} are kept: "
                "read it from the endpoint instead (backfill with `reread`)"
            )
        self._zone = zone
        self._window = window
        self._as_of = commit.as_of
        self.epoch = commit.scope.epoch
        self._pages = {f"s3://{zone.bucket}/{window.raw_folder}{page.name}": page for page in commit.raw}
        urls = list(self._pages)
        self._first = urls[0]
        self._next = dict(pairwise(urls))
        self.ended_by = commit.ended_by

    def first(self, values: Mapping[str, str] = NOTHING) -> PageRequest:
        """The window's first answer."""
        del values
        return self._request(self._first)

    def following(
        self, root: etree._Element, request: PageRequest, answer_url: str, records: int | None
    ) -> PageRequest | None:
        """The next one in the order in which they came, whatever is written in them."""
        del root, answer_url, records
        return self.after_last(request)

    def after_last(self, request: PageRequest) -> PageRequest | None:
        """The next one also after an answer that says that there are no records."""
        following = self._next.get(request.url)
        return None if following is None else self._request(following)

    def _request(self, url: str) -> PageRequest:
        request = PageRequest(url)
        return of_second(request) if self._pages[url].gone else request

    def expect(self, request: PageRequest) -> None:
        """S3 is near: nothing is fetched early."""

    def fetch(self, request: PageRequest) -> Answer:
        """A kept answer, as it came. Raises LandingError where it is gone."""
        page = self._pages[request.url]
        body = raw_answer(self._zone, self._window, page)
        size = body.seek(0, io.SEEK_END)
        body.seek(0)
        return Answer(request.url, body, size, page.read_at, self._as_of, retries=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is left open."""
