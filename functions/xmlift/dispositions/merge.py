"""merge (L4): one row per key, the newest version of it that was ever read.

A tombstone is a row like any other: it stays, so that an older reading resurrects nothing. Children go and come
with their record's row.
"""

from collections.abc import Sequence
from typing import override

from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.dispositions.disposition import Disposition, counted
from xmlift.landing.chain import Landed
from xmlift.tally import TableTally
from xmlift.warehouse import statements


class Merge(Disposition):
    """The newest version of each key wins."""

    @override
    def apply(self, cursor: Cursor, landed: Sequence[Landed], tallies: dict[str, TableTally]) -> None:
        table, tally = self._targets.own, tallies[self._targets.own.name]
        self._keep_winners(cursor, tally, table.key)
        cursor.execute(statements.count_met(table))
        met = [((run, partition, window), *counts) for run, partition, window, *counts in cursor.fetchall()]
        tally.current = dict(tally.winners)
        if any(stale for _, _, stale, _ in met):
            cursor.execute(statements.delete_stale(table))
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
