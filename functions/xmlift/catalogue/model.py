"""The typed model of a source's YAML. Its JSON Schema is terraform/sources/schema.json, for editors.

Each structure refuses keys that it does not know, and checks itself what types cannot say.
"""

from typing import Annotated

from msgspec import Meta, field

from xmlift.catalogue.children import check_child_tables
from xmlift.catalogue.connection import Connection
from xmlift.catalogue.login import Login, NoLogin
from xmlift.catalogue.order import check_order
from xmlift.catalogue.stream import Stream
from xmlift.catalogue.strict import Model, Name
from xmlift.catalogue.web import check_keeps_secrets, check_url

# Schemas that are the warehouse's own, or xmlift's: a source's name is that of its schema.
_TAKEN_SCHEMAS = frozenset({"xmlift", "public", "information_schema"})


class Limits(Model, frozen=True):
    """How hard a source may be asked, and what is too much to take from it.

    `requests_per_second` is what the source sees of one execution: its functions at work at once, of which there
    are at most `concurrency`, share it.
    """

    requests_per_second: Annotated[float, Meta(ge=0.01, le=1000)] = 10.0
    concurrency: Annotated[int, Meta(ge=1, le=1000)] = 8
    timeout_seconds: Annotated[float, Meta(gt=0, le=600)] = 60.0
    attempts: Annotated[int, Meta(ge=1, le=20)] = 5
    page_megabytes: Annotated[int, Meta(ge=1, le=8192)] = 512
    record_megabytes: Annotated[int, Meta(ge=1, le=512)] = 1
    windows_per_run: Annotated[int, Meta(ge=1, le=10_000)] = 1_000
    pages_per_window: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000


class Source(Model, frozen=True):
    """One endpoint and the streams read from it; without an endpoint where all of them come by dropped files."""

    source: Name
    streams: Annotated[dict[Name, Stream], Meta(min_length=1)]
    base_url: str = ""
    auth: Login = field(default_factory=NoLogin)
    limits: Limits = field(default_factory=Limits)
    connection: Connection = field(default_factory=Connection)
    schedule: str | None = None
    namespaces: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.source in _TAKEN_SCHEMAS or self.source.startswith("pg_"):
            raise ValueError(
                f"source {self.source!r}: the warehouse has a schema of that name already: name it otherwise"
            )
        if self.base_url or any(stream.request is not None for stream in self.streams.values()):
            check_base_url(self.base_url)
            if not isinstance(self.auth, NoLogin):
                check_keeps_secrets(self.base_url, "base_url")
        for name, stream in self.streams.items():
            check_child_tables(name, stream.key, stream.children)
        check_order(self.streams)

    @property
    def secret(self) -> str | None:
        return None if isinstance(self.auth, NoLogin) else self.auth.secret


def check_base_url(url: str) -> None:
    """Raises ValueError unless `url` is https (or http) with a host and without credentials or a query."""
    check_url(url, "base_url")
