"""append (L5): for each instant of the cursor, what the newest reading that covers it had there.

Windows may overlap as they like, and be read and loaded in any order: an older reading counts where no newer one
covers, and nothing stands twice. The cursor of a record never changes, and is never empty; else it is a merge.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, override

from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)
from psycopg2.extras import execute_values

from xmlift.dispositions.disposition import Disposition, counted, reading_of
from xmlift.landing.chain import Landed
from xmlift.tally import TableTally
from xmlift.warehouse import ledger, readings, statements
from xmlift.warehouse.ledger import Reading
from xmlift.windows import Interval, merged, subtracted


class Piece(NamedTuple):
    """A stretch of time, and the reading that decides what it holds."""

    reading: Reading
    interval: Interval


def decided_by(batch: Sequence[Reading], loaded: Sequence[Reading]) -> Iterator[Piece]:
    """The time in which each reading of the batch is the newest of all."""
    mine = set(batch)
    covered: dict[str, list[Interval]] = {}
    for reading in sorted({*batch, *loaded}, key=lambda reading: reading.age, reverse=True):
        newer = covered.get(reading.partition, [])
        if reading in mine:
            yield from (Piece(reading, interval) for interval in subtracted(reading.interval, newer))
        covered[reading.partition] = merged([*newer, reading.interval])


class Append(Disposition):
    """The newest reading of each instant counts."""

    takes_out = True

    @override
    def apply(self, cursor: Cursor, landed: Sequence[Landed], tallies: dict[str, TableTally]) -> None:
        table, tally = self._targets.own, tallies[self._targets.own.name]
        self._decide(cursor, [reading_of(window) for window in landed])
        # Before the time is asked: of a record that one window read twice, only the later reading ever counts.
        self._keep_winners(cursor, tally, (*statements.WINDOW, *table.key) if table.key else ())
        cursor.execute(readings.pick_current(table))
        tally.current = counted(cursor, statements.count_by_window(table.current))
        tally.removed = counted(cursor, readings.count_removed(table))
        for child in self._targets.children:
            below = tallies[child.name]
            below.winners = dict(below.written)
            below.current = counted(cursor, statements.count_children(child, table.current))
            below.removed = counted(cursor, readings.count_removed_children(child, table))
            cursor.execute(readings.delete_removed(child, table))
            cursor.execute(statements.insert_children(child, table.current))
        cursor.execute(readings.delete_removed(table, table))
        cursor.execute(statements.insert_from(table, table.current))

    def _decide(self, cursor: Cursor, batch: Sequence[Reading]) -> None:
        """Note which time the batch decides, and what the target has there: older readings brought it."""
        span = Interval(min(r.interval.start for r in batch), max(r.interval.end for r in batch))
        loaded = ledger.overlapping(cursor, self._targets.source, self._targets.stream, span)
        rows = [
            (piece.reading.run, piece.reading.partition, str(piece.reading.interval), *piece.interval)
            for piece in decided_by(batch, loaded)
        ]
        cursor.execute(readings.create_decided(self._targets.own))
        if rows:
            execute_values(cursor, readings.insert_decided(self._targets.own), rows, page_size=len(rows))
        cursor.execute(readings.pick_removed(self._targets.own), span)
