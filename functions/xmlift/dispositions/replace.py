"""replace (L6): the table is what the newest set of windows holds, and never a part of one.

A set is all windows that one run read of the stream. It is as new as the oldest of its windows.
"""

from collections.abc import Sequence
from typing import override

from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.dispositions.disposition import Chosen, Disposition, age_of, check_whole, counted
from xmlift.landing.chain import Landed
from xmlift.tally import TableTally, WindowKey, window_key
from xmlift.warehouse import ledger, statements
from xmlift.warehouse.statements import Table


class Replace(Disposition):
    """The newest set counts, as a whole."""

    takes_out = True

    @override
    def choose(self, cursor: Cursor, landed: Sequence[Landed]) -> Chosen:
        """The newest set. Raises WarehouseError where a set is not whole."""
        sets: dict[str, list[Landed]] = {}
        for window in landed:
            sets.setdefault(window.window.run, []).append(window)
        for windows in sets.values():
            check_whole(windows)
        newest = max(sets.values(), key=age_of)
        loaded = ledger.newest_set(cursor, self._targets.source, self._targets.stream)
        if loaded is not None and loaded > age_of(newest):
            return Chosen([], superseded=landed)
        others = [window for windows in sets.values() if windows is not newest for window in windows]
        return Chosen(newest, superseded=others)

    @override
    def apply(self, cursor: Cursor, landed: Sequence[Landed], tallies: dict[str, TableTally]) -> None:
        table, tally = self._targets.own, tallies[self._targets.own.name]
        first = {window.window.partition: window_key(window) for window in reversed(landed)}
        self._keep_winners(cursor, tally, table.key)
        tally.current = dict(tally.winners)
        for each in self._targets.all:
            tallies[each.name].removed = self._take_out(cursor, each, first)
        cursor.execute(statements.insert_from(table, table.stage))
        for child in self._targets.children:
            below = tallies[child.name]
            below.winners = dict(below.written)
            below.current = counted(cursor, statements.count_children(child, table.stage))
            cursor.execute(statements.insert_children(child, table.stage))

    def _take_out(self, cursor: Cursor, table: Table, first: dict[str, WindowKey]) -> dict[WindowKey, int]:
        """Empty the set's partitions; what went is counted with the first window of each."""
        partitions = sorted(first)
        cursor.execute(statements.count_partitions(table, self._targets.own, partitions))
        removed = {first[partition]: count for partition, count in cursor.fetchall()}
        cursor.execute(statements.delete_partitions(table, partitions))
        return removed
