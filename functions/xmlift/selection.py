"""What a load has to do: the windows that have landed and are not in the ledger, in the order to load them in.

Names alone say which these are. Commits are read when their turn comes, so that a call which has time for one batch
of a long replay reads the commits of one batch.
"""

from collections.abc import Iterator, Sequence
from itertools import batched, groupby

from xmlift.landing import names
from xmlift.landing.chain import Landed
from xmlift.landing.landed import landed_names, read_commits
from xmlift.landing.names import WindowName
from xmlift.landing.zone import Zone
from xmlift.telemetry import logger
from xmlift.warehouse import ledger
from xmlift.warehouse.connection import Warehouse
from xmlift.work import ALL_RUNS

BATCH_WINDOWS = 1_000
BATCH_BYTES = 5 * 1024**3


def unloaded_windows(
    zone: Zone, warehouse: Warehouse, source: str, stream: str, windows_of: str
) -> list[WindowName]:
    """The windows of a run, or of all (`*`), that have landed and that the ledger lacks; no commit is read."""
    run = None if windows_of == ALL_RUNS else windows_of
    landed = landed_names(zone, names.stream_prefix(source, stream, run))
    if not landed:
        return []
    known = warehouse.transaction(lambda cursor: ledger.windows(cursor, source, stream, run))
    return [window for window in landed if (window.run, window.partition, str(window.interval)) not in known]


def batches(zone: Zone, windows: Sequence[WindowName], disposition: str) -> Iterator[list[Landed]]:
    """The windows with their commits, as they are to be loaded together."""
    match disposition:
        case "replace":
            yield from whole_sets(zone, windows)
            return
        case "scd2":
            ordered = by_history(zone, windows)
        case _:
            ordered = newest_run_first(windows)
    for some in batched(ordered, BATCH_WINDOWS, strict=False):
        yield from bounded(list(read_commits(zone, some)))


def newest_run_first(windows: Sequence[WindowName]) -> list[WindowName]:
    """So that of many readings of a record the last one is loaded first, and the others change nothing."""
    return sorted(sorted(windows), key=lambda window: window.run, reverse=True)


def by_history(zone: Zone, windows: Sequence[WindowName]) -> list[WindowName]:
    """As time went by: epoch by epoch, by start and end, and of two that agree in these the older reading first.

    A run's own windows are of one epoch and read once; of several runs', only the commits know which came first.
    """
    if len({window.run for window in windows}) == 1:
        return sorted(windows, key=lambda window: (window.interval, window.partition))
    places = sorted(
        (landed.commit.scope.epoch, landed.window.interval, landed.commit.as_of, landed.window)
        for landed in read_commits(zone, windows)
    )
    return [window for *_, window in places]


def whole_sets(zone: Zone, windows: Sequence[WindowName]) -> Iterator[list[Landed]]:
    """The sets that have landed whole, newest first, each of any size; what lacks a window is left out (P6)."""
    for run, members in groupby(newest_run_first(windows), key=lambda window: window.run):
        landed = list(read_commits(zone, members))
        sizes = {window.commit.set_windows for window in landed}
        if sizes == {len(landed)}:
            yield landed
        else:
            logger.info(
                "left out a set that has not landed whole", run=run, landed=len(landed), of=max(sizes)
            )


def bounded(landed: Sequence[Landed]) -> Iterator[list[Landed]]:
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
