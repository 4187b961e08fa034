"""What some records of a page say, column by column: nothing on the way to the warehouse needs rows."""

from collections.abc import Sequence
from itertools import chain, repeat
from typing import NamedTuple

NONE: dict[str, int] = {}
"""Counts of nothing."""


class NestedRows(NamedTuple):
    """The rows of one nested table: the index of the record each is in, its position there from 1, their fields.

    Inside other nested records, `parents` has their positions: of the outermost one first, a list of all rows each;
    the row's own position is that in the innermost one.
    """

    records: list[int]
    positions: list[int]
    columns: list[Sequence[str]]
    parents: tuple[list[int], ...] = ()

    @classmethod
    def counted(
        cls, counts: Sequence[int], columns: list[Sequence[str]], parent: "NestedRows | None" = None
    ) -> "NestedRows":
        """Rows in the order of what they are in, of which each has so many: of records, or of the parent's rows."""
        positions = list(chain.from_iterable(range(1, count + 1) for count in counts))
        if parent is None:
            return cls(repeated(range(len(counts)), counts), positions, columns)
        parents = tuple(repeated(of, counts) for of in (*parent.parents, parent.positions))
        return cls(repeated(parent.records, counts), positions, columns, parents)


def repeated(numbers: Sequence[int], counts: Sequence[int]) -> list[int]:
    """Each number as often as the count beside it says."""
    return list(chain.from_iterable(map(repeat, numbers, counts)))


class Columns(NamedTuple):
    """Records as columns of equal length, one per field, and the rows of each nested table, depth first.

    `unmapped` says how many of the records looked at hold what nobody asks for, by its path.
    """

    fields: list[Sequence[str]]
    nested: tuple[NestedRows, ...]
    unmapped: dict[str, int] = NONE
