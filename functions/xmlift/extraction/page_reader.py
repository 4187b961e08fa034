"""The pages of one window: each read from the source, its records handed on, and the next one's request found."""

import io
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, BinaryIO

from lxml import etree

from xmlift.catalogue import Source, Stream
from xmlift.catalogue.deletes import SecondFeed
from xmlift.catalogue.paging import OffsetPaging, PageNumberPaging, Paging
from xmlift.errors import RecordError, SourceError, XmliftError
from xmlift.extraction.converted import Place
from xmlift.extraction.kept_pages import KeptPages
from xmlift.extraction.rooms import MEGABYTE, delta_link, gone_mapping, record_mapping, source_guards
from xmlift.extraction.window_lifting import WindowLifting, piece_reader
from xmlift.extraction.window_parts import LiftedRows
from xmlift.extraction.window_rows import WindowRows
from xmlift.landing import names
from xmlift.landing.commits import Link, Progress
from xmlift.records import Mapping, Page, unmatched_names
from xmlift.source.answer import Answer
from xmlift.source.feeds import TwoFeeds, is_of_second
from xmlift.source.login import LoginRefusedError
from xmlift.source.refusals import RefusedError
from xmlift.source.urls import joined, masked, shown
from xmlift.source.walk import PageRequest, Way
from xmlift.source.whole import captured_values, records_hash, whole_tree
from xmlift.telemetry import logger

MAX_SKEW = timedelta(minutes=5)
"""How far the clock of a server that does not tell it may be behind ours."""

AHEAD_BYTES = 64 * MEGABYTE
"""Beside a larger page no other one is held, since both wait on the function's disk."""

_UNMATCHED_NAMES = 5


