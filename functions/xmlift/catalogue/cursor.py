"""Cursors: what says which records changed, and lengths of time as catalogues write them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from msgspec import Meta

from xmlift.catalogue.spelling import check_zone
from xmlift.catalogue.strict import Model, Name
from xmlift.tables.types import EPOCH_UNITS

_DURATION = re.compile(r"([0-9]{1,6})(us|ms|s|m|h|d)")
_UNITS = {
    "us": timedelta(microseconds=1),
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}

_DIRECTIVE = re.compile(r"%[-_0^#:]*([A-Za-z%])")
_FINEST = {
    "1us": "f",
    "1s": "SsTrcX+",
    "1m": "MR",
    "1h": "HIkl",
    "1d": "dejaAuwDFxv",
}
"""By strftime's directives the finest time that a format tells, finest first."""

_ZERO = timedelta(0)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def parse_duration(text: str) -> timedelta:
    """A length of time as catalogues write it: `500ms`, `5m`, `30d`. Raises ValueError."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a length of time: write a number and us, ms, s, m, h or d (5m)")
    return int(match[1]) * _UNITS[match[2]]


def _finest_time(template: str) -> str | None:
    """The finest time that a strftime template tells; None where not even the day is in it."""
    told = set(_DIRECTIVE.findall(template))
    return next((length for length, directives in _FINEST.items() if told.intersection(directives)), None)


class TimeCursor(Model, frozen=True):
    """What cursors have that ask for a stretch of time: how it is cut, and how its bounds are written.

    `start` is where the source's time begins; `slice` cuts long windows; `resolution` is the finest time that the
    server tells apart. `format` is strftime's (`%f` with as many digits as the resolution needs), `epoch_seconds`
    or `epoch_milliseconds`; `zone` (an offset or an IANA name, else UTC) is that of the clock whose time is asked.
    """

    start: str = "1970-01-01T00:00:00Z"
    slice: str | None = None
    format: str = "%Y-%m-%dT%H:%M:%S.%f%z"
    resolution: str = "1us"
    zone: str | None = None

    def __post_init__(self) -> None:
        if self.overlap_time < _ZERO or not _ZERO < self.resolution_time <= timedelta(days=1):
            raise ValueError("cursor resolution must lie between 1us and 1d")
        if self.format in EPOCH_UNITS and self.resolution_time * EPOCH_UNITS[self.format] < timedelta(
            seconds=1
        ):
            raise ValueError(
                f"cursor format {self.format} tells no finer time: say so by `resolution`, 1s or 1ms"
            )
        if self.format not in EPOCH_UNITS:
            self._check_format()
        if self.slice_time is not None and self.slice_time < timedelta(minutes=1):
            raise ValueError("cursor slice must be at least 1m")
        if self.start_time.tzinfo is None:
            raise ValueError(f"cursor start {self.start!r} needs an offset: write 2020-01-01T00:00:00Z")
        if self.zone is not None:
            check_zone(self.zone)

    def _check_format(self) -> None:
        """What a bound loses as it is written is asked for by nobody: windows would lack it."""
        finest = _finest_time(self.format)
        if finest is None:
            raise ValueError(
                f"cursor format {self.format!r} does not tell the day: write strftime's directives (%Y-%m-%d)"
            )
        if self.resolution_time % parse_duration(finest):
            raise ValueError(
                f"cursor format {self.format!r} tells no finer time than {finest}, and `resolution` is "
                f"{self.resolution}: write `resolution: {finest}`, or a format that tells it (%H:%M:%S.%f)"
            )

    @property
    def overlap_time(self) -> timedelta:
        """How late the server may commit a change with an earlier time (P2)."""
        raise NotImplementedError

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


class Watermark(TimeCursor, frozen=True, kw_only=True, tag_field="type", tag="watermark"):
    """Read what changed since: the field's time orders a record's versions and selects what is read.

    `overlap` is how late the server may commit a change with an earlier time.
    """

    field: Name
    overlap: str = "5m"

    @property
    def overlap_time(self) -> timedelta:
        return parse_duration(self.overlap)


class Window(TimeCursor, frozen=True, tag_field="type", tag="window"):
    """Read what the server says lies in a stretch of time, by a time that its records do not tell.

    The later reading of a record is its newer version. `lag` is how late the server may commit a change with an
    earlier time.
    """

    lag: str = "5m"

    @property
    def overlap_time(self) -> timedelta:
        return parse_duration(self.lag)


class _Everything(Model, frozen=True):
    """Cursors that ask for no time: each run reads one window, to which the source's time begins in 1970."""

    @property
    def overlap_time(self) -> timedelta:
        return _ZERO

    @property
    def slice_time(self) -> timedelta | None:
        return None

    @property
    def start_time(self) -> datetime:
        return _BEGINNING


class Full(_Everything, frozen=True, tag_field="type", tag="full"):
    """Read everything in each run: what did not change is told by its hash, in the warehouse."""


class DeltaLink(_Everything, frozen=True, tag_field="type", tag="delta_link"):
    """Read everything once, then what changed: the last page names the URL that the next run begins with.

    `xpath` is where; the link is the source's own affair, and goes on only from what is loaded.
    """

    xpath: Annotated[str, Meta(min_length=1)]


Cursor = Watermark | Window | Full | DeltaLink
