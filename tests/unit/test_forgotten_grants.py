"""Each grant is needed: with any one of them forgotten, a step or a reader fails, here as on Redshift.

The stand-in gives the users of roles nothing by itself. What migrate grants is taken back, one privilege at a time.
"""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg2
import pytest

from xmlift.errors import WarehouseError
from xmlift.landing.zone import Zone
from xmlift.migration import MigrateEvent, Readers, migrate
from xmlift.warehouse import coverage, ledger, migrations, version
from xmlift.warehouse.coverage import Counted
from xmlift.warehouse.statements import identifier

from .loads import ONE, TWO, Loads, fresh_loads, item, texts
from .warehouse_stand_in import ADMIN, LOADER, PLANNER, REPORTER, StandIn

READER = "analysts"
SOURCE = "granted_source"
"""Stands in a statement for the source that a trial makes."""


def granted() -> Iterator[str]:
    """What migrate grants, a statement for each privilege."""
    users = [migrations.database_user(role) for role in (LOADER, PLANNER, REPORTER, READER)]
    statements = [statement for step in migrations.MIGRATIONS for statement in step.statements]
    statements += migrations.grants([SOURCE], users[0], users[1:3], users[3:])
    for statement in statements:
        found = re.fullmatch(r"(.*\bGRANT )([A-Z]+(?:, [A-Z]+)*)( ON .*)", statement)
        if found:
            yield from (f"{found[1]}{privilege}{found[3]}" for privilege in found[2].split(", "))
        elif " ROLE " in statement and "GRANT" in statement:
            yield statement


def taken_back(grant: str) -> str:
    return "REVOKE".join(grant.rsplit("GRANT", 1)).replace(" TO ", " FROM ")


def load(loads: Loads, run: str, hours: tuple[int, int]) -> None:
    loads.land(run, hours, [item(1, hours[0] + 1, notes=texts("x"))])
    loads.load(run)


def look_on(stand_in: StandIn, role: str, source: str) -> None:
    """What plan and report ask."""

    def ask(cursor: Any) -> None:
        version.check(cursor)
        coverage.settled(cursor, source, [Counted("items", 0, timedelta(0))])
        ledger.of_run(cursor, source, ONE)
        cursor.execute(f"SELECT id FROM {identifier(source)}.items")

    stand_in.warehouse(role).transaction(ask)


def read(stand_in: StandIn, source: str) -> None:
    def ask(cursor: Any) -> None:
        for table in (f"{identifier(source)}.items", "xmlift.ledger", "xmlift.coverage"):
            cursor.execute(f"SELECT COUNT(*) FROM {table}")

    stand_in.warehouse(READER).transaction(ask)


def everything(stand_in: StandIn, loads: Loads, forget: Callable[[], None]) -> None:
    """A life in short: tables are made, and loaded again, and read; in between is forgotten once more."""
    forget()
    load(loads, ONE, (0, 6))
    forget()  # what is granted on all tables, once there are any
    load(loads, TWO, (6, 12))
    for role in (PLANNER, REPORTER):
        look_on(stand_in, role, loads.name)
    read(stand_in, loads.name)


@pytest.fixture
def loads(zone: Zone, stand_in: StandIn) -> Iterator[Loads]:
    with fresh_loads(zone, stand_in) as fresh:
        event = MigrateEvent(
            sources=[fresh.name],
            loader=LOADER,
            observers=[PLANNER, REPORTER],
            readers=Readers(iam_roles=[READER]),
        )
        migrate(event, stand_in.warehouse(ADMIN))
        yield fresh


def test_with_all_grants_everybody_does_what_is_theirs(stand_in: StandIn, loads: Loads) -> None:
    everything(stand_in, loads, lambda: None)


@pytest.mark.parametrize("grant", list(granted()))
def test_a_forgotten_grant_fails(stand_in: StandIn, loads: Loads, grant: str) -> None:
    statement = grant.replace(identifier(SOURCE), identifier(loads.name))
    admin = stand_in.warehouse(ADMIN)

    def forget() -> None:
        admin.autocommit(lambda cursor: cursor.execute(taken_back(statement)))

    try:
        with pytest.raises((WarehouseError, psycopg2.errors.InsufficientPrivilege)):
            everything(stand_in, loads, forget)
    finally:
        admin.autocommit(lambda cursor: cursor.execute(statement))
