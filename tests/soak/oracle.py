"""What the tables have to hold, by the endpoint's own state, and what they do hold: rows, and their checksum."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, zip_longest
from typing import Any

from xmlift.catalogue import Source
from xmlift.catalogue.column import Column

Record = dict[str, Any]
Row = tuple[Any, ...]
Query = Callable[[str], Iterable[Row]]

_SHOWN = 3


@dataclass(frozen=True)
class Contents:
    """All rows of a table, ordered by what identifies them, without the columns of their lineage."""

    table: str
    columns: tuple[str, ...]
    rows: list[Row]

    @property
    def checksum(self) -> str:
        """Sixteen digits that stand for the rows."""
        digest = hashlib.sha256()
        for row in self.rows:
            digest.update(json.dumps(row, default=_as_text, ensure_ascii=False).encode() + b"\n")
        return digest.hexdigest()[:16]


def expected(source: Source, records: Sequence[Record]) -> Iterator[Contents]:
    """The tables of a source whose streams have read these records of the endpoint.

    A path of the catalogue (`state/name`) is the record's own.
    """
    for name, stream in source.streams.items():
        rows = [tuple(values(record, stream.columns)) for record in records]
        yield Contents(name, tuple(stream.columns), sorted(rows, key=_identity(1)))
        for child_name, child in stream.children.items():
            nested = [
                (record["id"], position, *values(inner, child.columns))
                for record in records
                for position, inner in enumerate(record[child.records], start=1)
            ]
            columns = ("_parent_id", "_position", *child.columns)
            yield Contents(f"{name}__{child_name}", columns, sorted(nested, key=_identity(2)))


def found(source: Source, wanted: Contents, query: Query) -> Contents:
    """The same table as the warehouse has it."""
    columns = ", ".join(f'"{column}"' for column in wanted.columns)
    keys = 2 if wanted.columns[0].startswith("_parent_") else 1
    rows = query(f'SELECT {columns} FROM "{source.source}"."{wanted.table}"')
    return Contents(wanted.table, wanted.columns, sorted(rows, key=_identity(keys)))


def differences(there: Contents, wanted: Contents) -> list[str]:
    """How a table differs from what it has to hold, the first few rows in words; nothing if it does not."""
    if there.checksum == wanted.checksum:
        return []
    told = [f"{there.table}: {len(there.rows)} rows instead of {len(wanted.rows)}, other contents"]
    pairs = zip_longest(there.rows, wanted.rows)
    told += [f"{there.table}: {row!r} instead of {right!r}" for row, right in islice(_unequal(pairs), _SHOWN)]
    return told


def _unequal(pairs: Iterable[tuple[Row | None, Row | None]]) -> Iterator[tuple[Row | None, Row | None]]:
    return (pair for pair in pairs if pair[0] != pair[1])


def values(record: Record, columns: dict[str, Column]) -> Iterator[Any]:
    """A record's values as its row has them."""
    for column in columns.values():
        value: Any = record
        for name in column.path.split("/"):
            value = value.get(name) if value is not None else None
        if value in ("", []):
            value = None  # an empty element has no text: nothing tells an empty text, or no tags, from none
        elif value is not None and column.type == "timestamptz":
            value = datetime.fromisoformat(value)
        yield value


def _identity(columns: int) -> Callable[[Row], Row]:
    return lambda row: row[:columns]


def _as_text(value: Any) -> str:
    """Times are the same whatever zone they are told in."""
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
