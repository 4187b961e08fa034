"""Which windows are missing: what is wanted, less what is settled (P1–P6). Pure: no clock, no warehouse, no S3."""

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import NamedTuple

from xmlift.catalogue import Source, Stream
from xmlift.catalogue.cursor import DeltaLink
from xmlift.catalogue.deletes import PeriodicFull
from xmlift.catalogue.for_each import ForEach
from xmlift.catalogue.order import in_order, waits_for
from xmlift.errors import PlanError
from xmlift.landing import names
from xmlift.planning.round_items import going_on, load_item, work_item
from xmlift.run_input import PlanEvent
from xmlift.warehouse.coverage import Covered
from xmlift.windows import EPOCH, Interval, grid_cells, subtracted, watermark
from xmlift.work import PartitionsSeen, Plan, Validators, WorkItem

MOST_ITEMS = 10_000
"""What one Map is given at most."""

_OPEN = timedelta(days=1)
"""So far beyond our now the last slice of a due set reaches: what changes while it is read is not to be missing."""

_NAMED_PARTITIONS = 5
"""Of those that are gone so many are named."""


def _none_is_known(each: ForEach) -> Sequence[str]:
    raise PlanError(f"nobody told the values of {each.stream}.{each.field}")


class Told(NamedTuple):
    """What the warehouse tells a round beside its coverage.

    `partitions_of` answers the values that a column has: it is asked when the stream above has loaded. `links` say
    by stream and partition where a delta goes on, `validators` by what an answer is told that it need not
    send again; `sets_due` names streams that are to be read whole again.
    """

    partitions_of: Callable[[ForEach], Sequence[str]] = _none_is_known
    links: Mapping[tuple[str, str], str] = {}
    sets_due: Collection[str] = ()
    validators: Mapping[tuple[str, str], Validators] = {}


class _Window(NamedTuple):
    """A missing window. Of each partition the oldest has rank 0, and they sort by it: each has its turn."""

    rank: int
    interval: Interval
    stream: str
    partition: str


