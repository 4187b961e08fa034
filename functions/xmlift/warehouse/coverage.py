"""Coverage: which time the ledger has, a row for each stretch without a gap, however many windows it is made of.

Loads keep it in a table of its own (`kept_coverage`), so that a run costs the same after ten years. What is not
kept, the warehouse merges from the ledger. The rule is that of `windows.settled_by` and `windows.merged`, which the
tests hold both against.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.errors import WarehouseError
from xmlift.warehouse.ledger import LOADED
from xmlift.windows import ALL_TIME, Interval

type Covered = Mapping[str, Mapping[str, Sequence[Interval]]]
"""Disjoint intervals in order, by stream and partition."""


class Counted(NamedTuple):
    """Which coverage of a stream counts: that of its epoch, up to `overlap` before a window was read (P2)."""

    stream: str
    epoch: int
    overlap: timedelta


def settled(cursor: Cursor, source: str, counted: Sequence[Counted]) -> Covered:
    """What the loaded windows of these streams settle, and needs not be read again. Raises WarehouseError.

    Of a stream whose coverage is not kept, or was kept with another overlap, the ledger is asked.
    """
    kept = _kept(cursor, source, counted)
    by_ledger = settled_by_ledger(cursor, source, [one for one in counted if one.stream not in kept])
    return {stream: partitions for stream, partitions in kept.items() if partitions} | by_ledger


def settled_by_ledger(
    cursor: Cursor, source: str, counted: Sequence[Counted]
) -> dict[str, dict[str, list[Interval]]]:
    """The same, from the windows themselves: it costs what they are many."""
    if not counted:
        return {}
    # A SELECT per stream: the overlap stands in it as a literal, which every engine can subtract from an instant.
    windows = " UNION ALL ".join(
        "SELECT stream, partition_id, window_start, "
        f"LEAST(window_end, as_of{_less(one.overlap)}) AS settled_end "
        "FROM xmlift.ledger WHERE source = %s AND stream = %s AND epoch = %s AND state = %s"
        " AND window_start <> %s"  # what no time was asked for settles none
        for one in counted
    )
    values = [value for one in counted for value in (source, one.stream, one.epoch, LOADED, ALL_TIME.start)]
    return _islands(cursor, windows, values)


def of_run(cursor: Cursor, source: str, run: str) -> Covered:
    """The windows that a run read and the ledger knows, in whatever state. Raises WarehouseError."""
    windows = (
        "SELECT stream, partition_id, window_start, window_end AS settled_end "
        "FROM xmlift.ledger WHERE source = %s AND run = %s"
    )
    return _islands(cursor, windows, [source, run])


def greatest_epochs(cursor: Cursor, source: str, streams: Collection[str]) -> dict[str, int]:
    """By stream the greatest epoch of its loaded windows, which all of a lesser one give way to.

    Raises WarehouseError.
    """
    marks = (
        "SELECT stream, MAX(epoch) FROM xmlift.coverage "
        "WHERE source = %s AND covered_from = covered_to GROUP BY 1"
    )
    kept = dict(rows_of(cursor, marks, [source]))
    others = tuple(name for name in streams if name not in kept)
    if others:
        windows = (
            "SELECT stream, MAX(epoch) FROM xmlift.ledger "
            "WHERE source = %s AND stream IN %s AND state = %s GROUP BY 1"
        )
        kept |= dict(rows_of(cursor, windows, [source, others, LOADED]))
    return {name: kept[name] for name in streams if name in kept}


def ends_of_runs(
    cursor: Cursor, source: str, stream: str, runs: Sequence[str]
) -> dict[tuple[int, str], dict[str, datetime]]:
    """Where the loaded windows of each of these runs end at last, by epoch and partition; all other runs are ''."""
    places = ", ".join(["%s"] * len(runs))
    rows = rows_of(
        cursor,
        f"SELECT epoch, partition_id, CASE WHEN run IN ({places}) THEN run ELSE '' END AS whose, MAX(window_end) "
        "FROM xmlift.ledger WHERE source = %s AND stream = %s AND state = %s GROUP BY 1, 2, 3",
        [*runs, source, stream, LOADED],
    )
    ends: dict[tuple[int, str], dict[str, datetime]] = {}
    for epoch, partition, run, end in rows:
        ends.setdefault((epoch, partition), {})[run] = end
    return ends


def closed_windows(cursor: Cursor, source: str, runs: Sequence[str]) -> set[tuple[str, str, str, str]]:
    """(stream, run, partition, window) of what these runs read and the ledger knows. Raises WarehouseError."""
    if not runs:
        return set()
    places = ", ".join(["%s"] * len(runs))
    rows = rows_of(
        cursor,
        "SELECT stream, run, partition_id, window_name FROM xmlift.ledger "
        f"WHERE source = %s AND run IN ({places})",
        [source, *runs],
    )
    return {(stream, run, partition, window) for stream, run, partition, window in rows}


def _kept(cursor: Cursor, source: str, counted: Sequence[Counted]) -> dict[str, dict[str, list[Interval]]]:
    """What is kept of these streams with these overlaps; a stream whose coverage is not kept so is not in it."""
    if not counted:
        return {}
    of_stream = "(stream = %s AND overlap = %s AND (epoch = %s OR covered_from = covered_to))"
    values = [value for one in counted for value in (one.stream, microseconds(one.overlap), one.epoch)]
    rows = rows_of(
        cursor,
        "SELECT stream, partition_id, covered_from, covered_to FROM xmlift.coverage\n"
        f"WHERE source = %s AND ({' OR '.join([of_stream] * len(counted))})\n"
        "ORDER BY stream, partition_id, covered_from",
        [source, *values],
    )
    kept: dict[str, dict[str, list[Interval]]] = {}
    for stream, partition, start, end in rows:
        partitions = kept.setdefault(stream, {})
        if start < end:
            partitions.setdefault(partition, []).append(Interval(start, end))
    return kept


def _islands(cursor: Cursor, windows: str, values: Sequence[Any]) -> dict[str, dict[str, list[Interval]]]:
    """Gaps and islands: a window begins an island where no window before it reaches its start.

    First neighbours that follow on each other become a chain, from its first window's start to its last one's end;
    of most streams that leaves one. To look at both neighbours costs less than to keep the farthest end of all
    before, which is then found among few: 100,000 windows take three quarters of the time. Answered are the first
    chain of each island, with where the island before it ended, and the last of all. DISTINCT leaves one row of
    equal ones, which an engine may answer in either order.
    """
    ordered = "OVER (PARTITION BY stream, partition_id ORDER BY window_start, settled_end"
    # Of a window that was read twice the very last row has to stay the last, or it ends the chain before.
    as_before = f"{ordered}, CASE WHEN next_end IS NULL THEN 1 ELSE 0 END"
    begins = "(reached IS NULL OR window_start > reached)"
    rows = rows_of(
        cursor,
        f"""WITH neighbours AS (
  SELECT stream, partition_id, window_start, settled_end,
    LAG(settled_end) {ordered}) AS previous_end,
    LEAD(settled_end) {ordered}) AS next_end
  FROM ({windows}) AS covering
  WHERE window_start < settled_end
), chains AS (
  SELECT DISTINCT stream, partition_id, window_start,
    COALESCE(LEAD(previous_end) {as_before}), settled_end) AS settled_end
  FROM neighbours
  WHERE previous_end IS NULL OR window_start > previous_end OR settled_end < previous_end OR next_end IS NULL
), marked AS (
  SELECT stream, partition_id, window_start, settled_end,
    MAX(settled_end) {ordered} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS reached,
    LEAD(window_start) {ordered}) AS following
  FROM chains
)
SELECT stream, partition_id,
  CASE WHEN {begins} THEN window_start END, CASE WHEN {begins} THEN reached END,
  CASE WHEN following IS NULL THEN GREATEST(settled_end, reached) END
