"""The ledger: one row per window that is in the warehouse, written in the transaction that brought its rows.

It is the watermark: what it does not name is not loaded, whatever stands on S3.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)
from psycopg2.extras import execute_values

from xmlift.windows import Interval

LOADED = "loaded"
SUPERSEDED = "superseded"
QUARANTINED = "quarantined"
"""A window that cannot be loaded, with its reason: a gap, which the next run reads again."""


class Entry(NamedTuple):
    """A window's row. Counts are of the stream's own table; `tables` is JSON with those of all tables.

    `rows_removed` are rows that the window took out of its own table, `loaded_by` is the run that loaded it.
    `next_link` is where the window after it begins (a delta's), `set_windows` how many windows its set has.
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
    next_link: str = ""
    set_windows: int = 0
    validators: str = ""
    not_modified: bool = False


class Recovered(NamedTuple):
    """How many windows that others read a run has brought to a state, and what became of their rows."""

    stream: str
    state: str
    windows: int
    inserted: int
    updated: int
    stale: int
    duplicates: int
    removed: int


_COLUMNS = ", ".join(Entry._fields)


def of_run(cursor: Cursor, source: str, run: str, stream: str | None = None) -> list[Entry]:
    """The rows of windows that one run read."""
    cursor.execute(
        f"SELECT {_COLUMNS} FROM xmlift.ledger WHERE source = %s AND run = %s"
        + (" AND stream = %s" if stream else ""),
        (source, run, stream) if stream else (source, run),
    )
    return [Entry(*row) for row in cursor.fetchall()]


def windows(cursor: Cursor, source: str, stream: str, run: str | None = None) -> set[tuple[str, str, str]]:
    """(run, partition, window) of what one run, or any, read of a stream and the ledger has, in any state."""
    cursor.execute(
        "SELECT run, partition_id, window_name FROM xmlift.ledger WHERE source = %s AND stream = %s"
        + (" AND run = %s" if run else ""),
        (source, stream, run) if run else (source, stream),
    )
    return set(cursor.fetchall())


def is_loaded(cursor: Cursor, source: str, stream: str, partition: str, epoch: int) -> bool:
    """Whether a window of a partition is loaded in an epoch."""
    cursor.execute(
        "SELECT 1 FROM xmlift.ledger WHERE source = %s AND stream = %s AND partition_id = %s AND epoch = %s "
        "AND state = %s LIMIT 1",
        (source, stream, partition, epoch, LOADED),
    )
    return cursor.fetchone() is not None


def recovered(cursor: Cursor, source: str, run: str) -> list[Recovered]:
    """What a run loaded of windows that others read; a row for each stream and state."""
    cursor.execute(
        "SELECT stream, state, COUNT(*), SUM(rows_inserted), SUM(rows_updated),\n"
        "  SUM(rows_stale), SUM(rows_duplicate), SUM(rows_removed)\n"
        "FROM xmlift.ledger WHERE source = %s AND loaded_by = %s AND run <> %s\n"
        "GROUP BY stream, state ORDER BY stream, state",
        (source, run, run),
    )
    return [Recovered(stream, state, *map(int, counts)) for stream, state, *counts in cursor.fetchall()]


def quarantined(cursor: Cursor, source: str, run: str, limit: int) -> list[Entry]:
    """The first of the windows that others read and this run set aside."""
    cursor.execute(
        f"SELECT {_COLUMNS} FROM xmlift.ledger WHERE source = %s AND loaded_by = %s AND run <> %s "
        "AND state = %s ORDER BY stream, run, window_start LIMIT %s",
        (source, run, run, QUARANTINED, limit),
    )
    return [Entry(*row) for row in cursor.fetchall()]


def rows_of_loads(cursor: Cursor, source: str, stream: str) -> int:
    """How many rows a stream's own table has by what its loads inserted and removed."""
    cursor.execute(
        "SELECT COALESCE(SUM(rows_inserted - rows_removed), 0) FROM xmlift.ledger "
        "WHERE source = %s AND stream = %s",
        (source, stream),
    )
    ((rows,),) = cursor.fetchall()
    return int(rows)


def forget(cursor: Cursor, source: str) -> int:
    """Delete the rows of a source, and answer how many they were. Only the administrator may."""
    cursor.execute("DELETE FROM xmlift.ledger WHERE source = %s", (source,))
    return cursor.rowcount


class Reading(NamedTuple):
    """That a window was read: the time of a partition that it covers, and what tells how new it is."""

    partition: str
    interval: Interval
    epoch: int
    as_of: datetime
    run: str

    @property
    def age(self) -> tuple[int, datetime, str, Interval]:
        """Greater is newer. No two windows are of the same age, so that no order of loading decides."""
        return self.epoch, self.as_of, self.run, self.interval


def overlapping(cursor: Cursor, source: str, stream: str, interval: Interval) -> list[Reading]:
    """The loaded windows, of whatever epoch, that have an instant in common with `interval`."""
    cursor.execute(
        "SELECT partition_id, window_start, window_end, epoch, as_of, run FROM xmlift.ledger "
        "WHERE source = %s AND stream = %s AND state = %s AND window_start < %s AND window_end > %s",
        (source, stream, LOADED, interval.end, interval.start),
    )
    return [
        Reading(partition, Interval(start, end), *age) for partition, start, end, *age in cursor.fetchall()
    ]


def newest_of_partitions(cursor: Cursor, source: str, stream: str) -> dict[str, tuple[int, datetime]]:
    """For each partition the newest epoch that has loaded windows, and when the newest of them was read.

    One that was not modified is no reading of its own.
    """
    cursor.execute(
        "SELECT partition_id, epoch, MAX(as_of) FROM xmlift.ledger WHERE source = %s AND stream = %s "
        "AND state = %s AND not_modified IS NOT TRUE GROUP BY 1, 2 ORDER BY 2",
        (source, stream, LOADED),
    )
    return {partition: (epoch, as_of) for partition, epoch, as_of in cursor.fetchall()}


def newest_ages(cursor: Cursor, source: str, stream: str) -> dict[str, tuple[int, datetime, str]]:
    """How new the newest loaded window of each partition is: epoch, as_of, run. One not modified is no reading."""
    cursor.execute(
        "SELECT partition_id, epoch, as_of, run FROM (SELECT partition_id, epoch, as_of, run, ROW_NUMBER() "
        "OVER (PARTITION BY partition_id ORDER BY epoch DESC, as_of DESC, run DESC) AS place "
        "FROM xmlift.ledger WHERE source = %s AND stream = %s AND state = %s AND not_modified IS NOT TRUE) AS aged "
        "WHERE place = 1",
        (source, stream, LOADED),
    )
    return {partition: (epoch, as_of, run) for partition, epoch, as_of, run in cursor.fetchall()}


def newest_set(cursor: Cursor, source: str, stream: str) -> tuple[int, datetime, str] | None:
    """How new the newest of the runs is whose windows are loaded: epoch, least as_of, run."""
    cursor.execute(
        "SELECT MAX(epoch), MIN(as_of), run FROM xmlift.ledger "
        "WHERE source = %s AND stream = %s AND state = %s GROUP BY 3 ORDER BY 1 DESC, 2 DESC, 3 DESC LIMIT 1",
        (source, stream, LOADED),
    )
    return next(iter(cursor.fetchall()), None)


def commits_of_runs(
    cursor: Cursor, source: str, stream: str, runs: Sequence[str]
) -> dict[tuple[str, str, str], str]:
    """The commits of the windows that these runs read, in whatever state, by run, partition and window."""
    cursor.execute(
        "SELECT run, partition_id, window_name, commit_sha FROM xmlift.ledger "
        "WHERE source = %s AND stream = %s AND run IN %s",
        (source, stream, tuple(runs)),
    )
    return {(run, partition, window): sha for run, partition, window, sha in cursor.fetchall()}


def insert(cursor: Cursor, entries: Sequence[Entry]) -> None:
    """Write all rows by one statement. A row is never changed afterwards."""
    if not entries:
        return
    execute_values(
        cursor,
        f"INSERT INTO xmlift.ledger ({_COLUMNS}) VALUES %s",
        entries,
        page_size=len(entries),
    )
