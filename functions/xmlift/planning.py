"""plan: which windows are missing? What is wanted, less what the ledger says is settled (P1–P4)."""

import heapq
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice, repeat

import msgspec
from msgspec import Struct

from xmlift.catalogue import Source, Stream, load_source
from xmlift.landing import names
from xmlift.landing.zone import Zone
from xmlift.telemetry import logger
from xmlift.warehouse import ledger
from xmlift.warehouse.connection import Warehouse
from xmlift.windows import EPOCH, Interval, grid_cells, settled_by, subtracted, watermark, whole_cells

MAPPING_EPOCH = 0
"""Raised by a re-read: coverage of another epoch does not count."""


class PlanEvent(Struct, frozen=True, kw_only=True):
    """What an execution starts with; `started` is its start, and the end of all its windows (P1)."""

    source: str
    catalogue: str
    execution: str
    started: datetime
    base_url: str | None = None
    round: int = 0

    @property
    def run(self) -> str:
        return names.run_id(self.started, self.execution)


class WorkItem(Struct, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """One window to read: the whole event of one extract."""

    source: str
    catalogue: str
    base_url: str | None
    run: str
    stream: str
    partition: str
    epoch: int
    start: datetime
    end: datetime


class LoadItem(Struct, frozen=True, kw_only=True):
    """One stream to load: the whole event of one load."""

    source: str
    catalogue: str
    stream: str
    run: str


class WorkList(Struct, frozen=True, kw_only=True):
    """Where the Map finds its items, and how many they are."""

    items: int
    bucket: str
    key: str


class PlanAnswer(Struct, frozen=True, kw_only=True):
    """What the state machine goes on with. `more`: windows are left for the next round."""

    run: str
    round: int
    extract: WorkList
    streams: list[LoadItem]
    load_items: int
    more: bool


class Plan(Struct, frozen=True, kw_only=True):
    """What a round decided, kept for the report."""

    items: list[WorkItem]
    more: bool
    watermarks: dict[str, datetime]


def plan(event: PlanEvent, zone: Zone, warehouse: Warehouse) -> PlanAnswer:
    """Write the work list of one round. Raises CatalogueError, WarehouseError."""
    source = load_source(run_catalogue(event, zone), event.catalogue, event.base_url)
    covered = warehouse.transaction(
        lambda cursor: ledger.coverage(cursor, source.source, MAPPING_EPOCH, event.run)
    )
    round_number = event.round + 1
    # Written once: a call that is repeated, or comes late, goes by what the first one decided.
    decision = msgspec.json.encode(decide(event, source, covered))
    standing = zone.put_once(names.plan(source.source, event.run, round_number), decision)
    decided = msgspec.json.decode(standing, type=Plan)
    work_list = names.work_list(source.source, event.run, round_number)
    zone.put(work_list, msgspec.json.encode(decided.items))
    catalogue = names.catalogue(source.source, event.run)
    streams = [
        LoadItem(source=source.source, catalogue=catalogue, stream=stream, run=event.run)
        for stream in dict.fromkeys(item.stream for item in decided.items)
    ]
    logger.info("planned", windows=len(decided.items), more=decided.more, streams=len(streams))
    return PlanAnswer(
        run=event.run,
        round=round_number,
        extract=WorkList(items=len(decided.items), bucket=zone.bucket, key=work_list),
        streams=streams,
        load_items=len(streams),
        more=decided.more,
    )


def run_catalogue(event: PlanEvent, zone: Zone) -> bytes:
    """The run's own copy of its catalogue file, made when it is first asked for.

    An apply takes the file that an execution was started with away when it brings another one; the run, its
    retries and its redrive within 14 days go on with the copy.
    """
    key = names.catalogue(event.source, event.run)
    body = zone.find(key)
    if body is None:
        body = zone.get(event.catalogue)
        zone.put(key, body, content_type="application/yaml")
    return body


def decide(event: PlanEvent, source: Source, covered: Iterable[ledger.Coverage]) -> Plan:
    """The windows of one round, oldest first, at most as many as the source's limits allow."""
    known: dict[str, list[ledger.Coverage]] = {name: [] for name in source.streams}
    for entry in covered:
        if entry.stream in known:
            known[entry.stream].append(entry)
    watermarks: dict[str, datetime] = {}
    missing: list[Iterator[tuple[Interval, str]]] = []
    for name, stream in source.streams.items():
        settled = [
            settled_by(Interval(entry.start, entry.end), entry.as_of, _overlap(stream))
            for entry in known[name]
            if entry.state == ledger.LOADED
        ]
        watermarks[name] = watermark(_start(stream), settled)
        # The overlap before now is for the next run: to this one it would be missing anew in every round.
        own = [Interval(entry.start, entry.end) for entry in known[name] if entry.run == event.run]
        missing.append(zip(missing_windows(stream, settled + own, event.started), repeat(name)))
    limit = source.limits.windows_per_run
    # Lazily, since ten years in minutes are five million windows.
    windows = list(islice(heapq.merge(*missing), limit + 1))
    items = [
        WorkItem(
            source=source.source,
            catalogue=names.catalogue(source.source, event.run),
            base_url=event.base_url,
            run=event.run,
            stream=name,
            partition=names.WHOLE,
            epoch=MAPPING_EPOCH,
            start=window.start,
            end=window.end,
        )
        for window, name in windows[:limit]
    ]
    return Plan(items=items, more=len(windows) > limit, watermarks=watermarks)


def missing_windows(stream: Stream, settled: list[Interval], now: datetime) -> Iterator[Interval]:
    """What of a stream is to be read, oldest first: gaps as slices where the server can be asked for them (P4)."""
    wanted = Interval(_start(stream), now)
    if not stream.is_bounded:
        start = watermark(wanted.start, settled)
        if start < now:
            yield Interval(start, now)
        return
    slice_time = stream.cursor.slice_time if stream.cursor else None
    last = None
    for gap in subtracted(wanted, settled):
        if slice_time is None:
            yield gap
        elif stream.disposition == "append":
            for cell in whole_cells(gap, slice_time, wanted):
                if cell != last:  # two gaps may lie in one cell
                    yield cell
                last = cell
        else:
            yield from grid_cells(gap, slice_time)


def is_first_load(stream: Stream, mark: datetime | None) -> bool:
    """Whether nothing of the stream was settled when its watermark stood there."""
    return mark == _start(stream)


def _start(stream: Stream) -> datetime:
    return stream.cursor.start_time if stream.cursor else EPOCH


def _overlap(stream: Stream) -> timedelta:
    return stream.cursor.overlap_time if stream.cursor else timedelta(0)
