"""extract: read one window from the endpoint to S3.

A function of run and window alone: whatever an earlier call of the same window did is found on S3, so that a
retry, a redrive, a continuation and a twin are one and the same case (E1). Nothing counts until a link of the
chain names it, and the window counts once `commit.json` stands.
"""

import io
import secrets
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import BinaryIO

import msgspec
from msgspec import Struct

from xmlift.catalogue import Source, Stream, load_source
from xmlift.catalogue import model as catalogue
from xmlift.catalogue import request as asked
from xmlift.catalogue.stream import Column
from xmlift.errors import CatalogueError, SourceError, XmliftError
from xmlift.landing import names
from xmlift.landing.chain import Chain
from xmlift.landing.commits import Commit, Link, Progress, Scope
from xmlift.landing.names import WindowName
from xmlift.landing.zone import Zone
from xmlift.layout import stream_layout
from xmlift.records import Field, Mapping, Nested, Page, read_page, unmatched_names
from xmlift.records.stylesheet import Stylesheet
from xmlift.source import login as logins
from xmlift.source.paging import NextUrlPaging, NoPaging, Paging
from xmlift.source.session import Answer, OutOfTimeError, Politeness, Session
from xmlift.source.urls import format_time, request_url, shown, widened
from xmlift.telemetry import logger
from xmlift.window_rows import WindowRows
from xmlift.windows import Interval

MAX_SKEW = timedelta(minutes=5)
"""How far the clock of a server that does not tell it may be behind ours."""

CHECKPOINT_PAGES = 20
CHECKPOINT_BYTES = 16 * 1024 * 1024
RESERVE_SECONDS = 45.0
"""What a call keeps of its time for the last checkpoint, beside the time of its slowest page."""

_MEGABYTE = 1024 * 1024
_UNMATCHED_NAMES = 5

SecretReader = Callable[[str], dict[str, str]]


