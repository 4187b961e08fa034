"""migrate: what only the administrator may: schemas, roles and grants of the warehouse, and to forget a ledger."""

import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import psycopg2
from msgspec import Struct
from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.errors import WarehouseError
from xmlift.telemetry import logger
from xmlift.warehouse import kept_coverage, ledger, migrations, statements, tables, version
from xmlift.warehouse.connection import TimeUpError, Warehouse, one_line
from xmlift.warehouse.mutex import locked_streams


class Readers(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may read all tables and the ledger: names of IAM roles, and of database users."""

    iam_roles: list[str] = []
    database_users: list[str] = []

    @property
    def users(self) -> list[str]:
        """Their database users."""
        return [*map(migrations.database_user, self.iam_roles), *self.database_users]


class MigrateEvent(Struct, frozen=True, kw_only=True):
    """The sources of an environment, the IAM role names of those who load and look on, and who else reads."""

    sources: list[str]
    loader: str
    observers: list[str]
    readers: Readers = Readers()


class MigrateAnswer(Struct, frozen=True, kw_only=True):
    """The versions that were applied now, the one that the warehouse has reached, and who no longer reads."""

    applied: list[int]
    version: int
    revoked: list[str] = []


class CheckAnswer(Struct, frozen=True, kw_only=True):
    """The newest version that this code knows, which may use the warehouse; the oldest one that may (0: any)."""

    code: int
    oldest_code: int


class ShutOutError(WarehouseError):
    """This code may not use the warehouse. Who rolls back knows by the name that it is this, and no outage."""


class Forget(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The source whose rows in the ledger are to be deleted."""

    source: str


class ForgetEvent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asks for a source's ledger to be forgotten, so that a replay loads all that has landed."""

    forget: Forget


class ForgetAnswer(Struct, frozen=True, kw_only=True):
    """How many rows the ledger had of the source."""

    source: str
    forgotten: int


def migrate(event: MigrateEvent, warehouse: Warehouse, seconds: float = math.inf) -> MigrateAnswer:
    """Bring the warehouse to the newest version and grant what the sources need; may run any number of times.

    Raises WarehouseError where something cannot be done, or not within `seconds`.
    """
    deadline = time.monotonic() + seconds
    try:
        # Before the transaction, whose first statement has to be the LOCK: making a table takes the snapshot.
        warehouse.autocommit(_bootstrap, seconds)
        return warehouse.transaction(lambda cursor: _migrate(cursor, event), deadline - time.monotonic())
    except (TimeUpError, psycopg2.errors.QueryCanceled) as error:
        raise WarehouseError(
            "migrate was rolled back: a load, or another migrate, holds what it changes; `terraform apply` again "
            "when it has ended"
        ) from error
    except psycopg2.Error as error:
        raise WarehouseError(f"migrate was rolled back: {one_line(error)}") from error


def check(warehouse: Warehouse, seconds: float = math.inf) -> CheckAnswer:
    """Ask, before older code goes live again, whether it may use the warehouse.

    Raises ShutOutError if not, another WarehouseError if the warehouse does not say.
    """
    try:
        oldest = warehouse.transaction(_oldest_code, seconds)
    except psycopg2.Error as error:
        raise WarehouseError(f"the version of the warehouse is not known: {one_line(error)}") from error
    return CheckAnswer(code=migrations.newest(), oldest_code=oldest)


def forget(event: ForgetEvent, warehouse: Warehouse, seconds: float = math.inf) -> ForgetAnswer:
    """Delete what the ledger has of a source, once no load of it is running. Raises WarehouseError."""
    source = event.forget.source
    try:
        # A transaction of its own: what the loads that are waited for write comes after its snapshot.
        streams = warehouse.transaction(lambda cursor: locked_streams(cursor, source))
        forgotten = warehouse.transaction(lambda cursor: _forget(cursor, source, streams), seconds)
    except (TimeUpError, psycopg2.errors.QueryCanceled) as error:
        raise WarehouseError(
            f"nothing of {source} was forgotten: a load of it is still running; ask again when it has ended. "
            "If none is, a load was killed and its session holds the lock, for up to six hours: a run of the "
            "source ends it 16 minutes after it began"
        ) from error
    except psycopg2.Error as error:
        raise WarehouseError(f"nothing of {source} was forgotten: {one_line(error)}") from error
    logger.info("forgot", source=source, rows=forgotten)
    return ForgetAnswer(source=source, forgotten=forgotten)


def _oldest_code(cursor: Cursor) -> int:
    try:
        version.check(cursor)
    except WarehouseError as error:
        raise ShutOutError(str(error)) from error
    cursor.execute("SELECT COALESCE(MAX(oldest_code), 0) FROM xmlift.migrations")
    (oldest,) = cursor.fetchone() or (0,)
    return int(oldest)


def _forget(cursor: Cursor, source: str, streams: Sequence[str]) -> int:
    for stream in streams:
        cursor.execute(statements.lock(source, stream))
    kept_coverage.forget(cursor, source)
    return ledger.forget(cursor, source)


def _bootstrap(cursor: Cursor) -> None:
    for statement in migrations.BOOTSTRAP:
        tables.ensure(cursor, statement)


def _migrate(cursor: Cursor, event: MigrateEvent) -> MigrateAnswer:
    # Two migrations at once: the second waits here, and then finds everything done.
    cursor.execute("LOCK xmlift.migrations")
    cursor.execute("SELECT COALESCE(MAX(version), 0) FROM xmlift.migrations")
    (reached,) = cursor.fetchone() or (0,)
    if reached > migrations.newest():
        version.check(cursor)  # older code is applied again
    applied = [_apply(cursor, step) for step in migrations.MIGRATIONS if step.version > reached]
    loader = migrations.database_user(event.loader)
    observers = [migrations.database_user(role) for role in event.observers]
    _create_users(cursor, [loader, *observers, *event.readers.users])
    for statement in migrations.grants(event.sources, loader, observers, event.readers.users):
        cursor.execute(statement)
    revoked = _revoke_others(cursor, event.readers.users)
    return MigrateAnswer(applied=applied, version=max(reached, migrations.newest()), revoked=revoked)


def _apply(cursor: Cursor, step: migrations.Migration) -> int:
    for statement in step.statements:
        cursor.execute(statement)
    cursor.execute(
        "INSERT INTO xmlift.migrations (version, title, applied_at) VALUES (%s, %s, %s)",
        (step.version, step.title, datetime.now(UTC)),
    )
    if step.oldest_code:
        # Apart: the first versions were kept in a table without this column.
        cursor.execute(
            "UPDATE xmlift.migrations SET oldest_code = %s WHERE version = %s",
            (step.oldest_code, step.version),
        )
    logger.info("migrated", version=step.version, title=step.title)
    return step.version


def _create_users(cursor: Cursor, users: Sequence[str]) -> None:
    cursor.execute("SELECT usename FROM pg_user")
    known = {name.lower() for (name,) in cursor.fetchall()}
    for user in {user.lower(): user for user in users}.values():
        if user.lower() not in known:
            cursor.execute(migrations.create_user(user))


def _revoke_others(cursor: Cursor, readers: Sequence[str]) -> list[str]:
    """Whoever has the readers' role and is not among them loses it: the environment alone says who reads."""
    # Whether Redshift keeps the capital letters of a quoted name is a setting of its own.
    wanted = {reader.lower() for reader in readers}
    cursor.execute("SELECT user_name FROM svv_user_grants WHERE role_name = %s", (migrations.READER,))
    others = sorted(name for (name,) in cursor.fetchall() if name.lower() not in wanted)
    for user in others:
        cursor.execute(migrations.no_longer(user))
        logger.info("revoked", reader=user)
    return others
