"""The lock of a stream: who waits for it, and from whom it is taken."""

import itertools
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest

from xmlift.errors import LockedOutError, WarehouseError
from xmlift.warehouse import mutex, statements
from xmlift.warehouse.connection import PATIENCE, Patience, TimeUpError
from xmlift.warehouse.mutex import LOOK_SECONDS, Mutex

from .warehouse_stand_in import ADMIN, LOADER, StandIn

YOUNG = Patience(wait_seconds=0.1, abandoned_seconds=960)
OLD = Patience(wait_seconds=0.1, abandoned_seconds=0)

_numbers = itertools.count(1)


class Stream:
    """One stream's lock, with sessions that hold it and say nothing more, as a stopped loader's does."""

    def __init__(self, name: str, stand_in: StandIn) -> None:
        self.name = name
        self.stand_in = stand_in
        stand_in.warehouse(LOADER).autocommit(
            lambda cursor: cursor.execute(statements.create_mutex(name, "items"))
        )
        self.sessions: list[Any] = []

    def mutex(self, patience: Patience, role: str = LOADER) -> Mutex:
        return Mutex(self.stand_in.warehouse(role, patience=patience), self.name, "items")

    def held_by(self, role: str) -> Any:
        """A session that has taken the lock and does not go on."""
        session = self.stand_in.warehouse(role).connect()
        session.cursor().execute(statements.lock(self.name, "items"))
        self.sessions.append(session)
        return session


@pytest.fixture
def stream(stand_in: StandIn) -> Iterator[Stream]:
    name = f"mutex{next(_numbers)}"
    stand_in.add_sources(name)
    made = Stream(name, stand_in)
    yield made
    for session in made.sessions:
        session.close()
    stand_in.remove_sources(name)


def test_a_lock_that_a_killed_loader_left_is_had_within_17_minutes() -> None:
    """At worst its transaction was just not old enough when the last wait for it ended."""
    assert PATIENCE.abandoned_seconds >= 900 + 30, "Lambda's longest, and time to be killed in"
    assert PATIENCE.abandoned_seconds + PATIENCE.wait_seconds + LOOK_SECONDS <= 17 * 60


def test_a_young_transaction_keeps_the_lock(stream: Stream) -> None:
    holder = stream.held_by(LOADER)
    with pytest.raises(LockedOutError, match=f"{stream.name}.items: another transaction held its lock"):
        stream.mutex(YOUNG).transaction(lambda cursor: cursor.execute("SELECT 1"), 0.5)
    holder.cursor().execute("SELECT 1")
    holder.commit()


def test_an_old_transaction_of_our_own_is_ended(stream: Stream) -> None:
    holder = stream.held_by(LOADER)

    def work(cursor: Any) -> str:
        cursor.execute("SELECT 1")
        return "done"

    assert stream.mutex(OLD).transaction(work, 30) == "done"
    with pytest.raises(psycopg2.OperationalError):
        holder.cursor().execute("SELECT 1")


def no_view(_: float) -> str:
    return "SELECT * FROM svv_nothing WHERE %s = %s"


def no_session(stream: Stream, monkeypatch: pytest.MonkeyPatch, fault: Exception) -> Mutex:
    """A stream's lock whose holders cannot be looked at, since no session is had for it."""

    def refuse(*_: Any) -> Any:
        raise fault

    warehouse = stream.stand_in.warehouse(LOADER, patience=OLD)
    monkeypatch.setattr(warehouse, "autocommit", refuse)
    return Mutex(warehouse, stream.name, "items")


