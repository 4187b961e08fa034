"""migrate: run any number of times, and what it grants is enough for each role and nothing more."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from xmlift.errors import WarehouseError
from xmlift.migration import (
    CheckAnswer,
    Forget,
    ForgetAnswer,
    ForgetEvent,
    MigrateAnswer,
    MigrateEvent,
    Readers,
    ShutOutError,
    check,
    forget,
    migrate,
)
from xmlift.warehouse import coverage, migrations, statements, version
from xmlift.warehouse.migrations import Migration

from .warehouse_stand_in import ADMIN, LOADER, PLANNER, REPORTER, STRANGER, StandIn, stand_in

EVENT = MigrateEvent(sources=["first", "second"], loader=LOADER, observers=[PLANNER, REPORTER])
LATEST = migrations.MIGRATIONS[-1].version


@pytest.fixture
def empty(tmp_path: Path, certificates: Path) -> Iterator[StandIn]:
    """A warehouse that nobody has migrated: its roles are the server's, so it is a server of its own."""
    with stand_in(tmp_path / "redshift", certificates) as running:
        yield running


def run(warehouse: StandIn, role: str, *statements: str) -> Any:
    """Run statements as a role; the last one's rows."""

    def work(cursor: Any) -> Any:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []

    return warehouse.warehouse(role).transaction(work)


def refused(warehouse: StandIn, role: str, statement: str) -> bool:
    try:
        run(warehouse, role, statement)
    except (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.InvalidSchemaName):
        return True
    return False


def grants(warehouse: StandIn) -> list[tuple[Any, ...]]:
    return warehouse.run(
        "SELECT grantee, table_schema, table_name, privilege_type FROM information_schema.role_table_grants "
        "WHERE table_schema IN ('xmlift', 'first', 'second') ORDER BY 1, 2, 3, 4"
    )


def test_the_life_of_a_warehouse(empty: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """One server for all of it: first run, second run, another source, a second version, a failing third."""
    with pytest.raises(WarehouseError, match="migrate has to run"):
        empty.warehouse(PLANNER).transaction(lambda cursor: coverage.of_run(cursor, "first", "run"))

    admin = empty.warehouse(ADMIN)
    versions = [step.version for step in migrations.MIGRATIONS]
    assert migrate(EVENT, admin) == MigrateAnswer(applied=versions, version=LATEST)
    before = grants(empty)
    assert migrate(EVENT, admin) == MigrateAnswer(applied=[], version=LATEST)
    assert grants(empty) == before
    assert empty.run("SELECT version FROM xmlift.migrations") == [(version,) for version in versions]

    released = migrations.MIGRATIONS
    second = Migration(LATEST + 1, "one more", ("CREATE TABLE xmlift.more (n INTEGER)",))
    with pytest.MonkeyPatch.context() as newer:
        newer.setattr(migrations, "MIGRATIONS", (*released, second))
        with pytest.raises(WarehouseError, match=f"is of version {LATEST}, this code needs {LATEST + 1}"):
            empty.warehouse(PLANNER).transaction(version.check)
        assert migrate(EVENT, admin) == MigrateAnswer(applied=[LATEST + 1], version=LATEST + 1)
        assert migrate(EVENT, admin) == MigrateAnswer(applied=[], version=LATEST + 1)
    for role in (PLANNER, LOADER):
        empty.warehouse(role).transaction(version.check)
    assert migrate(EVENT, admin) == MigrateAnswer(applied=[], version=LATEST + 1), "code may go back"
    assert check(admin) == CheckAnswer(code=LATEST, oldest_code=0)

    third = Migration(LATEST + 2, "another ledger", ("CREATE TABLE xmlift.other (n INTEGER)",), LATEST + 2)
    with pytest.MonkeyPatch.context() as newer:
        newer.setattr(migrations, "MIGRATIONS", (*released, second, third))
        assert migrate(EVENT, admin).applied == [LATEST + 2]
        assert check(admin) == CheckAnswer(code=LATEST + 2, oldest_code=LATEST + 2)
    for too_old in (lambda: migrate(EVENT, admin), lambda: check(admin)):
        with pytest.raises(WarehouseError) as told:
            too_old()
        assert str(told.value) == (
            f"the warehouse is of version {LATEST + 2}, which code before version {LATEST + 2} may not use; this "
            f"code is of version {LATEST}. Nothing was changed. The warehouse does not go back: deploy code of "
            f"version {LATEST + 2} or newer, or restore a snapshot that is older than that version"
        )
    with pytest.raises(ShutOutError):
        check(admin)
    for role in (PLANNER, LOADER):
        with pytest.raises(WarehouseError, match="does not go back"):
            empty.warehouse(role).transaction(version.check)

    monkeypatch.setattr(migrations, "MIGRATIONS", (*released, second, third))
    broken = Migration(LATEST + 3, "wrong", ("CREATE TABLE xmlift.third (n INTEGER)", "CREATE TABLE oh no"))
    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, broken))
    with pytest.raises(WarehouseError, match="migrate was rolled back"):
        migrate(EVENT, admin)
    assert empty.run("SELECT MAX(version) FROM xmlift.migrations") == [(LATEST + 2,)]
    assert empty.run("SELECT to_regclass('xmlift.third')") == [(None,)]


