"""Sessions that go wrong on request: what has taken effect by then, and what a client sees."""

import threading
import time
from collections.abc import Iterator

import psycopg2
import pytest

from local.redshift.faults import Script
from local.redshift.postgres import PostgreSQL
from local.redshift.wire import WireFront

from .redshift_client import Connect, PgConnection, refused, run


@pytest.fixture
def faults(front: WireFront) -> Iterator[Script]:
    yield front.faults
    front.faults.clear()


@pytest.fixture
def table(admin: PgConnection) -> PgConnection:
    run(admin, "CREATE TABLE s.t (n INTEGER)")
    return admin


def fault(faults: Script, match: str, action: str, **more: object) -> None:
    faults.add({"match": match, "action": action, "application": "victim", **more})


def in_transaction(connection: PgConnection, *statements: str) -> None:
    connection.autocommit = False
    for statement in statements:
        run(connection, statement)
    connection.commit()


@pytest.mark.parametrize(("when", "rows"), [("before", []), ("after", [(1,)])])
def test_a_session_that_is_cut_at_commit_has_committed_or_not(
    when: str, rows: list[tuple[int]], table: PgConnection, connect: Connect, faults: Script
) -> None:
    fault(faults, "^COMMIT", "cut", when=when)
    with pytest.raises(psycopg2.OperationalError):
        in_transaction(connect(application_name="victim"), "INSERT INTO s.t VALUES (1)")
    assert run(table, "SELECT n FROM s.t") == rows


def test_a_conflict_comes_in_redshifts_words_and_the_statement_does_not(
    table: PgConnection, connect: Connect, faults: Script
) -> None:
    fault(faults, "insert into s.t", "conflict", after=1)
    victim = connect(application_name="victim")
    run(victim, "INSERT INTO s.t VALUES (1)")
    error = refused(victim, "INSERT INTO s.t VALUES (2)")
    assert (error.pgcode, str(error).startswith("1023")) == ("XX000", True)
    run(victim, "INSERT INTO s.t VALUES (3)")
    assert run(table, "SELECT n FROM s.t ORDER BY n") == [(1,), (3,)]


def test_a_refusal_has_the_code_and_words_that_were_asked_for(connect: Connect, faults: Script) -> None:
    fault(faults, "SELECT", "refuse", sqlstate="53200", message="out of memory")
    error = refused(connect(application_name="victim"), "SELECT 1")
    assert (error.pgcode, str(error).strip()) == ("53200", "out of memory")


def test_other_applications_are_spared(connect: Connect, faults: Script) -> None:
    fault(faults, ".", "cut")
    assert run(connect(application_name="bystander"), "SELECT 1") == [(1,)]
    assert faults.told()[0]["struck"] == 0


def test_what_is_held_goes_on_when_the_faults_are_cleared(
    table: PgConnection, connect: Connect, faults: Script
) -> None:
    """Held after it took effect: everybody sees the row, the client has no answer yet."""
    fault(faults, "INSERT", "hold", when="after", seconds=60)
    victim = connect(application_name="victim")
    insert = threading.Thread(target=run, args=(victim, "INSERT INTO s.t VALUES (1)"))
    insert.start()
    _await_rows(table)
    assert insert.is_alive()
    faults.clear()
    insert.join(10)
    assert not insert.is_alive()


def test_sessions_can_be_cut_at_any_time(connect: Connect, faults: Script) -> None:
    victim, bystander = connect(application_name="victim"), connect(application_name="bystander")
    assert faults.cut("victim") == 1
    with pytest.raises(psycopg2.OperationalError):
        run(victim, "SELECT 1")
    assert run(bystander, "SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    "description",
    [
        {"match": ".", "action": "explode"},
        {"match": ".", "action": "cut", "when": "during"},
        {"match": ".", "action": "conflict", "when": "after"},
        {"match": "(", "action": "cut"},
    ],
)
def test_a_fault_that_cannot_be_is_refused(description: dict[str, str]) -> None:
    with pytest.raises(Exception, match=r"one of|after it|unterminated"):
        Script().add(description)


def _await_rows(connection: PgConnection) -> None:
    deadline = time.monotonic() + 10
    while not run(connection, "SELECT 1 FROM s.t"):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_crash_loses_sessions_and_nothing_that_was_committed(
    postgresql: PostgreSQL, table: PgConnection, connect: Connect
) -> None:
    run(table, "INSERT INTO s.t VALUES (1)")
    victim = connect()
    victim.autocommit = False
    run(victim, "INSERT INTO s.t VALUES (2)")
    postgresql.restart()
    assert postgresql.running()
    with pytest.raises(psycopg2.OperationalError):
        victim.commit()
    assert run(connect(), "SELECT n FROM s.t") == [(1,)]
