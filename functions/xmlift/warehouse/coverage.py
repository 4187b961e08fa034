"""Coverage: which time the ledger has, merged by the warehouse itself.

One row for each stretch without a gap, however many windows it is made of, so that a run costs the same after ten
years. The rule is that of `windows.settled_by` and `windows.merged`, which the tests hold it against.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.errors import WarehouseError
from xmlift.warehouse.ledger import LOADED
from xmlift.windows import Interval, subtracted, watermark

type Covered = Mapping[str, Mapping[str, Sequence[Interval]]]
"""Disjoint intervals in order, by stream and partition."""


class Counted(NamedTuple):
    """Which coverage of a stream counts: that of its epoch, up to `overlap` before a window was read (P2)."""

    stream: str
    epoch: int
    overlap: timedelta


class Island(NamedTuple):
    """A stretch of time that is settled without a gap. `loaded_at` is when its newest window was loaded."""

    stream: str
    partition: str
    interval: Interval
    loaded_at: datetime


class Standing(NamedTuple):
    """How far a partition is: its watermark (P3), the holes behind its last settled end, its newest load."""

    stream: str
    partition: str
    watermark: datetime
    gaps: list[Interval]
    loaded_at: datetime


def islands(cursor: Cursor, source: str, counted: Sequence[Counted]) -> list[Island]:
    """What the loaded windows of these streams settle, by stream, partition and time. Raises WarehouseError."""
    if not counted:
        return []
    # A SELECT per stream: the overlap stands in it as a literal, which every engine can subtract from an instant.
    windows = " UNION ALL ".join(
        "SELECT stream, partition_id, window_start, "
        f"LEAST(window_end, as_of{_less(one.overlap)}) AS settled_end, loaded_at "
        "FROM xmlift.ledger WHERE source = %s AND stream = %s AND epoch = %s AND state = %s"
        for one in counted
    )
    values = [value for one in counted for value in (source, one.stream, one.epoch, LOADED)]
    return _islands(cursor, windows, values)


def settled(cursor: Cursor, source: str, counted: Sequence[Counted]) -> Covered:
    """What needs not be read again. Raises WarehouseError."""
    return by_stream(islands(cursor, source, counted))


def of_run(cursor: Cursor, source: str, run: str) -> Covered:
    """The windows that a run read and the ledger knows, in whatever state. Raises WarehouseError."""
    windows = (
        "SELECT stream, partition_id, window_start, window_end AS settled_end, loaded_at "
        "FROM xmlift.ledger WHERE source = %s AND run = %s"
    )
    return by_stream(_islands(cursor, windows, [source, run]))


def by_stream(found: Sequence[Island]) -> Covered:
    covered: dict[str, dict[str, list[Interval]]] = {}
    for island in found:
        covered.setdefault(island.stream, {}).setdefault(island.partition, []).append(island.interval)
    return covered


def standings(found: Sequence[Island], starts: Mapping[str, datetime]) -> list[Standing]:
    """How far each partition is, reckoned from where its stream starts."""
    groups: dict[tuple[str, str], list[Island]] = {}
    for island in found:
        groups.setdefault((island.stream, island.partition), []).append(island)
    result = []
    for (stream, partition), group in sorted(groups.items()):
        intervals, start = [island.interval for island in group], starts[stream]
        whole = Interval(start, max(interval.end for interval in intervals))
        result.append(
            Standing(
                stream,
                partition,
                watermark(start, intervals),
                subtracted(whole, intervals),
                max(island.loaded_at for island in group),
            )
        )
    return result


def closed_windows(cursor: Cursor, source: str, runs: Sequence[str]) -> set[tuple[str, str, str, str]]:
    """(stream, run, partition, window) of what these runs read and the ledger knows. Raises WarehouseError."""
    if not runs:
        return set()
    places = ", ".join(["%s"] * len(runs))
    rows = _rows(
        cursor,
        "SELECT stream, run, partition_id, window_name FROM xmlift.ledger "
        f"WHERE source = %s AND run IN ({places})",
        [source, *runs],
    )
    return {(stream, run, partition, window) for stream, run, partition, window in rows}


def _islands(cursor: Cursor, windows: str, values: Sequence[Any]) -> list[Island]:
    """Gaps and islands: a window begins an island where no window before it reaches its start."""
    ordered = (
        "OVER (PARTITION BY stream, partition_id ORDER BY window_start, settled_end ROWS BETWEEN UNBOUNDED"
    )
    rows = _rows(
        cursor,
        f"""SELECT stream, partition_id, MIN(window_start), MAX(settled_end), MAX(loaded_at)
FROM (
  SELECT stream, partition_id, window_start, settled_end, loaded_at,
    SUM(begins) {ordered} PRECEDING AND CURRENT ROW) AS island
  FROM (
    SELECT stream, partition_id, window_start, settled_end, loaded_at,
      CASE WHEN window_start <= MAX(settled_end) {ordered} PRECEDING AND 1 PRECEDING) THEN 0 ELSE 1 END AS begins
    FROM ({windows}) AS covering
    WHERE window_start < settled_end
  ) AS marked
) AS numbered
GROUP BY stream, partition_id, island
ORDER BY stream, partition_id, MIN(window_start)""",
        values,
    )
    return [
        Island(stream, partition, Interval(start, end), loaded_at)
        for stream, partition, start, end, loaded_at in rows
    ]


def _less(time: timedelta) -> str:
    """SQL that takes a length of time off an instant, by units that fit the engine's 32 bits and no calendar."""
    hours, seconds = divmod(time.days * 86_400 + time.seconds, 3_600)
    parts = (("hours", hours), ("seconds", seconds), ("microseconds", time.microseconds))
    return "".join(f" - INTERVAL '{count} {unit}'" for unit, count in parts if count)


def _rows(cursor: Cursor, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    try:
        cursor.execute(sql, values)
    except (psycopg2.errors.UndefinedTable, psycopg2.errors.InsufficientPrivilege) as error:
        raise WarehouseError(
            "the ledger xmlift.ledger is not there or not granted to this function: migrate has to run after "
            "every apply (Terraform invokes it; `terraform apply` again)"
        ) from error
    return cursor.fetchall()
