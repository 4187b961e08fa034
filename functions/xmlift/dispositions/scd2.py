"""scd2 (L7): each version of a key with the time in which it held; an unchanged record opens none.

A version is told from the one before it, so windows load in the order of time: only those that join the settled
prefix, or the slice before them of their own run. One that came too late, when history had gone on over its time,
is superseded.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import override

from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.catalogue import Stream
from xmlift.dispositions.disposition import Chosen, Disposition, Targets, counted, reading_of
from xmlift.landing.chain import Landed
from xmlift.tally import TableTally
from xmlift.warehouse import coverage, history, ledger, tables
from xmlift.warehouse.coverage import Counted
from xmlift.warehouse.ledger import Reading
from xmlift.warehouse.statements import VALIDITY, Table
from xmlift.windows import EPOCH, Interval, merged, settled_by, watermark


class History(Disposition):
    """Versions with their time, recomputed for each key that came."""

    def __init__(self, targets: Targets, stream: Stream) -> None:
        super().__init__(targets)
        self._start = stream.cursor.start_time if stream.cursor else EPOCH
        self._overlap = stream.cursor.overlap_time if stream.cursor else EPOCH - EPOCH

    @override
    def choose(self, cursor: Cursor, landed: Sequence[Landed]) -> Chosen:
        """The windows that go on from what is settled, or from their own run's, without a gap."""
        newest = ledger.newest_of_partitions(cursor, self._targets.source, self._targets.stream)
        reach = self._reach(cursor, landed)
        loaded: list[Landed] = []
        superseded: list[Landed] = []
        left: list[Landed] = []
        for window in sorted(landed, key=_place):
            reading = reading_of(window)
            if _is_past(reading, newest.get(reading.partition), adds_nothing=reach.has(reading)):
                superseded.append(window)
            elif reading.interval.start > reach.joins(reading):
                left.append(window)
            else:
                loaded.append(window)
                reach.add(reading)
        return Chosen(loaded, superseded, left)

    def _reach(self, cursor: Cursor, landed: Sequence[Landed]) -> "_Reach":
        """How far the history goes by the ledger, for the epochs and runs of these windows."""
        source, stream = self._targets.source, self._targets.stream
        reach = _Reach(self._start, self._overlap)
        for epoch in sorted({window.commit.scope.epoch for window in landed}):
            settled = coverage.settled(cursor, source, [Counted(stream, epoch, self._overlap)])
            reach.settled |= {
                (epoch, partition): intervals for partition, intervals in settled.get(stream, {}).items()
            }
        runs = sorted({window.window.run for window in landed})
        reach.ends |= coverage.ends_of_runs(cursor, source, stream, runs)
        return reach

    @override
    def apply(self, cursor: Cursor, landed: Sequence[Landed], tallies: dict[str, TableTally]) -> None:
        table, tally = self._with_all_columns(cursor), tallies[self._targets.own.name]
        self._keep_winners(cursor, tally, (*table.key, table.version[0]))
        cursor.execute(history.pick_touched(table))
        cursor.execute(history.pick_history(table))
        tally.current = counted(cursor, history.count_fresh(table))
        tally.removed = Counter(counted(cursor, history.count_before(table)))
        tally.removed.subtract(counted(cursor, history.count_kept(table)))
        cursor.execute(history.delete_touched(table))
        cursor.execute(history.insert_history(table))

    def _with_all_columns(self, cursor: Cursor) -> Table:
        """The target with the columns that the catalogue no longer has: old versions keep what they say."""
        table = self._targets.own
        known = {*table.names, *(name for name, _ in VALIDITY)}
        others = [name for name in tables.columns_of(cursor, table) if name not in known]
        return table._replace(columns=(*table.columns, *((name, "") for name in others)))


class _Reach:
    """How far a history goes: settled for every run, and for each run to the end of its own windows.

    Between slices of one run is no time that it did not read, even where the later one begins within the overlap
    before now, which is not settled yet. The next run begins before that.
    """

    def __init__(self, start: datetime, overlap: timedelta) -> None:
        self._start, self._overlap = start, overlap
        self.settled: dict[tuple[int, str], Sequence[Interval]] = {}
        self.ends: dict[tuple[int, str], dict[str, datetime]] = {}

    def joins(self, reading: Reading) -> datetime:
        """The latest start with which the window goes on without a gap."""
        return max(self._mark(reading), self._ends(reading).get(reading.run, self._start))

    def has(self, reading: Reading) -> bool:
        """Whether the window neither settles anything more nor ends later than all that is loaded."""
        last = max(self._ends(reading).values(), default=self._start)
        return self._settles(reading).end <= self._mark(reading) and reading.interval.end <= last

    def add(self, reading: Reading) -> None:
        scope = reading.epoch, reading.partition
        self.settled[scope] = merged([*self.settled.get(scope, ()), self._settles(reading)])
        ends = self.ends.setdefault(scope, {})
        ends[reading.run] = max(reading.interval.end, ends.get(reading.run, reading.interval.end))

    def _mark(self, reading: Reading) -> datetime:
        return watermark(self._start, self.settled.get((reading.epoch, reading.partition), ()))

    def _ends(self, reading: Reading) -> dict[str, datetime]:
        return self.ends.get((reading.epoch, reading.partition), {})

    def _settles(self, reading: Reading) -> Interval:
        return settled_by(reading.interval, reading.as_of, self._overlap)


def _place(landed: Landed) -> tuple[int, Interval, datetime, str]:
    reading = reading_of(landed)
    return reading.epoch, reading.interval, reading.as_of, reading.run


def _is_past(reading: Reading, newest: tuple[int, datetime] | None, *, adds_nothing: bool) -> bool:
    """Whether history went on over the window's time before it came."""
    if newest is None:
        return False
    epoch, as_of = newest
    return reading.epoch < epoch or (reading.epoch == epoch and reading.as_of < as_of and adds_nothing)
