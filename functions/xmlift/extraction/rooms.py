"""What a catalogue says, in the words of each room: paths to records, a source's session, the way through pages."""

from collections.abc import Callable
from datetime import UTC

from lxml import etree

from xmlift.catalogue import Source, Stream
from xmlift.catalogue import login as catalogue
from xmlift.catalogue import paging as asked_pages
from xmlift.catalogue.column import Child, Column
from xmlift.catalogue.cursor import DeltaLink, TimeCursor
from xmlift.catalogue.deletes import Mark, SecondFeed
from xmlift.catalogue.request import Call, Request
from xmlift.errors import CatalogueError, RecordError
from xmlift.layout import DELETED
from xmlift.records import Field, Mapping, Nested
from xmlift.source import login as logins
from xmlift.source.counting import Offset, PageNumber
from xmlift.source.expressions import check_partition
from xmlift.source.feeds import TwoFeeds
from xmlift.source.guards import Guards
from xmlift.source.jazz import JazzFormLogin
from xmlift.source.login import credentials
from xmlift.source.network import Connection
from xmlift.source.oauth import OAuth2ClientLogin
from xmlift.source.paging import NextUrl, OnePage, Start, Token
from xmlift.source.session import Politeness, Session
from xmlift.source.template import Template
from xmlift.source.urls import format_time, widened
from xmlift.source.walk import Captured, Walk
from xmlift.source.xpaths import text
from xmlift.tables.types import time_zone
from xmlift.windows import Interval

MEGABYTE = 1024 * 1024

SecretReader = Callable[[str], dict[str, str]]


def record_mapping(source: Source, stream: Stream) -> Mapping:
    """What the records room has to know of a stream: its columns, and last what tells a tombstone.

    Raises RecordError for a path that cannot be read.
    """
    deletes = stream.deletes if isinstance(stream.deletes, Mark) else None
    mark = (Field(DELETED[0], deletes.path),) if deletes else ()
    mapping = Mapping(
        stream.records,
        _fields(stream.columns) + mark,
        _nested(stream.children),
        source.namespaces,
        stream.local_names,
        looks_at_all=stream.contract == "freeze",
    )
    if deletes and deletes.equals is None and isinstance(mapping.tried(deletes.path), bool):
        raise RecordError(
            f"deletes path {deletes.path!r} is true or false of every record, so each has a value there: write "
            "`equals: 'true'` beside it"
        )
    return mapping


def gone_mapping(source: Source, stream: Stream) -> Mapping | None:
    """What is read of a second feed's records; None where the stream has none. Raises RecordError."""
    if not isinstance(deletes := stream.deletes, SecondFeed):
        return None
    fields = tuple(Field(name, column.path) for name, column in deletes.columns.items())
    return Mapping(deletes.records, fields, (), source.namespaces, stream.local_names)


def _fields(columns: dict[str, Column]) -> tuple[Field, ...]:
    return tuple(column_field(name, column) for name, column in columns.items())


def _nested(children: dict[str, Child]) -> tuple[Nested, ...]:
    return tuple(
        Nested(name, child.records, _fields(child.columns), _nested(child.children))
        for name, child in children.items()
    )


def column_field(name: str, column: Column) -> Field:
    """What is read of a record for a column."""
    if (pairs := column.pairs) is not None:
        return Field(
            name, pairs.records, "pair_lists" if column.many else "pairs", key=pairs.key, value=pairs.value
        )
    if column.join is not None:
        return Field(name, column.path, "joined", column.join)
    return Field(name, column.path, "many" if column.many else column.content or "first")


def window_walk(
    source: Source, stream: Stream, window: Interval, partition: str, link: str | None = None
) -> Walk:
    """The way through a window's pages, from a link on where there is one.

    Raises SourceError for an expression that cannot be read.
    """
    if stream.request is None:
        raise CatalogueError(
            "the stream has no `request`, so there is nothing to ask: its records come as files that are dropped"
        )
    values = window_values(stream, window, partition)
    walk = request_walk(source, stream.request, stream.page, values, link)
    if isinstance(deletes := stream.deletes, SecondFeed):
        second = request_walk(source, deletes.request, deletes.page, values)
        return TwoFeeds(walk, second, gone_first=stream.cursor_field is None)
    return walk


