"""Which windows are read once more from their kept answers, after a mapping changed (`from_raw`).

For each instant of a partition the newest reading that is kept: older ones of the same time would only give way.
Names alone say which these are. A re-parsed reading is as old as it was, so that it takes the place of what the
former mapping made of it, and gives way to readings that are newer.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby

from msgspec import structs

from xmlift.catalogue import Source, Stream
from xmlift.catalogue.cursor import Full
from xmlift.errors import PlanError
from xmlift.landing import names
from xmlift.landing.chain import landed
from xmlift.landing.landed import landed_names
from xmlift.landing.names import WindowName
from xmlift.landing.zone import Zone
from xmlift.planning.round_items import load_item, work_item
from xmlift.run_input import PlanEvent
from xmlift.windows import EPOCH, Interval, merged, subtracted
from xmlift.work import Plan, WorkItem

Done = Mapping[str, Collection[tuple[str, str]]]
"""By stream (partition, window) of what this run has read already."""


def kept_windows(
    event: PlanEvent, source: Source, streams: Mapping[str, Stream], zone: Zone, done: Done
) -> Plan:
    """The windows of one round, newest reading first, at most as many as the source's limits allow.

    Raises PlanError where nothing is kept at all.
    """
    found = {name: _kept(zone, source.source, name) for name in streams}
    if event.round == 0 and not any(found.values()):
        raise PlanError(
            f"{source.source}: no answers are kept of {', '.join(streams)}: `keep_raw: 30d` on a stream keeps what "
            "is read from then on; for what was read before, raise `epoch` or use `reread`"
        )
    items: list[WorkItem] = []
    more = False
    for name, stream in streams.items():
        known = done.get(name, ())
        if stream.disposition == "replace":
            items += [] if known else _set(event, name, stream, zone, found[name])
            continue
        room = max(0, source.limits.windows_per_run - len(items))
        left = [
            window
            for window in _newest(event, stream, found[name])
            if (window.partition, str(window.interval)) not in known
        ]
        items += [_item(event, name, stream, window) for window in left[:room]]
        more = more or len(left) > room
    loads = [load_item(event, name, event.run) for name in dict.fromkeys(item.stream for item in items)]
    warnings = [
        f"{source.source}.{name}: no answers are kept, so nothing of it was made anew"
        for name in streams
        if event.round == 0 and not found[name]
    ]
    return Plan(items=items, loads=loads, more=more, watermarks={}, warnings=warnings)


def _newest(event: PlanEvent, stream: Stream, kept: Iterable[WindowName]) -> Iterator[WindowName]:
    if isinstance(
        stream.cursor, Full
    ):  # of each partition the newest counts, whatever time its window is named by
        newest = {window.partition: window for window in sorted(kept, key=lambda window: window.run)}
        return iter(newest.values())
    return newest_readings(kept, _range(event))


def newest_readings(kept: Iterable[WindowName], asked: Interval | None = None) -> Iterator[WindowName]:
    """Those that are the newest of some instant, newest first; with a range those that have to do with it."""
    covered: dict[str, list[Interval]] = {}
    for window in sorted(kept, key=lambda window: (window.run, window.interval), reverse=True):
        newer = covered.get(window.partition, [])
        if not subtracted(window.interval, newer):
            continue
        covered[window.partition] = merged([*newer, window.interval])
        if asked is None or (window.interval.start < asked.end and asked.start < window.interval.end):
            yield window


def _kept(zone: Zone, source: str, stream: str) -> set[WindowName]:
    """The windows that have landed and of which answers stand in the bucket."""
    kept = {names.parse_raw(key)[0] for key in zone.keys(names.raw_prefix(source, stream))}
    return kept & set(landed_names(zone, names.stream_prefix(source, stream))) if kept else kept


def _set(
    event: PlanEvent, name: str, stream: Stream, zone: Zone, kept: Iterable[WindowName]
) -> list[WorkItem]:
    """The newest set that is kept as a whole (P6)."""
    newest_first = sorted(kept, key=lambda window: window.run, reverse=True)
    for _, members in groupby(newest_first, key=lambda window: window.run):
        windows = sorted(members)
        if landed(zone, windows[0]).set_windows == len(windows):
            return [_item(event, name, stream, window, len(windows)) for window in windows]
    return []


def _item(event: PlanEvent, name: str, stream: Stream, window: WindowName, set_windows: int = 0) -> WorkItem:
    item = work_item(event, name, stream, window.partition, window.interval, set_windows)
    return structs.replace(item, raw_run=window.run)


def _range(event: PlanEvent) -> Interval | None:
    if not event.input.has_range:
        return None
    return Interval(event.input.start or EPOCH, event.input.end or event.started)
