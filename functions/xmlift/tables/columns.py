"""A column of text as the XML had it → the text that COPY reads, an empty text standing for NULL.

Most columns are written the way we would write them, from the first value to the last. So a column is looked at
as a whole: one expression over all values costs a tenth of a call for each. Only where that look does not tell
that every value fits are the values converted one by one (`values`), with the same result.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from json.encoder import encode_basestring
from typing import NamedTuple

from xmlift.tables.spelling import USUAL, Spelling
from xmlift.tables.types import MAX_VARCHAR_BYTES, ColumnType
from xmlift.tables.values import Convert, Refusal, convert_one_by_one, converter

Whole = Callable[[Sequence[str]], Sequence[str] | None]
"""Types a column; None, or ValueError, where it cannot tell that all values fit."""

_REMEMBERED = 4096
"""Dates and hours whose conversion is kept: half a year of hours, in memory too small to be seen."""


def convert_column(
    values: Sequence[str], column_type: ColumnType, spelling: Spelling = USUAL
) -> tuple[Sequence[str], list[Refusal]]:
    """Type a column: texts for COPY, in the same order and number, and the values refused.

    A value that does not fit keeps its place, as an empty text, and is named in the refusals, so that its row can
    go to the rejects with the reason. The texts may be the very sequence given.
    """
    values = spelling.without_nulls(values)
    if not any(values):
        return values, []
    try:
        texts = _whole(column_type, spelling)(values)
    except ValueError:
        texts = None
    return convert_one_by_one(values, column_type, spelling) if texts is None else (texts, [])


@cache
def _whole(column_type: ColumnType, spelling: Spelling) -> Whole:
    if spelling.format is not None:
        return _one_by_one
    match column_type.name:
        case "varchar":
            return _varchars(column_type.size)
        case "decimal":
            return _decimals(column_type.size, column_type.scale)
        case "super":
            return _jsons if spelling.is_json else _supers(spelling.split)
        case "timestamptz" if spelling.zone is not None:
            return _times(converter(column_type, spelling), has_zone=True)
        case name:
            return _PLAIN[name]


def _one_by_one(_: Sequence[str]) -> None:
    """Of a column with a format of its own nothing is seen at once."""
    return None


def _varchars(size: int) -> Whole:
    return lambda values: values if _all_fit(size, values) else None


def _all_fit(size: int, values: Sequence[str]) -> bool:
    """Whether no value has more bytes."""
    longest = max(map(len, values))
    # Four bytes a character at the most, so that most columns need not be encoded.
    return longest * 4 <= size or (longest <= size and max(map(len, map(str.encode, values))) <= size)


def _lines(expression: str) -> re.Pattern[str]:
    """Matches values that are joined by line ends and are empty or what the expression says, each."""
    return re.compile(f"(?:{expression})?(?:\n(?:{expression})?)*+", re.ASCII | re.MULTILINE)


def _joined(values: Sequence[str], lines: re.Pattern[str]) -> str | None:
    """The values joined by line ends, if all are as the expression says and none has a line end of its own."""
    text = "\n".join(values)
    return text if lines.fullmatch(text) and text.count("\n") == len(values) - 1 else None


def _whole_numbers(digits: int) -> Whole:
    lines = _lines(f"0|-?[1-9][0-9]{{0,{digits - 1}}}")
    return lambda values: None if _joined(values, lines) is None else values


def _decimals(precision: int, scale: int) -> Whole:
    before_point = f"(?:0|[1-9][0-9]{{0,{precision - scale - 1}}})" if precision > scale else "0"
    after_point = rf"(?:\.[0-9]{{1,{scale}}})?" if scale else ""
    lines = _lines(f"(?!-[0.]+$)-?{before_point}{after_point}")

    def whole(values: Sequence[str]) -> Sequence[str] | None:
        text = _joined(values, lines)
        if text is None or "." not in text or not ("0\n" in text or text.endswith("0")):
            return None if text is None else values
        return [
            value.rstrip("0").rstrip(".") if value[-1:] == "0" and "." in value else value for value in values
        ]

    return whole


# Without an exponent and this short, none becomes infinite or zero.
_SHORT_NUMBERS = _lines(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?")


def _doubles(values: Sequence[str]) -> Sequence[str] | None:
    if _joined(values, _SHORT_NUMBERS) is None:
        return None
    return [repr(float(value)) if value else "" for value in values]


_BOOLEANS = {"": "", "true": "true", "false": "false", "1": "true", "0": "false"}


def _booleans(values: Sequence[str]) -> Sequence[str] | None:
    if not _BOOLEANS.keys() >= set(values):
        return None
    return [_BOOLEANS[value] for value in values]


_DATES = _lines("[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _dates(convert: Convert) -> Whole:
    known = lru_cache(maxsize=_REMEMBERED)(convert)

    def whole(values: Sequence[str]) -> Sequence[str] | None:
        if _joined(values, _DATES) is None:
            return None
        return [known(value) if value else "" for value in values]

    return whole


_TIME = re.compile(r"[0-9-]{10}[T ][0-9:]{8}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}(?::?([0-9]{2}))?)?", re.ASCII)


class _TimeShape(NamedTuple):
    """How a time is written: what its offset changes ends at `changing`, the offset begins at `end`."""

    lines: re.Pattern[str]
    changing: int
    end: int
    filling: str


def _time_shape(value: str) -> _TimeShape | None:
    parts = _TIME.fullmatch(value)
    if parts is None:
        return None
    fraction, offset, minutes = parts.groups(default="")
    return _shape_of(len(fraction), len(offset), ":" in offset, minutes not in ("", "00"))


@cache
def _shape_of(fraction: int, offset: int, colon: bool, minutes: bool) -> _TimeShape:
    after_seconds = rf"\.[0-9]{{{fraction - 1}}}" if fraction else ""
    offset_minutes = (":" if colon else "") + ("[0-5][0-9]" if minutes else "00")
    hours = "[+-][0-9]{2}"
    offsets = {0: "", 1: "Z", 3: hours}.get(offset, hours + offset_minutes)
    lines = _lines(
        "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]" + after_seconds + offsets
    )
    filling = (".000000"[fraction:]) + ("+00" if offset else "")
    return _TimeShape(lines, 16 if minutes else 13, 19 + fraction, filling)


def _times(convert: Convert, *, has_zone: bool = False) -> Whole:
    """Times that are written alike: the day and the hour of each are converted once, the rest stays as it is.

    Where the catalogue knows the zone of a time without an offset, the minute is converted, too.
    """

    @lru_cache(maxsize=_REMEMBERED)
    def hour(text: str) -> str:
        return convert(text)[:13]

    @lru_cache(maxsize=_REMEMBERED)
    def minute(text: str) -> str:
        converted = convert(text)
        if converted[17:19] != "00":
            raise ValueError("an offset of seconds, as zones had them before there was a standard time")
        return converted[:16]

    def whole(values: Sequence[str]) -> Sequence[str] | None:
        shape = _time_shape(next(filter(None, values)))
        if shape is None or _joined(values, shape.lines) is None:
            return None
        _, changing, end, filling = shape
        if has_zone and not filling.endswith("+00"):
            changing, filling = 16, f"{filling}+00"
        # An offset of half an hour changes the minutes, too.
        beginning, rest = (hour, ":00") if changing == 13 else (minute, "")
        return [
            f"{beginning(f'{value[:changing]}{rest}{value[end:]}')}{value[changing:end]}{filling}"
            if value
            else ""
            for value in values
        ]

    return whole


# What JSON does not write as it is.
_ESCAPED = re.compile(r'["\\\x00-\x1f]')


def _supers(split: str | None) -> Whole:
    def whole(values: Sequence[str]) -> Sequence[str] | None:
        if split is None:
            texts = [encode_basestring(value) if value else "" for value in values]
        elif _ESCAPED.search("".join(values)):
            texts = [_json_list(value.split(split)) if value else "" for value in values]
        else:
            texts = [_plain_json_list(value.split(split)) if value else "" for value in values]
        return _jsons(texts)

    return whole


def _jsons(values: Sequence[str]) -> Sequence[str] | None:
    return values if _all_fit(MAX_VARCHAR_BYTES, values) else None


def _json_list(pieces: list[str]) -> str:
    return f"[{', '.join([encode_basestring(piece) for piece in pieces if piece])}]"


def _plain_json_list(pieces: list[str]) -> str:
    """As `_json_list`, of pieces without anything to be escaped."""
    inside = '", "'.join(filter(None, pieces))
    return f'["{inside}"]' if inside else "[]"


_PLAIN: dict[str, Whole] = {
    "bigint": _whole_numbers(18),  # any 18 digits fit 64 bits
    "integer": _whole_numbers(9),
    "double": _doubles,
    "boolean": _booleans,
    "date": _dates(converter(ColumnType("date"))),
    "timestamp": _times(converter(ColumnType("timestamp"))),
    "timestamptz": _times(converter(ColumnType("timestamptz"))),
}
