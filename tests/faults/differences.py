"""What is not as it has to be, told apart by what is wrong with it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from tests.faults.oracle import Row

_SHOWN = 5


@dataclass
class Differences:
    """Everything that is not as it has to be, in words, by what is wrong with it."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    lineage: list[str] = field(default_factory=list)
    ledger: list[str] = field(default_factory=list)
    watermark: list[str] = field(default_factory=list)
    reader: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any(vars(self).values())

    def __str__(self) -> str:
        told = []
        for name, found in vars(self).items():
            if found:
                more = f"\n  … and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
                told.append(f"{name}:\n  " + "\n  ".join(found[:_SHOWN]) + more)
        return "\n".join(told) or "no differences"

    def add(self, other: "Differences") -> None:
        """Take in what is not told yet."""
        for name, found in vars(other).items():
            known = getattr(self, name)
            known += [one for one in found if one not in known]


def compared(table: str, found: Iterable[Row], wanted: Iterable[Row], key: int) -> Differences:
    """Two lists of rows, the first `key` values of a row being its key."""
    differences = Differences()
    by_key: dict[Row, list[Row]] = defaultdict(list)
    for row in found:
        by_key[row[:key]].append(row)
    for row in wanted:
        there = by_key.pop(row[:key], [])
        if not there:
            differences.lost.append(f"{table} {row[:key]} is not in the warehouse: {_shown(row)}")
        elif len(there) > 1:
            differences.duplicated.append(f"{table} {row[:key]} stands {len(there)} times in the warehouse")
        elif there[0] != row:
            differences.altered.append(f"{table} {row[:key]} is {_shown(there[0])} instead of {_shown(row)}")
    differences.duplicated += [f"{table} {one} should not be there" for one in by_key]
    return differences


def _shown(row: Row) -> str:
    text = repr(tuple(str(value) if isinstance(value, datetime) else value for value in row))
    return text if len(text) <= 300 else f"{text[:300]}…"
