"""load: what has landed of one stream, into the warehouse, a batch of windows in each transaction."""

from collections.abc import Callable, Sequence

import msgspec
import psycopg2
from msgspec import Struct

from xmlift.catalogue import Stream, load_source
from xmlift.errors import CatalogueError, LockedOutError, WarehouseError, XmliftError
from xmlift.landing import names
from xmlift.landing.chain import Landed
from xmlift.landing.zone import Zone
from xmlift.loading.quarantine import load_or_set_aside, quarantine
from xmlift.loading.selection import Bound, batches, size_of, unloaded_windows
from xmlift.loading.stream_load import Batch, StreamLoader
from xmlift.telemetry import logger, measure
from xmlift.warehouse.connection import TimeUpError, Warehouse, one_line
from xmlift.warehouse.mutex import Mutex
from xmlift.work import ALL_RUNS

RESERVE_SECONDS = 30.0
"""What a call keeps of its time to roll back and answer."""


class LoadEvent(Struct, frozen=True, kw_only=True):
    """A stream of a run: one of the plan's load items. Without `windows_of` it is the run's own windows.

    Those that `with_runs` have left undone are loaded together with them.
    """

    source: str
    catalogue: str
    stream: str
    run: str
    windows_of: str = ""
    with_runs: tuple[str, ...] = ()

    @property
    def read_by(self) -> str:
        """The run whose windows are loaded, or `*` for those of all."""
        return self.windows_of or self.run


class LoadAnswer(Struct, frozen=True, kw_only=True):
    """`done`, or `more`: call again with the same event. `windows` are those that this call has settled."""

    status: str
    windows: int


def load(
    event: LoadEvent,
    zone: Zone,
    warehouse: Warehouse,
    copy_role_arn: str,
    time_left: Callable[[], float],
) -> LoadAnswer:
    """Load what has landed and the ledger lacks.

    Raises XmliftError that names the stream, after noting it on S3 for the report; nothing is half done then.
    """
    try:
        return _load(event, zone, warehouse, copy_role_arn, time_left)
    except (XmliftError, psycopg2.Error) as error:
        kind = type(error) if isinstance(error, XmliftError) else WarehouseError
        whose = "all runs" if event.read_by == ALL_RUNS else f"run {event.read_by}"
        message = f"{event.source}.{event.stream} of {whose}: {one_line(error)}"
        note = {"error": kind.__name__, "message": message}
        key = names.load_failure(event.source, event.stream, event.run, event.read_by)
        zone.put(key, msgspec.json.encode(note))
        raise kind(message) from error


def _load(
    event: LoadEvent,
    zone: Zone,
    warehouse: Warehouse,
    copy_role_arn: str,
    time_left: Callable[[], float],
) -> LoadAnswer:
    stream = _stream(event, zone)
    windows = [
        window
        for run in (*event.with_runs, event.read_by)
        for window in unloaded_windows(zone, warehouse, event.source, event.stream, run)
    ]
    if not windows:
        return LoadAnswer(status="done", windows=0)
    loader = StreamLoader(event.source, event.stream, stream, zone, warehouse, copy_role_arn)
    mutex = Mutex(warehouse, event.source, event.stream)
    count, bound = 0, Bound()

    def load_batch(landed: Sequence[Landed]) -> int:
        batch = Batch(event.source, event.stream, landed, event.run)
        try:
            waiting = loader.load(batch, time_left() - RESERVE_SECONDS)
        except TimeUpError as error:
            raise TimeUpError(_too_long(landed, error, is_set=is_set(landed))) from error
        measure(event.source, event.stream, loaded=loader.loaded)
        return waiting

    def is_set(landed: Sequence[Landed]) -> bool:
        return stream.disposition == "replace" or any(window.commit.set_windows for window in landed)

    def set_aside(landed: Sequence[Landed], reason: str) -> None:
        quarantine(mutex, landed, reason, event.run, time_left() - RESERVE_SECONDS)
        measure(event.source, event.stream, quarantined=len(landed))

    try:
        loader.prepare_tables(time_left() - RESERVE_SECONDS)
        for landed in batches(zone, windows, stream, bound):
            before = time_left()
            for settled in load_or_set_aside(landed, load_batch, set_aside, is_set=is_set(landed)):
                count += settled
                logger.info("loaded", stream=event.stream, windows=count, of=len(windows))
                if 0 < count < len(windows) and time_left() < 2 * RESERVE_SECONDS:
                    return LoadAnswer(status="more", windows=count)
            if 2 * (before - time_left()) <= time_left() - RESERVE_SECONDS:
                bound.double()
    except LockedOutError as error:
        logger.warning("locked out", reason=str(error))
        return LoadAnswer(status="more", windows=count)
    except TimeUpError:
        if not count:  # the first batch is small, or a set: in the next call it would take as long
            raise
        return LoadAnswer(status="more", windows=count)
    return LoadAnswer(status="done", windows=count)


def _too_long(landed: Sequence[Landed], error: TimeUpError, *, is_set: bool) -> str:
    what = f"{'a set of ' if is_set else ''}{len(landed)} windows ({size_of(landed) / 1e6:.0f} MB)"
    remedy = "Raise the warehouse's capacity or the function's timeout"
    return f"{what} did not load within a whole call: {error}. {remedy}"


def _stream(event: LoadEvent, zone: Zone) -> Stream:
    source = load_source(zone.get(event.catalogue), event.catalogue)
    stream = source.streams.get(event.stream)
    if stream is None:
        raise CatalogueError(
            f"{event.catalogue}: no stream {event.stream!r}; it has {', '.join(source.streams)}"
        )
    return stream
