"""A batch of one table: text columns in, typed columns and rejected rows out."""

from collections.abc import Container, Sequence
from typing import NamedTuple

from xmlift.tables.columns import convert_column
from xmlift.tables.types import ColumnType

_SHOWN_VALUE = 200


class ColumnRule(NamedTuple):
    """What a column of a batch has to satisfy.

    A `required` one has a value in every row that is no tombstone, an `identifying` one in every row.
    """

    name: str
    type: ColumnType
    split: str | None = None
    required: bool = False
    identifying: bool = False


class Reject(NamedTuple):
    """A row of the batch that does not fit, and the first column at fault with the reason."""

    row: int
    column: str
    value: str
    reason: str


class Typed(NamedTuple):
    """Columns of text for COPY, all rows kept in place, and the rows among them that do not count."""

    columns: list[Sequence[str]]
    rejects: list[Reject]


def typed(
    rules: Sequence[ColumnRule], columns: Sequence[Sequence[str]], tombstones: Container[int] = frozenset()
) -> Typed:
    """Type each column; a row is rejected once, for the first of its columns that does not fit."""
    rejects: dict[int, Reject] = {}
    result: list[Sequence[str]] = []
    for rule, values in zip(rules, columns, strict=True):
        texts, refusals = convert_column(values, rule.type, rule.split)
        for row, reason in refusals:
            rejects.setdefault(row, Reject(row, rule.name, values[row][:_SHOWN_VALUE], reason))
        if (rule.required or rule.identifying) and "" in texts:
            for row, text in enumerate(texts):
                if not text and (rule.identifying or row not in tombstones):
                    rejects.setdefault(row, Reject(row, rule.name, "", "is empty, and it is required"))
        result.append(texts)
    return Typed(result, sorted(rejects.values()))


def kept_rows(columns: Sequence[Sequence[str]], kept: Sequence[int]) -> Sequence[Sequence[str]]:
    """The columns with these rows only, which are in their order; with all of them the columns themselves."""
    if not columns or len(kept) == len(columns[0]):
        return columns
    return [[column[row] for row in kept] for column in columns]
