"""Column types: how they are written in a catalogue and declared in Redshift; and what a catalogue calls zones."""

import re
from datetime import timedelta, timezone, tzinfo
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

MAX_VARCHAR_BYTES = 65_535
MAX_DECIMAL_PRECISION = 38

RFC822 = "rfc822"
NANOSECONDS = "iso8601_nanoseconds"
EPOCH_UNITS = {"epoch_seconds": 1, "epoch_milliseconds": 1000}
"""Formats of time that strptime does not know: dates of RSS, ISO 8601 finer than a microsecond, and numbers since
1970, so many in a second."""


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

    @property
    def is_text(self) -> bool:
        """Whether its values may hold anything: those of the others are digits, signs and a few letters."""
        return self.name in ("varchar", "super")

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


_OFFSET = re.compile(r"([+-])([01][0-9]|2[0-3])(?::?([0-5][0-9]))?", re.ASCII)


@cache
def time_zone(name: str | None) -> tzinfo | None:
    """A zone by its IANA name or as an offset. Raises ValueError for one that is not known."""
    if name is None:
        return None
    if offset := _OFFSET.fullmatch(name):
        sign, hours, minutes = offset.groups(default="00")
        length = timedelta(hours=int(hours), minutes=int(minutes))
        return timezone(-length if sign == "-" else length)
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError) as error:
        raise ValueError(
            f"unknown zone {name!r}: write an offset (+05:30) or an IANA name (Europe/Berlin)"
        ) from error
