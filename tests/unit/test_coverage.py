"""Coverage: what the warehouse merges, held against the arithmetic of `windows`; and what it costs."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.thoroughness import examples

from xmlift.errors import WarehouseError
from xmlift.warehouse import coverage
from xmlift.warehouse.connection import Warehouse
from xmlift.warehouse.coverage import Counted
from xmlift.windows import Interval, merged, settled_by

from .ledger_rows import MINUTE, Row, interval, ledger_holds, minutes, row
from .warehouse_stand_in import PLANNER, STRANGER, StandIn

SOURCE = "covered"
PLAIN = Counted("a", 0, timedelta(0))


class Ledger:
    """The stand-in's ledger as coverage reads it."""

    def __init__(self, stand_in: StandIn) -> None:
        self._stand_in = stand_in
        self.warehouse: Warehouse = stand_in.warehouse(PLANNER)

    def holds(self, *rows: Row) -> None:
        ledger_holds(self._stand_in, SOURCE, *rows)

    def settled(self, *counted: Counted) -> coverage.Covered:
        return self.warehouse.transaction(lambda cursor: coverage.settled(cursor, SOURCE, counted))


@pytest.mark.parametrize(
    "error",
    [
        psycopg2.errors.UndefinedTable,
        psycopg2.errors.UndefinedColumn,
        psycopg2.errors.InsufficientPrivilege,
    ],
)
def test_a_ledger_that_is_not_as_this_version_has_it_names_the_remedy(error: type[psycopg2.Error]) -> None:
    class Refusing:
        def execute(self, *_: Any) -> None:
            raise error("no")

    cursor: Any = Refusing()
    with pytest.raises(WarehouseError, match=r"xmlift\.ledger is not there.*`terraform apply` again"):
        coverage.of_run(cursor, SOURCE, "run")


@pytest.fixture(scope="module")
def ledger(stand_in: StandIn) -> Iterator[Ledger]:
    stand_in.add_sources(SOURCE)
    yield Ledger(stand_in)
    stand_in.remove_sources(SOURCE)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([(0, 60)], [(0, 60)], id="one window"),
        pytest.param([(0, 60), (60, 90)], [(0, 90)], id="touching"),
        pytest.param([(0, 60), (61, 90)], [(0, 60), (61, 90)], id="a minute missing"),
        pytest.param([(0, 60), (30, 90)], [(0, 90)], id="overlapping"),
        pytest.param([(0, 90), (10, 20), (30, 40), (95, 99)], [(0, 90), (95, 99)], id="one within another"),
        pytest.param([(0, 60), (0, 60), (0, 60)], [(0, 60)], id="the same, read three times"),
        pytest.param([(0, 10), (20, 30), (20, 30)], [(0, 10), (20, 30)], id="the last one, read twice"),
        pytest.param(
            [(0, 10), (20, 30), (20, 30), (40, 50)], [(0, 10), (20, 30), (40, 50)], id="one, read twice"
        ),
        pytest.param([(0, 40), (10, 20), (30, 35), (38, 50)], [(0, 50)], id="further than those within it"),
        pytest.param([(0, 90), (10, 20), (20, 30)], [(0, 90)], id="the last within the first"),
        pytest.param([(0, 30), (0, 10), (10, 20)], [(0, 30)], id="two of one start"),
        pytest.param([(60, 90), (0, 60)], [(0, 90)], id="in any order"),
        pytest.param([(0, 60, 40)], [(0, 40)], id="settled as far as the server's clock"),
        pytest.param([(0, 60, -5)], [], id="read before it began: settles nothing"),
        pytest.param([(0, 60, 40), (40, 50)], [(0, 50)], id="the rest by the next"),
        pytest.param([(0, 60, 40), (50, 60)], [(0, 40), (50, 60)], id="the rest in part"),
    ],
)
def test_windows_become_islands(ledger: Ledger, rows: list[Any], expected: list[Any]) -> None:
    ledger.holds(*(row(*one) for one in rows))
    found = ledger.settled(PLAIN)
    assert found == ({"a": {"-": [interval(*one) for one in expected]}} if expected else {})


@pytest.mark.parametrize(
    ("overlap", "end"),
    [
        (timedelta(0), 60.0),
        (timedelta(minutes=5), 55.0),
        (timedelta(microseconds=60_000_001), 59 - 1 / 60_000_000),
        (timedelta(minutes=61), None),
        (timedelta(days=30), None),
        (timedelta(days=999_999), None),
    ],
)
def test_an_overlap_is_taken_off_the_servers_clock(
    ledger: Ledger, overlap: timedelta, end: float | None
) -> None:
    ledger.holds(row(0, 60, 60))
    found = ledger.settled(Counted("a", 0, overlap))
    assert found == ({} if end is None else {"a": {"-": [interval(0, end)]}})


def test_each_stream_counts_its_own_epoch_with_its_own_overlap(ledger: Ledger) -> None:
    ledger.holds(
        row(0, 60, 60),
        row(0, 60, 60, stream="b"),
        row(0, 90, 90, stream="b", epoch=1),
        row(0, 60, 60, stream="c"),
        row(0, 60, 60, stream="a", partition="p"),
    )
    found = ledger.settled(PLAIN, Counted("b", 1, 5 * MINUTE), Counted("d", 0, timedelta(0)))
    whole = [interval(0, 60)]
    assert found == {"a": {"-": whole, "p": whole}, "b": {"-": [interval(0, 85)]}}
    assert ledger.settled() == {}


