"""What a load has to do: the windows that have landed and are not in the ledger, in the order to load them in.

Names alone say which these are. Commits are read when their turn comes, so that a call which has time for one batch
of a long replay reads the commits of one batch.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby, islice

from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.catalogue import Stream
from xmlift.catalogue.cursor import DeltaLink
from xmlift.catalogue.deletes import PeriodicFull
from xmlift.landing import names
from xmlift.landing.chain import Landed
from xmlift.landing.landed import landed_names, read_commits, undamaged
from xmlift.landing.names import WindowName
from xmlift.landing.zone import Zone
from xmlift.telemetry import logger
from xmlift.warehouse import ledger, version
from xmlift.warehouse.connection import Warehouse
from xmlift.work import ALL_RUNS

FIRST_WINDOWS = 32
FIRST_BYTES = 256 * 1024**2
BATCH_WINDOWS = 1_000
BATCH_BYTES = 5 * 1024**3


class Bound:
    """How much a batch may hold: little at first, so that each call of a slow warehouse gets something done."""

    def __init__(self) -> None:
        self.windows = min(FIRST_WINDOWS, BATCH_WINDOWS)
        self.bytes = min(FIRST_BYTES, BATCH_BYTES)

    def double(self) -> None:
        """Let the batches that are still to come be larger, up to what one COPY takes well."""
        self.windows = min(2 * self.windows, BATCH_WINDOWS)
        self.bytes = min(2 * self.bytes, BATCH_BYTES)


def unloaded_windows(
    zone: Zone, warehouse: Warehouse, source: str, stream: str, windows_of: str
) -> list[WindowName]:
    """The windows of a run, or of all (`*`), that have landed and that the ledger lacks; no commit is read."""
    run = None if windows_of == ALL_RUNS else windows_of
    landed = landed_names(zone, names.stream_prefix(source, stream, run))
    if not landed:
        return []

    def ask(cursor: Cursor) -> set[tuple[str, str, str]]:
        version.check(cursor)
        return ledger.windows(cursor, source, stream, run)

    known = warehouse.transaction(ask)
    return [window for window in landed if (window.run, window.partition, str(window.interval)) not in known]


def batches(
    zone: Zone, windows: Sequence[WindowName], stream: Stream, bound: Bound
) -> Iterator[list[Landed]]:
    """The windows with their commits, as they are to be loaded together; those with a damaged one are left out."""
    if stream.disposition == "replace":
        yield from whole_sets(zone, windows)
        return
    if isinstance(stream.deletes, PeriodicFull):
        yield from sets_and_others(zone, windows, bound)
        return
    if isinstance(stream.cursor, DeltaLink):
        ordered = as_read(zone, windows)
    else:
        ordered = by_history(zone, windows) if stream.disposition == "scd2" else newest_run_first(windows)
    rest = iter(ordered)
    while some := list(islice(rest, bound.windows)):
        yield from bounded(undamaged(read_commits(zone, some)), bound)


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
        for landed in undamaged(read_commits(zone, windows))
    )
    return [window for *_, window in places]


def as_read(zone: Zone, windows: Sequence[WindowName]) -> list[WindowName]:
    """As they were read, epoch by epoch: of deltas each goes on from the one that was read before it."""
    places = sorted(
        (landed.commit.scope.epoch, landed.commit.as_of, landed.window.run, landed.window)
        for landed in undamaged(read_commits(zone, windows))
    )
    return [window for *_, window in places]


def whole_sets(zone: Zone, windows: Sequence[WindowName]) -> Iterator[list[Landed]]:
    """The sets that have landed whole, newest first, each of any size; what lacks a window is left out (P6)."""
    for run, members in groupby(newest_run_first(windows), key=lambda window: window.run):
        landed = undamaged(read_commits(zone, members))
        if _is_whole(run, landed):
            yield landed


def sets_and_others(zone: Zone, windows: Sequence[WindowName], bound: Bound) -> Iterator[list[Landed]]:
    """Newest run first; what is a set of all is loaded whole, other windows as ever."""
    for run, members in groupby(newest_run_first(windows), key=lambda window: window.run):
        landed = undamaged(read_commits(zone, members))
        of_set = [window for window in landed if window.commit.set_windows]
        if _is_whole(run, of_set):
            yield of_set
        yield from bounded([window for window in landed if not window.commit.set_windows], bound)


def _is_whole(run: str, landed: Sequence[Landed]) -> bool:
    sizes = {window.commit.set_windows for window in landed}
    if sizes == {len(landed)}:
        return True
    if landed:
        logger.info(
            "left out a set that has not landed whole", run=run, landed=len(landed), of=max(sizes, default=0)
        )
    return False


def bounded(landed: Sequence[Landed], bound: Bound) -> Iterator[list[Landed]]:
    """Windows in order, cut into batches of bounded number and size."""
    batch: list[Landed] = []
    size = 0
    for window in landed:
        window_size = size_of([window])
        if batch and (len(batch) >= bound.windows or size + window_size > bound.bytes):
            yield batch
            batch, size = [], 0
        batch.append(window)
        size += window_size
    if batch:
        yield batch


def size_of(landed: Sequence[Landed]) -> int:
    """The bytes of all parts of these windows, packed."""
    return sum(part.bytes for window in landed for part in window.commit.parts)
