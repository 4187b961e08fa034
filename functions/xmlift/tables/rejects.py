"""Rejected rows as they are kept: with the reason, and with all that is needed to mend and load them by hand."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from xmlift.tables.batch import ColumnRule, Reject

SCHEMA = "00000002"
"""Of the columns page, row, table, column, value, reason, key, record; another number for other columns."""

RECORD_BYTES = 64 * 1024


class Refused(NamedTuple):
    """A rejected row of a table, the index of its record in the batch, its key, and all its fields as read."""

    table: str
    reject: Reject
    record: int
    key: dict[str, str]
    fields: dict[str, str]

    @property
    def reason(self) -> str:
        """Why it was rejected, as it is counted."""
        return f"{self.table}.{self.reject.column}: {self.reject.reason}"

    def row(self, page: int, first_row: int) -> tuple[str, ...]:
        """The row of the rejects' CSV; `first_row` is the number of the batch's first record in its page."""
        return (
            str(page),
            str(first_row + self.record),
            self.table,
            self.reject.column,
            self.reject.value,
            self.reject.reason,
            json.dumps(self.key, ensure_ascii=False),
            _bounded_json(self.fields),
        )


def fields_of(rules: Sequence[ColumnRule], columns: Sequence[Sequence[str]], row: int) -> dict[str, str]:
    """One row's fields by name."""
    return {rule.name: column[row] for rule, column in zip(rules, columns, strict=True)}


def _bounded_json(fields: dict[str, str]) -> str:
    """Fields as a JSON object of limited size: its longest values are cut."""
    longest = RECORD_BYTES
    while True:
        text = json.dumps({name: value[:longest] for name, value in fields.items()}, ensure_ascii=False)
        if len(text.encode()) <= RECORD_BYTES or not longest:
            return text
        longest //= 2
