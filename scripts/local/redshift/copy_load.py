"""COPY into the client's own transaction: all files or none, with a log that outlives a rollback."""

# ruff: noqa: S608 - writing SQL is what this module is for; names and texts are quoted where they enter

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from local.redshift.copy_command import Copy
from local.redshift.copy_source import CopySource, UnreadableFileError, unpacked
from local.redshift.errors import RedshiftError
from local.redshift.load_log import LoadError, LoadLog, load_error
from local.redshift.protocol import Backend, BackendError, error_fields, text
from local.redshift.read_ahead import read_ahead

_STAGE = "pg_temp.redshift_copy"
_PIECES_AHEAD = 16
"""How much is fetched and unpacked while PostgreSQL still takes in what came before: it is what takes the time."""


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

    @property
    def scale(self) -> str:
        """Decimals of a numeric(p,s)."""
        return self.type.rpartition(",")[2].rstrip(")") if "," in self.type else "0"


@dataclass(slots=True)
class _Totals:
    """What came in so far: files and their stored bytes, unpacked bytes, rows."""

    files: int = 0
    stored: int = 0
    bytes: int = 0
    rows: int = 0


class _Begun(NamedTuple):
    """A file is there, and its lines come next."""

    url: str


class _Ended(NamedTuple):
    """The file's lines have come; `stored` is how many bytes it has on S3."""

    stored: int


type _Read = _Begun | bytes | _Ended


class CopyLoader:
    """Runs COPY commands."""

    def __init__(self, source: CopySource, log: LoadLog) -> None:
        self._source = source
        self._log = log

    def load(self, copy: Copy, session: Session) -> int:
        """Load all files or none, and answer how many rows that were. Raises RedshiftError or BackendError."""
        alone = session.backend.status == b"I"
        if alone:
            session.backend.run("BEGIN")
        try:
            rows = self._load_logged(copy, session)
            if alone:
                session.backend.run("COMMIT")
        except (RedshiftError, BackendError):
            if alone:
                session.backend.run("ROLLBACK")
            raise
        return rows

    def _load_logged(self, copy: Copy, session: Session) -> int:
        loading = self._log.begin(copy, session.user, session.database, session.process)
        totals = _Totals()
        try:
            self._load_files(copy, session, totals)
        except LoadError as error:
            loading.failed(error, totals.files)
            raise error.for_client(copy.table) from error
        except (RedshiftError, BackendError) as error:
            loading.refused(str(error), totals.files)
            raise
        loading.completed(totals.files, totals.rows, totals.bytes, totals.stored)
        for name, value in (("last_copy_count", totals.rows), ("last_copy_id", loading.query)):
            session.backend.run(f"SELECT set_config('redshift.{name}', '{value}', false)")
        return totals.rows

    def _load_files(self, copy: Copy, session: Session, totals: _Totals) -> None:
        backend = session.backend
        columns = _target_columns(copy, backend)
        staged = _staged_expressions(copy, columns)
        if staged:
            _create_stage(copy, columns, backend)
        file_load = _FileLoad(copy, _STAGE if staged else copy.table, columns, backend, totals)
        with read_ahead(self._read(copy, session.database), _PIECES_AHEAD) as read:
            for one in read:
                assert isinstance(one, _Begun)
                totals.files += 1
                file_load.run(one.url, read)
        if not totals.files:
            raise RedshiftError("Problem reading manifest file - none of its files exists", "XX000")
        if staged:
            names = ", ".join(column.quoted for column in columns)
            backend.run(f"INSERT INTO {copy.table} ({names}) SELECT {', '.join(staged)} FROM {_STAGE}")
            backend.run(f"DROP TABLE {_STAGE}")

    def _read(self, copy: Copy, database: str) -> Iterator[_Read]:
        """All files that are there, one after the other."""
        for file in self._source.files(copy, database):
            stored = self._source.open_if_there(copy.role, file)
            if stored is None:
                continue
            yield _Begun(file.url)
            counted = _Counted(stored)
            yield from unpacked(counted, copy)
            yield _Ended(counted.bytes)


