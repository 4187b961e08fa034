"""Leftovers: what a run before this one landed, and did not load (P5)."""

from collections.abc import Iterable, Mapping, Sequence

from xmlift.catalogue import Stream
from xmlift.catalogue.cursor import Full
from xmlift.catalogue.deletes import PeriodicFull
from xmlift.landing import names
from xmlift.landing.landed import landed_names
from xmlift.landing.names import WindowName
from xmlift.landing.zone import Zone
from xmlift.warehouse import coverage
from xmlift.warehouse.connection import Warehouse

MOST_LEFTOVERS = 200
"""How many (run, stream) a round hands on: a step's answer has a size. The others are gaps, or come next."""


def leftovers(
    zone: Zone, warehouse: Warehouse, source: str, streams: Mapping[str, Stream], runs: Sequence[str]
) -> dict[str, list[str]]:
    """Which of these streams have landed windows of each run that the ledger lacks, runs without such left out.

    Only names are read. What is read whole is not asked for: some run reads all of it again anyway.
    """
    landed = [
        window
        for run in runs
        for name, stream in streams.items()
        if not _is_read_whole(stream)
        for window in landed_names(zone, names.stream_prefix(source, name, run))
    ]
    if not landed:
        return {}
    closed = warehouse.transaction(lambda cursor: coverage.closed_windows(cursor, source, runs))
    left: dict[str, list[str]] = {}
    for run, stream in dict.fromkeys((one.run, one.stream) for one in landed if _name(one) not in closed):
        left.setdefault(run, []).append(stream)
    return left


def _is_read_whole(stream: Stream) -> bool:
    is_set = stream.disposition == "replace" or isinstance(stream.deletes, PeriodicFull)
    return is_set or (stream.disposition == "merge" and isinstance(stream.cursor, Full))


def newest(left: Mapping[str, Iterable[str]]) -> list[tuple[str, str]]:
    """(run, stream) of what was left, oldest run first; of too many those of the newest runs."""
    return [(run, stream) for run, streams in sorted(left.items()) for stream in streams][-MOST_LEFTOVERS:]


def _name(window: WindowName) -> tuple[str, str, str, str]:
    return window.stream, window.run, window.partition, str(window.interval)
