"""COPY from S3: which files, whether the role may read them, their bytes into the client's own transaction."""

# ruff: noqa: S608 - writing SQL is what this module is for; names and texts are quoted where they enter

import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import urlsplit

from local.redshift.aws import Aws, AwsError
from local.redshift.copy_command import Copy
from local.redshift.errors import RedshiftError, as_redshift
from local.redshift.load_log import LoadError, LoadLog, load_error
from local.redshift.protocol import Backend, BackendError, error_fields, text

_CHUNK = 1 << 18
_STAGE = "pg_temp.redshift_copy"


@dataclass(frozen=True, slots=True)
class Session:
    """The session a COPY runs in."""

    backend: Backend
    user: str
    database: str
    process: int


@dataclass(frozen=True, slots=True)
class TargetColumn:
    """A column that COPY fills."""

    name: str
    type: str
    base: str

    @property
    def quoted(self) -> str:
        """The name as PostgreSQL takes it."""
        return '"' + self.name.replace('"', '""') + '"'


@dataclass(slots=True)
class _Totals:
    rows: int = 0
    bytes: int = 0
    stored: int = 0


class CopyLoader:
    """Runs COPY commands. `roles` answers the IAM roles that a database's namespace may use."""

    def __init__(self, aws: Aws, log: LoadLog, roles: Callable[[str], list[str]]) -> None:
        self._aws = aws
        self._log = log
        self._roles = roles

    def load(self, copy: Copy, session: Session) -> int:
        """Load all files or none, and answer how many rows that were. Raises RedshiftError or BackendError."""
        columns = _target_columns(copy, session.backend)
        alone = session.backend.status == b"I"
        if alone:
            session.backend.run("BEGIN")
        try:
            rows = self._load_logged(copy, session, columns)
            if alone:
                session.backend.run("COMMIT")
        except (RedshiftError, BackendError):
            if alone:
                session.backend.run("ROLLBACK")
            raise
        return rows

    def _load_logged(self, copy: Copy, session: Session, columns: list[TargetColumn]) -> int:
        loading = self._log.begin(copy, session.user, session.database, session.process)
        files: list[str] = []
        totals = _Totals()
        try:
            files = self._files(copy, session.database)
            self._load_files(copy, files, session, columns, totals)
        except LoadError as error:
            loading.failed(error, files)
            raise error.for_client(copy.table) from error
        except (RedshiftError, BackendError) as error:
            loading.refused(str(error), files)
            raise
        loading.completed(files, totals.rows, totals.bytes, totals.stored)
        for name, value in (("last_copy_count", totals.rows), ("last_copy_id", loading.query)):
            session.backend.run(f"SELECT set_config('redshift.{name}', '{value}', false)")
        return totals.rows

    def _files(self, copy: Copy, database: str) -> list[str]:
        """The URLs to load. Raises RedshiftError if the role or a mandatory file is not there."""
        if copy.role not in self._roles(database):
            # The role has to be among the namespace's, whatever its policies say.
            raise RedshiftError(f"Not authorized to get credentials of role {copy.role}", "XX000")
        if copy.region and copy.region != self._aws.region:
            raise _s3_error("The bucket is in another region", 301, "PermanentRedirect")
        if not copy.manifest:
            bucket, prefix = _bucket_and_key(copy.url)
            self._require(copy.role, "s3:ListBucket", f"arn:aws:s3:::{bucket}")
            keys = self._s3(lambda: self._aws.list_objects(bucket, prefix))
            if not keys:
                raise RedshiftError(f"The specified S3 prefix '{prefix}' does not exist", "XX000")
            return [f"s3://{bucket}/{key}" for key in keys]
        with self._open(copy.role, copy.url) as manifest:
            return _manifest_entries(manifest, lambda url: self._exists(copy.role, url))

    def _exists(self, role: str, url: str) -> bool:
        try:
            self._open(role, url).close()
        except RedshiftError as error:
            if "NoSuchKey" in error.message:
                return False
            raise
        return True

    def _open(self, role: str, url: str) -> BinaryIO:
        bucket, key = _bucket_and_key(url)
        self._require(role, "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")
        return self._s3(lambda: self._aws.open_object(bucket, key))

    def _require(self, role: str, action: str, resource: str) -> None:
        if not self._s3(lambda: self._aws.allowed(role, action, resource)):
            raise _s3_error("Access Denied", 403, "AccessDenied", f"{role} lacks {action} on {resource}")

    def _s3[T](self, call: Callable[[], T]) -> T:
        try:
            return call()
        except AwsError as error:
            raise _s3_error(
                error.message, 404 if error.code.startswith("NoSuch") else 400, error.code
            ) from error

    def _load_files(
        self, copy: Copy, files: list[str], session: Session, columns: list[TargetColumn], totals: _Totals
    ) -> None:
        backend = session.backend
        staged = _stage(copy, columns)
        target = _STAGE if staged else copy.table
        if staged:
            backend.run(f"CREATE TEMP TABLE redshift_copy (LIKE {copy.table} INCLUDING CONSTRAINTS)")
            for column in columns:
                if column.base == "numeric":
                    backend.run(f"ALTER TABLE {_STAGE} ALTER COLUMN {column.quoted} TYPE numeric")
        for url in files:
            with self._open(copy.role, url) as stored:
                self._load_file(copy, url, _counted(stored, totals), target, columns, backend, totals)
        if staged:
            names = ", ".join(column.quoted for column in columns)
            backend.run(f"INSERT INTO {copy.table} ({names}) SELECT {', '.join(staged)} FROM {_STAGE}")
            backend.run(f"DROP TABLE {_STAGE}")

    def _load_file(
        self,
        copy: Copy,
        url: str,
        stored: Iterator[bytes],
        target: str,
        columns: list[TargetColumn],
        backend: Backend,
        totals: _Totals,
    ) -> None:
        data = _without_lines(_gunzipped(stored) if copy.gzip else stored, copy.skip_lines)
        backend.send(b"Q", text(_copy_from_stdin(copy, target, columns)))
        answer = backend.receive()
        while answer.kind not in {b"G", b"E"}:
            answer = backend.receive()
        if answer.kind == b"E":
            list(backend.until_ready())
            raise BackendError(as_redshift(error_fields(answer.body)))
        try:
            for chunk in data:
                totals.bytes += len(chunk)
                backend.send(b"d", chunk)
        except zlib.error as error:
            backend.send(b"f", text("the file is not gzip"))
            with_error = {"M": f"the file cannot be unpacked: {error}", "C": "22000"}
            _ignore_failure(backend)
            raise load_error(with_error, url, copy.skip_lines, columns) from error
        backend.send(b"c")
        try:
            totals.rows += int(backend.finish().tag.rpartition(" ")[2])
        except BackendError as error:
            raise load_error(error.fields, url, copy.skip_lines, columns) from error


