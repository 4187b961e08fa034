"""migrate: schemas, roles and grants of the warehouse, with the administrator's secret and no other function's."""

from collections.abc import Sequence
from datetime import UTC, datetime

import psycopg2
from msgspec import Struct
from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.errors import WarehouseError
from xmlift.telemetry import logger
from xmlift.warehouse import migrations, tables
from xmlift.warehouse.connection import Warehouse, one_line


class MigrateEvent(Struct, frozen=True, kw_only=True):
    """The sources of an environment, and the IAM role names of those who load and of those who look on."""

    sources: list[str]
    loader: str
    observers: list[str]


class MigrateAnswer(Struct, frozen=True, kw_only=True):
    """The versions that were applied now, and the one that the warehouse has reached."""

    applied: list[int]
    version: int


def migrate(event: MigrateEvent, warehouse: Warehouse) -> MigrateAnswer:
    """Bring the warehouse to the newest version and grant what the sources need; may run any number of times."""
    try:
        # Before the transaction, whose first statement has to be the LOCK: making a table takes the snapshot.
        warehouse.autocommit(_bootstrap)
        return warehouse.transaction(lambda cursor: _migrate(cursor, event))
    except psycopg2.Error as error:
        raise WarehouseError(f"migrate was rolled back: {one_line(error)}") from error


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
