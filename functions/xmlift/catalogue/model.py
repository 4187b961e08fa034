"""The typed model of a source's YAML. Its JSON Schema is terraform/sources/schema.json, for editors.

Each structure refuses keys that it does not know, and checks itself what types cannot say.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct, field

from xmlift.tables.types import ColumnType, parse_type

# Redshift folds unquoted names to lower case and allows 127 bytes. A leading `_` is lineage's, and a double one
# parts a stream's name from its child's (`work_items__comments`, for a load `winners_work_items__comments`).
Name = Annotated[
    str,
    Meta(
        pattern=r"^[a-z](_?[a-z0-9])*$", max_length=58, description="lower case, digits and single _ between"
    ),
]

# Every table of Redshift has columns of these names already.
_SYSTEM_COLUMNS = frozenset(
    {"oid", "tableoid", "ctid", "xmin", "xmax", "cmin", "cmax", "insertxid", "deletexid"}
)

# Schemas that are the warehouse's own, or xmlift's: a source's name is that of its schema.
_TAKEN_SCHEMAS = frozenset({"xmlift", "public", "information_schema"})

# The table `<stream>__mutex` is the lock that loaders wait at.
_MUTEX = "mutex"

_DURATION = re.compile(r"([0-9]{1,6})(us|ms|s|m|h|d)")
_UNITS = {
    "us": timedelta(microseconds=1),
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}


def parse_duration(text: str) -> timedelta:
    """A length of time as catalogues write it: `500ms`, `5m`, `30d`. Raises ValueError."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a length of time: write a number and us, ms, s, m, h or d (5m)")
    return int(match[1]) * _UNITS[match[2]]


