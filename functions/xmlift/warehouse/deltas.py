"""What the ledger says of deltas and of sets: where the next delta begins, and when all was read at last."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.warehouse.ledger import LOADED
from xmlift.windows import Interval


def links(cursor: Cursor, source: str, epochs: Mapping[str, int]) -> dict[tuple[str, str], str]:
    """By stream and partition the link that the next window begins with; `epochs` has the streams asked about.

    It is that of the last loaded window; a partition without one begins from the beginning.
    """
    return _newest(cursor, "next_link", source, epochs)


def validators(cursor: Cursor, source: str, epochs: Mapping[str, int]) -> dict[tuple[str, str], str]:
    """By stream and partition what the endpoint told the newest loaded answer by; `epochs` has the streams.

    A window that was not modified is no answer: where the one that it stands for is not loaded, or was followed by
    another one, asking by it would bring "not modified" for ever, and never the rows.
    """
    return _newest(cursor, "validators", source, epochs, "AND not_modified IS NOT TRUE")


def _newest(
    cursor: Cursor, column: str, source: str, epochs: Mapping[str, int], only: str = ""
) -> dict[tuple[str, str], str]:
    """What the column has in the newest reading of each stream and partition, if it has anything.

    The newest is told by when it was read, as the rows are: of runs at the same time the one that began first may
    have asked last.
    """
    found: dict[tuple[str, str], str] = {}
    for stream, epoch in epochs.items():
        cursor.execute(
            f"SELECT partition_id, {column} FROM (\n"
            f"  SELECT partition_id, {column}, ROW_NUMBER() OVER (\n"
            "    PARTITION BY partition_id ORDER BY as_of DESC, run DESC) AS place\n"
            "  FROM xmlift.ledger WHERE source = %s AND stream = %s AND epoch = %s AND state = %s\n"
            f"  {only}) AS windows\n"
            "WHERE place = 1",
            (source, stream, epoch, LOADED),
        )
        found |= {(stream, partition): value for partition, value in cursor.fetchall()}
    return {place: value for place, value in found.items() if value}


def last_sets(cursor: Cursor, source: str, epochs: Mapping[str, int]) -> dict[str, datetime]:
    """By stream when the newest set that is loaded was read: at the least of its windows' clocks."""
    if not epochs:
        return {}
    cursor.execute(
        "SELECT stream, epoch, MAX(as_of) FROM (\n"
        "  SELECT stream, epoch, run, MIN(as_of) AS as_of FROM xmlift.ledger\n"
        "  WHERE source = %s AND stream IN %s AND state = %s AND set_windows > 0\n"
        "  GROUP BY stream, epoch, run) AS sets\n"
        "GROUP BY 1, 2",
        (source, tuple(epochs), LOADED),
    )
    return {stream: as_of for stream, epoch, as_of in cursor.fetchall() if epoch == epochs[stream]}


class SetRead(NamedTuple):
    """That a set was read: when, and the time that it was asked for."""

    as_of: datetime
    interval: Interval


def sets_of_partitions(cursor: Cursor, source: str, stream: str) -> dict[str, list[SetRead]]:
    """By partition the loaded sets that it belongs to: of each start of time the newest without a rejected row."""
    cursor.execute(
        "SELECT windows.partition_id, sets.begin, MAX(sets.finish), MAX(sets.as_of) FROM (\n"
        "  SELECT DISTINCT run, partition_id FROM xmlift.ledger\n"
        "  WHERE source = %s AND stream = %s AND state = %s AND set_windows > 0) AS windows\n"
        "JOIN (\n"
        "  SELECT run, MIN(window_start) AS begin, MAX(window_end) AS finish, MIN(as_of) AS as_of\n"
        "  FROM xmlift.ledger WHERE source = %s AND stream = %s AND state = %s AND set_windows > 0\n"
        "  GROUP BY run HAVING SUM(rows_rejected) = 0) AS sets\n"
        "ON sets.run = windows.run GROUP BY 1, 2",
        (source, stream, LOADED) * 2,
    )
    found: dict[str, list[SetRead]] = {}
    for partition, start, end, as_of in cursor.fetchall():
        found.setdefault(partition, []).append(SetRead(as_of, Interval(start, end)))
    return found
