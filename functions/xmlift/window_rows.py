"""The converted rows of one window on their way to its parts: compressed, counted, and put on S3."""

from collections import Counter

from xmlift.errors import RowError
from xmlift.landing.chain import Chain
from xmlift.landing.commits import REJECTS, Entry, Progress, TableCounts
from xmlift.row_conversion import ConvertedRows, RowConverter
from xmlift.tables.rejects import SCHEMA as REJECTS_SCHEMA
from xmlift.tables.writer import PartWriter, csv_rows, quoted

PART_BYTES = 2 * 1024 * 1024
"""A part of so many compressed bytes is put, also in the middle of a page: memory does not follow the page."""

_SHOWN_REASONS = 5
_KEPT_REASONS = 20


class WindowRows:
    """Collects the rows of all tables of a window, and writes them as parts.

    A part that was put counts from the moment that a link or the commit names it: nobody asks for those of a page
    that fails afterwards.
    """

    def __init__(self, converter: RowConverter, chain: Chain, progress: Progress) -> None:
        self._converter = converter
        self._layout = converter.layout
        self._chain = chain
        self._progress = progress
        self._writers = {table.name: PartWriter() for table in self._layout.tables} | {REJECTS: PartWriter()}
        self._schemas = {table.name: table.fingerprint for table in self._layout.tables}
        self._schemas[REJECTS] = REJECTS_SCHEMA
        self._collected = 0
        self._put: list[Entry] = []
        self.sequence = 0
        """Of the parts of rows converted from now on; those still on their way may be of the one before."""

    @property
    def bytes_written(self) -> int:
        """Compressed bytes since the last flush."""
        waiting = sum(writer.bytes_written for writer in self._writers.values())
        return waiting + sum(entry.bytes for entry in self._put)

    @property
    def columns(self) -> dict[str, list[str]]:
        """The column names of each schema that the parts may have."""
        return {table.fingerprint: list(table.column_names) for table in self._layout.tables}

    def add(self, converted: ConvertedRows) -> None:
        """Take rows, in their records' order. Raises RowError where the stream's limit on rejects is passed."""
        if converted.sequence != self._collected:
            self._put_parts()
            self._collected = converted.sequence
        for name, table in converted.tables.items():
            self._writers[name].write(table.csv, table.rows)
            self._progress.tables[name] = self._progress.tables.get(name, TableCounts()) + table.counts
            seen = table.seen.union(self._progress.seen_columns.get(name, ()))
            self._progress.seen_columns[name] = sorted(seen)
        if converted.rejects:
            self._add_rejects(converted)
        largest = max(writer.bytes_written for writer in self._writers.values())
        if largest >= PART_BYTES and self.sequence == self._collected:
            self.sequence += 1

    def _add_rejects(self, converted: ConvertedRows) -> None:
        fields = [quoted(column) for column in zip(*converted.rejects, strict=True)]
        self._writers[REJECTS].write(csv_rows(fields), len(converted.rejects))
        self._progress.rejects += len(converted.rejects)
        reasons = Counter(self._progress.reject_reasons)
        reasons.update(converted.reasons)
        self._progress.reject_reasons = dict(reasons.most_common(_KEPT_REASONS))
        most = self._converter.stream.max_rejects
        if self._progress.rejects > most:
            raise RowError(
                f"{self._progress.rejects} rows were rejected, more than max_rejects {most}: "
                f"{self._reasons()}. Mend the columns, or raise max_rejects if they may be lost"
            )

    def check(self) -> None:
        """At the window's end. Raises RowError where not one of its records could be used."""
        own = self._progress.tables.get(self._layout.table.name, TableCounts())
        if own.read and own.rejected == own.read:
            raise RowError(
                f"all {own.read} records were rejected: {self._reasons()}. Mend the columns' paths"
            )

    def _reasons(self) -> str:
        reasons = Counter(self._progress.reject_reasons).most_common(_SHOWN_REASONS)
        return "; ".join(f"{count} × {reason}" for reason, count in reasons)

    def flush(self) -> list[Entry]:
        """Put what was collected, at most one part per table; the parts put since the last flush."""
        self._put_parts()
        entries, self._put = self._put, []
        self.sequence = self._collected = self.sequence + 1
        return entries

    def _put_parts(self) -> None:
        """Put what was collected, all of one sequence number."""
        for name, writer in self._writers.items():
            part = writer.finish()
            if part is None:
                continue
            entry = Entry(
                table=name,
                attempt=self._converter.attempt,
                sequence=self._collected,
                rows=part.rows,
                schema=self._schemas[name],
                bytes=len(part.body),
                sha256=part.sha256,
            )
            self._chain.put_part(entry.name, part.body)
            self._put.append(entry)
