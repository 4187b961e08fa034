"""replace (L6): the table is what the newest set of windows holds, and never a part of one.

A set is all windows that one run read of the stream. It is as new as the oldest of its windows.
"""

from collections import Counter
from collections.abc import Sequence
from typing import override

from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.dispositions.disposition import Chosen, Disposition, age_of, check_whole, counted, gives_way
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
        if gives_way(cursor, self._targets, newest):
            return Chosen([], superseded=landed)
        others = [window for windows in sets.values() if windows is not newest for window in windows]
        return Chosen(newest, superseded=others)

    @override
    def apply(self, cursor: Cursor, landed: Sequence[Landed], tallies: dict[str, TableTally]) -> None:
        table, tally = self._targets.own, tallies[self._targets.own.name]
        self._keep_winners(cursor, tally, table.key)
        tally.current = dict(tally.winners)
        for each in self._targets.all:
            tallies[each.name].removed = self._take_out(cursor, each, landed)
        cursor.execute(statements.insert_from(table, table.stage))
        for child in self._targets.children:
            below = tallies[child.name]
            below.winners = dict(below.written)
            below.current = counted(cursor, statements.count_children(child, table.stage))
            cursor.execute(statements.insert_children(child, table.stage))

    def _take_out(self, cursor: Cursor, table: Table, landed: Sequence[Landed]) -> dict[WindowKey, int]:
        """Empty the table; what went is counted with the first window of its partition, or of the set.

        Also of partitions that the set does not have: their records may have moved to others, and would be there
        twice.
        """
        first = {window.window.partition: window_key(window) for window in reversed(landed)}
        cursor.execute(statements.count_partitions(table, self._targets.own))
        removed: Counter[WindowKey] = Counter()
        for partition, count in cursor.fetchall():
            removed[first.get(partition, window_key(landed[0]))] += count
        cursor.execute(statements.delete_all(table))
        return dict(removed)
