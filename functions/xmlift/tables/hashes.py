"""What a row says, as sixteen digits: a reading that says the same opens no new version of a history (L7)."""

import hashlib
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring


def row_hashes(columns: Mapping[str, Sequence[str]]) -> list[str]:
    """For each row, sixteen hexadecimal digits that tell its typed values from others.

    Only values that are there count, by name: a column that a catalogue gains changes no row that lacks it, and
    neither does another order of the columns.
    """
    rows = zip(*(_members(name, columns[name]) for name in sorted(columns)), strict=True)
    return [_hash(",".join(filter(None, row))) for row in rows]


def _members(name: str, values: Sequence[str]) -> list[str]:
    """A column's members of the rows' JSON objects, column by column in half the time of row by row."""
    beginning = f"{encode_basestring(name)}:"
    return [f"{beginning}{encode_basestring(value)}" if value else "" for value in values]


def _hash(members: str) -> str:
    # As JSON, since no separator is so odd that no value could hold it.
    return hashlib.sha256(f"{{{members}}}".encode()).hexdigest()[:16]