def _target_columns(copy: Copy, backend: Backend) -> list[TargetColumn]:
    table = copy.table.replace("\\", "\\\\").replace("'", "''")
    try:
        rows = backend.run(
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod), t.typname FROM pg_attribute AS a "
            f"JOIN pg_type AS t ON t.oid = a.atttypid WHERE a.attrelid = '{table}'::regclass "
            "AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = '' ORDER BY a.attnum"
        ).rows
    except BackendError as error:
        raise BackendError(as_redshift(error.fields)) from error
    known = {str(name): TargetColumn(str(name), str(kind), str(base)) for name, kind, base in rows}
    for name in copy.columns:
        if name not in known:
            raise RedshiftError(f'column "{name}" of relation "{copy.table}" does not exist', "42703")
    return [known[name] for name in copy.columns or known]


def _stage(copy: Copy, columns: list[TargetColumn]) -> list[str]:
    """Expressions over a staging table, where PostgreSQL's COPY alone would load other values than Redshift's.

    PostgreSQL rounds a decimal to its column's scale, Redshift cuts it off unless ROUNDEC is given.
    """
    expressions, differs = [], False
    for column in columns:
        expression = column.quoted
        if column.base == "numeric" and not copy.round_decimals:
            scale = column.type.rpartition(",")[2].rstrip(")") if "," in column.type else "0"
            expression, differs = f"trunc({expression}, {scale})", True
        if copy.blanks_as_null and column.base in {"varchar", "bpchar"}:
            expression, differs = f"CASE WHEN {expression} !~ '^\\\\s+$' THEN {expression} END", True
        expressions.append(expression)
    return expressions if differs else []


def _copy_from_stdin(copy: Copy, target: str, columns: list[TargetColumn]) -> str:
    names = ", ".join(column.quoted for column in columns)
    options = [
        "FORMAT csv",
        f"DELIMITER {_literal(copy.delimiter)}",
        f"QUOTE {_literal(copy.quote)}",
        f"NULL {_literal(copy.null_as)}",
        "ENCODING 'UTF8'",
        # Quotes do not protect a field from being NULL.
        f"FORCE_NULL ({names})",
    ]
    return f"COPY {target} ({names}) FROM STDIN WITH ({', '.join(options)})"


def _literal(value: str) -> str:
    return "E'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _ignore_failure(backend: Backend) -> None:
    for _ in backend.until_ready():
        pass


def _counted(stored: BinaryIO, totals: _Totals) -> Iterator[bytes]:
    while chunk := stored.read(_CHUNK):
        totals.stored += len(chunk)
        yield chunk


def _gunzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Unpack gzip of any number of members. Raises zlib.error if it is none or ends early."""
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    for chunk in chunks:
        data = chunk
        while data:
            if unpacker.eof:
                unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
            yield unpacker.decompress(data)
            data = unpacker.unused_data
    if not unpacker.eof:
        raise zlib.error("unexpected end of file")


def _without_lines(chunks: Iterator[bytes], count: int) -> Iterator[bytes]:
    """Leave out the first `count` lines."""
    if not count:
        yield from chunks
        return
    head = b""
    for chunk in chunks:
        head += chunk
        if head.count(b"\n") >= count:
            break
    yield head.split(b"\n", count)[count] if head.count(b"\n") >= count else b""
    yield from chunks


def _manifest_entries(manifest: BinaryIO, exists: Callable[[str], bool]) -> list[str]:
    try:
        entries = [(entry["url"], entry.get("mandatory", False)) for entry in json.load(manifest)["entries"]]
    except (ValueError, KeyError, TypeError) as error:
        raise RedshiftError(
            f"Problem reading manifest file - {type(error).__name__}: {error}", "XX000"
        ) from error
    found = []
    for url, mandatory in entries:
        if exists(url):
            found.append(url)
        elif mandatory:
            raise _s3_error("The specified key does not exist.", 404, "NoSuchKey", f"mandatory file {url}")
    if not found:
        raise RedshiftError("Problem reading manifest file - no file of it exists", "XX000")
    return found


def _bucket_and_key(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise RedshiftError(f"Problem reading manifest file - {url} is no s3:// URL", "XX000")
    return parts.netloc, url.removeprefix(f"s3://{parts.netloc}/")


def _s3_error(message: str, status: int, code: str, context: str = "") -> RedshiftError:
    detail = f"error: S3ServiceException, code: 8001, context: {context or message}"
    return RedshiftError(f"S3ServiceException:{message},Status {status},Error {code}", "XX000", detail)
