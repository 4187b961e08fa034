"""Rows of the ledger without a load, for whoever reads it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg2.extras import execute_values

from xmlift.windows import Interval

from .warehouse_stand_in import DATABASE, StandIn

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

Row = dict[str, Any]

_COUNTS = (
    "pages", "rows_read", "rows_rejected", "rows_out_of_window", "rows_dropped", "rows_written", "rows_duplicate",
    "rows_stale", "rows_inserted", "rows_updated",
)  # fmt: skip


def minutes(count: float) -> datetime:
    return START + count * MINUTE


def interval(start: float, end: float) -> Interval:
    return Interval(minutes(start), minutes(end))


def row(
    start: float,
    end: float,
    as_of: float = 10_000,
    *,
    stream: str = "a",
    partition: str = "-",
    epoch: int = 0,
    state: str = "loaded",
    run: str = "r",
) -> Row:
    """A window in minutes since the start, by default read long after its end."""
    window = interval(start, end)
    return {
        "stream": stream, "partition_id": partition, "epoch": epoch, "run": run, "state": state,
        "window_name": str(window), "window_start": window.start, "window_end": window.end,
        "as_of": minutes(as_of), "commit_sha": "", "tables": "{}",
    }  # fmt: skip


def ledger_holds(stand_in: StandIn, source: str, *rows: Row) -> None:
    """Exactly these rows of the source, written behind the front."""
    stand_in.forget(source)
    if rows:
        into_ledger(stand_in, source, *rows)


def into_ledger(stand_in: StandIn, source: str, *rows: Row) -> None:
    """These rows more, in what columns the ledger had from its first version on."""
    names = ["source", *rows[0], *_COUNTS]
    values = [[source, *one.values(), *(0 for _ in _COUNTS)] for one in rows]
    with stand_in.postgresql.superuser(DATABASE) as connection, connection.cursor() as cursor:
        execute_values(cursor, f"INSERT INTO xmlift.ledger ({', '.join(names)}) VALUES %s", values)
        connection.commit()
