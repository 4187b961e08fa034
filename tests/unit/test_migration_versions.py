"""The versions of the warehouse's own schema: what has been released stays, what is added harms no older code."""

import hashlib

import pytest

from xmlift.warehouse.migrations import LOADER, MIGRATIONS, Migration

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
