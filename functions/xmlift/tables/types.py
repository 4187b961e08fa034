"""Column types: how they are written in a catalogue and declared in Redshift."""

import re
from typing import NamedTuple

MAX_VARCHAR_BYTES = 65_535
MAX_DECIMAL_PRECISION = 38


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
