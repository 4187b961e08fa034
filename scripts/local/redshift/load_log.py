"""What becomes of a load: SYS_LOAD_HISTORY and SYS_LOAD_ERROR_DETAIL, written outside the load's transaction."""

# ruff: noqa: S608 - writing SQL is what this module is for; names and texts are quoted where they enter

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from local.redshift.copy_command import Copy
from local.redshift.errors import RedshiftError, too_long
from local.redshift.postgres import PostgreSQL

_PLACE = re.compile(
    r'COPY [^,]+, line (?P<line>\d+)(?:, column (?P<column>[^:]+))?(?:: (?:"(?P<value>.*)"|null input))?',
    re.S,
)
_MISSING = re.compile(r'missing data for column "(.*)"')
# PostgreSQL's SQLSTATE: Redshift's error code and what it says.
_REASONS = {
    "22001": (1204, "String length exceeds DDL length"),
    "22003": (1204, "Value out of range for the type"),
    "22007": (1206, "Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]"),
    "22008": (1206, "Invalid timestamp format or value [YYYY-MM-DD HH24:MI:SS]"),
    "22021": (1220, "String contains invalid or unsupported UTF8 codepoints."),
    "23502": (1213, "Missing data for not-null field"),
}
_UNREADABLE = {"integer": 1207, "bigint": 1207, "smallint": 1207, "boolean": 1210, "jsonb": 1224}


class Described(Protocol):
    """A column as the log knows it."""

    @property
    def name(self) -> str: ...

    @property
    def type(self) -> str: ...


@dataclass(slots=True)
class LoadError(Exception):
    """A file that does not fit its table: where, which value, why."""

    file: str
    line: int
    column: str
    type: str
    value: str
    code: int
    reason: str

    def for_client(self, table: str) -> RedshiftError:
        """What the client sees: the reason is for whoever reads the system view."""
        name = table.rpartition(".")[2].strip('"')
        return RedshiftError(
            f"Load into table '{name}' failed.  Check 'sys_load_error_detail' system table for details.",
            "XX000",
        )


def load_error(fields: dict[str, str], file: str, skipped: int, columns: Sequence[Described]) -> LoadError:
    """PostgreSQL's error of COPY FROM STDIN as Redshift would record it."""
    place = _PLACE.search(fields.get("W", ""))
    line = int(place["line"]) + skipped if place else 0
    column = (place["column"] if place else None) or fields.get("c", "")
    value = (place["value"] if place else None) or ""
    code = fields.get("C", "")
    limit = too_long(fields)
    if limit is not None:
        code, column = "22001", limit.column
    missing = _MISSING.fullmatch(fields.get("M", ""))
    column = missing[1] if missing else column
    kind = next((known.type for known in columns if known.name == column), "")
    number, reason = _reason(code, kind, fields.get("M", ""))
    return LoadError(file, line, column, kind, value[:1024], number, reason)


def _reason(code: str, kind: str, message: str) -> tuple[int, str]:
    if code in _REASONS:
        return _REASONS[code]
    if message.startswith("extra data"):
        return 1202, "Extra column(s) found"
    if message.startswith("missing data"):
        return 1203, "Delimiter not found"
    if code == "22P02":
        return _UNREADABLE.get(
            kind, 1209 if kind.startswith("numeric") else 1208
        ), f"Invalid value: {message}"
    return 1216, message


@dataclass(slots=True)
class Loading:
    """One COPY under way."""

    postgresql: PostgreSQL
    copy: Copy
    user: str
    database: str
    process: int
    query: int
    started: datetime.datetime

    def completed(self, files: int, rows: int, data: int, stored: int) -> None:
        """All files are in; whether they stay is the transaction's business."""
        self._history("completed", files, rows, data, stored, "")

    def refused(self, reason: str, files: int) -> None:
        """The COPY failed before a file could be wrong: its role, its manifest, its table."""
        self._history("failed", files, 0, 0, 0, reason)

    def failed(self, error: LoadError, files: int) -> None:
        """A file was wrong."""
        self._history("failed", files, 0, 0, 0, error.reason)
        self._insert(
            "load_errors",
            user_name=self.user, query_id=self.query, session_id=self.process, database_name=self.database,
            start_time=self.started, file_name=error.file, line_number=error.line, column_name=error.column,
            column_type=error.type, position=0, error_code=error.code, error_message=error.reason,
            raw_field_value=error.value,
        )  # fmt: skip

    def _history(self, status: str, files: int, rows: int, data: int, stored: int, error: str) -> None:
        now = _now()
        self._insert(
            "load_history",
            user_name=self.user, query_id=self.query, session_id=self.process, database_name=self.database,
            table_name=self.copy.table.rpartition(".")[2].strip('"'), status=status, start_time=self.started,
            end_time=now, duration=(now - self.started) // datetime.timedelta(microseconds=1),
            data_source=self.copy.url, file_format="CSV", loaded_rows=rows, loaded_bytes=data,
            source_file_count=files, source_file_bytes=stored, error_count=int(status == "failed"),
            error_message=error,
        )  # fmt: skip

    def _insert(self, table: str, **values: object) -> None:
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join(["%s"] * len(values))
        with self.postgresql.superuser(self.database) as connection, connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO redshift_system.{table} ({names}) VALUES ({marks})", [*values.values()]
            )


class LoadLog:
    """The log of all loads, in each database's own tables."""

    def __init__(self, postgresql: PostgreSQL) -> None:
        self._postgresql = postgresql

    def begin(self, copy: Copy, user: str, database: str, process: int) -> Loading:
        """Give a COPY its query id."""
        with self._postgresql.superuser(database) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT nextval('redshift_system.query_id')")
            (query,) = cursor.fetchone() or (0,)
        return Loading(self._postgresql, copy, user, database, process, query, _now())


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
