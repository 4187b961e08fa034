"""Columns of a table, and records repeated inside a record."""

from typing import Annotated, Any

from msgspec import Meta

from xmlift.catalogue.strict import Model, Name
from xmlift.tables.types import ColumnType, parse_type

# Every table of Redshift has columns of these names already.
_SYSTEM_COLUMNS = frozenset(
    {"oid", "tableoid", "ctid", "xmin", "xmax", "cmin", "cmax", "insertxid", "deletexid"}
)


class Column(Model, frozen=True):
    """One value of a record: an XPath from the record, and the type that it must have.

    `split` cuts a text into a list (super only); `required` sends a row without the value to the rejects.
    """

    path: Annotated[str, Meta(min_length=1)]
    type: str = "varchar(256)"
    split: Annotated[str, Meta(min_length=1)] | None = None
    required: bool = False

    def __post_init__(self) -> None:
        parsed = parse_type(self.type)
        if self.split is not None and parsed.name != "super":
            raise ValueError(f"split makes a list, which {self.type} cannot hold: use type super")

    @property
    def column_type(self) -> ColumnType:
        return parse_type(self.type)


Columns = Annotated[dict[Name, Column], Meta(min_length=1)]


class Child(Model, frozen=True):
    """Records repeated inside a record: a table of its own, named `<stream>__<child>`."""

    records: Annotated[str, Meta(min_length=1)]
    columns: Columns

    def __post_init__(self) -> None:
        refuse_system_columns(self.columns)


def refuse_system_columns(columns: dict[str, Any]) -> None:
    """Raises ValueError for a name that every table has already."""
    if taken := sorted(_SYSTEM_COLUMNS & set(columns)):
        raise ValueError(f"column {taken[0]!r} is a system column of every table: name it otherwise")
