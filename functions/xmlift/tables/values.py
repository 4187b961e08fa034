"""Values of a column's type, one by one: what COPY reads, what is refused, and why.

Nothing is guessed and nothing is rounded. These converters are the rules themselves; `columns` answers what it
can see of a whole column at once as they would, and asks them about everything else.
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import NamedTuple

from xmlift.tables import times
from xmlift.tables.spelling import USUAL, Spelling
from xmlift.tables.types import MAX_VARCHAR_BYTES, ColumnType

Convert = Callable[[str], str]


class Refusal(NamedTuple):
    """A value that does not fit its column: its row in the column given, and why."""

    row: int
    reason: str


def convert_one_by_one(
    values: Sequence[str], column_type: ColumnType, spelling: Spelling = USUAL
) -> tuple[list[str], list[Refusal]]:
    """Type a column value by value: texts for COPY, in the same order and number, and the values refused."""
    convert = converter(column_type, spelling)
    converted: list[str] = []
    refusals: list[Refusal] = []
    for index, value in enumerate(values):
        if not value or spelling.is_null(value):
            converted.append("")
            continue
        try:
            converted.append(convert(value))
        except ValueError as error:
            converted.append("")
            refusals.append(Refusal(index, str(error)))
    return converted, refusals


@cache
def converter(column_type: ColumnType, spelling: Spelling = USUAL) -> Convert:
    """What turns one value that is there into its text for COPY; it raises ValueError with the reason."""
    match column_type.name:
        case "varchar":
            return _varchar(column_type.size)
        case "decimal":
            return _decimal(column_type.size, column_type.scale)
        case "super":
            return _json if spelling.is_json else _super(spelling.split)
        case name if name in times.CONVERTERS:
            return times.CONVERTERS[name](spelling)
        case name:
            return _PLAIN_CONVERTERS[name]


def _varchar(size: int) -> Convert:
    def convert(value: str) -> str:
        # Four bytes a character at the most: most values need no encoding to know that they fit.
        if len(value) * 4 > size and (length := len(value.encode())) > size:
            raise ValueError(f"{length} bytes do not fit varchar({size})")
        return value

    return convert


_WHOLE_NUMBER = re.compile(r"\s*([+-]?[0-9]{1,30})\s*", re.ASCII)


def _whole_number(name: str, bits: int) -> Convert:
    limit = 1 << (bits - 1)

    def convert(value: str) -> str:
        match = _WHOLE_NUMBER.fullmatch(value)
        if match is None:
            raise ValueError(f"not a whole number for {name}")
        number = int(match[1])
        if not -limit <= number < limit:
            raise ValueError(f"outside the range of {name}")
        return str(number)

    return convert


_DECIMAL_NUMBER = re.compile(r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?)\s*", re.ASCII)


def _decimal(precision: int, scale: int) -> Convert:
    def convert(value: str) -> str:
        match = _DECIMAL_NUMBER.fullmatch(value)
        if match is None:
            raise ValueError(f"not a number for decimal({precision},{scale})")
        try:
            number = Decimal(match[1])
        except InvalidOperation as error:
            raise ValueError(f"not a number for decimal({precision},{scale})") from error
        if not number:
            return "0"
        sign, digits, exponent = number.as_tuple()
        assert isinstance(exponent, int)  # the pattern admits neither NaN nor Infinity
        while digits and digits[-1] == 0 and exponent < 0:
            digits, exponent = digits[:-1], exponent + 1
        if -exponent > scale or len(digits) + exponent > precision - scale:
            raise ValueError(f"more digits than decimal({precision},{scale}) holds without loss")
        return f"{Decimal((sign, digits, exponent)):f}"

    return convert


def _double(value: str) -> str:
    match = _DECIMAL_NUMBER.fullmatch(value)
    number = float(match[1]) if match else math.nan
    if not math.isfinite(number):
        raise ValueError("not a finite number for double")
    if not number and match and re.search("[1-9]", re.split("[eE]", match[1])[0]):
        raise ValueError("too small for double: it would become zero")
    return repr(number)


_BOOLEANS = {"true": "true", "1": "true", "false": "false", "0": "false"}


def _boolean(value: str) -> str:
    try:
        return _BOOLEANS[value.strip().lower()]
    except KeyError:
        raise ValueError("not a boolean: expected true, false, 1 or 0") from None


def _super(split: str | None) -> Convert:
    def convert(value: str) -> str:
        content = value if split is None else [piece for piece in value.split(split) if piece]
        return _json(json.dumps(content, ensure_ascii=False))

    return convert


def _json(text: str) -> str:
    if len(text.encode()) > MAX_VARCHAR_BYTES:
        raise ValueError(f"a list or text in super is limited to {MAX_VARCHAR_BYTES} bytes here")
    return text


_PLAIN_CONVERTERS: dict[str, Convert] = {
    "bigint": _whole_number("bigint", 64),
    "integer": _whole_number("integer", 32),
    "double": _double,
    "boolean": _boolean,
}
