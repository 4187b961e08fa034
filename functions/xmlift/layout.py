"""Which tables a stream makes: their names, their columns in the order of the CSV, their keys and versions.

Every row carries its lineage: run, window, part, page and row say where it was read, `_read_at` and `_parsed_at`
when. Together with the cursor they are a row's version, by which two readings of one key compete. A stream
that tells of deletions has `_deleted` before it, one with a history (scd2) or a full cursor `_hash`, by which an
unchanged row is known.
"""

import hashlib
from typing import NamedTuple

from xmlift.catalogue import Stream
from xmlift.catalogue.children import ChildPlace, child_places, position_columns
from xmlift.tables.types import ColumnType, parse_type

LINEAGE: tuple[tuple[str, ColumnType], ...] = tuple(
    (name, parse_type(column_type))
    for name, column_type in (
        ("_partition", "varchar(1024)"),
        ("_run", "varchar(512)"),
        ("_window", "varchar(64)"),
        ("_part", "varchar(32)"),
        ("_page", "integer"),
        ("_row", "integer"),
        ("_read_at", "timestamptz"),
        ("_parsed_at", "timestamptz"),
    )
)
DELETED = ("_deleted", parse_type("boolean"))
HASH = ("_hash", parse_type("varchar(16)"))


class TableLayout(NamedTuple):
    """One table. `required` columns are never NULL; for a child, `key` names its parent's key here."""

    name: str
    columns: tuple[tuple[str, ColumnType], ...]
    key: tuple[str, ...]
    version: tuple[str, ...]
    required: frozenset[str]

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.columns)

    @property
    def fingerprint(self) -> str:
        """Eight hexadecimal digits that tell this list of names and types from another."""
        text = "\n".join(f"{name} {column_type}" for name, column_type in self.columns)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


class StreamLayout(NamedTuple):
    """A stream's own table, and one for each of its children and theirs, depth first in the catalogue's order.

    `above` has for each child the number of the child that it is in, None for one that is in the record itself.
    """

    table: TableLayout
    children: tuple[TableLayout, ...]
    above: tuple[int | None, ...]

    @property
    def tables(self) -> tuple[TableLayout, ...]:
        return (self.table, *self.children)


def stream_layout(name: str, stream: Stream) -> StreamLayout:
    """The tables that a stream makes."""
    lineage_names = {column for column, _ in LINEAGE}
    table = TableLayout(
        name,
        own_columns(stream) + LINEAGE,
        tuple(stream.key),
        ((stream.cursor_field,) if stream.cursor_field else ()) + ("_read_at", "_parsed_at"),
        # A tombstone may have nothing but its key and its time.
        (stream.identifying_columns if stream.has_tombstones else stream.required_columns) | lineage_names,
    )
    places = list(child_places(name, stream.children))
    return StreamLayout(
        table, tuple(_child_layout(stream, place) for place in places), tuple(place.above for place in places)
    )


def _child_layout(stream: Stream, place: ChildPlace) -> TableLayout:
    parent_key = tuple((f"_parent_{key}", stream.columns[key].column_type) for key in stream.key)
    key_names = tuple(column for column, _ in parent_key)
    positions = position_columns(place.depth)
    columns = place.child.columns.items()
    return TableLayout(
        place.table,
        (
            *parent_key,
            *((column, parse_type("integer")) for column in positions),
            *((column, spec.column_type) for column, spec in columns),
            *LINEAGE,
        ),
        key_names,
        ("_read_at", "_parsed_at"),
        frozenset({*key_names, *positions, *(column for column, _ in LINEAGE)})
        | {column for column, spec in columns if spec.required},
    )


def own_columns(stream: Stream) -> tuple[tuple[str, ColumnType], ...]:
    """What stands in a stream's rows before their lineage."""
    return (
        *((column, spec.column_type) for column, spec in stream.columns.items()),
        *([DELETED] if stream.deletes else []),
        *([HASH] if stream.has_hashes else []),
    )