class ExtractEvent(Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """One window to read: an item of the plan's work list."""

    source: str
    catalogue: str
    run: str
    stream: str
    partition: str
    epoch: int
    start: datetime
    end: datetime
    base_url: str | None = None
    set_windows: int = 0

    @property
    def window(self) -> WindowName:
        return WindowName(
            self.source,
            self.stream,
            self.run,
            self.partition,
            Interval(self.start.astimezone(UTC), self.end.astimezone(UTC)),
        )


class ExtractAnswer(Struct, frozen=True, kw_only=True):
    """`done`, or `more`: call again with the same event. A hint; the truth is on S3."""

    status: str
    pages: int
    records: int


def extract(
    event: ExtractEvent, zone: Zone, read_secret: SecretReader, time_left: Callable[[], float]
) -> ExtractAnswer:
    """Read a window, or go on with it. Raises XmliftError that names the window, after noting it on S3."""
    window = event.window
    try:
        chain = Chain(zone, window)
        if chain.is_committed:
            return ExtractAnswer(status="done", pages=0, records=0)
        source = load_source(zone.get(event.catalogue), event.catalogue, event.base_url)
        stream = source.streams.get(event.stream)
        if stream is None:
            raise CatalogueError(
                f"{event.catalogue}: no stream {event.stream!r}; it has {', '.join(source.streams)}"
            )
        return WindowReader(event, source, stream, chain, read_secret, time_left).read()
    except XmliftError as error:
        message = f"{window}: {error}"
        note = {"error": type(error).__name__, "message": message}
        zone.put(names.failure(window), msgspec.json.encode(note))
        raise type(error)(message) from error


class WindowReader:
    """The reading of one window by one call."""

    def __init__(
        self,
        event: ExtractEvent,
        source: Source,
        stream: Stream,
        chain: Chain,
        read_secret: SecretReader,
        time_left: Callable[[], float],
    ) -> None:
        self._event = event
        self._window = event.window
        self._source = source
        self._stream = stream
        self._chain = chain
        self._attempt = secrets.token_hex(6)
        self._mapping = record_mapping(source, stream)
        self._stylesheet = Stylesheet(self._mapping)
        self._paging = _paging(source, stream)
        self._time_left = time_left
        self._session = _session(source, stream, read_secret, time_left)
        last = chain.last
        self._progress = _copied(last.progress) if last else Progress()
        self._as_of = last.as_of if last else None
        self._read_urls = set(last.page_hashes) if last else set[str]()
        self._rows = WindowRows(
            stream_layout(event.stream, stream),
            stream,
            self._window,
            self._attempt,
            self._progress,
            names.run_started(event.run),
        )

    def read(self) -> ExtractAnswer:
        """Read pages until there are none, or until the call's time is nearly up."""
        url = self._chain.last.next_url if self._chain.last else None
        url = url or self._first_url()
        slowest, pages_before = 0.0, self._progress.pages
        while url is not None:
            begun = monotonic()
            try:
                following = self._read_page(url)
            except OutOfTimeError:
                if self._progress.pages == pages_before:
                    raise  # a whole call's time was not enough for this one page
                self._checkpoint(url)
                return self._answer("more")
            url = following
            slowest = max(slowest, monotonic() - begun)
            self._progress.seconds += monotonic() - begun
            if url is None:
                break
            out_of_time = self._time_left() < RESERVE_SECONDS + slowest
            if (out_of_time or self._checkpoint_is_due()) and not self._checkpoint(url):
                return self._answer("more")  # a twin went further: the next call goes on from there
            if out_of_time:
                return self._answer("more")
        self._commit()
        return self._answer("done")

    def _first_url(self) -> str:
        values: dict[str, str] = {}
        if (cursor := self._stream.cursor) is not None:
            asked = widened(self._window.interval, cursor.resolution_time)
            for name, instant in (("window.from", asked.start), ("window.to", asked.end)):
                values[name] = format_time(instant, cursor.format, cursor.resolution_time)
        request = self._stream.request
        return request_url(self._source.base_url, request.path, request.query, values)

    def _read_page(self, url: str) -> str | None:
        """Read one page; the next one's URL, None after the last."""
        url_hash = names.short_hash(url)
        if url_hash in self._read_urls:
            raise SourceError(
                f"{shown(url)}: the endpoint names this page a second time: it answers in a circle"
            )
        answer = self._session.fetch(url)
        if self._as_of is None:
            self._as_of = answer.date or answer.read_at - MAX_SKEW
        with answer.body:
            try:
                page = self._read_records(answer)
            except XmliftError as error:
                raise type(error)(f"page {self._progress.pages + 1}, {shown(url)}: {error}") from error
        self._read_urls.add(url_hash)
        self._progress.pages += 1
        self._progress.bytes += answer.size
        self._progress.retries += answer.retries
        logger.debug("page", url=shown(url), records=page.records, bytes=answer.size)
        assert page.root is not None
        return self._paging.next_url(page.root, answer.url)

    def _read_records(self, answer: Answer) -> Page:
        record_limit = self._source.limits.record_megabytes * _MEGABYTE
        page = read_page(self._body(answer), self._mapping, self._stylesheet, record_limit)
        for batch in page:
            self._rows.add(batch, page=self._progress.pages + 1, read_at=answer.read_at)
        if not page.records:
            assert page.root is not None
            names_there = Counter(self._progress.unmatched) + Counter(
                unmatched_names(page.root, self._mapping)
            )
            self._progress.unmatched = dict(names_there.most_common(_UNMATCHED_NAMES))
        return page

    def _body(self, answer: Answer) -> BinaryIO:
        if not self._stream.repair:
            return answer.body
        # Beautiful Soup takes a fifth of a cold start: only a stream that repairs pays for it.
        from xmlift.records.repair import repaired  # noqa: PLC0415

        mended = repaired(answer.body, self._mapping)
        if mended.fault is not None:
            self._progress.repaired_pages += 1
            logger.warning("repaired a page", url=shown(answer.url), fault=mended.fault)
        return io.BytesIO(mended.page)

    def _checkpoint_is_due(self) -> bool:
        pages = self._progress.pages - (self._chain.last.progress.pages if self._chain.last else 0)
        return pages >= CHECKPOINT_PAGES or self._rows.bytes_written >= CHECKPOINT_BYTES

    def _checkpoint(self, next_url: str) -> bool:
        assert self._as_of is not None
        return self._chain.extend(
            Link(
                attempt=self._attempt,
                previous=self._chain.last_sha,
                parts=self._rows.flush(self._chain),
                progress=_copied(self._progress),
                as_of=self._as_of,
                next_url=next_url,
                page_hashes=sorted(self._read_urls),
            )
        )

    def _commit(self) -> None:
        assert self._as_of is not None
        self._rows.check()
        parts = self._rows.flush(self._chain)
        self._chain.commit(
            Commit(
                scope=Scope(
                    source=self._window.source,
                    stream=self._window.stream,
                    partition=self._window.partition,
                    epoch=self._event.epoch,
                ),
                run=self._window.run,
                start=self._window.interval.start,
                end=self._window.interval.end,
                attempt=self._attempt,
                links=len(self._chain.links),
                parts=self._chain.parts + parts,
                columns=self._rows.columns,
                progress=self._progress,
                as_of=self._as_of,
                parsed_at=names.run_started(self._window.run),
                ended_by=self._paging.ended_by,
                set_windows=self._event.set_windows,
            )
        )
        logger.info("landed", window=str(self._window), pages=self._progress.pages)

    def _answer(self, status: str) -> ExtractAnswer:
        own = self._progress.tables.get(self._window.stream)
        return ExtractAnswer(status=status, pages=self._progress.pages, records=own.read if own else 0)


def _copied(progress: Progress) -> Progress:
    """A link keeps what was counted then, whatever is counted later."""
    return msgspec.convert(msgspec.to_builtins(progress), Progress)


def record_mapping(source: Source, stream: Stream) -> Mapping:
    """What the records room has to know of a stream. Raises RecordError for a path that cannot be read."""
    return Mapping(
        stream.records,
        _fields(stream.columns),
        tuple(Nested(name, child.records, _fields(child.columns)) for name, child in stream.children.items()),
        source.namespaces,
    )


def _fields(columns: dict[str, Column]) -> tuple[Field, ...]:
    return tuple(Field(name, column.path) for name, column in columns.items())


def _paging(source: Source, stream: Stream) -> Paging:
    match stream.page:
        case asked.NextUrlPaging(xpath=xpath, when=when):
            return NextUrlPaging(xpath, when, source.namespaces)
        case asked.NoPaging():
            return NoPaging()


def _session(
    source: Source, stream: Stream, read_secret: SecretReader, time_left: Callable[[], float]
) -> Session:
    limits = source.limits
    politeness = Politeness(
        limits.timeout_seconds, limits.attempts, limits.requests_per_second, limits.page_megabytes * _MEGABYTE
    )
    headers = dict(stream.request.headers)
    return Session(source.base_url, _login(source, read_secret), politeness, headers, time_left)


def _login(source: Source, read_secret: SecretReader) -> logins.Login:
    match source.auth:
        case catalogue.BasicLogin(secret=name):
            return logins.BasicLogin(read_secret(name))
        case catalogue.JazzFormLogin(secret=name):
            return logins.JazzFormLogin(read_secret(name))
        case catalogue.NoLogin():
            return logins.NoLogin()
