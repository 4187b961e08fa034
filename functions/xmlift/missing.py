"""Which windows are missing: what is wanted, less what is settled (P1–P6). Pure: no clock, no warehouse, no S3."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice, repeat

from msgspec import structs

from xmlift.catalogue import Source, Stream
from xmlift.errors import PlanError
from xmlift.landing import names
from xmlift.run_input import PlanEvent
from xmlift.warehouse.coverage import Covered
from xmlift.windows import EPOCH, Interval, grid_cells, subtracted, watermark
from xmlift.work import LoadItem, Plan, WorkItem

MOST_ITEMS = 10_000
"""What one Map is given at most."""


def missing_windows(event: PlanEvent, source: Source, settled: Covered, own: Covered) -> Plan:
    """The windows of one round, oldest first, at most as many as the source's limits allow; sets are never cut.

    `own` are the windows that this run has read already, whatever became of them. Raises PlanError for a set of too
    many windows, and as `chosen_streams` does.
    """
    streams = chosen_streams(event, source)
    sets: list[WorkItem] = []
    others: list[Iterator[tuple[Interval, str]]] = []
    for name, stream in streams.items():
        mine = _of(own, name)
        if stream.disposition == "replace":
            sets += _set(event, name, stream, mine)
            if len(sets) > MOST_ITEMS:
                raise PlanError(
                    f"{event.source}.{name}: more than {MOST_ITEMS} windows, and what is replaced is read in one "
                    "round: choose a longer `slice` or a later `start`"
                )
            continue
        # The overlap before now is for the next run: to this one it would be missing anew in every round.
        known = mine if event.input.reread else [*_of(settled, name), *mine]
        others.append(zip(_missing(stream, wanted(event, stream), known), repeat(name)))
    room = max(0, source.limits.windows_per_run - len(sets))
    # Lazily, since ten years in minutes are five million windows.
    windows = list(islice(heapq.merge(*others), room + 1))
    items = [_item(event, name, streams[name], window) for window, name in windows[:room]]
    items = sorted([*sets, *items], key=lambda item: (item.start, item.end, item.stream))
    return Plan(
        items=items,
        loads=[load_item(event, name, event.run) for name in dict.fromkeys(item.stream for item in items)],
        more=len(windows) > room,
        watermarks=watermarks(streams, settled),
    )


def chosen_streams(event: PlanEvent, source: Source) -> dict[str, Stream]:
    """The streams that the input names, all of them where it names none.

    Raises PlanError for one that is not there, and for one that cannot be read as the input asks.
    """
    for name in event.input.streams:
        if name not in source.streams:
            raise PlanError(f"{source.source}: no stream {name!r}; it has {', '.join(source.streams)}")
    chosen = {name: source.streams[name] for name in event.input.streams or source.streams}
    for name, stream in chosen.items():
        _check(event, name, stream)
    return chosen


def check_epochs(event: PlanEvent, streams: Mapping[str, Stream], loaded: Mapping[str, int]) -> None:
    """Raise PlanError where a stream's epoch is less than that of windows that are loaded.

    What it reads would give way to them: run after run would succeed, and its table would not change.
    """
    for name, stream in streams.items():
        greatest = loaded.get(name, stream.epoch)
        if stream.epoch < greatest:
            raise PlanError(
                f"{event.source}.{name}: its `epoch` is {stream.epoch}, and windows of epoch {greatest} are "
                f"loaded, which are newer than all that is read now: set `epoch` to {greatest + 1} to read it anew "
                f"(or to {greatest}, if the catalogue is as it was then)"
            )


def watermarks(streams: dict[str, Stream], settled: Covered) -> dict[str, datetime]:
    return {name: watermark(stream_start(stream), _of(settled, name)) for name, stream in streams.items()}


def wanted(event: PlanEvent, stream: Stream) -> Interval:
    """The time that a run sees to: up to its start, and from the stream's start unless it asks for a range."""
    return Interval(
        event.input.start or stream_start(stream), min(event.input.end or event.started, event.started)
    )


