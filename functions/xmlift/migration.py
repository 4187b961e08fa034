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
from xmlift.warehouse import kept_coverage, ledger, migrations, statements, tables
from xmlift.warehouse.connection import TimeUpError, Warehouse, one_line
from xmlift.warehouse.mutex import locked_streams


class MigrateEvent(Struct, frozen=True, kw_only=True):
    """The sources of an environment, and the IAM role names of those who load and of those who look on."""

    sources: list[str]
    loader: str
    observers: list[str]


class MigrateAnswer(Struct, frozen=True, kw_only=True):
    """The versions that were applied now, and the one that the warehouse has reached."""

    applied: list[int]
    version: int


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
    applied = [_apply(cursor, step) for step in migrations.MIGRATIONS if step.version > reached]
    loader = migrations.database_user(event.loader)
    observers = [migrations.database_user(role) for role in event.observers]
    _create_users(cursor, [loader, *observers])
    for statement in migrations.grants(event.sources, loader, observers):
        cursor.execute(statement)
    return MigrateAnswer(applied=applied, version=migrations.MIGRATIONS[-1].version)


def _apply(cursor: Cursor, step: migrations.Migration) -> int:
    for statement in step.statements:
        cursor.execute(statement)
    cursor.execute(
        "INSERT INTO xmlift.migrations (version, title, applied_at) VALUES (%s, %s, %s)",
        (step.version, step.title, datetime.now(UTC)),
    )
    logger.info("migrated", version=step.version, title=step.title)
    return step.version


def _create_users(cursor: Cursor, users: Sequence[str]) -> None:
    cursor.execute("SELECT usename FROM pg_user")
    known = {name for (name,) in cursor.fetchall()}
    for user in users:
        if user not in known:
            cursor.execute(migrations.create_user(user))