class PageReader:
    """Reads a window's pages, from its first one or from where the chain's last link stopped.

    `as_of` is the server's clock when the window's first page was asked for, ours where that is the earlier (P2):
    a server that is behind settles by its own clock, one that is ahead by ours. `read_pages` are the hashes of all
    that was asked for so far, `next_link` is where a delta goes on after the last page.
    """

    def __init__(
        self,
        source: Source,
        stream: Stream,
        way: Way,
        lifting: WindowLifting,
        rows: WindowRows,
        progress: Progress,
        last: Link | None,
    ) -> None:
        self._source = source
        self._stream = stream
        self._fetching = way.fetching
        self._lifting = lifting
        self._rows = rows
        self._progress = progress
        self._mapping = record_mapping(source, stream)
        self._gone_mapping = gone_mapping(source, stream)
        self._walk = way.walk
        self._guards = source_guards(source, stream)
        self._delta_link = delta_link(source, stream)
        self._last = last
        self._keep = way.keep
        self.ended_by = way.walk.ended_by
        self.as_of: datetime | None = last.as_of if last else None
        self.next_link: str | None = None
        self.not_modified = False
        self.told_by: tuple[str | None, str | None] = None, None
        self.read_pages = set(last.page_hashes) if last else set[str]()

    def first(self) -> PageRequest | None:
        """Where the chain's last link stopped, else where the window begins; None where it has no page."""
        if self._last is not None and self._last.next_url is not None:
            return self._linked(self._last, self._last.next_url)
        captured = self._walk.bootstrap
        if captured is None:
            return self._walk.first()
        with _telling("first call"):
            answer = self._fetch(captured.request)
        with answer.body, _telling(f"first call, {captured.request.shown}"):
            root = whole_tree(answer)
            if root is not None:
                self._guards.check(root)
            return self._walk.first(captured_values(captured, root))

    def _linked(self, last: Link, url: str) -> PageRequest:
        body = None if last.next_body is None else last.next_body.encode()
        request = PageRequest(url, body, last.next_headers, last.values, tuple(last.secrets))
        if last.next_headers or isinstance(self._walk, TwoFeeds) or self._walk.bootstrap is not None:
            return request
        # A link of a version that knew no other headers than the stream's own, and no second feed.
        first = self._walk.first()
        return request if first is None else request._replace(headers=first.headers)

    def read(self, request: PageRequest, *, ahead: bool = False) -> PageRequest | None:
        """Read one page; the next one's request, None after the last. Raises SourceError, RecordError, RowError.

        `ahead`: the next one is fetched meanwhile, where the page's head names it already.

        RefusedError and RecordError say that what was answered is not this page: later in a window, its server
        may just have forgotten the way that it led us.
        """
        page_hash, number = names.short_hash(request.identity), self._progress.pages + 1
        if page_hash in self.read_pages:
            raise RefusedError(
                f"page {number}: {request.shown}: the endpoint names this page a second time: it answers in a "
                "circle"
            )
        if self._progress.pages >= (most := self._source.limits.pages_per_window):
            raise SourceError(
                f"page {number}: {request.shown}: {most} pages were read, and yet another one follows. If that is "
                "no circle, raise limits.pages_per_window, or ask for larger pages or shorter slices"
            )
        with _telling(f"page {number}"):
            answer = self._fetch(request)
        if answer.not_modified:
            self.not_modified = True
            self.ended_by = "the endpoint says that nothing was modified"
            return None
        self.told_by = answer.etag, answer.last_modified
        self.read_pages.add(page_hash)
        with answer.body, _telling(f"page {number}, {request.shown}", request.secrets):
            following = self._read_answer(request, answer, ahead=ahead and answer.size <= AHEAD_BYTES)
            if self._keep is not None:
                self._keep(
                    answer.body,
                    number,
                    request.shown,
                    answer.read_at,
                    gone=is_of_second(request),
                )
        self._progress.pages += 1
        self._progress.bytes += answer.size
        self._progress.retries += answer.retries
        return following

    def _fetch(self, request: PageRequest) -> Answer:
        answer = self._fetching.fetch(request)
        if self.as_of is None:
            # A date in the future, be it that of one bad answer, would count as the newest until then.
            self.as_of = min(answer.date or answer.read_at - MAX_SKEW, answer.read_at)
        return answer

    def _read_answer(self, request: PageRequest, answer: Answer, *, ahead: bool) -> PageRequest | None:
        self._check_repeated(request, answer)
        try:
            page = self._read_records(request, answer, ahead=ahead)
        except RecordError:
            # What has another root than a page may say what it is.
            root = whole_tree(answer) if self._guards.are_any else None
            if root is None:
                raise
            self._guards.check(root)
            if not self._guards.says_empty(root):
                raise
            return self._end_empty(request, root, answer.url)
        self._rows.check_window()
        assert page.root is not None
        logger.debug("page", url=request.shown, records=page.records, bytes=answer.size)
        self._guards.check(page.root)
        if not page.records:
            if self._guards.says_empty(page.root):
                return self._end_empty(request, page.root, answer.url)
            if not is_of_second(request):
                names_there = Counter(self._progress.unmatched) + Counter(
                    unmatched_names(page.root, self._mapping)
                )
                self._progress.unmatched = dict(names_there.most_common(_UNMATCHED_NAMES))
        following = self._walk.following(page.root, request, answer.url, page.records)
        if following is None and self._delta_link is not None:
            self.next_link = self._found_link(self._delta_link, page.root, answer.url)
        return following

    def _found_link(self, xpath: etree.XPath, root: etree._Element, url: str) -> str:
        found = str(xpath(root)).strip()
        if not found:
            raise SourceError(
                f"the last page has no link to go on from ({xpath.path}): without it the next run could not know "
                "what has changed. Correct the cursor's xpath"
            )
        return joined(url, found)

    def _end_empty(self, request: PageRequest, root: etree._Element, url: str) -> PageRequest | None:
        """The answer says that there are no records; after pages that had some, it takes that back."""
        if isinstance(self._walk, KeptPages):
            return self._walk.after_last(request)
        if not self._is_first_of_feed(request):
            if self._is_counted(request):
                return self._walk.following(root, request, url, 0)  # that is how such pages end
            raise RefusedError("the answer says that there are no records, after pages that had some")
        if self._delta_link is not None and str(self._delta_link(root)).strip():
            self.next_link = self._found_link(self._delta_link, root, url)
        if isinstance(self._walk, TwoFeeds):
            return self._walk.after_last(request)
        self.ended_by = f"the answer says that there are no records: {self._stream.guards.empty}"
        return None

    def _is_first_of_feed(self, request: PageRequest) -> bool:
        if not self._progress.pages:
            return True
        return isinstance(self._walk, TwoFeeds) and self._walk.begins_later_feed(request)

    def _is_counted(self, request: PageRequest) -> bool:
        return isinstance(self._page_asked_by(request), OffsetPaging | PageNumberPaging)

    def _page_asked_by(self, request: PageRequest) -> Paging:
        deletes = self._stream.deletes
        if is_of_second(request) and isinstance(deletes, SecondFeed):
            return deletes.page
        return self._stream.page

    def _check_repeated(self, request: PageRequest, answer: Answer) -> None:
        """Pages that are only counted have to differ: a server that ignores their number sends one again."""
        if not self._is_counted(request):
            return
        mapping = self._mapping
        if is_of_second(request) and self._gone_mapping is not None:
            mapping = self._gone_mapping
        tag = mapping.record_tags[-1].rpartition("}")[2]
        found = records_hash(answer.body, tag)
        if not found:
            return  # pages without records are all alike
        content = names.short_hash(found)
        if content in self.read_pages:
            raise RefusedError(
                "the records are those of a page before, byte for byte: the server sends one page again, whatever "
                "stands for its place in the request"
            )
        self.read_pages.add(content)

    def _read_records(self, request: PageRequest, answer: Answer, *, ahead: bool) -> Page[LiftedRows]:
        page = self._page(request, answer)
        for first_row, lifted in page:
            if ahead:
                self._fetch_next(page, request, answer.url)
                ahead = False
            self._rows.add(first_row, lifted)
            del lifted  # not beside the next rows: those of one large record take many megabytes
        return page

    def _page(self, request: PageRequest, answer: Answer) -> Page[LiftedRows]:
        place, limit = (
            Place(self._progress.pages + 1, answer.read_at),
            self._source.limits.record_megabytes * MEGABYTE,
        )
        if self._gone_mapping is not None and is_of_second(request):
            gone = self._gone_mapping
            body = self._body(answer, gone)
            return Page(body, gone, piece_reader(gone), self._lifting.gone(gone, place), limit)
        lifter = self._lifting.page(place, answer.size)
        return Page(self._body(answer, self._mapping), self._mapping, self._lifting.pieces, lifter, limit)

    def _fetch_next(self, page: Page[LiftedRows], request: PageRequest, url: str) -> None:
        """Ask for the page after this one, as far as this one's head tells: what follows may say otherwise."""
        if page.head_root is None:
            return
        # What is wrong with the next request is told in its turn, when all of the page is known.
        with suppress(SourceError):
            following = self._walk.following(page.head_root, request, url, None)
            if following is not None and names.short_hash(following.identity) not in self.read_pages:
                self._fetching.expect(following)

    def _body(self, answer: Answer, mapping: Mapping) -> BinaryIO:
        if not self._stream.repair:
            return answer.body
        # Beautiful Soup takes a fifth of a cold start: only a stream that repairs pays for it.
        from xmlift.records.repair import repaired  # noqa: PLC0415

        mended = repaired(answer.body, mapping)
        if mended.fault is not None:
            self._progress.repaired_pages += 1
            logger.warning("repaired a page", url=shown(answer.url), fault=mended.fault)
        return io.BytesIO(mended.page)


@contextmanager
def _telling(where: str, secrets: Iterable[str] = ()) -> Iterator[None]:
    """Whatever is wrong is told with where it is, also in the server's words without these."""
    try:
        yield
    except LoginRefusedError:
        raise  # which is of no page
    except XmliftError as error:
        raise type(error)(f"{where}: {masked(str(error), secrets)}") from None  # which is not masked


def link_to(request: PageRequest) -> dict[str, Any]:
    """How a link of the chain names the page to go on with."""
    return {
        "next_url": request.url,
        "next_body": None if request.body is None else request.body.decode(),
        "next_headers": dict(request.headers),
        "values": dict(request.values),
        "secrets": list(request.secrets),
    }
