"""Dates and times as the servers of this world write them, each read by one declared way and no other.

Without a declared format a time is ISO 8601. Nothing is guessed: a time without an offset needs a zone for
timestamptz, and an abbreviation of a zone that RFC 822 does not list is no offset.
"""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from email.utils import parsedate_tz
from functools import lru_cache

from xmlift.tables.spelling import Spelling
from xmlift.tables.types import EPOCH_UNITS, NANOSECONDS, RFC822, time_zone

_REMEMBERED = 4096

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6}(?P<finer>[0-9]{0,3}))?)?"
    r"(Z|[+-][0-9]{2}(:?[0-5][0-9])?)?",
    re.ASCII,
)
_RFC822 = re.compile(
    r"(?:[A-Za-z]{3},\s*)?[0-9]{1,2}\s+[A-Za-z]{3}\s+(?:[0-9]{4}|[0-9]{2})\s+[0-9]{2}:[0-9]{2}(?::[0-9]{2})?"
    r"(?P<offset>\s+(?:[+-][0-9]{2}[0-5][0-9]|UTC?|GMT|Z|[ECMP][SD]T))?",
    re.ASCII,
)
_NUMBER = re.compile(r"[+-]?[0-9]{1,20}(?:\.[0-9]{1,12})?", re.ASCII)

type Parse = Callable[[str], datetime]


def date_converter(spelling: Spelling) -> Callable[[str], str]:
    """Values of a date: `YYYY-MM-DD`, or the day that a declared format has, in the zone where one is declared."""
    if spelling.format is None:
        return _iso_date
    parse, zone = _parser(spelling.format), time_zone(spelling.zone)

    # The days of a column come again and again.
    @lru_cache(maxsize=_REMEMBERED)
    def convert(value: str) -> str:
        time = parse(value.strip())
        try:
            return (time if zone is None or time.tzinfo is None else time.astimezone(zone)).date().isoformat()
        except OverflowError:
            raise ValueError("outside the years 1 to 9999 in its zone") from None

    return convert


def timestamptz_converter(spelling: Spelling) -> Callable[[str], str]:
    """Values of an instant; what has no offset of its own is of the zone."""
    parse, zone = _parser(spelling.format), time_zone(spelling.zone)

    def convert(value: str) -> str:
        time = parse(value.strip())
        if time.tzinfo is None:
            if zone is None:
                raise ValueError("a time without an offset is ambiguous for timestamptz: declare its `zone`")
            time = _in_zone(time, zone)
        try:
            return written_in_utc(time)
        except OverflowError:
            raise ValueError("outside the years 1 to 9999 in UTC") from None

    return convert


def timestamp_converter(spelling: Spelling) -> Callable[[str], str]:
    """Values of a wall clock, which no zone is known of."""
    parse = _parser(spelling.format)

    def convert(value: str) -> str:
        time = parse(value.strip())
        if time.tzinfo is not None:
            raise ValueError("a time with an offset would lose it in a timestamp: use timestamptz")
        return _written(time)

    return convert


CONVERTERS = {
    "date": date_converter,
    "timestamp": timestamp_converter,
    "timestamptz": timestamptz_converter,
}
"""By the type's name."""


def parse_time(value: str) -> datetime:
    """A date and time in ISO 8601, the offset (`Z`, `-06`, `-0600`, `-06:00`) kept or absent. Raises ValueError."""
    text = value.strip()
    match = _matched(text)
    if (match["finer"] or "").strip("0"):
        raise ValueError(f"finer than a microsecond: `format: {NANOSECONDS}` leaves out what is")
    return datetime.fromisoformat(text)


def _parse_cut(value: str) -> datetime:
    """As `parse_time`, to the microsecond below: fromisoformat leaves out further digits."""
    text = value.strip()
    _matched(text)
    return datetime.fromisoformat(text)


def _matched(text: str) -> re.Match[str]:
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError("not a time: expected YYYY-MM-DDThh:mm:ss with an optional fraction and offset")
    return match


def written_in_utc(time: datetime) -> str:
    """A time with an offset as timestamptz has it: all of one width, so that they sort as time does."""
    return _written(time.astimezone(UTC)) + "+00"


def _written(time: datetime) -> str:
    return time.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


def _iso_date(value: str) -> str:
    text = value.strip()
    if not _DATE.fullmatch(text):
        raise ValueError("not a date: expected YYYY-MM-DD")
    return date.fromisoformat(text).isoformat()


def _in_zone(time: datetime, zone: tzinfo) -> datetime:
    """A wall clock's time in its zone; of an hour that a zone has twice the first."""
    placed = time.replace(tzinfo=zone, fold=0)
    try:
        there_and_back = placed.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        raise ValueError("outside the years 1 to 9999 in UTC") from None
    if there_and_back != time:
        raise ValueError(f"no clock in {zone} ever showed it: it lies in an hour that was skipped there")
    return placed


def _parser(time_format: str | None) -> Parse:
    match time_format:
        case None:
            return parse_time
        case name if name == RFC822:
            return _parse_rfc822
        case name if name == NANOSECONDS:
            return _parse_cut
        case name if name in EPOCH_UNITS:
            return _epoch_parser(EPOCH_UNITS[name])
        case _:
            return lambda value: datetime.strptime(value, time_format)  # noqa: DTZ007 (its zone is seen to)


def _parse_rfc822(value: str) -> datetime:
    """A date of RFC 822 (RSS) or 5322. `-0000` is an instant, too: that of UTC."""
    match = _RFC822.fullmatch(value)
    parsed = parsedate_tz(value) if match else None
    if match is None or parsed is None:
        raise ValueError("not a date of RFC 822: expected Tue, 02 Jan 2024 03:04:05 +0100")
    try:
        wall_clock = datetime(*parsed[:6])  # noqa: DTZ001 (its zone is seen to)
        if match["offset"] is None:
            return wall_clock
        return wall_clock.replace(tzinfo=timezone(timedelta(seconds=parsed[9] or 0)))
    except ValueError as error:
        raise ValueError(f"not a date of RFC 822: {error}") from None


def _epoch_parser(units: int) -> Parse:
    """A number of units since 1970 in UTC, of which a second has so many."""

    def parse(value: str) -> datetime:
        if not _NUMBER.fullmatch(value):
            raise ValueError("not a number of seconds or milliseconds since 1970")
        microseconds = Decimal(value) * (1_000_000 // units)
        if microseconds != microseconds.to_integral_value():
            raise ValueError("finer than a microsecond")
        try:
            return _EPOCH + timedelta(microseconds=int(microseconds))
        except OverflowError:
            raise ValueError("outside the years 1 to 9999 in UTC") from None

    return parse
