"""What becomes of a batch of records: rows of its tables, what is refused, and what is to be counted.

Where the rows stand in their page, and in which part, is said only when they are written: a batch is converted
before it is known how many records stand before it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from xmlift.catalogue.children import position_columns
from xmlift.landing.commits import TableCounts
from xmlift.records import NestedRows
from xmlift.tables.batch import ColumnRule
from xmlift.tables.lengths import longest
from xmlift.tables.rejects import Refused

type Identity = tuple[int, ...]
"""Of a nested record within a batch: its record's index, and its position in each that it is in, its own last."""


class ConvertedTable(NamedTuple):
    """What a batch has for one table: its rows as lines of CSV, what became of the records, columns with a value.

    `records` has the index in the batch of each row's record. `cut` are by column the rows whose text was cut,
    `widths` the bytes that columns which grow have to hold, `unasked` records that the server was not asked for.
    """

    lines: list[str]
    records: Sequence[int]
    counts: TableCounts
    seen: frozenset[str]
    cut: dict[str, int]
    widths: dict[str, int]
    unasked: int = 0


class ConvertedRows(NamedTuple):
    """What became of a batch: by table its rows, and what is refused.

    `unmapped` counts records by the path of what they have and no column asks for.
    """

    tables: dict[str, ConvertedTable]
    rejects: list[Refused]
    unmapped: dict[str, int]


class Place(NamedTuple):
    """Where records are read: the page's number in the window, and when."""

    page: int
    read_at: datetime


def identity(children: NestedRows, child: int) -> Identity:
    """Which nested record of the batch it is."""
    return children.records[child], *(of[child] for of in children.parents), children.positions[child]


def inside_of(children: NestedRows, refused: set[Identity]) -> set[int]:
    """The children that are in one of those that are refused."""
    if not refused:
        return set()
    around = zip(children.records, *children.parents, strict=True)
    return {child for child, identity in enumerate(around) if identity in refused}


def position(children: NestedRows, child: int) -> dict[str, str]:
    """Where it stands, by the columns that say so."""
    _, *positions = identity(children, child)
    return dict(zip(position_columns(len(children.parents)), map(str, positions), strict=True))


def seen_columns(rules: Sequence[ColumnRule], columns: Sequence[Sequence[str]]) -> frozenset[str]:
    """The columns that have a value: one that never has is most likely a wrong path."""
    return frozenset(rule.name for rule, values in zip(rules, columns, strict=True) if any(values))


def cut_among(cut: dict[str, list[int]], kept: Sequence[int]) -> dict[str, int]:
    """How many of the texts that were cut are in rows that are kept, by column."""
    if not cut:
        return {}
    rows = set(kept)
    return {name: count for name, places in cut.items() if (count := len(rows.intersection(places)))}


def widths(rules: Sequence[ColumnRule], columns: Sequence[Sequence[str]]) -> dict[str, int]:
    """How wide the columns that grow have to be, as far as they are wider than declared."""
    return {
        rule.name: width
        for rule, column in zip(rules, columns, strict=False)
        if rule.too_long == "widen" and (width := longest(column)) > rule.type.size
    }


def others(count: int, left_out: set[int]) -> Sequence[int]:
    """The rows of so many that are not left out."""
    return [row for row in range(count) if row not in left_out] if left_out else range(count)
