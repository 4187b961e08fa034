"""Data at fault: the windows that hold it are found and set aside, all others load."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmlift.errors import DataFaultError, WarehouseError
from xmlift.landing.chain import Landed
from xmlift.loading.load import LoadAnswer
from xmlift.loading.quarantine import load_or_set_aside, quarantine
from xmlift.warehouse.mutex import Mutex

from .loads import ONE, TWO, Loads, event_row, item
from .warehouse_stand_in import LOADER


class Trials:
    """Windows by number, some at fault: what was tried, loaded and set aside."""

    def __init__(self, count: int, faulty: set[int]) -> None:
        self.windows: list[Any] = list(range(count))
        self.faulty = faulty
        self.tried = 0
        self.loaded: list[Any] = []
        self.aside: list[tuple[list[Any], str]] = []

    def load(self, batch: Sequence[Any]) -> int:
        self.tried += 1
        if bad := self.faulty & set(batch):
            raise DataFaultError(f"bad {sorted(bad)}")
        self.loaded += batch
        return 0

    def set_aside(self, batch: Sequence[Any], reason: str) -> None:
        self.aside.append((list(batch), reason))

    def run(self, *, is_set: bool = False) -> list[int]:
        return list(load_or_set_aside(self.windows, self.load, self.set_aside, is_set=is_set))


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.just(n), st.sets(st.integers(0, n - 1)))))
def test_exactly_what_is_at_fault_is_set_aside_and_all_else_loaded_in_order(
    world: tuple[int, set[int]],
) -> None:
    count, faulty = world
    trials = Trials(count, faulty)
    assert sum(trials.run()) == count
    assert trials.loaded == [number for number in range(count) if number not in faulty]
    assert trials.aside == [([number], f"bad [{number}]") for number in sorted(faulty)]
    # One fault costs two loads for each halving, and no more.
    assert trials.tried <= 1 + 2 * len(faulty) * count.bit_length()


def test_a_set_is_set_aside_whole() -> None:
    trials = Trials(4, {2})
    assert trials.run(is_set=True) == [4]
    assert trials.loaded == []
    assert trials.aside == [([0, 1, 2, 3], "bad [2]")]


def test_windows_that_wait_for_others_are_not_counted() -> None:
    assert list(load_or_set_aside([1, 2, 3], lambda _: 2, Trials(0, set()).set_aside)) == [1]  # type: ignore[list-item]


def spoil(loads: Loads, landed: Landed) -> str:
    """Make the window's first part unreadable; its key."""
    key = f"{landed.window.folder}{landed.commit.parts[0].name}"
    loads.zone.put(key, b"no gzip")
    return key


def states(loads: Loads, stream: str = "items") -> list[tuple[Any, ...]]:
    return loads.stand_in.run(
        "SELECT state, loaded_by FROM xmlift.ledger WHERE source = %s AND stream = %s "
        "ORDER BY run, window_start",
        loads.name,
        stream,
    )


def test_of_many_windows_the_damaged_one_stays_out(loads: Loads, s3: Any) -> None:
    landed = [loads.land(ONE, (n, n + 1), [item(n, n)]) for n in range(7)]
    spoiled = spoil(loads, landed[2])
    s3.delete_object(Bucket="landing", Key=f"{landed[5].window.folder}{landed[5].commit.parts[0].name}")
    assert loads.load(ONE) == LoadAnswer(status="done", windows=7)
    assert loads.rows("id") == [(0,), (1,), (3,), (4,), (6,)]
    assert states(loads) == [("quarantined" if n in (2, 5) else "loaded", ONE) for n in range(7)]
    damaged, gone = loads.stand_in.run(
        "SELECT reason, commit_sha, rows_read, rows_written, tables FROM xmlift.ledger "
        "WHERE source = %s AND state = 'quarantined' ORDER BY window_start",
        loads.name,
    )
    assert spoiled in damaged[0]
    assert "cannot be unpacked" in damaged[0]
    assert "NoSuchKey" in gone[0]
    assert damaged[1:] == (landed[2].sha256, 1, 0, "{}")


