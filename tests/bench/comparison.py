"""What a peer made of a page, beside what xmlift made of it: the same records with the same values?

Values are compared by what they say: times as instants, numbers as numbers (pandas writes 3 as 3.0 beside
empty ones), lists by their pieces, texts without the spaces around them (xmltodict strips them).
"""

import csv
import gzip
import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from xmlift.catalogue.column import Column
from xmlift.catalogue.stream import Stream

Record = dict[str, Any]


def ours(folder: Path, stream: Stream, table: str = "items") -> dict[str, Record]:
    """The records that xmlift landed, by their id."""
    (commit,) = folder.glob("landing/**/commit.json")
    columns = next(
        names
        for names in json.loads(commit.read_bytes())["columns"].values()
        if set(stream.columns) <= set(names)
    )
    found = {}
    for part in sorted(commit.parent.glob(f"{table}-*.csv.gz")):
        for row in csv.reader(_text(part)):
            record = dict(zip(columns, row, strict=True))
            found[record["id"]] = {name: _said(record[name], stream.columns[name]) for name in stream.columns}
    return found


def theirs(folder: Path, stream: Stream) -> dict[str, Record]:
    """The records that a peer wrote, by their id."""
    names = {name: name for name in stream.columns}
    files = sorted(folder.glob("rows.csv.gz"))
    if not files:  # dlt names folders after datasets and tables, and columns after paths
        files = sorted(folder.glob("files/bench/work_items/*.csv*"))
        names = {name: dlt_name(column.path) for name, column in stream.columns.items()}
    found = {}
    for row in (row for file in files for row in csv.DictReader(_text(file))):
        record = {name: _said(row.get(names[name]) or "", column) for name, column in stream.columns.items()}
        found[str(record["id"])] = record
    return found


def differences(mine: dict[str, Record], other: dict[str, Record]) -> list[str]:
    """How the other's records differ from ours, one line each."""
    told = [f"record {key} is missing" for key in mine.keys() - other.keys()]
    told += [f"record {key} should not be there" for key in other.keys() - mine.keys()]
    for key in mine.keys() & other.keys():
        for name, value in mine[key].items():
            if value != other[key][name]:
                told.append(f"record {key}: {name} is {other[key][name]!r}, not {value!r}")
    return sorted(told)


def dlt_name(path: str) -> str:
    """The column that dlt makes of a path: owner/userId becomes owner__user_id."""
    return "__".join(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", step).lower() for step in path.split("/"))


def _text(file: Path) -> io.TextIOBase:
    return io.TextIOWrapper(gzip.open(file), "utf-8", newline="")


def _said(text: str, column: Column) -> Any:
    text = text.strip()
    if not text:
        return None
    if column.split is not None:
        pieces = json.loads(text) if text.startswith("[") else text.split(column.split)
        return [piece for piece in pieces if piece] or None
    return _READ.get(column.column_type.name, str)(text)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


_READ: dict[str, Callable[[str], Any]] = {
    "bigint": Decimal,
    "decimal": Decimal,
    "timestamptz": _instant,
    "boolean": str.lower,
}