@pytest.fixture(scope="module")
def granted(stand_in: StandIn) -> Iterator[StandIn]:
    """The shared warehouse with a table that the loader made in the source `granted`."""
    stand_in.add_sources("granted", "granted_later")
    run(stand_in, LOADER, "CREATE TABLE granted.items (id INTEGER)", "INSERT INTO granted.items VALUES (7)")
    yield stand_in
    stand_in.remove_sources("granted", "granted_later")


INTO_LEDGER = (
    "INSERT INTO xmlift.ledger SELECT 'granted', 's', '-', 0, 'w', GETDATE(), GETDATE(), 'r', 'loaded', 'c', "
    "GETDATE(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '{}'"
)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM xmlift.ledger",
        INTO_LEDGER,
        "CREATE TABLE granted.made (id INTEGER)",
        "UPDATE granted.items SET id = 8",
        "DELETE FROM granted.items",
        "ALTER TABLE granted.items ADD COLUMN more INTEGER",
        "LOCK granted.items",
        "CREATE TEMP TABLE stage (id INTEGER)",
        "CREATE TABLE granted_later.items (id INTEGER)",
    ],
)
def test_the_loader_may(granted: StandIn, statement: str) -> None:
    def work(cursor: Any) -> None:
        cursor.execute(statement)
        cursor.connection.rollback()

    granted.warehouse(LOADER).transaction(work)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE xmlift.ledger SET state = 'loaded'",
        "DELETE FROM xmlift.ledger",
        "DROP TABLE xmlift.ledger",
        "INSERT INTO xmlift.migrations VALUES (99, 'x', GETDATE())",
        "UPDATE xmlift.migrations SET oldest_code = 0",
        "CREATE TABLE xmlift.mine (id INTEGER)",
        "CREATE SCHEMA mine",
        "CREATE TABLE public.mine (id INTEGER)",
        "DROP SCHEMA granted",
        "CREATE USER other PASSWORD DISABLE",
        f'GRANT ROLE xmlift_loader TO "IAMR:{PLANNER}"',
    ],
)
def test_the_loader_may_not(granted: StandIn, statement: str) -> None:
    assert refused(granted, LOADER, statement)


