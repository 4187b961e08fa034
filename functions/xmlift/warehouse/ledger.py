"""The ledger: one row per window that is in the warehouse, written in the transaction that brought its rows.

It is the watermark: what it does not name is not loaded, whatever stands on S3.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)
from psycopg2.extras import execute_values

from xmlift.errors import WarehouseError
from xmlift.windows import Interval

LOADED = "loaded"
SUPERSEDED = "superseded"
QUARANTINED = "quarantined"
"""A window that cannot be loaded, with its reason: a gap, which the next run reads again."""


class Entry(NamedTuple):
    """A window's row. Counts are of the stream's own table; `tables` is JSON with those of all tables.

    `rows_removed` are rows that the window took out of its own table, `loaded_by` is the run that loaded it.
    """

    source: str
    stream: str
    partition_id: str
    epoch: int
    window_name: str
    window_start: datetime
    window_end: datetime
    run: str
    state: str
    commit_sha: str
    as_of: datetime
    pages: int
    rows_read: int
    rows_rejected: int
    rows_out_of_window: int
    rows_dropped: int
    rows_written: int
    rows_duplicate: int
    rows_stale: int
    rows_inserted: int
    rows_updated: int
    tables: str
    rows_removed: int = 0
    reason: str = ""
    loaded_by: str = ""


class Coverage(NamedTuple):
    """What a window covers, the server's clock when it was read, the run that read it, and its state."""

    stream: str
    partition_id: str
    start: datetime
    end: datetime
    as_of: datetime
    run: str
    state: str


_COLUMNS = ", ".join(Entry._fields)


def coverage(cursor: Cursor, source: str, epoch: int, run: str) -> list[Coverage]:
    """All loaded windows of a source, and those of this run in any state.

    Raises WarehouseError where the ledger does not exist yet.
    """
    try:
        cursor.execute(
            "SELECT stream, partition_id, window_start, window_end, as_of, run, state FROM xmlift.ledger "
            "WHERE source = %s AND epoch = %s AND (state = %s OR run = %s)",
            (source, epoch, LOADED, run),
        )
    except (psycopg2.errors.UndefinedTable, psycopg2.errors.InsufficientPrivilege) as error:
        raise WarehouseError(
            "the ledger xmlift.ledger is not there or not granted to this function: migrate has to run after "
            "every apply (Terraform invokes it; `terraform apply` again)"
        ) from error
    return [Coverage(*row) for row in cursor.fetchall()]


def of_run(cursor: Cursor, source: str, run: str, stream: str | None = None) -> list[Entry]:
    """The rows of windows that one run read."""
    cursor.execute(
        f"SELECT {_COLUMNS} FROM xmlift.ledger WHERE source = %s AND run = %s"
        + (" AND stream = %s" if stream else ""),
        (source, run, stream) if stream else (source, run),
    )
    return [Entry(*row) for row in cursor.fetchall()]


def overlapping(cursor: Cursor, source: str, stream: str, epoch: int, interval: Interval) -> list[Entry]:
    """The rows of loaded windows that have an instant in common with `interval`."""
    cursor.execute(
        f"SELECT {_COLUMNS} FROM xmlift.ledger WHERE source = %s AND stream = %s AND epoch = %s "
        "AND state = %s AND window_start < %s AND window_end > %s",
        (source, stream, epoch, LOADED, interval.end, interval.start),
    )
    return [Entry(*row) for row in cursor.fetchall()]


def insert(cursor: Cursor, entries: Sequence[Entry]) -> None:
    """Write all rows by one statement. A row is never changed afterwards."""
    execute_values(
        cursor,
        f"INSERT INTO xmlift.ledger ({_COLUMNS}) VALUES %s",
        entries,
        page_size=len(entries),
    )