def window_values(stream: Stream, window: Interval, partition: str) -> dict[str, str]:
    """What stands for a window's placeholders: its partition, and its bounds as the server wants them."""
    values = {"partition": partition}
    if isinstance(cursor := stream.cursor, TimeCursor):
        asked = widened(window, cursor.resolution_time)
        zone = time_zone(cursor.zone) or UTC
        for name, instant in (("window.from", asked.start), ("window.to", asked.end)):
            values[name] = format_time(instant, cursor.format, cursor.resolution_time, zone)
    return values


def request_walk(
    source: Source,
    request: Request,
    page: asked_pages.Paging,
    values: dict[str, str],
    link: str | None = None,
) -> Walk:
    """The way through the pages of a request. Raises SourceError for a partition that it cannot be asked for."""
    for call in (request, request.bootstrap):
        if call is not None:
            check_partition(call.query_values, values["partition"])
    size = getattr(page, "size", None)
    values = values | ({"size": str(size)} if size else {})
    start = Start(_template(source, request), values, _bootstrap(source, request, values), link)
    match page:
        case asked_pages.NoPaging():
            return OnePage(start)
        case asked_pages.NextUrlPaging(xpath=xpath, when=when):
            return NextUrl(start, xpath, when, source.namespaces)
        case asked_pages.TokenPaging(xpath=xpath, parameter=parameter, exclusive=exclusive):
            return Token(start, xpath, parameter, source.namespaces, exclusive=exclusive)
        case asked_pages.OffsetPaging(parameter=parameter):
            return Offset(start, parameter, (page.base, page.size), page.total, source.namespaces)
        case asked_pages.PageNumberPaging(parameter=parameter):
            return PageNumber(start, parameter, (page.start, page.size), page.total_pages, source.namespaces)


def _template(source: Source, call: Call) -> Template:
    return Template(source.base_url, call.path, call.query, call.headers, call.body, call.body_kind)


def _bootstrap(source: Source, request: Request, values: dict[str, str]) -> Captured | None:
    """The call before the pages, if there is one."""
    if (call := request.bootstrap) is None:
        return None
    xpaths = {
        name: text(xpath, source.namespaces, f"request.bootstrap.values.{name}")
        for name, xpath in call.values.items()
    }
    return Captured(_template(source, call).filled(values), xpaths)


def delta_link(source: Source, stream: Stream) -> etree.XPath | None:
    """Finds where a delta goes on; None where the stream is none. Raises SourceError."""
    if not isinstance(cursor := stream.cursor, DeltaLink):
        return None
    return text(cursor.xpath, source.namespaces, "cursor.xpath")


def source_guards(source: Source, stream: Stream) -> Guards:
    """How an answer that is no page is told. Raises SourceError for an expression that cannot be read."""
    return Guards(stream.guards.error, stream.guards.empty, source.namespaces)


def source_session(
    source: Source, read_secret: SecretReader, time_left: Callable[[], float], pace: float = 0.0
) -> Session:
    """A session with the source, as patient and as polite as its limits say.

    `pace` is the share of its requests per second that this function has; 0: all of them.
    """
    limits = source.limits
    politeness = Politeness(
        limits.timeout_seconds,
        limits.attempts,
        pace or limits.requests_per_second,
        limits.page_megabytes * MEGABYTE,
    )
    return Session(
        source.base_url, _login(source, read_secret), politeness, _connection(source, read_secret), time_left
    )


def _connection(source: Source, read_secret: SecretReader) -> Connection:
    asked = source.connection
    user = credentials(read_secret(asked.proxy_secret)) if asked.proxy_secret else None
    return Connection(asked.ca, asked.proxy, user)


def _login(source: Source, read_secret: SecretReader) -> logins.Login:
    match source.auth:
        case catalogue.BasicLogin(secret=name):
            return logins.BasicLogin(read_secret(name))
        case catalogue.BearerLogin(secret=name):
            return logins.BearerLogin(read_secret(name))
        case catalogue.JazzFormLogin(secret=name):
            return JazzFormLogin(read_secret(name))
        case catalogue.ApplicationPasswordLogin(secret=name):
            return logins.ApplicationPasswordLogin(read_secret(name))
        case catalogue.OAuth2ClientLogin(secret=name, token_url=token_url, scope=scope):
            return OAuth2ClientLogin(read_secret(name), token_url, scope)
        case catalogue.NoLogin():
            return logins.NoLogin()
