"""How far each stream's ledger says that it is complete, reckoned here anew, and whether that is true."""

from collections import defaultdict
from datetime import datetime, timedelta

from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)
from tests.faults.differences import Differences
from tests.faults.oracle import CURSORS, HISTORY, START, Oracle
from tests.faults.pipeline import SOURCE

from xmlift.warehouse import coverage
from xmlift.warehouse.coverage import Counted

OVERLAP = timedelta(seconds=2)  # as the catalogue has it


def watermarks(cursor: Cursor) -> dict[str, datetime]:
    """By stream: up to where, from the start on, loaded windows leave no instant out."""
    cursor.execute(
        "SELECT stream, window_start, window_end, as_of FROM xmlift.ledger "
        "WHERE source = %s AND state = 'loaded' ORDER BY window_start",
        (SOURCE,),
    )
    reached: dict[str, datetime] = defaultdict(lambda: START)
    for stream, start, end, as_of in cursor.fetchall():
        if start <= reached[stream]:
            reached[stream] = max(reached[stream], min(end, as_of - OVERLAP))
    return reached


def kept_otherwise(cursor: Cursor) -> Differences:
    """Streams whose coverage, as plan is told it, is not that of the ledger's windows."""
    counted = [Counted(stream, 0, OVERLAP) for stream in CURSORS]
    kept = coverage.settled(cursor, SOURCE, counted)
    settled = coverage.settled_by_ledger(cursor, SOURCE, counted)
    return Differences(
        watermark=[
            f"{stream}: kept as settled is {kept.get(stream)}, its windows settle {settled.get(stream)}"
            for stream in CURSORS
            if kept.get(stream) != settled.get(stream)
        ]
    )


def ahead(cursor: Cursor, marks: dict[str, datetime], oracle: Oracle) -> Differences:
    """Work items that lie before a watermark, as they are now, and are not in the warehouse like that."""
    differences = Differences()
    for stream, field in CURSORS.items():
        current = " WHERE is_current" if stream == HISTORY else ""
        cursor.execute(f"SELECT id, {field} FROM {SOURCE}.{stream}{current}")
        found = dict(cursor.fetchall())
        for one, there in oracle.settled(stream, marks[stream]).items():
            # A history's version is as old as what it tells of, which need not have changed since.
            if one not in found or (stream != HISTORY and found[one] != there):
                differences.watermark.append(
                    f"{stream} is complete up to {marks[stream]}, but {one} of {there} is {found.get(one)}"
                )
    return differences
