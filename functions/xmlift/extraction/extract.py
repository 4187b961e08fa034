"""extract: read one window from the endpoint to S3.

A function of run and window alone: whatever an earlier call of the same window did is found on S3, so that a
retry, a redrive, a continuation and a twin are one and the same case (E1). Nothing counts until a link of the
chain names it, and the window counts once `commit.json` stands.
"""

import errno
import secrets
from collections.abc import Callable
from datetime import UTC
from time import monotonic

import msgspec
from msgspec import Struct

from xmlift.catalogue import Source, Stream, load_source
from xmlift.errors import CatalogueError, LandingError, RecordError, XmliftError
from xmlift.extraction.dropped_file import DroppedFile
from xmlift.extraction.kept_pages import KeptPages
from xmlift.extraction.page_reader import PageReader, link_to
from xmlift.extraction.refused_logins import RefusedLogins
from xmlift.extraction.rooms import MEGABYTE, SecretReader, record_mapping, source_session, window_walk
from xmlift.extraction.window_lifting import WindowLifting, WindowToLift
from xmlift.extraction.window_rows import WindowRows
from xmlift.landing import names
from xmlift.landing.chain import Chain, is_landed, landed
from xmlift.landing.commits import Commit, Link, Progress, RawPage, Scope
from xmlift.landing.names import WindowName
from xmlift.landing.zone import Zone
from xmlift.source.ahead import FetchAhead
from xmlift.source.refusals import LongPauseError, OutOfTimeError, RefusedError
from xmlift.source.walk import PageRequest, Way
from xmlift.telemetry import logger, measure
from xmlift.windows import Interval
from xmlift.work import Validators, WorkItem

CHECKPOINT_PAGES = 20
CHECKPOINT_BYTES = 16 * 1024 * 1024
RESERVE_SECONDS = 45.0
"""What a call keeps of its time for the last checkpoint, beside the time of its slowest page."""

MOST_OF_ETAG = 1024
"""Characters; by a longer one nothing is asked, since the ledger could not keep it."""

MOST_RESTARTS = 3
"""How often a window is begun anew within a run; one that needs more is not a matter of luck."""