@pytest.mark.parametrize("role", [PLANNER, REPORTER])
def test_observers_read_and_no_more(granted: StandIn, role: str) -> None:
    assert run(granted, role, "SELECT * FROM granted.items") == [(7,)]
    run(granted, role, "SELECT * FROM xmlift.ledger")
    for statement in (
        INTO_LEDGER,
        "DELETE FROM xmlift.ledger",
        "INSERT INTO granted.items VALUES (1)",
        "DELETE FROM granted.items",
        "CREATE TABLE granted.made (id INTEGER)",
        "DELETE FROM xmlift.migrations",
        "LOCK granted.items",
    ):
        assert refused(granted, role, statement), statement


@pytest.mark.parametrize(
    "statement",
    ["SELECT * FROM xmlift.ledger", "SELECT * FROM granted.items", "CREATE TABLE granted.x (id INTEGER)"],
)
def test_any_other_role_may_nothing(granted: StandIn, statement: str) -> None:
    assert refused(granted, STRANGER, statement)


def test_observers_read_what_the_loader_makes_later(granted: StandIn) -> None:
    run(granted, LOADER, "CREATE TABLE granted.afterwards (id INTEGER)")
    assert run(granted, PLANNER, "SELECT * FROM granted.afterwards") == []


def test_the_environment_says_who_reads(granted: StandIn) -> None:
    """By the name of an IAM role or of a database user; whoever is no longer named no longer reads."""

    def migrated(**named: list[str]) -> list[str]:
        event = MigrateEvent(
            sources=["granted", "granted_later"],
            loader=LOADER,
            observers=[PLANNER, REPORTER],
            readers=Readers(**named),
        )
        return migrate(event, granted.warehouse(ADMIN)).revoked

    assert migrated(iam_roles=["analysts"], database_users=["dashboards"]) == []
    for statement in ("SELECT * FROM xmlift.ledger", "SELECT * FROM granted.items"):
        assert not refused(granted, "analysts", statement)
    for statement in (INTO_LEDGER, "DELETE FROM granted.items", "CREATE TABLE granted.made (id INTEGER)"):
        assert refused(granted, "analysts", statement)
    assert granted.run("SELECT rolcanlogin FROM pg_roles WHERE rolname = 'dashboards'") == [(True,)]
    assert migrated(iam_roles=["analysts"], database_users=["Dashboards"]) == [], (
        "one user, however it is written"
    )
    assert migrated(database_users=["dashboards"]) == ["IAMR:analysts"]
    assert refused(granted, "analysts", "SELECT * FROM granted.items")
    assert migrated() == ["dashboards"]
    assert migrated() == []


def test_names_that_no_identifier_could_have_are_quoted(stand_in: StandIn) -> None:
    event = MigrateEvent(sources=[], loader='ro"le; DROP SCHEMA xmlift', observers=[])
    migrate(event, stand_in.warehouse(ADMIN))
    assert stand_in.run("SELECT 1 FROM pg_roles WHERE rolname = %s", 'IAMR:ro"le; DROP SCHEMA xmlift') == [
        (1,)
    ]