def stream_start(stream: Stream) -> datetime:
    return stream.cursor.start_time if stream.cursor else EPOCH


def stream_overlap(stream: Stream) -> timedelta:
    return stream.cursor.overlap_time if stream.cursor else timedelta(0)


def is_first_load(stream: Stream, mark: datetime | None) -> bool:
    """Whether nothing of the stream was settled when its watermark stood there."""
    return mark == stream_start(stream)


def is_history(stream: Stream) -> bool:
    return stream.disposition == "scd2"


def with_histories(event: PlanEvent, plan: Plan, left: Sequence[tuple[str, str]]) -> Plan:
    """A round in which histories load what (run, stream) has left together with their own windows, as time went by.

    Loaded without what lies between, it would have to wait; loaded later, history would have gone over it.
    """
    runs: dict[str, tuple[str, ...]] = {}
    for run, stream in left:
        runs[stream] = (*runs.get(stream, ()), run)
    own = dict.fromkeys((*(load.stream for load in plan.loads), *runs))
    loads = [load_item(event, stream, event.run, runs.get(stream, ())) for stream in own]
    return structs.replace(plan, loads=loads)


def load_item(event: PlanEvent, stream: str, windows_of: str, with_runs: tuple[str, ...] = ()) -> LoadItem:
    return LoadItem(
        source=event.source,
        catalogue=names.catalogue(event.source, event.run),
        stream=stream,
        run=event.run,
        windows_of=windows_of,
        with_runs=with_runs,
    )


def _check(event: PlanEvent, name: str, stream: Stream) -> None:
    asked, where = event.input, f"{event.source}.{name}"
    if asked.start is not None and asked.start >= event.started:
        raise PlanError(f"{event.source}: `from` {asked.start} lies after the run's start {event.started}")
    if stream.disposition == "scd2" and (asked.has_range or asked.reread):
        raise PlanError(
            f"{where} is a history (scd2), which is not read again: what was read of its past is in the landing "
            "zone, so use `replay`; or name other streams in `streams`"
        )
    if asked.has_range and (why := _why_no_range(stream)):
        raise PlanError(
            f"{where} cannot be asked for a range: {why}; leave out `from` and `to`, or name other streams in "
            "`streams`"
        )


def _why_no_range(stream: Stream) -> str | None:
    if stream.disposition == "replace":
        return "each run reads all of it"
    return None if stream.is_bounded else "its request lacks {window.from} or {window.to}"


def _missing(stream: Stream, wanted: Interval, known: Sequence[Interval]) -> Iterator[Interval]:
    """What is to be read, oldest first: gaps as slices where the server can be asked for them (P4)."""
    if stream.is_bounded:
        for gap in subtracted(wanted, known):
            yield from _slices(stream, gap)
        return
    start = watermark(wanted.start, known)
    if start < wanted.end:
        yield Interval(start, wanted.end)


def _slices(stream: Stream, gap: Interval) -> Iterable[Interval]:
    slice_time = stream.cursor.slice_time if stream.cursor and stream.is_bounded else None
    return [gap] if slice_time is None else grid_cells(gap, slice_time)


def _set(event: PlanEvent, name: str, stream: Stream, own: Sequence[Interval]) -> list[WorkItem]:
    """All windows of a stream that is replaced as a whole, unless this run has read them already (P6)."""
    whole = wanted(event, stream)
    if not subtracted(whole, own):
        return []
    windows = list(islice(_slices(stream, whole), MOST_ITEMS + 1))
    return [_item(event, name, stream, window, len(windows)) for window in windows]


def _item(event: PlanEvent, name: str, stream: Stream, window: Interval, set_windows: int = 0) -> WorkItem:
    return WorkItem(
        source=event.source,
        catalogue=names.catalogue(event.source, event.run),
        base_url=event.base_url,
        run=event.run,
        stream=name,
        partition=names.WHOLE,
        epoch=stream.epoch,
        start=window.start,
        end=window.end,
        set_windows=set_windows,
    )


def _of(covered: Covered, stream: str) -> Sequence[Interval]:
    return covered.get(stream, {}).get(names.WHOLE, ())
