"""The versions of the warehouse's own schema: what has been released stays, what is added harms no older code."""

import hashlib
from collections.abc import Iterator

import pytest
from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.errors import WarehouseError
from xmlift.landing import names
from xmlift.warehouse import version
from xmlift.warehouse.migrations import LOADER, MIGRATIONS, Migration

from .loads import ONE, Loads, item
from .runs import Run
from .warehouse_stand_in import ADMIN, StandIn

RELEASED = {
    1: "bd020b67bcd5",
    2: "660569e66d9d",
    3: "97592aba3d1a",
    4: "d835d63ce2e9",
    5: "7d7bb34de20e",
    6: "577ca4338df0",
}
ADDED = {"CREATE TABLE", "CREATE ROLE", "GRANT SELECT", "GRANT SELECT,", "GRANT USAGE"}


def test_a_released_version_is_never_edited() -> None:
    """A warehouse that has it would not be what the code takes it for: write the next version instead."""
    digests = {
        step.version: hashlib.sha256("\n".join(step.statements).encode()).hexdigest()[:12]
        for step in MIGRATIONS
    }
    assert digests == RELEASED


def harmful(step: Migration) -> list[str]:
    """Statements after which older code, which a rollback brings back, may fail or lose something unnoticed.

    It does not fill in a column that is new to it, and knows nothing of a table that went or has another name.
    """
    if step.oldest_code:
        return []
    return [
        statement
        for statement in step.statements
        if " ".join(statement.split()[:2]) not in ADDED
        and not (
            statement.startswith("ALTER TABLE") and " ADD COLUMN " in statement and " DEFAULT " in statement
        )
    ]


@pytest.mark.parametrize("step", MIGRATIONS, ids=lambda step: str(step.version))
def test_a_version_adds_unless_it_shuts_older_code_out(step: Migration) -> None:
    assert harmful(step) == []


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE xmlift.coverage",
        "ALTER TABLE xmlift.ledger RENAME TO windows",
        "ALTER TABLE xmlift.ledger DROP COLUMN reason",
        "ALTER TABLE xmlift.ledger ADD COLUMN owner VARCHAR(64) NOT NULL",
        f"REVOKE INSERT ON xmlift.ledger FROM ROLE {LOADER}",
        "UPDATE xmlift.ledger SET reason = 'unknown'",
    ],
)
def test_what_takes_away_needs_to_shut_older_code_out(statement: str) -> None:
    assert harmful(Migration(99, "less", (statement,))) == [statement]
    assert harmful(Migration(99, "less", (statement,), oldest_code=99)) == []


@pytest.fixture
def gone_on(stand_in: StandIn) -> Iterator[StandIn]:
    """A warehouse that code of version 99 has shut everything older out of."""
    stand_in.run(
        "INSERT INTO xmlift.migrations (version, title, applied_at, oldest_code) VALUES (99, 'new', now(), 99)"
    )
    yield stand_in
    stand_in.run("DELETE FROM xmlift.migrations WHERE version = 99")


def test_a_warehouse_that_was_made_before_it_told_its_version_is_too_old(stand_in: StandIn) -> None:
    def older(cursor: Cursor) -> None:
        cursor.execute("ALTER TABLE xmlift.migrations DROP COLUMN oldest_code")
        version.check(cursor)

    with pytest.raises(WarehouseError, match=r"older than this code.*-replace='module"):
        stand_in.warehouse(ADMIN).transaction(older)


def test_plan_and_load_ask_before_they_do_anything(loads: Loads, gone_on: StandIn) -> None:
    with pytest.raises(WarehouseError, match="which code before version 99 may not use"):
        Run(loads, streams=["items"]).plan()
    assert loads.zone.find(names.claim(loads.name)) is None
    loads.land(ONE, (0, 6), [item(1, 1)])
    with pytest.raises(WarehouseError, match="which code before version 99 may not use"):
        loads.load(ONE)
    assert gone_on.run("SELECT 1 FROM pg_tables WHERE schemaname = %s", loads.name) == []
