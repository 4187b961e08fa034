"""Records of one window → rows of its tables: transformed, typed, filtered, and counted.

A function of the batch alone, and all that it takes and answers can be pickled: which process does it, and in
which order, makes no difference to the rows.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from xmlift.catalogue import Stream
from xmlift.catalogue.children import child_places
from xmlift.catalogue.deletes import Mark, SecondFeed
from xmlift.extraction.asked_times import AskedTimes, asked_times
from xmlift.extraction.column_rules import column_rules, gone_rules
from xmlift.extraction.converted import (
    ConvertedRows,
    ConvertedTable,
    Identity,
    cut_among,
    identity,
    inside_of,
    others,
    position,
    seen_columns,
    widths,
)
from xmlift.landing.commits import TableCounts
from xmlift.layout import DELETED, StreamLayout, TableLayout
from xmlift.records import Batch, NestedRows
from xmlift.tables.batch import ColumnRule, kept_rows, typed
from xmlift.tables.hashes import row_hashes, texts_inside
from xmlift.tables.rejects import Refused, fields_of
from xmlift.tables.times import written_in_utc
from xmlift.tables.writer import csv_lines, quoted
from xmlift.windows import Interval

if TYPE_CHECKING:
    from xmlift.tables.frames import Transformed

    TransformColumns = Callable[[Sequence[Sequence[str]]], Transformed]


class _Records(NamedTuple):
    """Records to be typed: by which rules, their columns, and each one's number in the batch.

    `marked` are the numbers of those that are gone, `inside` is what they say in their children, `asked` are the
    times that the server was asked for.
    """

    rules: Sequence[ColumnRule]
    columns: Sequence[Sequence[str]]
    numbers: Sequence[int]
    marked: set[int]
    inside: dict[str, Sequence[str]]
    asked: AskedTimes | None


class _Written(NamedTuple):
    """The records of a batch that have a row, and their keys' columns; who is gone, and who is another window's."""

    records: Sequence[int]
    keys: list[Sequence[str]]
    tombstones: set[int]
    outside: set[int]


class RowConverter:
    """Converts the batches of one window."""

    def __init__(self, layout: StreamLayout, stream: Stream, window: Interval) -> None:
        self.layout = layout
        self.stream = stream
        self._window = window
        self._rules = column_rules(stream, stream.columns, stream.identifying_columns)
        self._child_rules = [
            column_rules(stream, place.child.columns)
            for place in child_places(layout.table.name, stream.children)
        ]
        self._inside_by = msgspec.json.encode(stream.children, order="deterministic").decode()
        self.gone_columns: list[str] = []
        self._gone_rules: list[ColumnRule] = []
        self._asked = asked_times(stream, stream.request, window)
        self._gone_asked: AskedTimes | None = None
        if isinstance(stream.deletes, SecondFeed):
            self._gone_asked = asked_times(stream, stream.deletes.request, window)
            self.gone_columns = list(stream.deletes.columns)
            self._gone_rules = gone_rules(stream, stream.deletes)
        self._transformed: TransformColumns | None = None
        if stream.transform:
            from xmlift.tables import frames  # noqa: PLC0415 (pandas costs half a second: only who uses it pays)

            names = list(stream.columns)
            self._transformed = partial(frames.apply, frames.load_transform(stream.transform), names)

    def convert(self, batch: Batch) -> ConvertedRows:
        """Convert a batch of a page's records. Raises RowError from a transform."""
        converted = ConvertedRows({}, [], batch.unmapped)
        if not batch.records:
            return converted
        written = self._convert_records(batch, converted)
        refused: list[set[Identity]] = []
        for number, children in enumerate(batch.nested):
            above = self.layout.above[number]
            lost = inside_of(children, refused[above]) if above is not None else set[int]()
            refused.append(set())
            if children.records:
                rejected = self._convert_children(number, children, lost, written, converted)
                refused[number] = {identity(children, child) for child in lost | rejected}
        return converted

    def convert_gone(self, batch: Batch) -> ConvertedRows:
        """Convert a batch of the second feed's records: each says that its key is gone."""
        converted = ConvertedRows({}, [], {})
        if batch.records:
            said = dict(zip(self.gone_columns, batch.columns, strict=True))
            nothing = ("",) * batch.records
            columns = [said.get(name, nothing) for name in self.stream.columns]
            numbers = range(batch.records)
            records = _Records(self._gone_rules, columns, numbers, set(numbers), {}, self._gone_asked)
            self._write(records, batch.records, converted)
        return converted

    def _convert_records(self, batch: Batch, converted: ConvertedRows) -> _Written:
        """Convert the batch's own records."""
        columns: Sequence[Sequence[str]] = batch.columns
        marked: set[int] = set()
        if isinstance(deletes := self.stream.deletes, Mark):
            *columns, marks = columns  # what is asked beside the stream's own columns (record_mapping)
            marked = {record for record, mark in enumerate(marks) if deletes.is_told_by(mark)}
        seen = seen_columns(self._rules, columns)
        records: Sequence[int] = range(batch.records)
        if self._transformed is not None:
            columns, records = self._transformed(columns)
        inside = self._inside(batch) if self.stream.has_hashes else {}
        read = _Records(self._rules, columns, records, marked, inside, self._asked)
        return self._write(read, batch.records, converted, seen)

    def _write(
        self,
        read: _Records,
        count: int,
        converted: ConvertedRows,
        seen: frozenset[str] | None = None,
    ) -> _Written:
        """Type so many records, and write those that fit; `seen` are the columns that had a value at first."""
        table, (rules, columns, records, marked, inside, asked) = self.layout.table, read
        deleted = {index for index, record in enumerate(records) if record in marked} if marked else marked
        # Of what is only flagged the whole record is there: it has to have all, and has its children.
        tombstones = deleted if self.stream.has_tombstones else set[int]()
        values, rejects, cut = typed(rules, columns, tombstones)
        refused = {reject.row for reject in rejects}
        outside = self._outside_window(values) - refused
        kept = others(len(records), refused | outside)
        for reject in rejects:
            fields = fields_of(rules, columns, reject.row)
            key = {name: fields[name] for name in table.key}
            converted.rejects.append(Refused(table.name, reject, records[reject.row], key, fields))
        rows = kept_rows([*values, *self._derived(values, deleted, inside)], kept)
        written = [records[index] for index in kept]
        counts = TableCounts(
            read=count,
            written=len(written),
            rejected=len(rejects),
            out_of_window=len(outside),
            dropped=count - len(records),
        )
        converted.tables[table.name] = ConvertedTable(
            _lines(table, rows),
            written,
            counts,
            seen_columns(rules, columns) if seen is None else seen,
            cut_among(cut, kept),
            widths(rules, rows),
            self._unasked(values, asked),
        )
        keys = [rows[table.column_names.index(name)] for name in table.key]
        gone = marked if self.stream.has_tombstones else set[int]()
        return _Written(written, keys, gone, {records[index] for index in outside})

    def _inside(self, batch: Batch) -> dict[str, Sequence[str]]:
        """What each record says in its children: a record is another one if they are.

        It is told before it is typed, so what their columns take is a part of it.
        """
        return {
            table.name: [
                text and self._inside_by + text
                for text in texts_inside(
                    batch.records, nested.records, [rule.name for rule in rules], nested.columns
                )
            ]
            for table, rules, nested in zip(
                self.layout.children, self._child_rules, batch.nested, strict=True
            )
        }

    def _derived(
        self, values: Sequence[Sequence[str]], deleted: set[int], inside: dict[str, Sequence[str]]
    ) -> Iterator[list[str]]:
        """The columns that the stream's own are followed by: what is gone, and what each version says."""
        count = len(values[0])
        if self.stream.deletes:
            yield ["true" if index in deleted else "false" for index in range(count)]
        if self.stream.has_hashes:
            said = {rule.name: column for rule, column in zip(self._rules, values, strict=True)}
            if self.stream.cursor_field is not None:
                del said[self.stream.cursor_field]  # a record touched without a change is no new version
            # That a key is gone is news, also where the tombstone repeats all that the last version said.
            news = ["true" if index in deleted else "" for index in range(count)]
            yield row_hashes({**said, **inside, DELETED[0]: news})

    def _outside_window(self, values: Sequence[Sequence[str]]) -> set[int]:
        """Rows whose cursor lies outside the window: append has them in the cell that they belong to (L5)."""
        if self.stream.disposition != "append":
            return set()
        assert self.stream.cursor_field is not None
        times = values[self.layout.table.column_names.index(self.stream.cursor_field)]
        # Typed times are of one width, in UTC, and sort as time does.
        start, end = map(written_in_utc, self._window)
        return {index for index, time in enumerate(times) if not start <= time < end}

    def _unasked(self, values: Sequence[Sequence[str]], asked: AskedTimes | None) -> int:
        """How many have a time that the server was not asked for."""
        field = self.stream.cursor_field
        if asked is None or field is None:
            return 0
        return asked.count_others(values[self.layout.table.column_names.index(field)])

    def _convert_children(
        self,
        number: int,
        children: NestedRows,
        lost: set[int],
        parents: _Written,
        converted: ConvertedRows,
    ) -> set[int]:
        """Convert the children of the records written, and answer which are rejected: a child goes where its record
        goes, and with a child that it is in and that is rejected (`lost`)."""
        table, rules = self.layout.children[number], self._child_rules[number]
        seen = seen_columns(rules, children.columns)
        # What is gone has no children.
        parent_rows = {
            record: row for row, record in enumerate(parents.records) if record not in parents.tombstones
        }
        dropped = parents.tombstones.intersection(parents.records)
        followed = others(
            len(children.records),
            {index for index, record in enumerate(children.records) if record not in parent_rows} | lost,
        )
        columns = kept_rows(children.columns, followed)
        values, rejects, cut = typed(rules, columns)
        for reject in rejects:
            child = followed[reject.row]
            record = children.records[child]
            parent_key = [column[parent_rows[record]] for column in parents.keys]
            key = dict(zip(table.key, parent_key, strict=True)) | position(children, child)
            fields = fields_of(rules, columns, reject.row)
            converted.rejects.append(Refused(table.name, reject, record, key, fields))
        kept = others(len(followed), {reject.row for reject in rejects})
        written = [followed[row] for row in kept]
        records = [children.records[child] for child in written]
        counts = TableCounts(
            read=len(children.records),
            written=len(written),
            out_of_window=sum(record in parents.outside for record in children.records),
            dropped=sum(record in dropped for record in children.records),
        )
        counts.rejected = counts.read - counts.written - counts.out_of_window - counts.dropped
        own = kept_rows(values, kept)
        rows = [
            *([column[parent_rows[record]] for record in records] for column in parents.keys),
            *([str(of[child]) for child in written] for of in (*children.parents, children.positions)),
            *own,
        ]
        converted.tables[table.name] = ConvertedTable(
            _lines(table, rows),
            records,
            counts,
            seen,
            cut_among(cut, kept),
            widths(rules, own),
        )
        return {followed[reject.row] for reject in rejects}


def _lines(table: TableLayout, columns: Sequence[Sequence[str]]) -> list[str]:
    return csv_lines(
        [
            quoted(column) if column_type.is_text else column
            for (_, column_type), column in zip(table.columns, columns, strict=False)
        ]
    )
