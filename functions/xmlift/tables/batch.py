"""A batch of one table: text columns in, typed columns and rejected rows out."""

from collections.abc import Container, Sequence
from typing import Literal, NamedTuple

from xmlift.errors import RowError
from xmlift.tables.columns import convert_column
from xmlift.tables.lengths import cut_to
from xmlift.tables.spelling import USUAL, Spelling
from xmlift.tables.types import MAX_VARCHAR_BYTES, ColumnType

_SHOWN_VALUE = 200

TooLong = Literal["reject", "widen", "cut", "fail"]
"""What becomes of a text longer than its varchar; a column that is to `widen` keeps it."""


class ColumnRule(NamedTuple):
    """What a column of a batch has to satisfy.

    A `required` one has a value in every row that is no tombstone, an `identifying` one in every row.
    """

    name: str
    type: ColumnType
    spelling: Spelling = USUAL
    required: bool = False
    identifying: bool = False
    too_long: TooLong = "reject"


class Reject(NamedTuple):
    """A row of the batch that does not fit, and the first column at fault with the reason."""

    row: int
    column: str
    value: str
    reason: str


class Typed(NamedTuple):
    """Columns of text for COPY, all rows kept in place, and the rows among them that do not count.

    `cut` has by column the rows whose text was cut.
    """

    columns: list[Sequence[str]]
    rejects: list[Reject]
    cut: dict[str, list[int]]


def typed(
    rules: Sequence[ColumnRule], columns: Sequence[Sequence[str]], tombstones: Container[int] = frozenset()
) -> Typed:
    """Type each column; a row is rejected once, for the first of its columns that does not fit.

    Raises RowError for a text that is too long where that fails the window.
    """
    rejects: dict[int, Reject] = {}
    result: list[Sequence[str]] = []
    cut: dict[str, list[int]] = {}
    for rule, values in zip(rules, columns, strict=True):
        fitting = values
        if rule.too_long == "cut":
            fitting, rows = cut_to(rule.type.size, values)
            if rows:
                cut[rule.name] = rows
        texts, refusals = convert_column(fitting, _taken(rule), rule.spelling)
        if refusals and rule.too_long == "fail" and rule.type.name == "varchar":
            raise RowError(
                f"column {rule.name}: {refusals[0].reason}, and its stream's contract is freeze: declare the "
                "column wider, or what is to become of such a text (`too_long`)"
            )
        for row, reason in refusals:
            rejects.setdefault(row, Reject(row, rule.name, values[row][:_SHOWN_VALUE], reason))
        if (rule.required or rule.identifying) and "" in texts:
            for row, text in enumerate(texts):
                if not text and (rule.identifying or row not in tombstones):
                    rejects.setdefault(row, Reject(row, rule.name, "", "is empty, and it is required"))
        result.append(texts)
    return Typed(result, sorted(rejects.values()), cut)


def _taken(rule: ColumnRule) -> ColumnType:
    """The type that values are held against: a column that grows takes what any column can take."""
    return rule.type._replace(size=MAX_VARCHAR_BYTES) if rule.too_long == "widen" else rule.type


def kept_rows(columns: Sequence[Sequence[str]], kept: Sequence[int]) -> Sequence[Sequence[str]]:
    """The columns with these rows only, which are in their order; with all of them the columns themselves."""
    if not columns or len(kept) == len(columns[0]):
        return columns
    return [[column[row] for row in kept] for column in columns]
