"""What a column says of its values' spelling, checked: a mistake is told here and not by each record."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import available_timezones

from xmlift.tables.types import EPOCH_UNITS, NANOSECONDS, RFC822, ColumnType, time_zone

_FORMATS = (RFC822, NANOSECONDS, *EPOCH_UNITS)
_TIMES = ("date", "timestamp", "timestamptz")
_SOME_TIME = datetime(2001, 2, 3, 4, 5, 6, 7, UTC)


def check_nulls(nulls: Sequence[str]) -> None:
    """Raises ValueError for a text that no value can be."""
    for text in nulls:
        if not text or text != text.strip():
            raise ValueError(
                f"nulls: {text!r}: values are compared without spaces around them, and an empty one is none anyway"
            )


def check_too_long(too_long: str | None, column_type: ColumnType) -> None:
    """Raises ValueError for a length that the type does not have."""
    if too_long is not None and column_type.name != "varchar":
        raise ValueError(f"too_long: {too_long} is for texts, and the type is {column_type}: use varchar(n)")


def check_time(time_format: str | None, zone: str | None, column_type: ColumnType) -> None:
    """Raises ValueError where no value could have the type in this format and zone."""
    if time_format is not None:
        _check_format(time_format, column_type)
        _check_offset(time_format, zone, column_type)
        _check_directives(time_format)
    if zone is not None:
        is_day_of_instant = column_type.name == "date" and time_format in EPOCH_UNITS
        if column_type.name != "timestamptz" and not is_day_of_instant:
            raise ValueError(f"zone {zone!r} places a time without an offset: use type timestamptz")
        check_zone(zone)


def _check_format(time_format: str, column_type: ColumnType) -> None:
    if column_type.name not in _TIMES:
        raise ValueError(f"format {time_format!r} is for times: use type {', '.join(_TIMES)}")
    if time_format in _FORMATS:
        return
    try:
        datetime.strptime(_SOME_TIME.strftime(time_format), time_format)  # noqa: DTZ007 (only tried)
        is_format = "%" in time_format
    except ValueError:
        is_format = False
    if not is_format:
        raise ValueError(
            f"format {time_format!r} is none: write strptime's directives (%Y-%m-%dT%H:%M:%S%z), "
            f"{', '.join(_FORMATS)}"
        )


def _check_directives(time_format: str) -> None:
    """Raises ValueError for what strptime reads past, and for a date of which a part would be made up."""
    if time_format in _FORMATS:
        return
    asked = set(re.findall(r"%(.)", time_format.replace("%%", "")))
    where = f"format {time_format!r}: "
    if "Z" in asked:
        raise ValueError(
            f"{where}%Z names a zone, and shifts no time by it: write %z where the values have an offset, else the "
            "name as it stands there and the `zone` that it means"
        )
    if weeks := asked & {"U", "W"}:
        raise ValueError(f"{where}%{min(weeks)} counts weeks, which strptime passes over: %G-W%V-%u is a day")
    if "I" in asked and "p" not in asked:
        raise ValueError(f"{where}%I is half a day's hour: write %p beside it, or %H")
    if "p" in asked and "I" not in asked:
        raise ValueError(f"{where}%p says nothing of %H: write %I beside it")
    if asked & {"c", "x"} or {"G", "V"} < asked:
        return
    parts = {"year": {"Y", "y"}, "month": {"m", "b", "B", "j"}, "day": {"d", "j"}}
    for part, directives in parts.items():
        if not asked & directives:
            raise ValueError(
                f"{where}it has no {part}: a whole date is %Y with %m and %d, or with %j; what is none is a varchar"
            )


def _check_offset(time_format: str, zone: str | None, column_type: ColumnType) -> None:
    """A format that always has an offset, or never, is of no use for a type that wants the other."""
    instant = time_format in EPOCH_UNITS or "%z" in time_format
    if column_type.name == "timestamp" and (instant or time_format == RFC822):
        raise ValueError(f"format {time_format!r} has an offset, which timestamp would lose: use timestamptz")
    may_have_one = time_format in (RFC822, NANOSECONDS)
    if column_type.name == "timestamptz" and not instant and not may_have_one and zone is None:
        raise ValueError(
            f"format {time_format!r} has no offset (%z): declare the times' `zone`, or use type timestamp"
        )


def check_zone(zone: str) -> None:
    try:
        time_zone(zone)
    except ValueError:
        # Some functions have no database of zones. The one that needs it, extract, brings its own.
        if zone.startswith(("+", "-")) or available_timezones():
            raise