class ExtractEvent(WorkItem, frozen=True, kw_only=True):
    """One window to read: an item of the plan's work list."""

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
    event: ExtractEvent,
    zone: Zone,
    read_secret: SecretReader,
    time_left: Callable[[], float],
    processes: int = 1,
) -> ExtractAnswer:
    """Read a window, or go on with it. Raises XmliftError that names the window, after noting it on S3.

    `processes` make rows of its records: as many as the function has vCPUs.
    """
    window, refused = event.window, None
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
        if source.secret is not None and event.inbox is None and event.raw_run is None:
            refused = RefusedLogins(zone, window)
            refused.check()
        way = _way(event, source, stream, zone, read_secret, time_left)
        return WindowReader(event, source, stream, chain, way, time_left, processes).read()
    except (XmliftError, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.ENOSPC:
            raise
        if is_landed(zone, window):
            return ExtractAnswer(status="done", pages=0, records=0)  # a twin was faster: nothing failed
        if refused is not None:
            refused.tell(error)
        message = f"{window}: {error}"
        kind = type(error)
        if isinstance(error, OSError):
            kind = LandingError
            message += ". What is read and kept does not fit the function's disk: raise its ephemeral storage"
        note = {"error": kind.__name__, "message": message}
        zone.put(names.failure(window), msgspec.json.encode(note))
        raise kind(message) from error


def _way(
    event: ExtractEvent,
    source: Source,
    stream: Stream,
    zone: Zone,
    read_secret: SecretReader,
    time_left: Callable[[], float],
) -> Way:
    """Where the window's pages come from: a dropped file, what an earlier run kept, or the endpoint."""
    window = event.window
    if event.inbox is not None:
        file = DroppedFile(zone, event.inbox, source.limits.page_megabytes * MEGABYTE)
        return Way(file, file)
    if event.raw_run is not None:
        kept = window._replace(run=event.raw_run)
        pages = KeptPages(zone, kept, landed(zone, kept))
        return Way(pages, pages)
    walk = window_walk(source, stream, window.interval, window.partition, event.link)
    return Way(walk, FetchAhead(source_session(source, read_secret, time_left, event.pace)))


class WindowReader:
    """The reading of one window by one call."""

    def __init__(
        self,
        event: ExtractEvent,
        source: Source,
        stream: Stream,
        chain: Chain,
        way: Way,
        time_left: Callable[[], float],
        processes: int,
    ) -> None:
        self._event = event
        self._window = event.window
        self._chain = chain
        self._attempt = secrets.token_hex(6)
        self._time_left = time_left
        last = chain.last
        self._progress = _copied(last.progress) if last else Progress()
        self._measured = self._progress.bytes, self._progress.retries
        mapping, parsed_at = record_mapping(source, stream), names.run_started(event.run)
        window = WindowToLift(mapping, stream, self._window, self._attempt, parsed_at)
        self._lifting = WindowLifting(window, processes)
        self._rows = WindowRows(self._lifting, chain, self._progress)
        self._epoch = way.walk.epoch if isinstance(way.walk, KeptPages) else event.epoch
        # What is read from a kept answer is kept already.
        keeps = stream.keep_raw is not None and event.raw_run is None
        self._raw = chain.raw_zone(self._attempt) if keeps else None
        if self._raw is not None:
            way = way._replace(keep=self._raw.keep)
        self._fetching = way.fetching
        self._pages = PageReader(source, stream, way, self._lifting, self._rows, self._progress, last)

    def read(self) -> ExtractAnswer:
        """Read pages until there are none, or until the call's time is nearly up."""
        # The processes first: one that forks inherits what a thread at work has locked, and files that are open.
        with self._lifting, self._fetching:
            try:
                return self._read()
            finally:
                self._measure_traffic()  # of a call that fails it says the most

    def _read(self) -> ExtractAnswer:
        request = self._pages.first()
        if request is not None and self._event.validators is not None:
            request = if_modified(request, self._event.validators)
        slowest, pages_before = 0.0, self._progress.pages
        while request is not None:
            begun = monotonic()
            try:
                # With time for this page alone, the next one is the next call's to ask for.
                following = self._pages.read(
                    request, ahead=self._time_left() >= RESERVE_SECONDS + 2 * slowest
                )
            except OutOfTimeError:
                if self._progress.pages == pages_before:
                    raise  # a whole call's time was not enough for this one page
                self._checkpoint(request)
                return self._answer("more")
            except LongPauseError:
                # "more" would have it asked again at once. A redrive goes on from here.
                if self._progress.pages > pages_before:
                    self._checkpoint(request)
                raise
            except (RefusedError, RecordError) as error:
                self._begin_anew(error)
                return self._answer("more")
            request = following
            slowest = max(slowest, monotonic() - begun)
            self._progress.seconds += monotonic() - begun
            if request is None:
                break
            # A page that is not fetched meanwhile takes its fetching and its reading, each as long as the slowest.
            out_of_time = self._time_left() < RESERVE_SECONDS + 2 * slowest
            if (out_of_time or self._checkpoint_is_due()) and not self._checkpoint(request):
                return self._answer("more")  # a twin went further: the next call goes on from there
            if out_of_time:
                return self._answer("more")
        self._commit()
        return self._answer("done")

    def _begin_anew(self, error: XmliftError) -> None:
        """Let the next call read the window from its first page: what led here has expired or moved (E3).

        Raises the error where that is of no use: of the first page itself, and after so many restarts.
        """
        restarts = self._progress.restarts
        # A copy and a file will say the same again.
        is_copy = self._event.raw_run is not None or self._event.inbox is not None
        if not self._progress.pages or restarts >= MOST_RESTARTS or is_copy:
            if not restarts:
                raise error
            times = "once before," if restarts == 1 else f"{restarts} times before, each time"
            said = f"{error}; the window was begun anew {times} since a later page was refused"
            raise type(error)(said) from error
        self._measure_traffic()
        self._progress, self._measured = Progress(restarts=restarts + 1), (0, 0)
        self._chain.begin_anew(
            Link(
                attempt=self._attempt,
                previous=None,
                parts=[],
                progress=self._progress,
                as_of=None,
                next_url=None,
                page_hashes=[],
            )
        )
        measure(self._window.source, restarts=1)
        logger.warning("begins anew", window=str(self._window), restart=restarts + 1, reason=str(error))

    def _checkpoint_is_due(self) -> bool:
        pages = self._progress.pages - (self._chain.last.progress.pages if self._chain.last else 0)
        return pages >= CHECKPOINT_PAGES or self._rows.bytes_written >= CHECKPOINT_BYTES

    def _checkpoint(self, following: PageRequest) -> bool:
        assert self._pages.as_of is not None
        return self._chain.extend(
            Link(
                attempt=self._attempt,
                previous=self._chain.last_sha,
                parts=self._rows.flush(),
                progress=_copied(self._progress),
                as_of=self._pages.as_of,
                page_hashes=sorted(self._pages.read_pages),
                raw=self._kept(),
                **link_to(following),
            )
        )

    def _commit(self) -> None:
        assert self._pages.as_of is not None
        self._rows.check()
        parts = self._rows.flush()
        standing = self._chain.commit(
            Commit(
                scope=Scope(
                    source=self._window.source,
                    stream=self._window.stream,
                    partition=self._window.partition,
                    epoch=self._epoch,
                ),
                run=self._window.run,
                start=self._window.interval.start,
                end=self._window.interval.end,
                attempt=self._attempt,
                links=len(self._chain.links),
                parts=self._chain.parts + parts,
                columns=self._rows.columns,
                progress=self._progress,
                as_of=self._pages.as_of,
                parsed_at=names.run_started(self._window.run),
                ended_by=self._pages.ended_by,
                set_windows=self._event.set_windows,
                raw=self._chain.raw + self._kept(),
                link=self._event.link,
                # The word that nothing has changed need not say where to go on: then where this window began.
                next_link=self._pages.next_link or self._event.link,
                validators=self._validators(),
                not_modified=self._pages.not_modified,
            )
        )
        logger.info("landed", window=str(self._window), pages=self._progress.pages)
        if standing.attempt == self._attempt:  # else a twin was faster, and has counted the same
            self._measure()

    def _measure(self) -> None:
        own = self._progress.tables.get(self._window.stream)
        if own is not None:
            measure(self._window.source, self._window.stream, records=own.read, rejected=own.rejected)

    def _measure_traffic(self) -> None:
        """Count what this call was sent since it was counted last."""
        progress, (size, retries) = self._progress, self._measured
        measure(self._window.source, bytes=progress.bytes - size, retries=progress.retries - retries)
        self._measured = progress.bytes, progress.retries

    def _validators(self) -> Validators | None:
        """What the next run may ask by: as before where nothing was modified."""
        asked = self._event.validators
        if asked is None or self._pages.not_modified:
            return asked
        etag, last_modified = self._pages.told_by
        if etag is not None and len(etag) > MOST_OF_ETAG:
            etag = None
        return Validators(of=asked.of, etag=etag, last_modified=last_modified)

    def _kept(self) -> list[RawPage]:
        return self._raw.flush() if self._raw is not None else []

    def _answer(self, status: str) -> ExtractAnswer:
        own = self._progress.tables.get(self._window.stream)
        return ExtractAnswer(status=status, pages=self._progress.pages, records=own.read if own else 0)


def if_modified(request: PageRequest, validators: Validators) -> PageRequest:
    """The request for an answer that is not the one that is known already, if that is known."""
    headers = {"If-None-Match": validators.etag, "If-Modified-Since": validators.last_modified}
    told = {name: value for name, value in headers.items() if value}
    return request._replace(headers={**request.headers, **told}) if told else request


def _copied(progress: Progress) -> Progress:
    """A link keeps what was counted then, whatever is counted later."""
    return msgspec.convert(msgspec.to_builtins(progress), Progress)