@pytest.mark.parametrize(
    "fault", [WarehouseError("no connection"), TimeUpError("time is up"), psycopg2.OperationalError("lost")]
)
def test_a_look_that_fails_does_not_fail_the_load(
    stream: Stream, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    holder = stream.held_by(LOADER)
    lock = no_session(stream, monkeypatch, fault)
    with pytest.raises(LockedOutError):
        lock.transaction(lambda _: "done", 0.5)
    holder.commit()
    assert lock.transaction(lambda _: "done", 30) == "done"


def test_a_view_that_is_not_granted_does_not_fail_the_load(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutex, "_holders", no_view)
    holder = stream.held_by(LOADER)
    with pytest.raises(LockedOutError):
        stream.mutex(OLD).transaction(lambda _: "done", 0.5)
    assert stream.mutex(OLD).autocommit(lambda _: "prepared", 30) == "prepared"
    holder.commit()
    assert stream.mutex(OLD).transaction(lambda _: "done", 30) == "done"


def test_an_abandoned_lock_is_taken_before_anybody_waits_for_it(stream: Stream) -> None:
    """In the session that prepares the tables, should a limit not interrupt a LOCK that waits."""
    holder = stream.held_by(LOADER)
    older = Patience(wait_seconds=0.1, abandoned_seconds=-2)  # the warehouse may tell whole seconds only
    assert stream.mutex(older).autocommit(lambda _: "prepared", 30) == "prepared"
    with pytest.raises(psycopg2.OperationalError):
        holder.cursor().execute("SELECT 1")


def test_a_young_lock_is_left_alone_by_who_prepares_the_tables(stream: Stream) -> None:
    holder = stream.held_by(LOADER)
    assert stream.mutex(YOUNG).autocommit(lambda _: "prepared", 30) == "prepared"
    holder.cursor().execute("SELECT 1")
    holder.commit()


@pytest.mark.parametrize("waiting", [LOADER, ADMIN])
def test_another_users_transaction_is_never_touched(stream: Stream, waiting: str) -> None:
    """Not even by a user to whom the warehouse shows it."""
    holder = stream.held_by(ADMIN if waiting == LOADER else LOADER)
    with pytest.raises(LockedOutError):
        stream.mutex(OLD, waiting).transaction(lambda cursor: cursor.execute("SELECT 1"), 1.5)
    holder.cursor().execute("SELECT 1")
    holder.commit()


def test_an_old_transaction_that_holds_something_else_is_not_touched(stream: Stream) -> None:
    other = stream.stand_in.warehouse(LOADER).connect()
    stream.sessions.append(other)
    other.cursor().execute(f"CREATE TABLE {stream.name}.other (id INTEGER)")
    other.commit()
    other.cursor().execute(f"LOCK {stream.name}.other")
    stream.held_by(LOADER)
    assert stream.mutex(OLD).transaction(lambda _: "done", 30) == "done"
    other.cursor().execute("SELECT 1")


def test_a_table_that_a_loader_holds_is_waited_for_as_the_lock_is(stream: Stream) -> None:
    """Columns are added outside of transactions, and wait for a loader that writes to the table."""
    holder = stream.held_by(LOADER)
    holder.cursor().execute(f"CREATE TABLE {stream.name}.items (id INTEGER)")
    holder.commit()
    holder.cursor().execute(statements.lock(stream.name, "items"))
    holder.cursor().execute(f"INSERT INTO {stream.name}.items VALUES (1)")
    added = f"ALTER TABLE {stream.name}.items ADD COLUMN more INTEGER"
    with pytest.raises(LockedOutError):
        stream.mutex(YOUNG).autocommit(lambda cursor: cursor.execute(added), 0.5)
    stream.mutex(OLD).autocommit(lambda cursor: cursor.execute(added), 30)
    assert stream.stand_in.run(f"SELECT id, more FROM {stream.name}.items") == []


@pytest.mark.parametrize(("seconds", "limit_begins"), [(60, "59"), (float("inf"), "0")])
def test_behind_the_lock_statements_take_the_time_that_is_left(
    stream: Stream, seconds: float, limit_begins: str
) -> None:
    def limit(cursor: Any) -> str:
        cursor.execute("SHOW statement_timeout")
        return str(cursor.fetchone()[0])

    assert stream.mutex(YOUNG).transaction(limit, seconds).startswith(limit_begins)


def slow(cursor: Any) -> None:
    for _ in range(50):
        cursor.execute("SELECT pg_sleep(0.1)")


def test_time_that_ran_out_without_waiting_is_an_error_of_its_own(stream: Stream) -> None:
    with pytest.raises((TimeUpError, psycopg2.errors.QueryCanceled)):
        stream.mutex(YOUNG).transaction(slow, 0.5)
    with pytest.raises(TimeUpError, match="before anything was asked"):
        stream.mutex(YOUNG).transaction(slow, -1)


def test_time_that_was_waited_away_is_told_as_such(stream: Stream) -> None:
    """A whole call's time may be enough, so the next call is to try it."""
    stream.held_by(LOADER)
    with pytest.raises(LockedOutError):
        stream.mutex(OLD).transaction(slow, 2)


def test_nothing_of_a_work_that_is_locked_out_is_done(stream: Stream) -> None:
    stream.held_by(LOADER)
    done: list[bool] = []
    with pytest.raises(LockedOutError):
        stream.mutex(YOUNG).transaction(lambda _: done.append(True), 0.3)
    assert done == []
