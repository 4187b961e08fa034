"""Converted rows as CSV, each with where it was read."""

from collections.abc import Iterator
from datetime import datetime
from itertools import repeat
from typing import NamedTuple

from xmlift.extraction.converted import ConvertedRows, Place
from xmlift.landing.commits import REJECTS
from xmlift.landing.names import WindowName
from xmlift.layout import LINEAGE
from xmlift.tables.writer import csv_lines, csv_of, quoted

_LINEAGE_NAMES = [name for name, _ in LINEAGE]


class WrittenRows(NamedTuple):
    """So many rows of a table as CSV."""

    table: str
    csv: bytes
    rows: int


class RowWriter:
    """Writes the rows of a window, as one attempt of reading it."""

    def __init__(self, window: WindowName, attempt: str, parsed_at: datetime) -> None:
        self._window = window
        self._attempt = attempt
        self._parsed_at = parsed_at

    def written(
        self, converted: ConvertedRows, place: Place, first_row: int, part: int
    ) -> Iterator[WrittenRows]:
        """The rows of a batch for the part of that number, and what was rejected of it.

        `first_row` is the number of its first record in the page, from 1.
        """
        for name, table in converted.tables.items():
            count = len(table.lines)
            numbers = map(str, map(first_row.__add__, table.records))
            before, after = self._around_row(place, part)
            csv = csv_of(table.lines, repeat(before, count), numbers, repeat(after, count))
            yield WrittenRows(name, csv, count)
        if converted.rejects:
            rejects = [refused.row(place.page, first_row) for refused in converted.rejects]
            lines = csv_lines([quoted(column) for column in zip(*rejects, strict=True)])
            yield WrittenRows(REJECTS, csv_of(lines, repeat("\n", len(lines))), len(lines))

    def _around_row(self, place: Place, part: int) -> tuple[str, str]:
        """What all the rows of a batch have in common, before and after each one's number in the page."""
        said = {
            "_partition": self._window.partition,
            "_run": self._window.run,
            "_window": str(self._window.interval),
            "_part": f"{self._attempt}-{part:05d}",
            "_page": str(place.page),
            "_read_at": place.read_at.isoformat(sep=" ", timespec="microseconds"),
            "_parsed_at": self._parsed_at.isoformat(sep=" ", timespec="microseconds"),
        }
        row = _LINEAGE_NAMES.index("_row")
        before = quoted([said[name] for name in _LINEAGE_NAMES[:row]])
        after = quoted([said[name] for name in _LINEAGE_NAMES[row + 1 :]])
        return f",{','.join(before)},", f",{','.join(after)}\n"