def test_a_quarantined_window_is_not_tried_again_and_its_gap_is_read_by_the_next_run(loads: Loads) -> None:
    spoil(loads, loads.land(ONE, (0, 1), [item(1, 0.5, "old")]))
    loads.load(ONE)
    assert loads.load(ONE) == LoadAnswer(status="done", windows=0)
    loads.land(TWO, (0, 1), [item(1, 0.5, "again")])
    loads.load(TWO)
    assert loads.rows() == [(1, "again")]
    assert states(loads) == [("quarantined", ONE), ("loaded", TWO)]


def test_append_goes_on_without_its_damaged_windows(loads: Loads) -> None:
    landed = [loads.land(ONE, (n, n + 6), [event_row(n, n)], stream="events") for n in (0, 6, 12)]
    spoil(loads, landed[1])
    loads.load(ONE, "events")
    assert loads.rows("id", "events") == [(0,), (12,)]
    assert [state for state, _ in states(loads, "events")] == ["loaded", "quarantined", "loaded"]


def test_a_history_waits_before_its_damaged_window(loads: Loads) -> None:
    """What comes after it would be a history with a hole; it has landed, and is loaded when the hole is filled."""
    landed = [loads.land(ONE, (n, n + 1), [item(1, n, str(n))], stream="states", as_of=9) for n in range(4)]
    spoil(loads, landed[1])
    loads.load(ONE, "states")
    assert loads.rows("id, title", "states") == [(1, "0")]
    assert [state for state, _ in states(loads, "states")] == ["loaded", "quarantined"]


def test_a_set_with_a_damaged_window_leaves_the_table_as_it_was(loads: Loads) -> None:
    loads.land(ONE, (0, 1), [{"id": 1}], stream="lists", set_windows=1)
    loads.load(ONE, "lists")
    landed = [loads.land(TWO, (n, n + 1), [{"id": n + 5}], stream="lists", set_windows=3) for n in range(3)]
    spoil(loads, landed[1])
    assert loads.load(TWO, "lists") == LoadAnswer(status="done", windows=3)
    assert loads.rows("id", "lists") == [(1,)]
    assert states(loads, "lists") == [("loaded", ONE), *[("quarantined", TWO)] * 3]


@pytest.mark.parametrize(
    "fault",
    [
        "REVOKE ALL ON SCHEMA {0} FROM xmlift_loader",
        "ALTER TABLE {0}.items OWNER TO rdsdb",
    ],
)
def test_what_is_wrong_with_the_warehouse_sets_nothing_aside(loads: Loads, fault: str) -> None:
    loads.land(ONE, (0, 1), [item(1, 0.5)])
    loads.load(ONE)
    loads.land(TWO, (1, 2), [item(2, 1.5)])
    loads.stand_in.run(fault.format(loads.name))
    with pytest.raises(WarehouseError):
        loads.load(TWO)
    assert states(loads) == [("loaded", ONE)]


def test_a_role_that_may_not_read_the_bucket_sets_nothing_aside(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    from . import loads as module  # noqa: PLC0415 (the role is a constant of that module)

    loads.land(ONE, (0, 1), [item(1, 0.5)])
    monkeypatch.setattr(module, "COPY_ROLE", "arn:aws:iam::000000000000:role/other")
    with pytest.raises(WarehouseError):
        loads.load(ONE)
    assert states(loads) == []


def test_a_window_is_set_aside_once_and_its_reason_cut_to_what_the_ledger_holds(loads: Loads) -> None:
    landed = [loads.land(ONE, (n, n + 1), [item(n, n)]) for n in range(2)]
    loads.loader().prepare_tables()
    mutex = Mutex(loads.stand_in.warehouse(LOADER), loads.name, "items")
    quarantine(mutex, landed[:1], "ä" * 600, TWO, 60)
    quarantine(mutex, landed, "later", TWO, 60)
    found = loads.stand_in.run(
        "SELECT reason FROM xmlift.ledger WHERE source = %s ORDER BY window_start", loads.name
    )
    assert found == [("ä" * 512,), ("later",)]
    assert loads.load(ONE).windows == 0
