"""Kept coverage: after any history of loads it is that of the ledger, and to keep it costs the same ever after."""

import itertools
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.thoroughness import examples

from xmlift.migration import Forget, ForgetEvent, MigrateEvent, forget, migrate
from xmlift.warehouse import coverage, kept_coverage, migrations
from xmlift.warehouse import ledger as ledger_table
from xmlift.warehouse.coverage import Counted
from xmlift.warehouse.ledger import LOADED, QUARANTINED, SUPERSEDED, Entry
from xmlift.windows import ALL_TIME, EPOCH, merged, settled_by

from .kept import kept, to_be_kept
from .ledger_rows import MINUTE, Row, interval, into_ledger, ledger_holds, minutes, row
from .loads import ONE, TWO, Loads, item
from .runs import Run
from .warehouse_stand_in import ADMIN, LOADER, PLANNER, REPORTER, StandIn
from .warehouse_stand_in import stand_in as stand_in_of

SOURCE = "kept"
NO_OVERLAP = timedelta(0)


@pytest.fixture(scope="module")
def warehouse(stand_in: StandIn) -> Iterator[StandIn]:
    stand_in.add_sources(SOURCE)
    yield stand_in
    stand_in.remove_sources(SOURCE)


def entry(one: Row) -> Entry:
    """A row of the ledger as a load writes it."""
    texts = dict.fromkeys(("commit_sha", "tables", "reason", "loaded_by"), "")
    counts = dict.fromkeys(Entry._fields, 0) | Entry._field_defaults
    return Entry(**counts | texts | {"source": SOURCE} | one)


def bring(stand_in: StandIn, overlap: timedelta, *rows: Row, stream: str = "a") -> None:
    """What a load of one stream writes of its windows, as the loader."""
    entries = [entry(one) for one in rows]

    with session_of(stand_in) as transaction, transaction.cursor() as cursor:
        ledger_table.insert(cursor, entries)
        kept_coverage.keep(cursor, SOURCE, stream, overlap, entries)


@cache
def session_of(stand_in: StandIn) -> Any:
    """One session for all that loads here, since a login takes longer than a load."""
    return stand_in.warehouse(LOADER).connect()


def settled(stand_in: StandIn, *counted: Counted) -> coverage.Covered:
    return stand_in.warehouse(PLANNER).transaction(lambda cursor: coverage.settled(cursor, SOURCE, counted))


def window(start: int | None, size: int, as_of: int, partition: str, epoch: int, state: str) -> Row:
    """None is no time, as a dropped file has."""
    one = row(start or 0, (start or 0) + size, as_of, partition=partition, epoch=epoch, state=state)
    no_time = {"window_start": ALL_TIME.start, "window_end": ALL_TIME.end}
    return one | (no_time if start is None else {})


WINDOWS = st.builds(
    window,
    st.none() | st.integers(-20, 60),
    st.integers(1, 30),
    st.integers(-20, 90) | st.just(1_000),
    st.sampled_from(["-", "p", ""]),
    st.integers(0, 1),
    st.sampled_from([LOADED, LOADED, LOADED, SUPERSEDED, QUARANTINED]),
)
OVERLAPS = st.sampled_from([NO_OVERLAP, NO_OVERLAP, 5 * MINUTE, timedelta(hours=1), timedelta(days=999_999)])
STEPS = st.lists(st.none() | st.tuples(OVERLAPS, st.lists(WINDOWS, max_size=5)), max_size=8)
"""Loads, each by a catalogue with its overlap; None is a ledger that is forgotten."""


