"""What all dispositions share: the targets, the choice among a batch's windows, and the counts."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.errors import DataFaultError, WarehouseError
from xmlift.landing.chain import Landed
from xmlift.layout import StreamLayout, TableLayout
from xmlift.tally import TableTally, WindowKey
from xmlift.warehouse import duplicates, ledger, statements
from xmlift.warehouse.ledger import Reading
from xmlift.warehouse.statements import Table

_SHOWN_NAMES = 5


class Targets(NamedTuple):
    """The tables of one stream."""

    own: Table
    children: tuple[Table, ...]

    @property
    def all(self) -> tuple[Table, ...]:
        return (self.own, *self.children)

    @property
    def source(self) -> str:
        return self.own.schema

    @property
    def stream(self) -> str:
        return self.own.name


class Chosen(NamedTuple):
    """What becomes of a batch's windows: loaded, superseded by newer ones, or left for a later load."""

    loaded: Sequence[Landed]
    superseded: Sequence[Landed] = ()
    left: Sequence[Landed] = ()


class Disposition(ABC):
    """One way of bringing staged rows to the targets."""

    takes_out = False
    """Whether a window that holds no row changes something: it says that there is nothing any more."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets

    def choose(self, cursor: Cursor, landed: Sequence[Landed]) -> Chosen:
        """Which of the windows that the ledger lacks are loaded, in which order. Raises WarehouseError."""
        del cursor
        return Chosen(landed)

    @abstractmethod
    def apply(self, cursor: Cursor, landed: Sequence[Landed], tallies: dict[str, TableTally]) -> None:
        """Bring what is staged to the targets, and note by window what became of it."""

    def _keep_winners(self, cursor: Cursor, tally: TableTally, among: Sequence[str]) -> None:
        """Of the staged rows that agree on `among` keep the newest, and count what is left by window."""
        table = self._targets.own
        tally.winners = dict(tally.written)
        if not among:
            return
        cursor.execute(duplicates.count_doubled(table, among))
        ((doubled,),) = cursor.fetchall()
        if doubled:
            cursor.execute(duplicates.pick_losers(table, among))
            cursor.execute(duplicates.delete_losers(table))
            tally.winners = counted(cursor, statements.count_by_window(table.stage))


def targets_of(source: str, layout: StreamLayout, *, keeps_history: bool = False) -> Targets:
    own = _table(source, layout.table)._replace(keeps_history=keeps_history)
    return Targets(own, tuple(_table(source, child) for child in layout.children))


def _table(source: str, layout: TableLayout) -> Table:
    columns = tuple((name, column_type.ddl) for name, column_type in layout.columns)
    # That the others have a value is seen to when they are read: an older commit may lack such a column wholly.
    never_null = frozenset(
        name for name in layout.required if name.startswith("_") or name in (*layout.key, *layout.version)
    )
    return Table(source, layout.name, columns, layout.key, layout.version, never_null)


def check_whole(windows: Sequence[Landed]) -> None:
    """Raises WarehouseError where these are not all windows of one set."""
    promised = {window.commit.set_windows for window in windows}
    if promised != {len(windows)}:
        window = windows[0].window
        raise WarehouseError(
            f"{window.source}.{window.stream}: run {window.run} has {len(windows)} windows here of a set of "
            f"{', '.join(map(str, sorted(promised)))}: a set is loaded as a whole or not at all"
        )


def gives_way(cursor: Cursor, targets: Targets, windows: Sequence[Landed]) -> bool:
    """Whether a set found nothing at all where other things stand, so that it may tell of nothing.

    Most likely the source has changed its names, and what is taken for gone is there. Where something is loaded
    that the set would take out, it raises DataFaultError, so that the run fails; else there is nothing to lose.
    """
    found: Counter[str] = Counter()
    for window in windows:
        own = window.commit.progress.tables.get(targets.stream)
        if own is not None and own.read:
            return False
        found.update(window.commit.progress.unmatched)
    if not found:
        return False
    if not ledger.rows_of_loads(cursor, targets.source, targets.stream):
        return True
    there = ", ".join(
        f"{count} × {name.rpartition('}')[2]}" for name, count in found.most_common(_SHOWN_NAMES)
    )
    raise DataFaultError(
        f"{targets.own.qualified}: a reading of all found no record, and where records are expected stand {there}: "
        "nothing is taken for gone by that. Correct `records`; where the source really has none any more, say by "
        "`guards.empty` how its answer tells so"
    )


def age_of(windows: Sequence[Landed]) -> tuple[int, datetime, str]:
    """How new windows of one run are together: as the oldest of them."""
    readings = [reading_of(window) for window in windows]
    return (
        max(reading.epoch for reading in readings),
        min(reading.as_of for reading in readings),
        readings[0].run,
    )


def reading_of(landed: Landed) -> Reading:
    commit = landed.commit
    return Reading(
        landed.window.partition,
        landed.window.interval,
        commit.scope.epoch,
        commit.as_of.astimezone(UTC),
        landed.window.run,
    )


def counted(cursor: Cursor, statement: str) -> dict[WindowKey, int]:
    """Run a statement that counts rows by run, partition and window."""
    cursor.execute(statement)
    return {(run, partition, window): count for run, partition, window, count in cursor.fetchall()}