def missing_windows(
    event: PlanEvent, source: Source, settled: Covered, own: Covered, told: Told | None = None
) -> Plan:
    """The windows of one round, at most as many as the source's limits allow; sets are never cut.

    `own` are the windows that this run has read already, whatever became of them. A stream that waits for others is
    left out while there is something to read of these. Raises PlanError for a set of too many windows, and as
    `chosen_streams` does.
    """
    told = told or Told()
    streams = chosen_streams(event, source)
    partitions: dict[str, Sequence[str]] = {}
    waiting: list[str] = []
    at_work: set[str] = set()
    sets: list[WorkItem] = []
    queues: list[Iterator[_Window]] = []
    for name in (name for name in in_order(source.streams) if name in streams):
        stream = streams[name]
        if stream.request is None:
            continue  # there is nobody to ask: files bring its records
        if at_work.intersection(waits_for(stream)):
            waiting.append(name)
            at_work.add(name)
            continue
        each = partitions[name] = told.partitions_of(stream.for_each) if stream.for_each else [names.WHOLE]
        before = len(sets), len(queues)
        if stream.disposition != "replace" and name not in told.sets_due:
            queues += _queues(event, name, stream, each, settled.get(name, {}), own.get(name, {}))
        elif name not in own:
            sets += _set(event, name, stream, each, MOST_ITEMS - len(sets), is_due=name in told.sets_due)
        if before != (len(sets), len(queues)):
            at_work.add(name)
    room = max(0, source.limits.windows_per_run - len(sets))
    # Lazily, since ten years in minutes are five million windows.
    windows = list(islice(heapq.merge(*queues), room + 1))
    known = Told() if event.input.reread else told
    items = [
        going_on(
            work_item(event, window.stream, streams[window.stream], window.partition, window.interval),
            source,
            known.links.get((window.stream, window.partition)),
            known.validators.get((window.stream, window.partition)),
        )
        for window in windows[:room]
    ]
    items = sorted([*sets, *items], key=lambda item: (item.start, item.end, item.stream, item.partition))
    return Plan(
        items=items,
        loads=[load_item(event, name, event.run) for name in dict.fromkeys(item.stream for item in items)],
        more=len(windows) > room or bool(waiting),
        watermarks=watermarks(streams, settled, partitions),
        waiting={name: waits_for(streams[name]) for name in waiting},
        partitions={
            name: _seen(partitions[name], settled.get(name, {}))
            for name, stream in streams.items()
            if stream.for_each and name in partitions
        },
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


def watermarks(
    streams: Mapping[str, Stream], settled: Covered, partitions: Mapping[str, Sequence[str]] | None = None
) -> dict[str, datetime]:
    """Up to where each stream is complete: in all of its partitions, so far as they are known."""
    marks = {}
    for name, stream in streams.items():
        covered, start = settled.get(name, {}), stream_start(stream)
        each = (partitions or {}).get(name) or (list(covered) if stream.for_each else [names.WHOLE])
        marks[name] = min((watermark(start, covered.get(one, ())) for one in each), default=start)
    return marks


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


def sets_due(
    event: PlanEvent,
    streams: Mapping[str, Stream],
    settled: Covered,
    last_sets: Mapping[str, datetime],
) -> set[str]:
    """The streams of which all is to be read again, so that it shows what is gone (P6).

    A stream that never was waits for that until it has been read up to the present, window by window.
    """
    due = set()
    for name, stream in streams.items():
        if not isinstance(stream.deletes, PeriodicFull) or event.input.has_range:
            continue
        every, last = stream.deletes.every_time, last_sets.get(name)
        covered, start = settled.get(name, {}), stream_start(stream)
        if last is not None:
            is_due = last + every <= event.started
        else:
            is_due = not every or any(
                watermark(start, known) + every > event.started for known in covered.values()
            )
        if is_due or event.input.reread:
            due.add(name)
    return due


def _check(event: PlanEvent, name: str, stream: Stream) -> None:
    asked, where = event.input, f"{event.source}.{name}"
    if asked.start is not None and asked.start >= event.started:
        raise PlanError(f"{event.source}: `from` {asked.start} lies after the run's start {event.started}")
    if asked.from_raw:
        if why := _why_not_from_raw(stream, has_range=asked.has_range):
            raise PlanError(
                f"{where} cannot be made anew from kept answers: {why}; or name other streams in `streams`"
            )
        return
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


def _why_not_from_raw(stream: Stream, *, has_range: bool) -> str | None:
    if stream.disposition == "scd2":
        return (
            "of a history (scd2) each version is told from the one before it as time goes by, and those that stand "
            "are not taken back. Raise `epoch`, which reads all of it anew"
        )
    if isinstance(stream.cursor, DeltaLink):
        return (
            "by delta_link each window holds only what changed since the one before it. Raise `epoch`, which reads "
            "all of it anew"
        )
    if stream.disposition == "replace" and has_range:
        return "it is replaced as a whole. Leave out `from` and `to`"
    return None


def _why_no_range(stream: Stream) -> str | None:
    if stream.disposition == "replace":
        return "each run reads all of it"
    return None if stream.is_bounded else "its request lacks {window.from} or {window.to}"


def _queues(
    event: PlanEvent,
    name: str,
    stream: Stream,
    partitions: Iterable[str],
    settled: Mapping[str, Sequence[Interval]],
    own: Mapping[str, Sequence[Interval]],
) -> Iterator[Iterator[_Window]]:
    """For each partition of which something is missing its windows, oldest first."""
    whole = wanted(event, stream)
    for partition in partitions:
        mine = own.get(partition, ())
        # The overlap before now is for the next run: to this one it would be missing anew in every round.
        known = mine if event.input.reread else [*settled.get(partition, ()), *mine]
        missing = _missing(stream, whole, known)
        if (first := next(missing, None)) is not None:
            yield _ranked(name, partition, chain([first], missing))


def _ranked(name: str, partition: str, windows: Iterable[Interval]) -> Iterator[_Window]:
    return (_Window(rank, window, name, partition) for rank, window in enumerate(windows))


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
    slice_time = _slice_time(stream)
    return [gap] if slice_time is None else grid_cells(gap, slice_time)


def _slice_time(stream: Stream) -> timedelta | None:
    return stream.cursor.slice_time if stream.cursor and stream.is_bounded else None


def _set(
    event: PlanEvent, name: str, stream: Stream, partitions: Sequence[str], most: int, *, is_due: bool
) -> list[WorkItem]:
    """All windows of all partitions of a stream that is read as a whole (P6). Raises PlanError beyond `most`.

    What is due is cut into longer windows, if need be: it is read rarely, and of all the time that there is.
    """
    whole = wanted(event, stream)
    if whole.start >= whole.end:
        return []
    slices = _slices(stream, whole)
    if is_due and partitions and (slice_time := _slice_time(stream)) is not None:
        cells = max(1, most // len(partitions) - 1)  # the first one and the last one may be cut off
        slices = grid_cells(whole, slice_time * max(1, -(-(whole.end - whole.start) // (slice_time * cells))))
    windows = list(islice(slices, MOST_ITEMS + 1))
    if is_due and stream.is_bounded:
        windows[-1] = Interval(windows[-1].start, windows[-1].end + _OPEN)
    count = len(windows) * len(partitions)
    if count > most:
        of_each = f" of {len(partitions)} partitions" if stream.for_each else ""
        raise PlanError(
            f"{event.source}.{name}: more than {MOST_ITEMS} windows{of_each}, and what is read as a whole is read "
            "in one round: choose a longer `slice` or a later `start`"
        )
    return [
        work_item(event, name, stream, partition, window, count)
        for window in windows
        for partition in partitions
    ]


def _seen(partitions: Sequence[str], settled: Mapping[str, Sequence[Interval]]) -> PartitionsSeen:
    """How these partitions differ from those that were read before."""
    gone = sorted(set(settled) - set(partitions) - {names.WHOLE})
    return PartitionsSeen(
        count=len(partitions),
        new=sum(partition not in settled for partition in partitions),
        gone=len(gone),
        gone_names=gone[:_NAMED_PARTITIONS],
    )
