"""The rows of one window counted, and its parts put on S3."""

from collections import Counter
from collections.abc import Iterable

from xmlift.errors import RowError
from xmlift.extraction.window_lifting import WindowLifting
from xmlift.extraction.window_parts import LiftedRows, NumberedPart, RowCounts
from xmlift.landing.chain import Chain
from xmlift.landing.commits import REJECTS, Entry, Progress, TableCounts
from xmlift.records.unmapped import added
from xmlift.tables.rejects import SCHEMA as REJECTS_SCHEMA

_SHOWN_REASONS = 5
_KEPT_REASONS = 20
_SHOWN_VALUE = 60
_FEW = 10


class WindowRows:
    """Counts the rows of all tables of a window, and puts the parts that they are written into.

    A part that was put counts from the moment that a link or the commit names it: nobody asks for those of a page
    that fails afterwards.
    """

    def __init__(self, lifting: WindowLifting, chain: Chain, progress: Progress) -> None:
        self._lifting = lifting
        self._layout = lifting.converter.layout
        self._chain = chain
        self._progress = progress
        self._schemas = {table.name: table.fingerprint for table in self._layout.tables}
        self._schemas[REJECTS] = REJECTS_SCHEMA
        self._put: list[Entry] = []
        self._examples: dict[str, str] = {}  # of this call's rows alone, which are enough for a message

    @property
    def bytes_written(self) -> int:
        """Compressed bytes since the last flush."""
        return self._lifting.bytes_written + sum(entry.bytes for entry in self._put)

    @property
    def columns(self) -> dict[str, list[str]]:
        """The column names of each schema that the parts may have."""
        return {table.fingerprint: list(table.column_names) for table in self._layout.tables}

    def add(self, first_row: int, lifted: LiftedRows) -> None:
        """Take rows, in their records' order; `first_row` is the first one's number in its page.

        Raises RowError where the stream's limit on rejects is passed.
        """
        self._put_parts(lifted.keep(first_row))
        self._count(lifted.counts)

    def _count(self, counts: RowCounts) -> None:
        for name, table in counts.tables.items():
            self._progress.tables[name] = self._progress.tables.get(name, TableCounts()) + table
            seen = counts.seen[name].union(self._progress.seen_columns.get(name, ()))
            self._progress.seen_columns[name] = sorted(seen)
        if counts.reasons:
            self._examples = counts.examples | self._examples
            self._count_rejects(counts.reasons)
        for column, count in counts.cut.items():
            self._progress.cut[column] = self._progress.cut.get(column, 0) + count
        for name, widths in counts.widths.items():
            known = self._progress.widths.setdefault(name, {})
            known |= {column: max(width, known.get(column, 0)) for column, width in widths.items()}
        if counts.unmapped:
            self._count_unmapped(counts.unmapped)
        self._progress.unasked += counts.unasked

    def _count_unmapped(self, unmapped: dict[str, int]) -> None:
        if self._lifting.converter.stream.contract == "freeze":
            told = "; ".join(f"{count} × {path}" for path, count in list(unmapped.items())[:_SHOWN_REASONS])
            raise RowError(
                f"{told} in records and in no column, and the stream's contract is freeze: make columns of what is "
                "new, or choose the contract evolve"
            )
        self._progress.unmapped = added(self._progress.unmapped, unmapped)

    def _count_rejects(self, reasons: list[str]) -> None:
        self._progress.rejects += len(reasons)
        counted = Counter(self._progress.reject_reasons)
        counted.update(reasons)
        self._progress.reject_reasons = dict(counted.most_common(_KEPT_REASONS))
        most = self._lifting.converter.stream.max_rejects
        if self._progress.rejects > most:
            raise RowError(
                f"{self._progress.rejects} rows were rejected, more than max_rejects {most}: "
                f"{self._reasons()}. Mend the columns, or raise max_rejects if they may be lost"
            )

    def check_window(self) -> None:
        """At a page's end. Raises RowError where most records lie outside the window that was asked for.

        A few do anywhere: records change again while they are read.
        """
        own = self._progress.tables.get(self._layout.table.name, TableCounts())
        unasked = self._progress.unasked
        if unasked <= _FEW or 2 * unasked <= own.read:
            return
        if self._lifting.converter.stream.guards.rows_outside_window == "fail":
            raise RowError(
                f"{unasked} of {own.read} records have a time outside the window that was asked for, so the server "
                "ignores the window's bounds in the request, or reads them otherwise: correct the request, or the "
                "cursor's field, format, zone or resolution. If they are meant to come, say `guards: "
                "{rows_outside_window: ignore}`"
            )

    def check(self) -> None:
        """At the window's end. Raises RowError where not one of its records could be used."""
        own = self._progress.tables.get(self._layout.table.name, TableCounts())
        if own.read and own.rejected == own.read:
            raise RowError(
                f"all {own.read} records were rejected: {self._reasons()}. Mend the columns' paths or "
                "types (`type`, `format`, `nulls`)"
            )

    def _reasons(self) -> str:
        reasons = Counter(self._progress.reject_reasons).most_common(_SHOWN_REASONS)
        return "; ".join(f"{count} × {reason}{self._example(reason)}" for reason, count in reasons)

    def _example(self, reason: str) -> str:
        value = self._examples.get(reason, "")
        return f" ({value[:_SHOWN_VALUE]!r}{'…' if len(value) > _SHOWN_VALUE else ''})" if value else ""

    def flush(self) -> list[Entry]:
        """Put what is in no part yet, at most one part per table and process; all parts put since the last flush.

        Raises RowError where a process is there no more.
        """
        self._put_parts(self._lifting.finish())
        entries, self._put = self._put, []
        return entries

    def _put_parts(self, parts: Iterable[NumberedPart]) -> None:
        for name, sequence, part in parts:
            entry = Entry(
                table=name,
                attempt=self._lifting.window.attempt,
                sequence=sequence,
                rows=part.rows,
                schema=self._schemas[name],
                bytes=len(part.body),
                sha256=part.sha256,
            )
            self._chain.put_part(entry.name, part.body)
            self._put.append(entry)
