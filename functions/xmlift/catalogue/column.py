"""Columns of a table, and records repeated inside a record."""

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from xmlift.catalogue.nodes import Content, Pairs
from xmlift.catalogue.spelling import check_nulls, check_time, check_too_long
from xmlift.catalogue.strict import Model, Name
from xmlift.tables.types import ColumnType, parse_type

# Every table of Redshift has columns of these names already.
_SYSTEM_COLUMNS = frozenset(
    {"oid", "tableoid", "ctid", "xmin", "xmax", "cmin", "cmax", "insertxid", "deletexid"}
)


class Column(Model, frozen=True):
    """One value of a record: an XPath from the record, and the type that it must have.

    Of the nodes that `path` finds the first one's text counts, `many` takes all as a list, or as a text with `join`
    between them; `pairs` in place of a path makes an object of keys and values, with `many` of lists of values.
    `content` is for embedded XHTML: its words, or its markup.
    `split` cuts a text into a list (super only); `required` sends a row without the value to the rejects.
    `nulls` are texts that mean no value; `format` (of strptime, or rfc822, iso8601_nanoseconds, epoch_seconds,
    epoch_milliseconds) and `zone` say how times are written; `too_long` is what becomes of a text longer than
    its varchar.
    """

    path: Annotated[str, Meta(min_length=1)] = ""
    many: bool = False
    join: str | None = None
    pairs: Pairs | None = None
    content: Content | None = None
    type: str = "varchar(256)"
    split: Annotated[str, Meta(min_length=1)] | None = None
    required: bool = False
    nulls: list[str] = field(default_factory=list)
    format: Annotated[str, Meta(min_length=1)] | None = None
    zone: Annotated[str, Meta(min_length=1)] | None = None
    too_long: Literal["reject", "widen", "cut"] | None = None

    def __post_init__(self) -> None:
        parsed = parse_type(self.type)
        check_nulls(self.nulls)
        check_time(self.format, self.zone, parsed)
        check_too_long(self.too_long, parsed)
        self._check_nodes(parsed)
        if self.split is not None and parsed.name != "super":
            raise ValueError(f"split makes a list, which {self.type} cannot hold: use type super")

    def _check_nodes(self, parsed: ColumnType) -> None:
        """Raises ValueError for what contradicts itself, or what the type cannot hold."""
        if (self.path == "") == (self.pairs is None):
            raise ValueError("a column has a `path`, or `pairs` in its place: write one of them")
        if self.join is not None and (not self.many or self.pairs):
            raise ValueError("join is put between many values: write `many: true` beside it, and `path`")
        several = self.many or self.pairs is not None
        if several and (self.split is not None or self.content is not None or self.nulls):
            raise ValueError(
                "split, content and nulls are for one value: leave them out beside many and pairs, or make a child "
                "table of the values"
            )
        if self.is_json and parsed.name != "super":
            raise ValueError(
                f"many and pairs make a list or an object, which {self.type} cannot hold: use type super"
            )
        if (self.join is not None or self.content is not None) and parsed.name != "varchar":
            raise ValueError(f"join and content make a text, which {self.type} cannot hold: use varchar(n)")

    @property
    def column_type(self) -> ColumnType:
        return parse_type(self.type)

    @property
    def is_json(self) -> bool:
        """Whether the value is a list or an object already, as JSON."""
        return self.join is None and (self.many or self.pairs is not None)


Columns = Annotated[dict[Name, Column], Meta(min_length=1)]


class Child(Model, frozen=True):
    """Records repeated inside a record: a table of its own, named `<stream>__<child>`.

    Its own children are in tables named `<stream>__<child>__<grandchild>`, and so on to any depth.
    """

    records: Annotated[str, Meta(min_length=1)]
    columns: Columns
    children: "dict[Name, Child]" = field(default_factory=dict)

    def __post_init__(self) -> None:
        refuse_system_columns(self.columns)


def refuse_system_columns(columns: dict[str, Any]) -> None:
    """Raises ValueError for a name that every table has already."""
    if taken := sorted(_SYSTEM_COLUMNS & set(columns)):
        raise ValueError(f"column {taken[0]!r} is a system column of every table: name it otherwise")
