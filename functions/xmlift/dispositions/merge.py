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
        cursor.execute(statements.pick_winners(table, table.key))
        tally.winners = counted(cursor, statements.count_by_window(table.winners))
        cursor.execute(statements.delete_stale(table))
        tally.current = counted(cursor, statements.count_by_window(table.winners))
        tally.updated = counted(cursor, statements.count_updates(table))
        cursor.execute(statements.merge(table))
        for child in self._targets.children:
            below = tallies[child.name]
            below.winners = dict(below.written)
            below.current = counted(cursor, statements.count_children(child, table.winners))
            below.removed = counted(cursor, statements.count_replaced_children(child, table))
            cursor.execute(statements.delete_children(child, table))
            cursor.execute(statements.insert_children(child, table.winners))
