"""What a catalogue says, in the words of each room: the paths to records, the session with a source, its paging."""

from collections.abc import Callable

from xmlift.catalogue import Source, Stream
from xmlift.catalogue import login as catalogue
from xmlift.catalogue import paging as asked
from xmlift.catalogue.column import Column
from xmlift.errors import RecordError
from xmlift.layout import DELETED
from xmlift.records import Field, Mapping, Nested
from xmlift.source import login as logins
from xmlift.source.paging import NextUrlPaging, NoPaging, Paging
from xmlift.source.session import Politeness, Session

MEGABYTE = 1024 * 1024

SecretReader = Callable[[str], dict[str, str]]


def record_mapping(source: Source, stream: Stream) -> Mapping:
    """What the records room has to know of a stream: its columns, and last what tells a tombstone.

    Raises RecordError for a path that cannot be read.
    """
    deletes = stream.deletes
    mark = (Field(DELETED[0], deletes.path),) if deletes else ()
    mapping = Mapping(
        stream.records,
        _fields(stream.columns) + mark,
        tuple(Nested(name, child.records, _fields(child.columns)) for name, child in stream.children.items()),
        source.namespaces,
    )
    if deletes and deletes.equals is None and isinstance(mapping.tried(deletes.path), bool):
        raise RecordError(
            f"deletes path {deletes.path!r} is true or false of every record, so each has a value there: write "
            "`equals: 'true'` beside it"
        )
    return mapping


def _fields(columns: dict[str, Column]) -> tuple[Field, ...]:
    return tuple(Field(name, column.path) for name, column in columns.items())


def page_order(source: Source, stream: Stream) -> Paging:
    """How the next page is found. Raises SourceError for an expression that cannot be read."""
    match stream.page:
        case asked.NextUrlPaging(xpath=xpath, when=when):
            return NextUrlPaging(xpath, when, source.namespaces)
        case asked.NoPaging():
            return NoPaging()


def source_session(
    source: Source, stream: Stream, read_secret: SecretReader, time_left: Callable[[], float]
) -> Session:
    """A session with the source, as patient and as polite as its limits say."""
    limits = source.limits
    politeness = Politeness(
        limits.timeout_seconds, limits.attempts, limits.requests_per_second, limits.page_megabytes * MEGABYTE
    )
    headers = dict(stream.request.headers)
    return Session(source.base_url, _login(source, read_secret), politeness, headers, time_left)


def _login(source: Source, read_secret: SecretReader) -> logins.Login:
    match source.auth:
        case catalogue.BasicLogin(secret=name):
            return logins.BasicLogin(read_secret(name))
        case catalogue.JazzFormLogin(secret=name):
            return logins.JazzFormLogin(read_secret(name))
        case catalogue.NoLogin():
            return logins.NoLogin()
