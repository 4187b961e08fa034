"""What the endpoint itself holds, beside what has arrived in the warehouse."""

from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from typing import Any

Rows = list[dict[str, Any]]


def moment(text: str | None) -> datetime | None:
    """A time of the endpoint's truth."""
    return datetime.fromisoformat(text) if text else None


def differences(found: Rows, wanted: Iterable[dict[str, Any]]) -> list[str]:
    """The first few cells that differ, in words."""
    wanted = list(wanted)
    if len(found) != len(wanted):
        return [f"{len(found)} rows instead of {len(wanted)}"]
    cells = (
        f"row {number} {column}: {row[column]!r} instead of {right[column]!r}"
        for number, (row, right) in enumerate(zip(found, wanted, strict=True))
        for column in right
        if row[column] != right[column]
    )
    return list(islice(cells, 10))
