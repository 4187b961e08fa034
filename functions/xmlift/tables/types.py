"""Column types: how they are written in a catalogue, declared in Redshift, and checked value by value.

A conversion takes a whole column of text as the XML had it and answers the text that COPY reads, an empty
text standing for NULL. A value that does not fit keeps its place (as an empty text) and is named in the
refusals, so that its row can go to the rejects with the reason. Nothing is guessed and nothing is rounded.
"""

import json
import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

MAX_VARCHAR_BYTES = 65_535
MAX_DECIMAL_PRECISION = 38

Convert = Callable[[str], str]


class Refusal(NamedTuple):
    """A value that does not fit its column: its row in the column given, and why."""

    row: int
    reason: str


class ColumnType(NamedTuple):
    """A parsed type. `ddl` is its spelling in Redshift; sizes are bytes for varchar, digits for decimal."""

    name: str
    size: int = 0
    scale: int = 0

    @property
    def ddl(self) -> str:
        match self.name:
            case "varchar":
                return f"VARCHAR({self.size})"
            case "decimal":
                return f"DECIMAL({self.size},{self.scale})"
            case "double":
                return "DOUBLE PRECISION"
            case name:
                return name.upper()

    def __str__(self) -> str:
        return {"varchar": f"varchar({self.size})", "decimal": f"decimal({self.size},{self.scale})"}.get(
            self.name, self.name
        )


_PLAIN_TYPES = ("bigint", "integer", "double", "boolean", "date", "timestamp", "timestamptz", "super")
_SIZED = re.compile(r"(varchar|decimal)\s*\(\s*([0-9]{1,5})\s*(?:,\s*([0-9]{1,2})\s*)?\)")


def parse_type(text: str) -> ColumnType:
    """Read a type as a catalogue writes it. Raises ValueError that lists what is allowed."""
    bare = text.strip(" ")
    if bare in _PLAIN_TYPES:
        return ColumnType(bare)
    sized = _SIZED.fullmatch(bare)
    if sized and sized[1] == "varchar" and sized[3] is None and 1 <= int(sized[2]) <= MAX_VARCHAR_BYTES:
        return ColumnType("varchar", int(sized[2]))
    if sized and sized[1] == "decimal":
        precision, scale = int(sized[2]), int(sized[3] or 0)
        if 1 <= precision <= MAX_DECIMAL_PRECISION and scale <= precision:
            return ColumnType("decimal", precision, scale)
    raise ValueError(
        f"unknown type {text!r}: use {', '.join(_PLAIN_TYPES)}, varchar(1…{MAX_VARCHAR_BYTES} bytes) "
        f"or decimal(1…{MAX_DECIMAL_PRECISION}, scale)"
    )


def convert_column(
    values: Sequence[str], column_type: ColumnType, split: str | None = None
) -> tuple[list[str], list[Refusal]]:
    """Type a column: texts for COPY, in the same order and number, and the values refused.

    `split` cuts a text at that separator into a list, empty pieces left out (super only).
    """
    convert = _converter(column_type, split)
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


def _converter(column_type: ColumnType, split: str | None) -> Convert:
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


def _written(time: datetime) -> str:
    return time.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


def _timestamptz(value: str) -> str:
    time = parse_time(value)
    if time.tzinfo is None:
        raise ValueError("a time without an offset is ambiguous for timestamptz")
    try:
        return _written(time.astimezone(UTC)) + "+00"
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