class Model(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What all parts of a catalogue share: immutable, by keyword, no key that is not known."""


class NoLogin(Model, frozen=True, tag_field="type", tag="none"):
    """The endpoint is open."""


class BasicLogin(Model, frozen=True, tag_field="type", tag="basic"):
    """HTTP Basic with the secret's `username` and `password`."""

    secret: Name


class JazzFormLogin(Model, frozen=True, tag_field="type", tag="jazz_form"):
    """IBM Jazz form login below the base URL, with the secret's `username` and `password`."""

    secret: Name


Login = NoLogin | BasicLogin | JazzFormLogin


class Limits(Model, frozen=True):
    """How hard a source may be asked, and what is too much to take from it.

    `requests_per_second` is the pace of each function at work: the source sees it times the Map's concurrency.
    """

    requests_per_second: Annotated[float, Meta(gt=0, le=1000)] = 10.0
    timeout_seconds: Annotated[float, Meta(gt=0, le=600)] = 60.0
    attempts: Annotated[int, Meta(ge=1, le=20)] = 5
    page_megabytes: Annotated[int, Meta(ge=1, le=8192)] = 512
    record_megabytes: Annotated[int, Meta(ge=1, le=512)] = 16
    windows_per_run: Annotated[int, Meta(ge=1, le=10_000)] = 1_000


class NoPaging(Model, frozen=True, tag_field="type", tag="none"):
    """One answer holds everything."""


class NextUrlPaging(Model, frozen=True, tag_field="type", tag="next_url"):
    """The answer names the URL of the next page, which is followed verbatim, within the source's origin."""

    xpath: str
    when: str | None = None


Paging = NoPaging | NextUrlPaging


class Watermark(Model, frozen=True, tag_field="type", tag="watermark"):
    """Read what changed since: the field's time orders a record's versions and selects what is read.

    `overlap` is how late the server may commit a change with an earlier time; `slice` cuts long windows
    (needed by `append`); `resolution` is the finest time that the server tells apart.
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


_ZERO = timedelta(0)

_WINDOW = ("{window.from}", "{window.to}")
# What looks like one of ours and is not would reach the server as it stands, and leave the stream unbounded.
_PLACEHOLDER = re.compile(r"\{[A-Za-z_][\w.]*\}")


class Request(Model, frozen=True):
    """What is asked: a path below the base URL and query values.

    `{window.from}` and `{window.to}` in a query value become the window's bounds in the cursor's format.
    """

    path: Annotated[str, Meta(pattern=r"^/")]
    query: dict[str, str | int] = {}
    headers: dict[str, str] = {}

    def __post_init__(self) -> None:
        for key, value in self.query.items():
            for placeholder in _PLACEHOLDER.findall(str(value)):
                if placeholder not in _WINDOW:
                    raise ValueError(
                        f"query {key}: nothing stands for {placeholder}; write {' or '.join(_WINDOW)}"
                    )

    def asks_for(self, placeholder: str) -> bool:
        return any(placeholder in str(value) for value in self.query.values())


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
        _refuse_system_columns(self.columns)


class Stream(Model, frozen=True):
    """One table: how it is asked for, where its records stand, and what becomes of them."""

    request: Request
    records: Annotated[str, Meta(pattern=r"^/[^/]", description="absolute path of a record: /list/record")]
    columns: Columns
    page: Paging = field(default_factory=NoPaging)
    cursor: Watermark | None = None
    key: list[Name] = []
    disposition: Literal["append", "merge"] = "merge"
    children: dict[Name, Child] = {}
    transform: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")] | None = None
    repair: bool = False
    max_rejects: Annotated[int, Meta(ge=0)] = 100

    def __post_init__(self) -> None:
        _refuse_system_columns(self.columns)
        for name in self.key:
            self._check_key(name)
        if self.cursor is not None:
            self._check_cursor(self.cursor)
        elif self.request.asks_for("{window."):
            raise ValueError("the request asks for {window.…}, so the stream needs a cursor")
        if self.disposition == "merge" and not self.key:
            raise ValueError("merge needs a key: name the columns that identify a record")
        if self.disposition == "append":
            self._check_append()
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

    def _check_cursor(self, cursor: Watermark) -> None:
        column = self.columns.get(cursor.field)
        if column is None:
            raise ValueError(
                f"cursor field {cursor.field!r} is not among the columns: {_known(self.columns)}"
            )
        if column.column_type.name != "timestamptz":
            raise ValueError(f"cursor field {cursor.field!r} must be of type timestamptz, not {column.type}")

    def _check_append(self) -> None:
        if self.cursor is None or self.cursor.slice is None or not self.is_bounded:
            raise ValueError(
                "append reads whole cells of time: it needs a cursor with a slice, and a request that uses "
                "both {window.from} and {window.to}; where the cursor can change or be empty, use merge"
            )

    @property
    def is_bounded(self) -> bool:
        """Whether the server is asked for exactly a window's records, so that slices make sense (P4)."""
        return self.request.asks_for("{window.from}") and self.request.asks_for("{window.to}")

    @property
    def required_columns(self) -> frozenset[str]:
        """Columns whose absence rejects a row: declared so, the key's, and the cursor's."""
        declared = {name for name, column in self.columns.items() if column.required}
        return frozenset(declared | set(self.key) | ({self.cursor.field} if self.cursor else set()))


class Source(Model, frozen=True):
    """One endpoint and the streams read from it."""

    source: Name
    base_url: str
    streams: Annotated[dict[Name, Stream], Meta(min_length=1)]
    auth: Login = field(default_factory=NoLogin)
    limits: Limits = field(default_factory=Limits)
    schedule: str | None = None
    namespaces: dict[str, str] = {}

    def __post_init__(self) -> None:
        if self.source in _TAKEN_SCHEMAS or self.source.startswith("pg_"):
            raise ValueError(
                f"source {self.source!r}: the warehouse has a schema of that name already: name it otherwise"
            )
        check_base_url(self.base_url)

    @property
    def secret(self) -> str | None:
        return None if isinstance(self.auth, NoLogin) else self.auth.secret


def check_base_url(url: str) -> None:
    """Raises ValueError unless `url` is https (or http) with a host and without credentials or a query."""
    parts = urlsplit(url)
    # Asking for a port that is none raises ValueError.
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.port == 0:
        raise ValueError("base_url must be https://host/path")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("base_url carries no user, password, query or fragment: put secrets into `auth`")


def _refuse_system_columns(columns: dict[str, Any]) -> None:
    if taken := sorted(_SYSTEM_COLUMNS & set(columns)):
        raise ValueError(f"column {taken[0]!r} is a system column of every table: name it otherwise")


def _known(columns: dict[str, Any]) -> str:
    return ", ".join(sorted(columns))
