"""Leftovers: what a run before this one landed, and did not load (P5)."""

from collections.abc import Sequence

from xmlift.catalogue import Source
from xmlift.landing import names
from xmlift.landing.landed import landed_names
from xmlift.landing.names import WindowName
from xmlift.landing.zone import Zone
from xmlift.warehouse import coverage
from xmlift.warehouse.connection import Warehouse


def leftovers(zone: Zone, warehouse: Warehouse, source: Source, runs: Sequence[str]) -> dict[str, list[str]]:
    """The streams of each run that have landed windows which the ledger lacks, runs without such left out.

    Only names are read. Sets are not asked for: each run reads the whole of them anyway.
    """
    landed = [
        window
        for run in runs
        for name, stream in source.streams.items()
        if stream.disposition != "replace"
        for window in landed_names(zone, names.stream_prefix(source.source, name, run))
    ]
    if not landed:
        return {}
    closed = warehouse.transaction(lambda cursor: coverage.closed_windows(cursor, source.source, runs))
    left: dict[str, list[str]] = {}
    for run, stream in dict.fromkeys((one.run, one.stream) for one in landed if _name(one) not in closed):
        left.setdefault(run, []).append(stream)
    return left


def _name(window: WindowName) -> tuple[str, str, str, str]:
    return window.stream, window.run, window.partition, str(window.interval)
