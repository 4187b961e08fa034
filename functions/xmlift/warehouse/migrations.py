"""The warehouse's own schema: versioned statements, forward only, each version once.

A version that has been released is never edited: write the next one. Code may go back and the warehouse may not,
so a version adds and takes nothing away; where older code would do harm all the same, it says so (`oldest_code`).
Everything that depends on the sources (a schema each, and who may do what there) is granted anew at every run,
since sources come and go.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from xmlift.warehouse.statements import identifier

LOADER, OBSERVER, READER = "xmlift_loader", "xmlift_observer", "xmlift_reader"


class Migration(NamedTuple):
    """Statements that lead from the version before to this one.

    `oldest_code` is the newest version that code has to know to use the warehouse from here on; 0: any code may.
    """

    version: int
    title: str
    statements: tuple[str, ...]
    oldest_code: int = 0


BOOTSTRAP = (
    "CREATE SCHEMA IF NOT EXISTS xmlift",
    "CREATE TABLE IF NOT EXISTS xmlift.migrations ("
    "version INTEGER NOT NULL, title VARCHAR(256) NOT NULL, applied_at TIMESTAMPTZ NOT NULL)",
)

MIGRATIONS = (
    Migration(
        1,
        "the ledger, and the roles of those who load, observe and read",
        (
            """CREATE TABLE xmlift.ledger (
  source VARCHAR(63) NOT NULL,
  stream VARCHAR(63) NOT NULL,
  partition_id VARCHAR(1024) NOT NULL,
  epoch INTEGER NOT NULL,
  window_name VARCHAR(64) NOT NULL,
  window_start TIMESTAMPTZ NOT NULL,
  window_end TIMESTAMPTZ NOT NULL,
  run VARCHAR(512) NOT NULL,
  state VARCHAR(16) NOT NULL,
  commit_sha VARCHAR(64) NOT NULL,
  as_of TIMESTAMPTZ NOT NULL,
  pages INTEGER NOT NULL,
  rows_read BIGINT NOT NULL,
  rows_rejected BIGINT NOT NULL,
  rows_out_of_window BIGINT NOT NULL,
  rows_dropped BIGINT NOT NULL,
  rows_written BIGINT NOT NULL,
  rows_duplicate BIGINT NOT NULL,
  rows_stale BIGINT NOT NULL,
  rows_inserted BIGINT NOT NULL,
  rows_updated BIGINT NOT NULL,
  tables VARCHAR(65535) NOT NULL,
  loaded_at TIMESTAMPTZ NOT NULL DEFAULT GETDATE()
)""",
            f"CREATE ROLE {LOADER}",
            f"CREATE ROLE {OBSERVER}",
            f"CREATE ROLE {READER}",
            f"GRANT USAGE ON SCHEMA xmlift TO ROLE {LOADER}",
            f"GRANT USAGE ON SCHEMA xmlift TO ROLE {OBSERVER}",
            f"GRANT USAGE ON SCHEMA xmlift TO ROLE {READER}",
            f"GRANT SELECT, INSERT ON xmlift.ledger TO ROLE {LOADER}",
            f"GRANT SELECT ON xmlift.ledger TO ROLE {OBSERVER}",
            f"GRANT SELECT ON xmlift.ledger TO ROLE {READER}",
        ),
    ),
    Migration(
        2,
        "the ledger tells what a window took out, why one is not loaded, and which run loaded it",
        (
            # Redshift adds one column by a statement.
            "ALTER TABLE xmlift.ledger ADD COLUMN rows_removed BIGINT DEFAULT 0 NOT NULL",
            "ALTER TABLE xmlift.ledger ADD COLUMN reason VARCHAR(1024) DEFAULT '' NOT NULL",
            "ALTER TABLE xmlift.ledger ADD COLUMN loaded_by VARCHAR(512) DEFAULT '' NOT NULL",
        ),
    ),
    Migration(
        3,
        "the coverage of the ledger, which loads keep",
        (
            # Empty: the first load of each stream fills in its own, behind its lock. Here no lock is held, and what
            # a running load brings would be missing for ever.
            """CREATE TABLE xmlift.coverage (
  source VARCHAR(63) NOT NULL,
  stream VARCHAR(63) NOT NULL,
  epoch INTEGER NOT NULL,
  partition_id VARCHAR(1024) NOT NULL,
  overlap BIGINT NOT NULL,
  covered_from TIMESTAMPTZ NOT NULL,
  covered_to TIMESTAMPTZ NOT NULL
)""",
            f"GRANT SELECT, INSERT, DELETE ON xmlift.coverage TO ROLE {LOADER}",
            f"GRANT SELECT ON xmlift.coverage TO ROLE {OBSERVER}",
            f"GRANT SELECT ON xmlift.coverage TO ROLE {READER}",
        ),
    ),
    Migration(
        4,
        "the ledger tells where a delta goes on, and which windows were a whole set",
        (
            "ALTER TABLE xmlift.ledger ADD COLUMN next_link VARCHAR(65535) DEFAULT '' NOT NULL",
            "ALTER TABLE xmlift.ledger ADD COLUMN set_windows INTEGER DEFAULT 0 NOT NULL",
        ),
    ),
    Migration(
        5,
        "the ledger tells what an endpoint told its answers by, and which it did not send again",
        (
            "ALTER TABLE xmlift.ledger ADD COLUMN validators VARCHAR(4096) DEFAULT '' NOT NULL",
            "ALTER TABLE xmlift.ledger ADD COLUMN not_modified BOOLEAN DEFAULT FALSE NOT NULL",
        ),
    ),
    Migration(
        6,
        "the warehouse tells which code may use it, and plan and load ask",
        (
            "ALTER TABLE xmlift.migrations ADD COLUMN oldest_code INTEGER DEFAULT 0 NOT NULL",
            f"GRANT SELECT ON xmlift.migrations TO ROLE {LOADER}",
            f"GRANT SELECT ON xmlift.migrations TO ROLE {OBSERVER}",
        ),
    ),
)


def newest() -> int:
    """The version that this code brings a warehouse to."""
    return MIGRATIONS[-1].version


def database_user(role_name: str) -> str:
    """The database user of an IAM role's temporary credentials."""
    return f"IAMR:{role_name}"


