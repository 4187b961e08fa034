"""What a row says, as sixteen digits: a reading that says the same opens no new version of a history (L7)."""

import hashlib
import json
from collections.abc import Mapping, Sequence


def row_hashes(columns: Mapping[str, Sequence[str]]) -> list[str]:
    """For each row, sixteen hexadecimal digits that tell its typed values from others.

    Only values that are there count, by name: a column that a catalogue gains changes no row that lacks it, and
    neither does another order of the columns.
    """
    names = sorted(columns)
    rows = zip(*(columns[name] for name in names), strict=True)
    return [_hash({name: value for name, value in zip(names, row, strict=True) if value}) for row in rows]


def _hash(content: dict[str, str]) -> str:
    # As JSON, since no separator is so odd that no value could hold it.
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