def test_only_what_is_loaded_settles_and_every_state_is_the_runs_own(ledger: Ledger) -> None:
    ledger.holds(
        row(0, 10, run="mine"),
        row(10, 20, run="mine", state="superseded"),
        row(20, 30, 25, run="mine", state="quarantined"),
        row(40, 50, run="mine", stream="b", epoch=7),
        row(60, 70, run="other"),
    )
    assert ledger.settled(PLAIN) == {"a": {"-": [interval(0, 10), interval(60, 70)]}}
    own = ledger.warehouse.transaction(lambda cursor: coverage.of_run(cursor, SOURCE, "mine"))
    assert own == {"a": {"-": [interval(0, 30)]}, "b": {"-": [interval(40, 50)]}}


def test_what_the_ledger_has_closed(ledger: Ledger) -> None:
    ledger.holds(row(0, 10, run="one"), row(10, 20, run="two", state="quarantined"), row(20, 30, run="three"))
    closed = ledger.warehouse.transaction(
        lambda cursor: coverage.closed_windows(cursor, SOURCE, ["one", "two"])
    )
    assert closed == {
        ("a", "one", "-", str(interval(0, 10))),
        ("a", "two", "-", str(interval(10, 20))),
    }
    assert ledger.warehouse.transaction(lambda c: coverage.closed_windows(c, SOURCE, [])) == set()


def test_the_greatest_epoch_that_stands_in_a_table(ledger: Ledger) -> None:
    ledger.holds(
        row(0, 10, epoch=2),
        row(10, 20),
        row(0, 10, stream="b"),
        row(10, 20, stream="b", epoch=3, state="superseded"),
        row(20, 30, stream="b", epoch=4, state="quarantined"),
    )

    def greatest(source: str, *streams: str) -> dict[str, int]:
        return ledger.warehouse.transaction(lambda cursor: coverage.greatest_epochs(cursor, source, streams))

    assert greatest(SOURCE, "a", "b", "c") == {"a": 2, "b": 0}, "only what is loaded is in the table's way"
    assert greatest(SOURCE, "b") == {"b": 0}
    assert greatest(SOURCE) == {}
    assert greatest("other", "a") == {}


WINDOWS = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from("-p"),
        st.integers(-20, 60),
        st.integers(1, 30),
        st.integers(-20, 90) | st.just(1_000),
    ),
    max_size=25,
)
SOME_OVERLAPS = st.sampled_from([timedelta(0), 5 * MINUTE, timedelta(microseconds=1), timedelta(hours=1)])


@settings(
    max_examples=examples(50, 300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(WINDOWS, SOME_OVERLAPS, SOME_OVERLAPS)
def test_the_warehouse_merges_as_python_does(
    ledger: Ledger, windows: list[tuple[str, str, int, int, int]], of_a: timedelta, of_b: timedelta
) -> None:
    ledger.holds(
        *(
            row(start, start + size, as_of, stream=stream, partition=partition)
            for stream, partition, start, size, as_of in windows
        )
    )
    overlaps = {"a": of_a, "b": of_b}
    settled: dict[str, dict[str, list[Interval]]] = {}
    for stream, partition, start, size, as_of in windows:
        one = settled_by(interval(start, start + size), minutes(as_of), overlaps[stream])
        settled.setdefault(stream, {}).setdefault(partition, []).append(one)
    expected = {
        stream: wholes
        for stream, partitions in settled.items()
        if (wholes := {name: whole for name, ones in partitions.items() if (whole := merged(ones))})
    }
    assert ledger.settled(*(Counted(name, 0, overlap) for name, overlap in overlaps.items())) == expected


class CountingCursor:
    """Counts statements and the rows that come back."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self.statements = self.rows = 0

    def execute(self, *values: Any) -> None:
        self.statements += 1
        self._cursor.execute(*values)

    def fetchall(self) -> list[Any]:
        rows: list[Any] = self._cursor.fetchall()
        self.rows += len(rows)
        return rows


@pytest.mark.parametrize("number", [100, 10_000])
def test_the_cost_is_the_same_however_many_windows_there_are(ledger: Ledger, number: int) -> None:
    far = 2 * number
    ledger.holds(*(row(n, n + 1, far, run="mine") for n in range(number)), row(far - 1, far, far))

    def ask(cursor: Any) -> tuple[int, int]:
        counting: Any = CountingCursor(cursor)
        coverage.settled(counting, SOURCE, [PLAIN])
        coverage.of_run(counting, SOURCE, "mine")
        return counting.statements, counting.rows

    assert ledger.warehouse.transaction(ask) == (3, 4)


def test_a_ledger_that_may_not_be_read_is_told(stand_in: StandIn) -> None:
    stand_in.postgresql.ensure_user(f"IAMR:{STRANGER}", superuser=False)
    with pytest.raises(WarehouseError, match="migrate has to run after every apply"):
        stand_in.warehouse(STRANGER).transaction(lambda cursor: coverage.settled(cursor, SOURCE, [PLAIN]))
