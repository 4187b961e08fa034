"""What a row says, as sixteen digits: a reading that says the same opens no new version of a history (L7)."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring


def row_hashes(columns: Mapping[str, Sequence[str]]) -> list[str]:
    """For each row, sixteen hexadecimal digits that tell its typed values from others.

    Only values that are there count, by name: a column that a catalogue gains changes no row that lacks it, and
    neither does another order of the columns.
    """
    rows = zip(*(_members(name, columns[name]) for name in sorted(columns)), strict=True)
    return [_hash(",".join(filter(None, row))) for row in rows]


def texts_inside(
    count: int, records: Sequence[int], names: Sequence[str], columns: Sequence[Sequence[str]]
) -> list[str]:
    """For each of so many records one text of all rows inside it, as they were read; none has an empty one.

    `records` has for each row the record that it is in; rows are in their order there.
    """
    found: list[list[dict[str, str]]] = [[] for _ in range(count)]
    for record, row in zip(records, zip(*columns, strict=True), strict=True):
        found[record].append({name: value for name, value in zip(names, row, strict=True) if value})
    return [json.dumps(rows) if rows else "" for rows in found]


def _members(name: str, values: Sequence[str]) -> list[str]:
    """A column's members of the rows' JSON objects, column by column in half the time of row by row."""
    beginning = f"{encode_basestring(name)}:"
    return [f"{beginning}{encode_basestring(value)}" if value else "" for value in values]


def _hash(members: str) -> str:
    # As JSON, since no separator is so odd that no value could hold it.
    return hashlib.sha256(f"{{{members}}}".encode()).hexdigest()[:16]