def test_a_ledger_of_the_first_version_keeps_its_rows(
    empty: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = migrations.MIGRATIONS
    monkeypatch.setattr(migrations, "MIGRATIONS", every[:1])
    migrate(EVENT, empty.warehouse(ADMIN))
    run(empty, LOADER, INTO_LEDGER)
    monkeypatch.setattr(migrations, "MIGRATIONS", every)
    assert migrate(EVENT, empty.warehouse(ADMIN)).applied == [step.version for step in every[1:]]
    assert empty.run("SELECT run, tables, rows_removed, reason, loaded_by FROM xmlift.ledger") == [
        ("r", "{}", 0, "", "")
    ]


@pytest.fixture
def ledgered(granted: StandIn) -> Iterator[StandIn]:
    yield granted
    granted.run("DELETE FROM xmlift.ledger WHERE source IN ('granted', 'granted_later')")


def into_ledger(source: str, windows: int) -> list[str]:
    return [INTO_LEDGER.replace("'granted'", f"'{source}'").replace("'w'", f"'{n}'") for n in range(windows)]


def forgotten(warehouse: StandIn, source: str, seconds: float = 60) -> ForgetAnswer:
    return forget(ForgetEvent(forget=Forget(source=source)), warehouse.warehouse(ADMIN), seconds)


def test_the_ledger_of_one_source_is_forgotten(ledgered: StandIn) -> None:
    run(ledgered, LOADER, *into_ledger("granted", 3), *into_ledger("granted_later", 2))
    assert forgotten(ledgered, "granted") == ForgetAnswer(source="granted", forgotten=3)
    assert forgotten(ledgered, "granted") == ForgetAnswer(source="granted", forgotten=0)
    assert (
        ledgered.run("SELECT source FROM xmlift.ledger WHERE source = 'granted_later'")
        == [("granted_later",)] * 2
    )
    assert run(ledgered, LOADER, "SELECT * FROM granted.items") == [(7,)], "the rows themselves stay"


def test_what_a_running_load_writes_is_forgotten_too(ledgered: StandIn) -> None:
    """Behind its lock: a snapshot taken before would miss the rows, which then stood for tables loaded anew."""
    run(
        ledgered,
        LOADER,
        statements.create_mutex("granted", "items"),
        statements.create_mutex("granted", "others"),
    )
    loader = ledgered.warehouse(LOADER).connect()
    cursor = loader.cursor()
    cursor.execute(statements.lock("granted", "others"))
    cursor.execute(INTO_LEDGER)
    answers: list[ForgetAnswer] = []
    administrator = threading.Thread(target=lambda: answers.append(forgotten(ledgered, "granted")))
    administrator.start()
    while administrator.is_alive() and not ledgered.run("SELECT 1 FROM pg_locks WHERE NOT granted"):
        pass
    loader.commit()
    loader.close()
    administrator.join(30)
    assert answers == [ForgetAnswer(source="granted", forgotten=1)]
    assert ledgered.run("SELECT * FROM xmlift.ledger WHERE source = 'granted'") == []


def test_a_load_that_does_not_end_is_told_and_nothing_forgotten(ledgered: StandIn) -> None:
    run(ledgered, LOADER, statements.create_mutex("granted", "items"), INTO_LEDGER)
    loader = ledgered.warehouse(LOADER).connect()
    loader.cursor().execute(statements.lock("granted", "items"))
    with pytest.raises(WarehouseError) as told:
        forgotten(ledgered, "granted", seconds=0.5)
    assert str(told.value) == (
        "nothing of granted was forgotten: a load of it is still running; ask again when it has ended. If none "
        "is, a load was killed and its session holds the lock, for up to six hours: a run of the source ends it 16 "
        "minutes after it began"
    )
    loader.close()
    assert len(ledgered.run("SELECT * FROM xmlift.ledger WHERE source = 'granted'")) == 1


def test_a_migration_that_waits_for_another_gives_up_in_time(granted: StandIn) -> None:
    other = granted.warehouse(ADMIN).connect()
    other.cursor().execute("LOCK xmlift.migrations")
    with pytest.raises(WarehouseError) as told:
        migrate(EVENT, granted.warehouse(ADMIN), seconds=3)
    other.close()
    assert str(told.value) == (
        "migrate was rolled back: a load, or another migrate, holds what it changes; `terraform apply` again when "
        "it has ended"
    )


def test_two_migrations_at_once_apply_each_version_once(empty: StandIn) -> None:
    answers: list[MigrateAnswer] = []
    faults: list[BaseException] = []

    def work() -> None:
        try:
            answers.append(migrate(EVENT, empty.warehouse(ADMIN)))
        except BaseException as fault:  # noqa: BLE001 (told in the test's own thread)
            faults.append(fault)

    together = [threading.Thread(target=work) for _ in range(3)]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join(60)
    assert faults == []
    assert sorted(version for answer in answers for version in answer.applied) == [
        migration.version for migration in migrations.MIGRATIONS
    ]