class _Counted(Iterator[bytes]):
    """Pieces of a file, and how many bytes of them have passed."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.bytes = 0

    def __next__(self) -> bytes:
        piece = next(self._pieces)
        self.bytes += len(piece)
        return piece


@dataclass(frozen=True, slots=True)
class _FileLoad:
    """One file after the other, each by a COPY FROM STDIN of its own, so that an error tells file and line."""

    copy: Copy
    target: str
    columns: list[TargetColumn]
    backend: Backend
    totals: _Totals

    def run(self, url: str, read: Iterator[_Read]) -> None:
        """Load one file, up to its end in what is read. Raises LoadError if it is at fault."""
        self.backend.send(b"Q", text(_copy_from_stdin(self.copy, self.target, self.columns)))
        self._await_copying()
        try:
            for lines in read:
                if isinstance(lines, _Ended):
                    self.totals.stored += lines.stored
                    break
                assert isinstance(lines, bytes)
                self.totals.bytes += len(lines)
                self.backend.send(b"d", lines)
        except (UnreadableFileError, RedshiftError) as error:
            self._give_up()
            if isinstance(error, RedshiftError):
                raise
            raise self._error({"M": f"the file cannot be unpacked: {error}"}, url) from error
        self.backend.send(b"c")
        try:
            self.totals.rows += int(self.backend.finish().tag.rpartition(" ")[2])
        except BackendError as error:
            raise self._error(error.fields, url) from error

    def _await_copying(self) -> None:
        for answer in iter(self.backend.receive, None):
            if answer.kind == b"G":
                return
            if answer.kind == b"E":
                list(self.backend.until_ready())
                raise BackendError(error_fields(answer.body))

    def _give_up(self) -> None:
        self.backend.send(b"f", text("the file could not be read"))
        list(self.backend.until_ready())

    def _error(self, fields: dict[str, str], url: str) -> LoadError:
        return load_error(fields, url, self.copy.skip_lines, self.columns)


def _target_columns(copy: Copy, backend: Backend) -> list[TargetColumn]:
    table = copy.table.replace("\\", "\\\\").replace("'", "''")
    rows = backend.run(
        "SELECT a.attname, format_type(a.atttypid, a.atttypmod), t.typname FROM pg_attribute AS a "
        f"JOIN pg_type AS t ON t.oid = a.atttypid WHERE a.attrelid = '{table}'::regclass "
        "AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = '' ORDER BY a.attnum"
    ).rows
    known = {str(name): TargetColumn(str(name), str(kind), str(base)) for name, kind, base in rows}
    for name in copy.columns:
        if name not in known:
            raise RedshiftError(f'column "{name}" of relation "{copy.table}" does not exist', "42703")
    return [known[name] for name in copy.columns or known]


def _staged_expressions(copy: Copy, columns: list[TargetColumn]) -> list[str]:
    """Expressions over a staging table, where PostgreSQL's COPY alone would load other values than Redshift's.

    PostgreSQL rounds a decimal to its column's scale, Redshift cuts it off unless ROUNDEC is given.
    """
    expressions, differs = [], False
    for column in columns:
        expression = column.quoted
        if column.base == "numeric" and not copy.round_decimals:
            expression, differs = f"trunc({expression}, {column.scale})", True
        if copy.blanks_as_null and column.base in {"varchar", "bpchar"}:
            expression, differs = f"CASE WHEN {expression} !~ '^\\\\s+$' THEN {expression} END", True
        expressions.append(expression)
    return expressions if differs else []


def _create_stage(copy: Copy, columns: list[TargetColumn], backend: Backend) -> None:
    backend.run(f"CREATE TEMP TABLE redshift_copy (LIKE {copy.table} INCLUDING CONSTRAINTS)")
    for column in columns:
        if column.base == "numeric":
            # Any number of decimals is let in, but no number too large: that is found here, where lines are known.
            fits = f"trunc({column.quoted}, {column.scale})::{column.type} IS NOT NULL"
            backend.run(f"ALTER TABLE {_STAGE} ALTER COLUMN {column.quoted} TYPE numeric")
            backend.run(f"ALTER TABLE {_STAGE} ADD CHECK ({column.quoted} IS NULL OR {fits})")


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
