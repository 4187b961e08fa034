"""What some records of a page say, column by column: nothing on the way to the warehouse needs rows."""

from collections.abc import Sequence
from itertools import chain, repeat
from typing import NamedTuple


class NestedRows(NamedTuple):
    """The rows of one nested table: the index of the record each is in, its position there from 1, their fields."""

    records: list[int]
    positions: list[int]
    columns: list[Sequence[str]]

    @classmethod
    def counted(cls, counts: Sequence[int], columns: list[Sequence[str]]) -> "NestedRows":
        """Rows in the order of their records, of which each has so many."""
        records = list(chain.from_iterable(repeat(record, count) for record, count in enumerate(counts)))
        positions = list(chain.from_iterable(range(1, count + 1) for count in counts))
        return cls(records, positions, columns)


class Columns(NamedTuple):
    """Records as columns of equal length, one per field, and the rows of each nested table."""

    fields: list[Sequence[str]]
    nested: tuple[NestedRows, ...]