FROM marked
WHERE {begins} OR following IS NULL
ORDER BY stream, partition_id, window_start, settled_end""",
        values,
    )
    covered: dict[str, dict[str, list[Interval]]] = {}
    begin: Any = None
    for stream, partition, begins_at, ended_before, ends_last in rows:
        islands = covered.setdefault(stream, {}).setdefault(partition, [])
        if ended_before is not None:
            islands.append(Interval(begin, ended_before))
        begin = begin if begins_at is None else begins_at
        if ends_last is not None:
            islands.append(Interval(begin, ends_last))
    return covered


def microseconds(time: timedelta) -> int:
    """A length of time as the table of coverage has it."""
    return time // timedelta(microseconds=1)


def _less(time: timedelta) -> str:
    """SQL that takes a length of time off an instant, by units that fit the engine's 32 bits and no calendar."""
    hours, seconds = divmod(time.days * 86_400 + time.seconds, 3_600)
    parts = (("hours", hours), ("seconds", seconds), ("microseconds", time.microseconds))
    return "".join(f" - INTERVAL '{count} {unit}'" for unit, count in parts if count)


def rows_of(cursor: Cursor, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """The answer to a question about the ledger or its coverage. Raises WarehouseError where migrate has to run."""
    try:
        cursor.execute(sql, values)
    except (
        psycopg2.errors.UndefinedTable,
        psycopg2.errors.UndefinedColumn,
        psycopg2.errors.InsufficientPrivilege,
    ) as error:
        raise WarehouseError(
            "the ledger xmlift.ledger is not there, not of this version or not granted to this function: migrate "
            "has to run after every apply (Terraform invokes it; `terraform apply` again)"
        ) from error
    return cursor.fetchall()