def create_user(user: str) -> str:
    """A user who can only come in with temporary credentials."""
    return f"CREATE USER {identifier(user)} PASSWORD DISABLE"


def grants(
    sources: Iterable[str], loader: str, observers: Iterable[str], readers: Iterable[str] = ()
) -> Iterator[str]:
    """Who may do what, for all sources; each statement may be run any number of times."""
    yield f"GRANT ROLE {LOADER} TO {identifier(loader)}"
    for role, users in ((OBSERVER, observers), (READER, readers)):
        for user in users:
            yield f"GRANT ROLE {role} TO {identifier(user)}"
    for source in sources:
        schema = identifier(source)
        yield f"CREATE SCHEMA IF NOT EXISTS {schema}"
        yield f"GRANT USAGE, CREATE ON SCHEMA {schema} TO ROLE {LOADER}"
        for role in (OBSERVER, READER):
            yield f"GRANT USAGE ON SCHEMA {schema} TO ROLE {role}"
            yield f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO ROLE {role}"
            # The loader creates the tables, so what comes later is granted by default as its own.
            yield (
                f"ALTER DEFAULT PRIVILEGES FOR USER {identifier(loader)} IN SCHEMA {schema} "
                f"GRANT SELECT ON TABLES TO ROLE {role}"
            )


def no_longer(reader: str) -> str:
    """Takes away what a reader was granted; of the user itself nothing is changed."""
    return f"REVOKE ROLE {READER} FROM {identifier(reader)}"
