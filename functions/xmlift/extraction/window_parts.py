"""The parts that one process writes of a window: rows are put into them once they count."""

from collections.abc import Callable
from typing import NamedTuple

from xmlift.extraction.converted import ConvertedRows, Place
from xmlift.extraction.written_rows import RowWriter
from xmlift.landing.commits import REJECTS, TableCounts
from xmlift.layout import StreamLayout
from xmlift.tables.writer import Part, PartWriter

PART_BYTES = 2 * 1024 * 1024
"""A part of so many compressed bytes is finished, also in the middle of a page: memory does not follow the page."""


class NumberedPart(NamedTuple):
    """A finished part of a table, and the number by which its rows know it."""

    table: str
    sequence: int
    part: Part


class RowCounts(NamedTuple):
    """What became of a batch: by table its records and the columns with a value, and why rows were rejected.

    `cut` counts the texts that were cut, by `<table>.<column>`; `widths` has by table the bytes that columns which
    grow have to hold; `unmapped` counts records by the path of what they have and no column asks for; `unasked` are
    records of a time that the server was not asked for. `examples` has of each reason the first value with it.
    """

    tables: dict[str, TableCounts]
    seen: dict[str, frozenset[str]]
    reasons: list[str]
    cut: dict[str, int]
    widths: dict[str, dict[str, int]]
    unmapped: dict[str, int]
    unasked: int
    examples: dict[str, str]


class LiftedRows(NamedTuple):
    """Rows, wherever they are. `keep` puts them into a part, and answers those that are finished by that.

    It is given the number of the first one's record in its page. Rows that nobody keeps are in no part. What is
    kept is kept in the order of the records.
    """

    counts: RowCounts
    keep: Callable[[int], list[NumberedPart]]


class WindowParts:
    """The parts that one process writes of a window: number `first`, and then each one's number is `step` more.

    Processes that write parts of one window have numbers that never meet.
    """

    def __init__(self, layout: StreamLayout, rows: RowWriter, first: int = 0, step: int = 1) -> None:
        self._rows = rows
        self._sequence = first
        self._step = step
        self._writers = {table.name: PartWriter() for table in layout.tables}
        self._writers[REJECTS] = PartWriter()

    @property
    def bytes_written(self) -> int:
        """Compressed bytes of the parts that are not finished."""
        return sum(writer.bytes_written for writer in self._writers.values())

    def keep(self, converted: ConvertedRows, place: Place, first_row: int) -> list[NumberedPart]:
        """Take rows, in their records' order. The parts that are full now."""
        for rows in self._rows.written(converted, place, first_row, self._sequence):
            self._writers[rows.table].write(rows.csv, rows.rows)
        largest = max(writer.bytes_written for writer in self._writers.values())
        return self.finish() if largest >= PART_BYTES else []

    def finish(self) -> list[NumberedPart]:
        """What was kept and is in no finished part yet, at most one part per table; then the next ones begin."""
        parts = ((name, writer.finish()) for name, writer in self._writers.items())
        finished = [NumberedPart(name, self._sequence, part) for name, part in parts if part is not None]
        self._sequence += self._step
        return finished


def row_counts(converted: ConvertedRows) -> RowCounts:
    """What is to be known of rows beside the rows."""
    tables = converted.tables.items()
    return RowCounts(
        {name: table.counts for name, table in tables},
        {name: table.seen for name, table in tables},
        [refused.reason for refused in converted.rejects],
        {f"{name}.{column}": count for name, table in tables for column, count in table.cut.items()},
        {name: table.widths for name, table in tables if table.widths},
        converted.unmapped,
        sum(table.unasked for _, table in tables),
        _examples(converted),
    )


def _examples(converted: ConvertedRows) -> dict[str, str]:
    first: dict[str, str] = {}
    for refused in converted.rejects:
        first.setdefault(refused.reason, refused.reject.value)
    return first
