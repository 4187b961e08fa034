"""Values of a column's type, one by one: what COPY reads, what is refused, and why.

Nothing is guessed and nothing is rounded. These converters are the rules themselves; `columns` answers what it
can see of a whole column at once as they would, and asks them about everything else.
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import NamedTuple

from xmlift.tables.types import MAX_VARCHAR_BYTES, ColumnType

Convert = Callable[[str], str]


class Refusal(NamedTuple):
    """A value that does not fit its column: its row in the column given, and why."""

    row: int
    reason: str


def convert_one_by_one(
    values: Sequence[str], column_type: ColumnType, split: str | None = None
) -> tuple[list[str], list[Refusal]]:
    """Type a column value by value: texts for COPY, in the same order and number, and the values refused."""
    convert = converter(column_type, split)
    converted: list[str] = []
    refusals: list[Refusal] = []
    for index, value in enumerate(values):
        if not value:
            converted.append("")
            continue
        try:
            converted.append(convert(value))
        except ValueError as error:
            converted.append("")
            refusals.append(Refusal(index, str(error)))
    return converted, refusals


@cache
def converter(column_type: ColumnType, split: str | None = None) -> Convert:
    """What turns one value that is there into its text for COPY; it raises ValueError with the reason."""
    match column_type.name:
        case "varchar":
            return _varchar(column_type.size)
        case "decimal":
            return _decimal(column_type.size, column_type.scale)
        case "super":
            return _super(split)
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


_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}(:?[0-5][0-9])?)?",
    re.ASCII,
)


def _date(value: str) -> str:
    text = value.strip()
    if not _DATE.fullmatch(text):
        raise ValueError("not a date: expected YYYY-MM-DD")
    return date.fromisoformat(text).isoformat()


def parse_time(value: str) -> datetime:
    """A date and time in ISO 8601, the offset (`Z`, `-06`, `-0600`, `-06:00`) kept or absent. Raises ValueError."""
    text = value.strip()
    if not _TIME.fullmatch(text):
        raise ValueError("not a time: expected YYYY-MM-DDThh:mm:ss with an optional fraction and offset")
    return datetime.fromisoformat(text)


def written_in_utc(time: datetime) -> str:
    """A time with an offset as timestamptz has it: all of one width, so that they sort as time does."""
    return _written(time.astimezone(UTC)) + "+00"


def _written(time: datetime) -> str:
    return time.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


def _timestamptz(value: str) -> str:
    time = parse_time(value)
    if time.tzinfo is None:
        raise ValueError("a time without an offset is ambiguous for timestamptz")
    try:
        return written_in_utc(time)
    except OverflowError:
        raise ValueError("outside the years 1 to 9999 in UTC") from None


def _timestamp(value: str) -> str:
    time = parse_time(value)
    if time.tzinfo is not None:
        raise ValueError("a time with an offset would lose it in a timestamp: use timestamptz")
    return _written(time)


def _super(split: str | None) -> Convert:
    def convert(value: str) -> str:
        content = value if split is None else [piece for piece in value.split(split) if piece]
        text = json.dumps(content, ensure_ascii=False)
        if len(text.encode()) > MAX_VARCHAR_BYTES:
            raise ValueError(f"a list or text in super is limited to {MAX_VARCHAR_BYTES} bytes here")
        return text

    return convert


_PLAIN_CONVERTERS: dict[str, Convert] = {
    "bigint": _whole_number("bigint", 64),
    "integer": _whole_number("integer", 32),
    "double": _double,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
    "timestamptz": _timestamptz,
}
