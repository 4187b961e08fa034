"""The rows of a window as one process makes them: converted, kept once they count, compressed into its parts."""

from collections.abc import Callable
from typing import NamedTuple

from xmlift.extraction.converted import ConvertedRows
from xmlift.extraction.row_conversion import RowConverter
from xmlift.landing.commits import REJECTS, TableCounts
from xmlift.tables.rejects import VALUE
from xmlift.tables.writer import Part, PartWriter, csv_rows, quoted

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
    """Rows, wherever they are. `keep` puts them into a part, and answers those that are finished meanwhile.

    Rows that nobody keeps are in no part. What is kept is kept in the order of the records.
    """

    counts: RowCounts
    keep: Callable[[], list[NumberedPart]]


class WindowParts:
    """The parts that one process writes of a window: number `first`, and then each one's number is `step` more.

    Processes that write parts of one window have numbers that never meet.
    """

    def __init__(self, converter: RowConverter, first: int = 0, step: int = 1) -> None:
        self.convert = converter.convert
        self._step = step
        self._writers = {table.name: PartWriter() for table in converter.layout.tables}
        self._writers[REJECTS] = PartWriter()
        self._collected = first
        self.sequence = first
        """Of the part of rows converted from now on; those still on their way may be of the one before."""

    @property
    def bytes_written(self) -> int:
        """Compressed bytes of the parts that are not finished."""
        return sum(writer.bytes_written for writer in self._writers.values())

    def keep(self, converted: ConvertedRows) -> list[NumberedPart]:
        """Take rows into the part that they name, in their records' order. The parts that are finished by that."""
        finished: list[NumberedPart] = []
        if converted.sequence != self._collected:
            finished = self._finished()
            self._collected = converted.sequence
        for name, table in converted.tables.items():
            self._writers[name].write(table.csv, table.rows)
        if converted.rejects:
            fields = [quoted(column) for column in zip(*converted.rejects, strict=True)]
            self._writers[REJECTS].write(csv_rows(fields), len(converted.rejects))
        largest = max(writer.bytes_written for writer in self._writers.values())
        if largest >= PART_BYTES and self.sequence == self._collected:
            self.sequence += self._step
        return finished

    def finish(self) -> list[NumberedPart]:
        """What was kept and is in no finished part yet, at most one part per table; then the next ones begin."""
        finished = self._finished()
        self.sequence = self._collected = self.sequence + self._step
        return finished

    def _finished(self) -> list[NumberedPart]:
        parts = ((name, writer.finish()) for name, writer in self._writers.items())
        return [NumberedPart(name, self._collected, part) for name, part in parts if part is not None]


def row_counts(converted: ConvertedRows) -> RowCounts:
    """What is to be known of rows beside the rows."""
    tables = converted.tables.items()
    return RowCounts(
        {name: table.counts for name, table in tables},
        {name: table.seen for name, table in tables},
        converted.reasons,
        {f"{name}.{column}": count for name, table in tables for column, count in table.cut.items()},
        {name: table.widths for name, table in tables if table.widths},
        converted.unmapped,
        sum(table.unasked for _, table in tables),
        _examples(converted),
    )


def _examples(converted: ConvertedRows) -> dict[str, str]:
    first: dict[str, str] = {}
    for reason, row in zip(converted.reasons, converted.rejects, strict=True):
        first.setdefault(reason, row[VALUE])
    return first
