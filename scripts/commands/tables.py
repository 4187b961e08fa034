"""Tables on standard output. No column ever vanishes from the answer to a question."""

import json
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rich.cells import cell_len, chop_cells, set_cell_size

from commands.display import out

_GAP = "  "
_CUT = 60  # on a terminal, cells are cut there before a table is given up for records
_SAMPLE_CUT = 28
_NUMBERS = {int, float, Decimal, type(None)}

# Control characters would steer the reader's terminal: they are shown as their pictures.
_PICTURES = {number: 0x2400 + number for number in range(32)} | {0x0A: "⏎", 0x7F: 0x2421}


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], right: Collection[str] = ()) -> None:
    """A table of all columns; numbers and the named columns stand right.

    On a terminal that is too narrow for it, each row becomes a record with a line for each column. Elsewhere a
    table is as wide as it needs to be.
    """
    values = [list(row) for row in rows]
    texts = [[as_text(value) for value in row] for row in values]
    stand_right = _stand_right(columns, values, right)
    if not out.is_terminal:
        _print(_lines(columns, texts, stand_right))
        return
    for shown in (texts, [[_cut(text, _CUT) for text in row] for row in texts]):
        if _width(columns, shown) <= out.width:
            _print(_lines(columns, shown, stand_right))
            return
    _print(_records(columns, texts))


def print_sample(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """The first columns of some rows, as many as fit, and how many there are beside them."""
    values = [list(row) for row in rows]
    texts = [[_cut(as_text(value), _SAMPLE_CUT) for value in row] for row in values]
    fitting = len(columns)
    while fitting > 1 and _width(columns[:fitting], [row[:fitting] for row in texts]) > out.width:
        fitting -= 1
    more = f" (+{len(columns) - fitting} columns)" if fitting < len(columns) else ""
    shown = [row[:fitting] for row in texts]
    stand_right = _stand_right(columns, values, ())
    _print([f"\n{title}{more}", *_lines(columns[:fitting], shown, stand_right)])


def as_text(value: Any) -> str:
    """A value as a cell shows it: NULL as ∅, booleans and lists as JSON, times in UTC."""
    match value:
        case None:
            return "∅"
        case bool() | list() | dict():
            text = json.dumps(value, ensure_ascii=False, default=str)
        case datetime(tzinfo=zone) if zone is not None:
            text = f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3] + "Z"
        case _:
            text = str(value)
    return text.translate(_PICTURES)


def as_records(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows as JSON objects. Of columns that share a name, the later ones get a number: no value is lost."""
    names: list[str] = []
    for column in columns:
        name, number = column, 1
        while name in names:
            number += 1
            name = f"{column}_{number}"
        names.append(name)
    return [dict(zip(names, row, strict=True)) for row in rows]


def _stand_right(columns: Sequence[str], rows: list[list[Any]], right: Collection[str]) -> list[bool]:
    return [
        column in right or (bool(rows) and all(type(row[index]) in _NUMBERS for row in rows))
        for index, column in enumerate(columns)
    ]


def _widths(columns: Sequence[str], rows: list[list[str]]) -> list[int]:
    return [max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True)]


def _width(columns: Sequence[str], rows: list[list[str]]) -> int:
    return sum(_widths(columns, rows)) + len(_GAP) * (len(columns) - 1)


def _lines(columns: Sequence[str], rows: list[list[str]], right: list[bool]) -> Iterator[str]:
    widths = _widths(columns, rows)
    yield _line(columns, widths, right)
    yield "─" * (sum(widths) + len(_GAP) * (len(widths) - 1))
    for row in rows:
        yield _line(row, widths, right)


def _line(cells: Sequence[str], widths: list[int], right: list[bool]) -> str:
    padded = [
        " " * (width - cell_len(cell)) + cell if to_right else cell + " " * (width - cell_len(cell))
        for cell, width, to_right in zip(cells, widths, right, strict=False)
    ]
    return _GAP.join(padded).rstrip()


def _records(columns: Sequence[str], rows: list[list[str]]) -> Iterator[str]:
    names = max(map(cell_len, columns))
    room = max(out.width - names - len(_GAP), 20)
    for number, row in enumerate(rows, start=1):
        yield f"─ {number} ".ljust(min(out.width, names + len(_GAP) + 40), "─")
        for column, text in zip(columns, row, strict=True):
            first, *rest = chop_cells(text, room) or [""]
            yield f"{set_cell_size(column, names)}{_GAP}{first}"
            yield from (" " * (names + len(_GAP)) + line for line in rest)


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1).rstrip()}…"


def _print(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()
