"""The rows of one window on their way from a page's records to its parts: transformed, typed, filtered, counted."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from xmlift.catalogue import Stream
from xmlift.catalogue.stream import Column
from xmlift.errors import RowError
from xmlift.landing.chain import Chain
from xmlift.landing.commits import REJECTS, Entry, Progress, TableCounts
from xmlift.landing.names import WindowName
from xmlift.layout import DELETED, LINEAGE, POSITION, StreamLayout, TableLayout
from xmlift.records import Batch, NestedRows
from xmlift.tables.batch import ColumnRule, kept_rows, typed
from xmlift.tables.hashes import row_hashes
from xmlift.tables.rejects import SCHEMA as REJECTS_SCHEMA
from xmlift.tables.rejects import Refused, fields_of
from xmlift.tables.types import parse_time, parse_type
from xmlift.tables.writer import PartWriter

_SHOWN_REASONS = 5


class Place(NamedTuple):
    """Where a batch was read: the page's number in the window, its first record's number, and when."""

    page: int
    first_row: int
    read_at: datetime


class Outcome(NamedTuple):
    """What became of a batch's records: the keys of those written, who is a tombstone, who is another window's."""

    keys: dict[int, list[str]]
    tombstones: set[int]
    outside: set[int]


class WindowRows:
    """Collects the rows of all tables of a window, and writes them as parts."""

    def __init__(
        self,
        layout: StreamLayout,
        stream: Stream,
        window: WindowName,
        attempt: str,
        progress: Progress,
        parsed_at: datetime,
    ) -> None:
        self._layout = layout
        self._stream = stream
        self._window = window
        self._attempt = attempt
        self._progress = progress
        self._parsed_at = parsed_at
        self._sequence = 0
        self._writers = {table.name: PartWriter() for table in layout.tables}
        self._rejects = PartWriter()
        self._rules = _rules(stream.columns, stream.identifying_columns)
        self._child_rules = [_rules(child.columns) for child in stream.children.values()]
        self._transform = None
        if stream.transform:
            from xmlift.tables import frames  # noqa: PLC0415 (pandas costs half a second: only who uses it pays)

            self._frames = frames
            self._transform = frames.load_transform(stream.transform)

    @property
    def bytes_written(self) -> int:
        """Compressed bytes waiting for the next flush."""
        return sum(writer.bytes_written for writer in (*self._writers.values(), self._rejects))

    @property
    def columns(self) -> dict[str, list[str]]:
        """The column names of each schema that the parts may have."""
        return {table.fingerprint: list(table.column_names) for table in self._layout.tables}

    def add(self, batch: Batch, page: int, read_at: datetime) -> None:
        """Take a batch of a page's records. Raises RowError where the stream's limit on rejects is passed."""
        if not batch.rows:
            return
        place = Place(page, batch.first_row, read_at)
        records = self._add_records(batch, place)
        for number, children in enumerate(batch.nested):
            self._add_children(number, children, records, place)
        self._check_limit()

    def _add_records(self, batch: Batch, place: Place) -> Outcome:
        """Write the batch's own rows."""
        table = self._layout.table
        columns: Sequence[Sequence[str]] = list(zip(*batch.rows, strict=True))
        gone: set[int] = set()
        if (deletes := self._stream.deletes) is not None:
            *columns, marks = columns  # what is asked beside the stream's own columns (record_mapping)
            gone = {record for record, mark in enumerate(marks) if deletes.is_told_by(mark)}
        self._note_seen(table.name, self._rules, columns)
        records = list(range(len(batch.rows)))
        if self._transform is not None:
            columns, records = self._frames.apply(
                self._transform, [rule.name for rule in self._rules], columns
            )
        tombstones = {index for index, record in enumerate(records) if record in gone}
        values, rejects = typed(self._rules, columns, tombstones)
        refused = {reject.row for reject in rejects}
        inside = [index for index in range(len(records)) if index not in refused]
        outside = self._outside_window(values, inside) if self._stream.disposition == "append" else set[int]()
        kept = [index for index in inside if index not in outside]
        noted = []
        for reject in rejects:
            fields = fields_of(self._rules, columns, reject.row)
            key = {name: fields[name] for name in table.key}
            noted.append(Refused(reject, records[reject.row], key, fields))
        self._note_rejects(table.name, noted, place)
        self._count(
            table.name,
            TableCounts(
                read=len(batch.rows),
                written=len(kept),
                rejected=len(rejects),
                out_of_window=len(outside),
                dropped=len(batch.rows) - len(records),
            ),
        )
        rows = kept_rows([*values, *self._derived(values, tombstones)], kept)
        self._write(table, rows, [records[index] for index in kept], place)
        keys = [rows[self._index(name)] for name in table.key]
        return Outcome(
            {records[index]: [key[row] for key in keys] for row, index in enumerate(kept)},
            gone,
            {records[index] for index in outside},
        )

    def _derived(self, values: list[list[str]], tombstones: set[int]) -> Iterator[list[str]]:
        """The columns that the stream's own are followed by: what is gone, and what each version says."""
        count = len(values[0])
        if self._stream.deletes:
            yield ["true" if index in tombstones else "false" for index in range(count)]
        if self._stream.disposition == "scd2":
            said = {rule.name: column for rule, column in zip(self._rules, values, strict=True)}
            if self._stream.cursor is not None:
                del said[self._stream.cursor.field]  # a record touched without a change is no new version
            # That a key is gone is news, also where the tombstone repeats all that the last version said.
            deleted = ["true" if index in tombstones else "" for index in range(count)]
            yield row_hashes({**said, DELETED[0]: deleted})

    def _outside_window(self, values: list[list[str]], rows: list[int]) -> set[int]:
        """Rows whose cursor lies outside the window: append has them in the cell that they belong to (L5)."""
        assert self._stream.cursor is not None
        cursor = values[self._index(self._stream.cursor.field)]
        start, end = self._window.interval
        return {index for index in rows if not start <= parse_time(cursor[index]) < end}

    def _add_children(self, number: int, children: NestedRows, parents: Outcome, place: Place) -> None:
        """Write the children of the records written: a child goes where its record goes."""
        if not children:
            return
        table, rules = self._layout.children[number], self._child_rules[number]
        self._note_seen(table.name, rules, _columns(rules, children))
        dropped = parents.keys.keys() & parents.tombstones  # what is gone has no children
        followed = [child for child in children if child[0] in parents.keys and child[0] not in dropped]
        columns = _columns(rules, followed)
        values, rejects = typed(rules, columns)
        noted = []
        for reject in rejects:
            record, position, _ = followed[reject.row]
            key = dict(zip(table.key, parents.keys[record], strict=True)) | {POSITION: str(position)}
            noted.append(Refused(reject, record, key, fields_of(rules, columns, reject.row)))
        self._note_rejects(table.name, noted, place)
        refused = {reject.row for reject in rejects}
        written = [index for index in range(len(followed)) if index not in refused]
        counts = TableCounts(
            read=len(children),
            written=len(written),
            out_of_window=sum(record in parents.outside for record, _, _ in children),
            dropped=sum(record in dropped for record, _, _ in children),
        )
        counts.rejected = counts.read - counts.written - counts.out_of_window - counts.dropped
        self._count(table.name, counts)
        records = [followed[index][0] for index in written]
        parent_keys = [
            [parents.keys[record][column] for record in records] for column in range(len(table.key))
        ]
        positions = [str(followed[index][1]) for index in written]
        self._write(table, [*parent_keys, positions, *kept_rows(values, written)], records, place)

    def _write(self, table: TableLayout, columns: list[list[str]], records: list[int], place: Place) -> None:
        if not records:
            return
        count = len(records)
        lineage = {
            "_partition": self._window.partition,
            "_run": self._window.run,
            "_window": str(self._window.interval),
            "_part": f"{self._attempt}-{self._sequence:05d}",
            "_page": str(place.page),
            "_read_at": place.read_at.isoformat(sep=" ", timespec="microseconds"),
            "_parsed_at": self._parsed_at.isoformat(sep=" ", timespec="microseconds"),
        }
        rows = [str(place.first_row + record) for record in records]
        columns += [rows if name == "_row" else [lineage[name]] * count for name, _ in LINEAGE]
        self._writers[table.name].write(columns)

    def _note_rejects(self, table: str, refused: list[Refused], place: Place) -> None:
        """Keep what was refused, so that it can be looked at and mended without asking the endpoint again."""
        if not refused:
            return
        rows = [row.row(place.page, place.first_row, table) for row in refused]
        self._rejects.write(list(zip(*rows, strict=True)))
        self._progress.rejects += len(rows)
        reasons = Counter(self._progress.reject_reasons)
        reasons.update(f"{table}.{row.reject.column}: {row.reject.reason}" for row in refused)
        self._progress.reject_reasons = dict(reasons.most_common(20))

    def _note_seen(self, table: str, rules: Sequence[ColumnRule], columns: Sequence[Sequence[str]]) -> None:
        """Remember which columns ever had a value: one that never has is most likely a wrong path."""
        seen = set(self._progress.seen_columns.get(table, ()))
        for rule, values in zip(rules, columns, strict=True):
            if rule.name not in seen and any(values):
                seen.add(rule.name)
        self._progress.seen_columns[table] = sorted(seen)

    def _count(self, table: str, counts: TableCounts) -> None:
        self._progress.tables[table] = self._progress.tables.get(table, TableCounts()) + counts

    def _check_limit(self) -> None:
        rejected = self._progress.rejects
        if rejected > self._stream.max_rejects:
            raise RowError(
                f"{rejected} rows were rejected, more than max_rejects {self._stream.max_rejects}: "
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

    def flush(self, chain: Chain) -> list[Entry]:
        """Write what was collected as parts, one per table, all of one sequence number."""
        entries = [self._put(chain, table.name, table.fingerprint) for table in self._layout.tables]
        entries.append(self._put(chain, REJECTS, REJECTS_SCHEMA))
        self._sequence += 1
        return [entry for entry in entries if entry is not None]

    def _put(self, chain: Chain, table: str, schema: str) -> Entry | None:
        part = (self._rejects if table == REJECTS else self._writers[table]).finish()
        if part is None:
            return None
        entry = Entry(
            table=table,
            attempt=self._attempt,
            sequence=self._sequence,
            rows=part.rows,
            schema=schema,
            bytes=len(part.body),
            sha256=part.sha256,
        )
        chain.put_part(entry.name, part.body)
        return entry

    def _index(self, column: str) -> int:
        return self._layout.table.column_names.index(column)


def _rules(columns: dict[str, Column], identifying: frozenset[str] = frozenset()) -> list[ColumnRule]:
    return [
        ColumnRule(name, parse_type(column.type), column.split, column.required, name in identifying)
        for name, column in columns.items()
    ]


def _columns(rules: Sequence[ColumnRule], children: NestedRows) -> list[tuple[str, ...]]:
    """Nested rows as columns; as many without a single row."""
    return list(zip(*(fields for _, _, fields in children), strict=True)) or [()] * len(rules)
