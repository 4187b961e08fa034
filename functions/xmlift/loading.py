"""load: what one run landed of one stream, into the warehouse, a batch of windows in each transaction."""

from collections.abc import Callable, Iterator, Sequence

import msgspec
import psycopg2
from msgspec import Struct

from xmlift.catalogue import load_source
from xmlift.errors import CatalogueError, WarehouseError, XmliftError
from xmlift.landing import names
from xmlift.landing.chain import Landed
from xmlift.landing.landed import landed_windows
from xmlift.landing.zone import Zone
from xmlift.layout import stream_layout
from xmlift.stream_load import Batch, StreamLoader
from xmlift.telemetry import logger
from xmlift.warehouse import ledger
from xmlift.warehouse.connection import Warehouse, one_line

BATCH_WINDOWS = 1_000
BATCH_BYTES = 5 * 1024**3
RESERVE_SECONDS = 30.0
"""What a call keeps of its time to roll back and answer."""


class LoadEvent(Struct, frozen=True, kw_only=True):
    """A stream of a run: one of the plan's load items."""

    source: str
    catalogue: str
    stream: str
    run: str


class LoadAnswer(Struct, frozen=True, kw_only=True):
    """`done`, or `more`: call again with the same event."""

    status: str
    windows: int


def load(
    event: LoadEvent,
    zone: Zone,
    warehouse: Warehouse,
    copy_role_arn: str,
    time_left: Callable[[], float],
) -> LoadAnswer:
    """Load what this run has landed and the ledger lacks.

    Raises XmliftError that names the stream, after noting it on S3 for the report; nothing is half done then.
    """
    try:
        return _load(event, zone, warehouse, copy_role_arn, time_left)
    except (XmliftError, psycopg2.Error) as error:
        kind = type(error) if isinstance(error, XmliftError) else WarehouseError
        message = f"{event.source}.{event.stream} of run {event.run}: {one_line(error)}"
        note = {"error": kind.__name__, "message": message}
        zone.put(names.load_failure(event.source, event.stream, event.run), msgspec.json.encode(note))
        raise kind(message) from error


def _load(
    event: LoadEvent,
    zone: Zone,
    warehouse: Warehouse,
    copy_role_arn: str,
    time_left: Callable[[], float],
) -> LoadAnswer:
    source = load_source(zone.get(event.catalogue), event.catalogue)
    stream = source.streams.get(event.stream)
    if stream is None:
        raise CatalogueError(
            f"{event.catalogue}: no stream {event.stream!r}; it has {', '.join(source.streams)}"
        )
    landed = list(landed_windows(zone, names.stream_prefix(event.source, event.stream, event.run)))
    known = warehouse.transaction(
        lambda cursor: {
            entry.commit_sha for entry in ledger.of_run(cursor, event.source, event.run, event.stream)
        }
    )
    new = [window for window in landed if window.sha256 not in known]
    if not new:
        return LoadAnswer(status="done", windows=0)
    loader = StreamLoader(
        event.source,
        event.stream,
        stream_layout(event.stream, stream),
        stream.disposition,
        zone,
        warehouse,
        copy_role_arn,
    )
    loader.prepare_tables(time_left() - RESERVE_SECONDS)
    count = 0
    for windows in batches(new):
        if count and time_left() < 2 * RESERVE_SECONDS:
            return LoadAnswer(status="more", windows=count)
        loader.load(Batch(event.source, event.stream, windows), time_left() - RESERVE_SECONDS)
        count += len(windows)
        logger.info("loaded", stream=event.stream, windows=count, of=len(new))
    return LoadAnswer(status="done", windows=count)


def batches(landed: Sequence[Landed]) -> Iterator[list[Landed]]:
    """Windows in order, cut into batches of bounded number and size."""
    batch: list[Landed] = []
    size = 0
    for window in landed:
        window_size = sum(part.bytes for part in window.commit.parts)
        if batch and (len(batch) == BATCH_WINDOWS or size + window_size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(window)
        size += window_size
    if batch:
        yield batch