@settings(
    max_examples=examples(15, 100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(STEPS)
def test_after_every_step_it_is_that_of_the_ledger(
    warehouse: StandIn, steps: Sequence[tuple[timedelta, Sequence[Row]] | None]
) -> None:
    warehouse.forget(SOURCE)
    bring(warehouse, NO_OVERLAP, row(0, 5, stream="b"), stream="b")
    other = kept(warehouse, SOURCE)
    last: timedelta | None = None
    for step in steps:
        if step is None:
            forget(ForgetEvent(forget=Forget(source=SOURCE)), warehouse.warehouse(ADMIN))
            other, last = [], None
        else:
            overlap, rows = step
            bring(warehouse, overlap, *rows)
            last = overlap if any(one["state"] == LOADED for one in rows) else last
        expected = [] if last is None else to_be_kept(warehouse, SOURCE, {"a": last})
        assert kept(warehouse, SOURCE) == sorted([*expected, *other])
    warehouse.warehouse(PLANNER).transaction(lambda cursor: check_answers(warehouse, cursor))


def check_answers(stand_in: StandIn, cursor: Any) -> None:
    """What plan is told, by whatever overlap, is what Python makes of the ledger."""
    for epoch, asked in itertools.product((0, 1), (NO_OVERLAP, 5 * MINUTE, timedelta(days=999_999))):
        found = coverage.settled(cursor, SOURCE, [Counted("a", epoch, asked)])
        assert found == reckoned(stand_in, epoch, asked)
    greatest = coverage.greatest_epochs(cursor, SOURCE, ["a", "b", "c"])
    assert greatest == dict(
        stand_in.run(
            "SELECT stream, MAX(epoch) FROM xmlift.ledger WHERE source = %s AND state = %s GROUP BY 1",
            SOURCE,
            LOADED,
        )
    )


def reckoned(stand_in: StandIn, epoch: int, overlap: timedelta) -> coverage.Covered:
    """What is settled of the stream, by Python alone."""
    rows = [one[2:3] + one[4:] for one in to_be_kept(stand_in, SOURCE, {"a": overlap}) if one[1] == epoch]
    partitions: dict[str, Any] = {}
    for partition, start, end in rows:
        if start > EPOCH:
            partitions.setdefault(partition, []).append((start, end))
    return {"a": partitions} if partitions else {}


def test_windows_that_join_take_the_place_of_what_they_join(warehouse: StandIn) -> None:
    warehouse.forget(SOURCE)
    stretches = [
        (row(0, 10), [(0, 10)]),
        (row(20, 30), [(0, 10), (20, 30)]),
        (row(30, 35), [(0, 10), (20, 35)]),
        (row(22, 33), [(0, 10), (20, 35)]),
        (row(50, 60), [(0, 10), (20, 35), (50, 60)]),
        (row(10, 50), [(0, 60)]),
    ]
    for one, expected in stretches:
        bring(warehouse, NO_OVERLAP, one)
        found = [each[4:] for each in kept(warehouse, SOURCE) if each[4] != EPOCH]
        assert found == [interval(*times) for times in expected]


def test_a_window_that_settles_nothing_leaves_its_epochs_mark(warehouse: StandIn) -> None:
    warehouse.forget(SOURCE)
    bring(warehouse, NO_OVERLAP, row(0, 10, 0, epoch=3))
    assert kept(warehouse, SOURCE) == [("a", 3, "", 0, EPOCH, EPOCH)]
    bring(warehouse, NO_OVERLAP, row(0, 10, epoch=2, state=SUPERSEDED))
    bring(
        warehouse, NO_OVERLAP, row(0, 10, epoch=3, state=SUPERSEDED), row(10, 20, epoch=3, state=QUARANTINED)
    )
    assert kept(warehouse, SOURCE) == [("a", 3, "", 0, EPOCH, EPOCH)]


def test_what_is_kept_with_another_overlap_does_not_count(warehouse: StandIn) -> None:
    warehouse.forget(SOURCE)
    bring(warehouse, NO_OVERLAP, row(0, 10, 10), row(10, 20, 20))
    assert settled(warehouse, Counted("a", 0, NO_OVERLAP)) == {"a": {"-": [interval(0, 20)]}}
    raised = {"a": {"-": [interval(0, 5), interval(10, 15)]}}
    assert settled(warehouse, Counted("a", 0, 5 * MINUTE)) == raised
    bring(warehouse, 5 * MINUTE, row(30, 40, 40))
    assert {one[3] for one in kept(warehouse, SOURCE)} == {300_000_000}
    expected = {"a": {"-": [interval(0, 5), interval(10, 15), interval(30, 35)]}}
    assert settled(warehouse, Counted("a", 0, 5 * MINUTE)) == expected
    assert settled(warehouse, Counted("a", 0, NO_OVERLAP)) == {
        "a": {"-": [interval(0, 20), interval(30, 40)]}
    }


def test_a_ledger_that_nobody_kept_is_taken_in_whole(warehouse: StandIn) -> None:
    """A ledger from before: its windows count from the first load on."""
    ledger_holds(warehouse, SOURCE, row(0, 10), row(10, 20), row(10, 20, epoch=1), row(40, 50, partition="p"))
    bring(warehouse, NO_OVERLAP, row(20, 30))
    assert kept(warehouse, SOURCE) == [
        ("a", 0, "", 0, EPOCH, EPOCH),
        ("a", 0, "-", 0, minutes(0), minutes(30)),
        ("a", 0, "p", 0, minutes(40), minutes(50)),
        ("a", 1, "", 0, EPOCH, EPOCH),
        ("a", 1, "-", 0, minutes(10), minutes(20)),
    ]
    assert settled(warehouse, Counted("a", 1, NO_OVERLAP)) == {"a": {"-": [interval(10, 20)]}}
    assert settled(warehouse, Counted("a", 2, NO_OVERLAP)) == {}


def test_what_a_loader_of_the_version_before_brings_is_read_again_or_found_by_its_epochs_first_load(
    warehouse: StandIn,
) -> None:
    """One that was still running when this version came: it knows of no coverage."""
    warehouse.forget(SOURCE)
    bring(warehouse, NO_OVERLAP, row(0, 10))
    with session_of(warehouse) as transaction, transaction.cursor() as cursor:
        ledger_table.insert(cursor, [entry(row(10, 20)), entry(row(0, 10, epoch=1))])
    bring(warehouse, NO_OVERLAP, row(20, 30))
    assert settled(warehouse, Counted("a", 0, NO_OVERLAP)) == {
        "a": {"-": [interval(0, 10), interval(20, 30)]}
    }
    bring(warehouse, NO_OVERLAP, row(10, 20, epoch=1))
    assert settled(warehouse, Counted("a", 0, NO_OVERLAP)) == {"a": {"-": [interval(0, 30)]}}
    assert settled(warehouse, Counted("a", 1, NO_OVERLAP)) == {"a": {"-": [interval(0, 20)]}}


def test_a_ledger_of_the_version_before_is_kept_by_its_next_load(
    tmp_path: Path, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stand_in_of(tmp_path / "redshift", certificates) as empty:
        outlive_a_migration(empty, monkeypatch)


def outlive_a_migration(empty: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    every = migrations.MIGRATIONS
    event = MigrateEvent(sources=[SOURCE], loader=LOADER, observers=[PLANNER, REPORTER])
    monkeypatch.setattr(migrations, "MIGRATIONS", every[:2])
    migrate(event, empty.warehouse(ADMIN))
    into_ledger(empty, SOURCE, row(0, 10))
    monkeypatch.setattr(migrations, "MIGRATIONS", every)
    migrate(event, empty.warehouse(ADMIN))
    assert settled(empty, Counted("a", 0, NO_OVERLAP)) == {"a": {"-": [interval(0, 10)]}}
    bring(empty, NO_OVERLAP, row(10, 20))
    assert kept(empty, SOURCE)[1:] == [("a", 0, "-", 0, minutes(0), minutes(20))]


def test_a_forgotten_source_is_planned_anew(loads: Loads) -> None:
    before = Run(loads, streams=["items"]).plan()
    assert before.extract.items == 2
    for start in (0, 6):
        loads.land(before.run, (start, start + 6), [item(1, 1)], as_of=14)
    loads.load(before.run)
    assert Run(loads, "two", 12, streams=["items"]).plan().extract.items == 0
    forget(ForgetEvent(forget=Forget(source=loads.name)), loads.stand_in.warehouse(ADMIN))
    assert Run(loads, "three", 12, streams=["items"]).plan(1).extract.items == 2


def test_a_load_keeps_its_catalogues_overlap(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [item(1, 1)], as_of=6)
    loads.load(ONE)
    assert {one[3] for one in kept(loads.stand_in, loads.name)} == {300_000_000}
    loads.change("slice: 6h,", "slice: 6h, overlap: 30m,")
    loads.land(TWO, (6, 12), [item(1, 7)], as_of=12)
    loads.load(TWO)
    assert [one[3] for one in kept(loads.stand_in, loads.name)] == [1_800_000_000] * 3


class CountingCursor:
    """Counts what is asked and answered."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self.statements = self.rows = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)

    def execute(self, *values: Any) -> None:
        self.statements += 1
        self._cursor.execute(*values)

    def fetchall(self) -> list[Any]:
        rows: list[Any] = self._cursor.fetchall()
        self.rows += len(rows)
        return rows


@pytest.mark.parametrize("number", [10, 5_000])
def test_a_load_looks_at_what_it_joins_and_no_more(warehouse: StandIn, number: int) -> None:
    """However many partitions and gaps there are."""
    ledger_holds(warehouse, SOURCE, *(row(0, 10, partition=f"p{n}") for n in range(number)))
    bring(warehouse, NO_OVERLAP, *(row(20 * n, 20 * n + 1, partition="gaps") for n in range(number)))
    new = [entry(row(10, 20, partition="p7")), entry(row(21, 40, partition="gaps"))]
    counts = []

    def write(cursor: Any) -> None:
        ledger_table.insert(cursor, new)
        counting: Any = CountingCursor(cursor)
        kept_coverage.keep(counting, SOURCE, "a", NO_OVERLAP, new)
        counts.append((counting.statements, counting.rows))

    warehouse.warehouse(LOADER).transaction(write)
    # The mark, p7, and of the gaps' stretches those that begin at 20 and 40: the bounds are those of the batch.
    assert counts == [(3, 4)]


def test_the_rule_is_that_of_windows() -> None:
    """What `to_be_kept` is made of, spelled out once."""
    one = settled_by(interval(0, 10), minutes(9), 2 * MINUTE)
    assert merged([one, interval(7, 8)]) == [interval(0, 8)]
