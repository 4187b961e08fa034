"""Cursors: what says which records changed, and lengths of time as catalogues write them."""

import re
from datetime import UTC, datetime, timedelta

from xmlift.catalogue.strict import Model, Name

_DURATION = re.compile(r"([0-9]{1,6})(us|ms|s|m|h|d)")
_UNITS = {
    "us": timedelta(microseconds=1),
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}

_ZERO = timedelta(0)


def parse_duration(text: str) -> timedelta:
    """A length of time as catalogues write it: `500ms`, `5m`, `30d`. Raises ValueError."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a length of time: write a number and us, ms, s, m, h or d (5m)")
    return int(match[1]) * _UNITS[match[2]]


class Watermark(Model, frozen=True, tag_field="type", tag="watermark"):
    """Read what changed since: the field's time orders a record's versions and selects what is read.

    `overlap` is how late the server may commit a change with an earlier time; `slice` cuts long windows;
    `resolution` is the finest time that the server tells apart.
    """

    field: Name
    overlap: str = "5m"
    start: str = "1970-01-01T00:00:00Z"
    slice: str | None = None
    format: str = "%Y-%m-%dT%H:%M:%S.%f%z"
    resolution: str = "1us"

    def __post_init__(self) -> None:
        if self.overlap_time < timedelta(0) or not _ZERO < self.resolution_time <= timedelta(days=1):
            raise ValueError("cursor resolution must lie between 1us and 1d")
        if self.slice_time is not None and self.slice_time < timedelta(minutes=1):
            raise ValueError("cursor slice must be at least 1m")
        if self.start_time.tzinfo is None:
            raise ValueError(f"cursor start {self.start!r} needs an offset: write 2020-01-01T00:00:00Z")

    @property
    def overlap_time(self) -> timedelta:
        return parse_duration(self.overlap)

    @property
    def resolution_time(self) -> timedelta:
        return parse_duration(self.resolution)

    @property
    def slice_time(self) -> timedelta | None:
        return None if self.slice is None else parse_duration(self.slice)

    @property
    def start_time(self) -> datetime:
        try:
            start = datetime.fromisoformat(self.start)
        except ValueError as error:
            raise ValueError(
                f"cursor start {self.start!r} is not a time: write 2020-01-01T00:00:00Z"
            ) from error
        return start.astimezone(UTC) if start.tzinfo else start
