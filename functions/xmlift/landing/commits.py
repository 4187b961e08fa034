"""What a window's extraction writes down: links of its chain while it goes on, one commit at its end.

Canonical JSON: the same content is the same bytes, so that a commit is known by their SHA-256.
"""

import hashlib
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from xmlift.errors import LandingError
from xmlift.landing.names import PartName, RawName
from xmlift.work import Validators

REJECTS = "_rejects"
"""The table name of the parts that hold rejected rows."""

Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, Meta(ge=0)]
Instant = Annotated[datetime, Meta(tz=True)]


class Entry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One part: its name's contents, its size in bytes and its SHA-256 in full."""

    table: str
    attempt: str
    sequence: Count
    rows: Count
    schema: str
    bytes: Count
    sha256: Sha256

    @property
    def name(self) -> PartName:
        return PartName(self.table, self.attempt, self.sequence, self.rows, self.schema, self.sha256[:16])


class RawPage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kept answer: which page of the window it is, and when it was asked for.

    `bytes` and `sha256` are of the object; `url` is what people are shown of the address; `gone`: it tells of keys
    that are gone (the second feed of the window).
    """

    attempt: str
    page: Count
    bytes: Count
    sha256: Sha256
    url: str
    read_at: Instant
    gone: bool = False

    @property
    def name(self) -> RawName:
        return RawName(self.attempt, self.page, self.sha256[:16])


class TableCounts(Struct, kw_only=True, forbid_unknown_fields=True):
    """What became of one table's records: `read = written + rejected + out_of_window + dropped` (I5).

    `dropped` are those that the stream's transform left out, and children inside a tombstone.
    """

    read: Count = 0
    written: Count = 0
    rejected: Count = 0
    out_of_window: Count = 0
    dropped: Count = 0

    def __add__(self, other: "TableCounts") -> "TableCounts":
        return TableCounts(
            read=self.read + other.read,
            written=self.written + other.written,
            rejected=self.rejected + other.rejected,
            out_of_window=self.out_of_window + other.out_of_window,
            dropped=self.dropped + other.dropped,
        )

    @property
    def adds_up(self) -> bool:
        return self.read == self.written + self.rejected + self.out_of_window + self.dropped


class Progress(Struct, kw_only=True, forbid_unknown_fields=True):
    """Everything counted from a window's start; each link carries it whole, the last one is the window's.

    `cut` counts the texts that were cut, by `<table>.<column>`; `widths` has by table the bytes that the texts of
    columns which grow have at the most, where that is more than was declared.
    `unmapped` counts records by the path of what they have and no column asks for.
    `rejects` are the rows refused for a fault of their own, which the rejects' parts hold; a child that only
    went with its record is not among them. `unmatched` counts by name what stood where records were expected,
    on pages without a record; `unasked` are records of a time that the server was not asked for. `restarts` is how
    often the window was begun anew: the one count that is kept then.
    """

    pages: Count = 0
    bytes: Count = 0
    repaired_pages: Count = 0
    retries: Count = 0
    seconds: float = 0.0
    tables: dict[str, TableCounts] = {}
    seen_columns: dict[str, list[str]] = {}
    rejects: Count = 0
    reject_reasons: dict[str, Count] = {}
    unmatched: dict[str, Count] = {}
    restarts: Count = 0
    cut: dict[str, Count] = {}
    widths: dict[str, dict[str, Count]] = {}
    unmapped: dict[str, Count] = {}
    unasked: Count = 0


class Link(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A checkpoint: the parts written since the previous link, and where to read on.

    `previous` is the SHA-256 of the previous link's bytes; `as_of` is the server's clock when it was first asked
    (where it has none ours, less the allowed skew), and never ahead of ours; `page_hashes` are of all that was
    asked for so far, against servers that answer in a circle. `next_body` is that of a page asked for by POST;
    `values` is what the way through the pages has to know to go on: a position, a total. A window that begins anew
    has an empty first link: nothing was asked yet, so `as_of` and `next_url` are null (E3). `raw` are the answers
    kept since the previous link. `secrets` are what no message shows of what is asked for next.
    """

    attempt: str
    previous: Sha256 | None
    parts: list[Entry]
    progress: Progress
    as_of: Instant | None
    next_url: str | None
    page_hashes: list[str]
    next_body: str | None = None
    next_headers: dict[str, str] = {}
    values: dict[str, str] = {}
    raw: list[RawPage] = []
    secrets: list[str] = []


class Scope(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a window belongs; coverage of another epoch does not count."""

    source: str
    stream: str
    partition: str
    epoch: Count


class Commit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The end of one chain: the window has landed, and these parts are what it holds. Nothing else counts.

    `columns` maps a schema's fingerprint to the column names of its CSV, so that a part can be loaded without
    the catalogue that it was written by; `ended_by` says why no page came after the last one; `set_windows` is how
    many windows of its run load together or not at all (0: this one loads by itself). `raw` are the answers that it
    was made of, in their order, where the stream keeps them. `link` is where a window of a delta began (null: from
    the beginning), and `next_link` where the one after it does. `validators` are what it tells its answer by;
    `not_modified`: it said that the answer is still the one that was loaded before, so there is no page.
    """

    format: Literal[1] = 1
    scope: Scope
    run: str
    start: Instant
    end: Instant
    attempt: str
    links: Count
    parts: list[Entry]
    columns: dict[str, list[str]]
    progress: Progress
    as_of: Instant
    parsed_at: Instant
    ended_by: str
    set_windows: Count = 0
    raw: list[RawPage] = []
    link: str | None = None
    next_link: str | None = None
    validators: Validators | None = None
    not_modified: bool = False

    def parts_of(self, table: str) -> list[Entry]:
        return [part for part in self.parts if part.table == table]


_ENCODER = msgspec.json.Encoder(order="deterministic")


def encode(document: Link | Commit) -> bytes:
    """Canonical bytes: sorted keys, no spaces."""
    return _ENCODER.encode(document)


def decode_link(body: bytes, key: str) -> Link:
    """Raises LandingError that names the object."""
    return _decode(body, key, Link)


def decode_commit(body: bytes, key: str) -> Commit:
    """Raises LandingError that names the object."""
    return _decode(body, key, Commit)


def _decode[T: (Link, Commit)](body: bytes, key: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise LandingError(
            f"{key}: not a {kind.__name__.lower()} that this version writes: {error}"
        ) from error


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
