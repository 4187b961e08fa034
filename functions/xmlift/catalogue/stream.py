"""A stream: one table with its children, how its records are read, and what becomes of them in the warehouse."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from msgspec import Meta, field

from xmlift.catalogue.column import Child, Columns, refuse_system_columns
from xmlift.catalogue.cursor import Cursor, DeltaLink, Full, TimeCursor, Watermark, Window
from xmlift.catalogue.deletes import Deletes, PeriodicFull, SecondFeed, Tombstone
from xmlift.catalogue.for_each import ForEach
from xmlift.catalogue.guards import Guards
from xmlift.catalogue.paging import NoPaging, OffsetPaging, PageNumberPaging, Paging, TokenPaging
from xmlift.catalogue.request import Request
from xmlift.catalogue.spelling import check_nulls, check_time
from xmlift.catalogue.strict import Model, Name

# The table `<stream>__mutex` is the lock that loaders wait at.
_MUTEX = "mutex"

# What scd2 adds to its table beside the stream's own columns.
_VALIDITY = frozenset({"valid_from", "valid_to", "is_current"})

# The ledger keeps it as an INTEGER.
_MOST_EPOCHS = 2**31 - 1


KeepRaw = Annotated[
    str, Meta(pattern="^[1-9][0-9]{0,3}d$", description="days that answers are kept as they came: 30d")
]


class Stream(Model, frozen=True):
    """One table: how it is asked for, where its records stand, and what becomes of them.

    `after` names streams that are loaded before this one is read; with `for_each` it is read once for each value
    of a column of another one, which `{partition}` in the request stands for.

    `epoch` is raised when a mapping changed and all has to be read anew: what was read before does not count.
    """

    records: Annotated[str, Meta(pattern=r"^/[^/]", description="absolute path of a record: /list/record")]
    columns: Columns
    request: Request | None = None
    inbox: bool = False
    page: Paging = field(default_factory=NoPaging)
    guards: Guards = field(default_factory=Guards)
    cursor: Cursor | None = None
    for_each: ForEach | None = None
    after: list[Name] = field(default_factory=list)
    key: list[Name] = field(default_factory=list)
    disposition: Literal["append", "merge", "replace", "scd2"] = "merge"
    deletes: Deletes | None = None
    epoch: Annotated[int, Meta(ge=0, le=_MOST_EPOCHS)] = 0
    children: dict[Name, Child] = field(default_factory=dict)
    transform: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")] | None = None
    local_names: bool = False
    repair: bool = False
    max_rejects: Annotated[int, Meta(ge=0)] = 100
    keep_raw: KeepRaw | None = None
    contract: Literal["evolve", "freeze", "discard"] = "evolve"

    def __post_init__(self) -> None:
        refuse_system_columns(self.columns)
        if self.request is not None:
            self.request.check_page(self.page)
        else:
            self._check_unasked()
        if self.inbox:
            self._check_inbox()
        for name in self.key:
            self._check_key(name)
        self._check_cursor()
        self._check_partition()
        self._check_disposition()
        self._check_contract()
        if self.transform and self.children:
            raise ValueError("a stream with a transform has no children: the transform sees one table")
        if _MUTEX in self.children:
            raise ValueError(f"child {_MUTEX!r}: that table is the loaders' lock: name the child otherwise")

    def _check_key(self, name: str) -> None:
        column = self.columns.get(name)
        if column is None:
            raise ValueError(f"key {name!r} is not among the columns: {_known(self.columns)}")
        if column.column_type.name in ("super", "double"):
            raise ValueError(
                f"key {name!r} is of type {column.type}, which cannot be told apart exactly: use varchar, a whole "
                "number or decimal"
            )

    def _check_cursor(self) -> None:
        cursor = self.cursor
        if isinstance(cursor, Watermark):
            self._check_cursor_field(cursor.field)
        if not isinstance(cursor, TimeCursor) and self._asks_for("{window."):
            raise ValueError(
                "the request asks for {window.…}, so the stream needs a cursor of type watermark or window"
            )
        if isinstance(cursor, Window) and not self.is_bounded:
            raise ValueError(
                "a window cursor knows a record by nothing but the time that was asked for: use both {window.from} "
                "and {window.to} in the request, or a watermark with a `field`"
            )
        if isinstance(cursor, DeltaLink):
            self._check_delta()

    def _check_delta(self) -> None:
        if self.disposition not in ("merge", "scd2"):
            raise ValueError(
                f"delta_link brings what changed, and {self.disposition} would take the rest for gone: use merge "
                "or scd2"
            )
        if isinstance(self.page, OffsetPaging | PageNumberPaging):
            raise ValueError(  # noqa: TRY004 (of the catalogue, not of the program)
                "delta_link: what it leads to is no list whose pages could be counted: use a `page` of type "
                "next_url, token or none"
            )
        if isinstance(self.page, TokenPaging) and (self.page.parameter is None or self.page.exclusive):
            raise ValueError(
                "delta_link: a page's token is sent in the query of the link: name it as `page.parameter`, and "
                "leave out `exclusive`"
            )

    def _check_cursor_field(self, name: str) -> None:
        column = self.columns.get(name)
        if column is None:
            raise ValueError(f"cursor field {name!r} is not among the columns: {_known(self.columns)}")
        if column.column_type.name != "timestamptz":
            raise ValueError(f"cursor field {name!r} must be of type timestamptz, not {column.type}")

    def _check_partition(self) -> None:
        asks = self._asks_for("{partition}")
        if asks and self.for_each is None:
            raise ValueError(
                "the request asks for {partition}, so the stream needs `for_each`: {stream, field}"
            )
        if self.for_each is not None and not asks:
            raise ValueError(
                "a stream with `for_each` reads each partition by itself: say {partition} in its request"
            )

    def _check_disposition(self) -> None:
        if self.disposition in ("merge", "scd2") and not self.key:
            raise ValueError(f"{self.disposition} needs a key: name the columns that identify a record")
        if self.disposition == "append" and self.request is None and self.cursor_field is None:
            raise ValueError(
                "append needs a watermark cursor, by whose time the rows of a file are known again"
            )
        if (
            self.disposition == "append"
            and self.request is not None
            and (self.cursor_field is None or not self.is_bounded)
        ):
            raise ValueError(
                "append takes what a window holds: it needs a watermark cursor, and a request that uses both "
                "{window.from} and {window.to}; where the cursor can change or be empty, use merge"
            )
        if self.disposition == "scd2":
            self._check_history()
        if self.deletes and self.disposition not in ("merge", "scd2"):
            raise ValueError(
                f"{self.disposition} has no use for deletes, which say that a key is gone: use merge or scd2"
            )
        if isinstance(self.deletes, PeriodicFull):
            self._check_periodic(self.deletes)
        if isinstance(self.deletes, SecondFeed):
            self._check_second_feed(self.deletes)

    def _check_second_feed(self, deletes: SecondFeed) -> None:
        if self.request is None or isinstance(self.cursor, DeltaLink):
            raise ValueError(
                "a second feed is read in the stream's windows: it needs a `request` of the stream, and another "
                "cursor than delta_link"
            )
        if self.cursor_field is None and self.request.bootstrap is not None:
            raise ValueError(
                "without a cursor's `field` the second feed is read first, so that a key which is restored is "
                "there: then the stream's request can have no `bootstrap`. Use a watermark, or leave that out"
            )
        if set(deletes.columns) != self.identifying_columns:
            raise ValueError(
                f"the second feed's columns are {_known(deletes.columns)}: it needs those of the key and the "
                f"cursor, and no others: {', '.join(sorted(self.identifying_columns))}"
            )
        for name, column in deletes.columns.items():
            check_nulls(column.nulls)
            check_time(column.format, column.zone, self.columns[name].column_type)
        if not isinstance(self.cursor, TimeCursor) and deletes.request.asks_for("{window."):
            raise ValueError(
                "the second feed asks for {window.…}, so the stream needs a cursor of type watermark or window"
            )
        if self.for_each is None and deletes.request.asks_for("{partition}"):
            raise ValueError("the second feed asks for {partition}, so the stream needs `for_each`")

    def _check_unasked(self) -> None:
        """Of a stream without a request: files bring its records, and nothing asks a server."""
        if not self.inbox:
            raise ValueError(
                "a stream needs a `request`, or `inbox: true` where its records come as files that are dropped"
            )
        if not isinstance(self.cursor, Watermark | None):
            raise ValueError(  # noqa: TRY004 (of the catalogue, not of the program)
                "without a `request` there is nothing to ask: of cursors only watermark tells something of a file"
            )
        for name, given in ("page", not isinstance(self.page, NoPaging)), ("after", bool(self.after)):
            if given:
                raise ValueError(f"without a `request` nothing is asked for: leave out `{name}`")

    def _check_inbox(self) -> None:
        if self.disposition not in ("merge", "append"):
            raise ValueError(
                f"a dropped file brings some records, and {self.disposition} has to know all, or their order: use "
                "merge or append for a stream with an inbox"
            )
        if isinstance(self.cursor, DeltaLink):
            raise ValueError(  # noqa: TRY004 (of the catalogue, not of the program)
                "a dropped file has no link to go on from: leave out `inbox`, or the cursor delta_link"
            )
        if self.for_each is not None:
            raise ValueError("each dropped file is a partition of its own: leave out `for_each` or `inbox`")

    def _check_periodic(self, deletes: PeriodicFull) -> None:
        if self.disposition != "merge":
            raise ValueError(
                f"periodic_full marks the rows that are gone, which {self.disposition} has none of: use merge"
            )
        if not isinstance(self.cursor, Full | TimeCursor):
            raise ValueError(  # noqa: TRY004 (of the catalogue, not of the program)
                "periodic_full needs a cursor of type full, watermark or window: by it all can be read again"
            )
        if (deletes.every is None) != isinstance(self.cursor, Full):
            raise ValueError(
                "periodic_full: say `every` how often all is read again (7d); only with a cursor of type full is "
                "it each run, and `every` left out"
            )
        self._check_counted_set()

    def _check_counted_set(self) -> None:
        """Where a record goes while counted pages are read, the next one moves to a page that was read before."""
        page, bootstrap = self.page, self.request.bootstrap if self.request else None
        if isinstance(page, OffsetPaging):
            is_told = page.total is not None or (bootstrap is not None and "total" in bootstrap.values)
        else:
            is_told = not isinstance(page, PageNumberPaging)
        if not is_told:
            raise ValueError(
                "periodic_full takes what it does not find for gone, and a record is not found that moves between "
                "counted pages while they are read: only page offset with a `total` (in the page, or captured by "
                "`bootstrap`) shows that. Use it, or next_url or token"
            )

    def _check_contract(self) -> None:
        for table, columns in ("", self.columns), *self._child_columns(self.children):
            for name, column in columns.items():
                if self.contract != "evolve" and column.too_long == "widen":
                    raise ValueError(
                        f"{table}column {name}: contract {self.contract} lets no column grow: leave out `too_long: "
                        "widen`, or use evolve"
                    )
        for name in self.key:
            if self.columns[name].too_long in ("cut", "widen"):
                raise ValueError(
                    f"key {name!r}: too_long {self.columns[name].too_long} is not for a key, by which rows are "
                    "told apart: declare it as wide as it may be"
                )

    def _child_columns(self, children: dict[Name, Child]) -> Iterator[tuple[str, Columns]]:
        for name, child in children.items():
            yield f"child {name}: ", child.columns
            yield from self._child_columns(child.children)

    def _check_history(self) -> None:
        if self.children:
            raise ValueError(
                "a stream with scd2 has no children: their history is not kept; use merge, or make the children a "
                "stream of their own"
            )
        if taken := sorted(_VALIDITY & set(self.columns)):
            raise ValueError(f"column {taken[0]!r} is one that scd2 adds to its table: name it otherwise")

    def _asks_for(self, placeholder: str) -> bool:
        return self.request is not None and self.request.asks_for(placeholder)

    @property
    def is_bounded(self) -> bool:
        """Whether the server is asked for exactly a window's records, so that slices make sense (P4)."""
        return self._asks_for("{window.from}") and self._asks_for("{window.to}")

    @property
    def cursor_field(self) -> str | None:
        """The column whose time orders a record's versions; without one the later reading is the newer."""
        return self.cursor.field if isinstance(self.cursor, Watermark) else None

    @property
    def has_tombstones(self) -> bool:
        """Whether some of its rows say no more than that a key is gone."""
        return isinstance(self.deletes, Tombstone | SecondFeed)

    @property
    def has_hashes(self) -> bool:
        """Whether a row that says the same as the one before it changes nothing."""
        return self.disposition == "scd2" or (self.disposition == "merge" and isinstance(self.cursor, Full))

    @property
    def identifying_columns(self) -> frozenset[str]:
        """The key's columns and the cursor's: all that has to be known of a tombstone."""
        return frozenset({*self.key, *([self.cursor_field] if self.cursor_field else [])})

    @property
    def required_columns(self) -> frozenset[str]:
        """Columns whose absence rejects a row: declared so, the key's, and the cursor's."""
        return self.identifying_columns | {name for name, column in self.columns.items() if column.required}


def _known(columns: dict[str, Any]) -> str:
    return ", ".join(sorted(columns))
