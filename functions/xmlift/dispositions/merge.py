"""merge (L4): one row per key, the newest version of it that was ever read.

A tombstone is a row like any other: it stays, so that an older reading resurrects nothing. Children go and come
with their record's row. Of full readings the newest counts; a row of it that says what the target says changes
nothing, and is counted as stale.
"""

from collections.abc import Sequence
from typing import override

from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.catalogue import Stream
from xmlift.catalogue.cursor import Full
from xmlift.catalogue.deletes import PeriodicFull
from xmlift.dispositions.disposition import Chosen, Disposition, Targets, counted
from xmlift.dispositions.sets import SetMarks, check_sets, newest_readings
from xmlift.landing.chain import Landed
from xmlift.tally import TableTally
from xmlift.warehouse import statements


class Merge(Disposition):
    """The newest version of each key wins."""

    def __init__(self, targets: Targets, stream: Stream) -> None:
        super().__init__(targets)
        self._is_full = isinstance(stream.cursor, Full)
        self._marks = SetMarks(targets, stream) if isinstance(stream.deletes, PeriodicFull) else None
        self.takes_out = self._marks is not None

    @override
    def choose(self, cursor: Cursor, landed: Sequence[Landed]) -> Chosen:
        """All windows; of full readings the newest. Raises WarehouseError where a set is not whole."""
        check_sets(landed)
        giving_way = self._marks.giving_way(cursor, landed) if self._marks else []
        rest = [window for window in landed if window not in giving_way]
        chosen = newest_readings(cursor, self._targets, rest) if self._is_full else Chosen(rest)
        return chosen._replace(superseded=[*chosen.superseded, *giving_way])

    @override
    def apply(self, cursor: Cursor, landed: Sequence[Landed], tallies: dict[str, TableTally]) -> None:
        table, tally = self._targets.own, tallies[self._targets.own.name]
        self._keep_winners(cursor, tally, table.key)
        if self._marks:
            self._marks.note_staged(cursor, landed)
        epoch = _one_epoch(landed)
        cursor.execute(statements.count_met(table, epoch))
        met = [((run, partition, window), *counts) for run, partition, window, *counts in cursor.fetchall()]
        tally.current = dict(tally.winners)
        if any(stale for _, _, stale, _ in met):
            cursor.execute(statements.delete_stale(table))
            if table.knows_unchanged:
                cursor.execute(statements.delete_unchanged(table, epoch))
            tally.current = counted(cursor, statements.count_by_window(table.stage))
        tally.updated = {window: int(count) for window, *_, count in met}
        # Where no key is there yet, nothing is to be matched: a first load is spared the dearest statement.
        cursor.execute(statements.merge(table) if met else statements.insert_from(table, table.stage))
        for child in self._targets.children:
            below = tallies[child.name]
            below.winners = dict(below.written)
            below.current = counted(cursor, statements.count_children(child, table.stage))
            below.removed = counted(cursor, statements.count_replaced_children(child, table))
            cursor.execute(statements.delete_children(child, table))
            cursor.execute(statements.insert_children(child, table.stage))
        if self._marks:
            self._marks.mark(cursor, landed, tallies)


def _one_epoch(landed: Sequence[Landed]) -> int:
    """Of which epoch all these windows are; -1 where of several: then no row is taken for unchanged."""
    epochs = {window.commit.scope.epoch for window in landed}
    return epochs.pop() if len(epochs) == 1 else -1
