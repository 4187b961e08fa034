"""scd2 (L7): each version of a key with the time in which it held; an unchanged record opens none.

A version is told from the one before it, so windows load in the order of time: only those that join the settled
prefix. One that came too late, when history had gone on over its time, is superseded.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import override

from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.catalogue import Stream
from xmlift.dispositions.disposition import Chosen, Disposition, Targets, counted, reading_of
from xmlift.landing.chain import Landed
from xmlift.tally import TableTally
from xmlift.warehouse import coverage, history, ledger, statements, tables
from xmlift.warehouse.coverage import Counted
from xmlift.warehouse.ledger import Reading
from xmlift.warehouse.statements import VALIDITY, Table
from xmlift.windows import EPOCH, Interval, settled_by, watermark


class History(Disposition):
    """Versions with their time, recomputed for each key that came."""

    def __init__(self, targets: Targets, stream: Stream) -> None:
        super().__init__(targets)
        self._start = stream.cursor.start_time if stream.cursor else EPOCH
        self._overlap = stream.cursor.overlap_time if stream.cursor else EPOCH - EPOCH

    @override
    def choose(self, cursor: Cursor, landed: Sequence[Landed]) -> Chosen:
        """The windows that go on from what is settled, without a gap."""
        newest = ledger.newest_of_partitions(cursor, self._targets.source, self._targets.stream)
        reached = self._reached(cursor, {window.commit.scope.epoch for window in landed})
        loaded: list[Landed] = []
        superseded: list[Landed] = []
        left: list[Landed] = []
        for window in sorted(landed, key=_place):
            reading = reading_of(window)
            scope = reading.epoch, reading.partition
            mark = reached.get(scope, self._start)
            end = settled_by(reading.interval, reading.as_of, self._overlap).end
            if _is_past(reading, newest.get(reading.partition), adds_nothing=end <= mark):
                superseded.append(window)
            elif reading.interval.start > mark:
                left.append(window)
            else:
                loaded.append(window)
                reached[scope] = max(mark, end)
        return Chosen(loaded, superseded, left)

    def _reached(self, cursor: Cursor, epochs: set[int]) -> dict[tuple[int, str], datetime]:
        """How far the settled prefix of each epoch and partition goes."""
        return {
            (epoch, partition): watermark(self._start, intervals)
            for epoch in sorted(epochs)
            for partition, intervals in coverage.settled(
                cursor, self._targets.source, [Counted(self._targets.stream, epoch, self._overlap)]
            )
            .get(self._targets.stream, {})
            .items()
        }

    @override
    def apply(self, cursor: Cursor, landed: Sequence[Landed], tallies: dict[str, TableTally]) -> None:
        table, tally = self._with_all_columns(cursor), tallies[self._targets.own.name]
        cursor.execute(statements.pick_winners(table, (*table.key, table.version[0])))
        tally.winners = counted(cursor, statements.count_by_window(table.winners))
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


def _place(landed: Landed) -> tuple[int, Interval, datetime, str]:
    reading = reading_of(landed)
    return reading.epoch, reading.interval, reading.as_of, reading.run


def _is_past(reading: Reading, newest: tuple[int, datetime] | None, *, adds_nothing: bool) -> bool:
    """Whether history went on over the window's time before it came."""
    if newest is None:
        return False
    epoch, as_of = newest
    return reading.epoch < epoch or (reading.epoch == epoch and reading.as_of < as_of and adds_nothing)
