"""Loaders at the same time, and sessions that end in the middle: each window is loaded once."""

import itertools
import threading
from typing import Any

import psycopg2
import pytest

from xmlift.dispositions.merge import Merge
from xmlift.loading.stream_load import StreamLoader
from xmlift.warehouse import connection as connections
from xmlift.warehouse import ledger

from .loads import ONE, TWO, Loads, event_row, item, texts


def at_once(
    loads: Loads, monkeypatch: pytest.MonkeyPatch, first: str, second: str, stream: str = "items"
) -> None:
    """Load two runs at the same time: the second begins when the first has staged and not committed."""
    staged, go_on = threading.Event(), threading.Event()
    stage = StreamLoader._stage
    arrivals = itertools.count()

    def waiting(self: Any, *args: Any) -> Any:
        counts = stage(self, *args)
        if next(arrivals) == 0:
            staged.set()
            assert go_on.wait(20)
        else:
            go_on.set()  # without a lock the second comes through, and the first must not wait for ever
        return counts

    monkeypatch.setattr(StreamLoader, "_stage", waiting)
    faults: list[BaseException] = []

    def work(run: str) -> None:
        try:
            loads.load(run, stream)
        except BaseException as fault:  # noqa: BLE001 (told in the test's own thread)
            faults.append(fault)

    loaders = [threading.Thread(target=work, args=(run,)) for run in (first, second)]
    loaders[0].start()
    assert staged.wait(20)
    loaders[1].start()
    while not go_on.is_set():
        if loads.stand_in.run("SELECT 1 FROM pg_locks WHERE NOT granted"):
            go_on.set()
    for loader in loaders:
        loader.join(30)
    assert faults == []


def test_two_loaders_at_the_same_time_load_once(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    loads.loader().prepare_tables()
    loads.land(ONE, (0, 6), [item(1, 1, "a", notes=texts("x")), item(2, 2, "b")])
    at_once(loads, monkeypatch, ONE, ONE)
    assert loads.rows() == [(1, "a"), (2, "b")]
    assert loads.notes() == [(1, 1, "x")]
    assert loads.ledger() == [(ONE, "loaded")]


def test_two_runs_at_the_same_time_leave_each_key_once(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    loads.loader().prepare_tables()
    loads.land(ONE, (0, 6), [item(1, 1, "old", notes=texts("o")), item(2, 2, "b")])
    loads.land(TWO, (0, 12), [item(1, 7, "new", notes=texts("n"))])
    at_once(loads, monkeypatch, TWO, ONE)
    assert loads.rows() == [(1, "new"), (2, "b")]
    assert loads.notes() == [(1, 1, "n")]
    assert loads.ledger("run, rows_inserted, rows_stale") == [(ONE, 1, 1), (TWO, 1, 0)]


def test_two_readings_of_a_cell_at_the_same_time_leave_one(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads.loader("events").prepare_tables()
    loads.land(ONE, (0, 6), [event_row(1, 1)], stream="events", as_of=7)
    loads.land(TWO, (0, 6), [event_row(1, 1), event_row(2, 2)], stream="events", as_of=8)
    at_once(loads, monkeypatch, ONE, TWO, "events")
    assert loads.rows('id, "_run"', "events") == [(1, TWO), (2, TWO)]


def test_two_first_loads_at_the_same_time_make_the_tables_once(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [item(1, 1)])
    loads.land(TWO, (6, 12), [item(2, 7)])
    faults: list[BaseException] = []

    def work(run: str) -> None:
        try:
            loads.load(run)
        except BaseException as fault:  # noqa: BLE001 (told in the test's own thread)
            faults.append(fault)

    loaders = [threading.Thread(target=work, args=(run,)) for run in (ONE, TWO, ONE, TWO)]
    for loader in loaders:
        loader.start()
    for loader in loaders:
        loader.join(30)
    assert faults == []
    assert loads.rows("id") == [(1,), (2,)]
    assert loads.ledger() == [(ONE, "loaded"), (TWO, "loaded")]


def test_readers_do_not_wait_for_a_load(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, "a")])
    loads.load(ONE)
    loads.land(TWO, (6, 12), [item(1, 7, "b")])
    seen: list[Any] = []
    insert = ledger.insert

    def read_and_insert(*args: Any) -> None:
        seen.append(loads.rows())  # from another session, with the target already changed in this one
        insert(*args)

    monkeypatch.setattr(ledger, "insert", read_and_insert)
    loads.load(TWO)
    assert seen == [[(1, "a")]]
    assert loads.rows() == [(1, "b")]


def test_a_commit_whose_answer_is_lost_is_not_done_again(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, "a", notes=texts("x"))])
    in_transaction = connections._in_transaction
    lost = []

    def losing(connection: Any, work: Any, deadline: float) -> Any:
        answer = in_transaction(connection, work, deadline)
        if not lost and loads.ledger():
            lost.append(True)
            raise psycopg2.OperationalError("server closed the connection unexpectedly")
        return answer

    monkeypatch.setattr(connections, "_in_transaction", losing)
    assert loads.load(ONE).windows == 1
    assert lost
    assert loads.rows() == [(1, "a")]
    assert loads.notes() == [(1, 1, "x")]
    assert loads.ledger() == [(ONE, "loaded")]


def test_a_session_that_is_ended_in_its_middle_is_done_again(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, "a")])
    apply = Merge.apply
    ended = []

    def ending(self: Any, cursor: Any, *args: Any) -> None:
        apply(self, cursor, *args)
        if not ended:
            ended.append(True)
            cursor.execute("SELECT pg_backend_pid()")
            loads.stand_in.run("SELECT pg_terminate_backend(%s)", cursor.fetchone()[0])

    monkeypatch.setattr(Merge, "apply", ending)
    loads.load(ONE)
    assert ended
    assert loads.rows() == [(1, "a")]
    assert loads.ledger() == [(ONE, "loaded")]
