"""The warehouse by the Redshift Data API, in the words of psycopg2.

A workgroup in private subnets cannot be reached from where operators sit. The Data API is a public, IAM-signed
door to it: each statement is asked for, waited for, and its answer fetched. The caller is `IAMR:<role>` there.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple, Self

import psycopg2
from botocore.exceptions import ClientError
from psycopg2.extensions import QuotedString, adapt

# Seconds between two looks: nothing announces the end of a statement.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_ENDED = {"FINISHED", "FAILED", "ABORTED"}
_REFUSALS = {"AccessDeniedException", "ExpiredTokenException", "UnrecognizedClientException"}
_TRANSACTION = {"abort", "begin", "commit", "end", "rollback", "start"}
# What may hold a semicolon that ends nothing.
_PIECE = re.compile(
    r"'(?:[^'\\]|\\.|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/|(?<![\w$])\$(?P<tag>\w*)\$.*?\$(?P=tag)\$|(?P<end>;)",
    re.DOTALL,
)
# What a statement may begin with, and is none by itself.
_COMMENTS = re.compile(r"(?:\s|--[^\n]*|/\*.*?\*/)*", re.DOTALL)
# The Data API tells an error by its words alone.
_ERRORS: tuple[tuple[re.Pattern[str], type[psycopg2.Error]], ...] = (
    (re.compile(r"relation .* does not exist|schema .* does not exist"), psycopg2.errors.UndefinedTable),
    (re.compile(r"column .* does not exist"), psycopg2.errors.UndefinedColumn),
    (re.compile(r"permission denied"), psycopg2.errors.InsufficientPrivilege),
)
_CONVERSIONS: Mapping[str, Callable[[str], Any]] = {
    "numeric": Decimal,
    "date": date.fromisoformat,
    "timestamp": datetime.fromisoformat,
    "timestamptz": datetime.fromisoformat,
}


class Column(NamedTuple):
    """A column of an answer."""

    name: str
    type: str


class Connection:
    """What asks a workgroup's database. Every statement is committed by itself, or all of one call together."""

    autocommit = True

    def __init__(self, client: Any, workgroup: str, database: str) -> None:
        self._client = client
        self._where = {"WorkgroupName": workgroup, "Database": database}

    def cursor(self) -> "Cursor":
        return Cursor(self._client, self._where)

    def close(self) -> None:
        """Nothing is open: the Data API has its own session for each call."""


class Cursor:
    """Statements and their answers. Raises what psycopg2 would."""

    def __init__(self, client: Any, where: Mapping[str, str]) -> None:
        self._client = client
        self._where = where
        self._rows: Iterator[tuple[Any, ...]] = iter(())
        self.description: list[Column] | None = None
        self.rowcount = -1
        self.statusmessage = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held."""

    def execute(self, query: str, values: Sequence[Any] | Mapping[str, Any] | None = None) -> None:
        """Run statements; those of one call are one transaction. The answer is the last one's.

        Raises: psycopg2.Error, QueryCanceled among them if the caller interrupts the wait.
        """
        pieces = statements(rendered(query, values))
        ended = self._awaited(self._begun(pieces))
        last = ended["SubStatements"][-1] if "SubStatements" in ended else ended
        self.rowcount, self.description, self._rows = int(last.get("ResultRows", -1)), None, iter(())
        self.statusmessage = "done" if self.rowcount < 0 else f"{self.rowcount:,} rows"
        if last.get("HasResultSet"):
            self._fetch(last["Id"])

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows that are left."""
        return list(self._rows)

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        """The next rows; no more of them are transferred than that needs."""
        return list(islice(self._rows, size))

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row, None after the last."""
        return next(self._rows, None)

    def _begun(self, pieces: Sequence[str]) -> str:
        if not pieces:
            raise psycopg2.ProgrammingError("can't execute an empty query")
        if alone := [piece for piece in pieces if _first_word(piece) in _TRANSACTION]:
            raise psycopg2.NotSupportedError(
                f"{alone[0]}: a transaction does not last from one call of the Data API to the next. Statements "
                "that are given in one call are one transaction: make query SQL='…; …'"
            )
        try:
            if len(pieces) == 1:
                return str(self._client.execute_statement(Sql=pieces[0], **self._where)["Id"])
            return str(self._client.batch_execute_statement(Sqls=list(pieces), **self._where)["Id"])
        except ClientError as error:
            # It is the caller who is refused, not the warehouse that is silent.
            if error.response["Error"]["Code"] in _REFUSALS:
                raise
            raise psycopg2.OperationalError(f"The Data API refused: {error}") from error

    def _awaited(self, statement: str) -> dict[str, Any]:
        pause = _SHORTEST_PAUSE
        try:
            while (told := self._client.describe_statement(Id=statement))["Status"] not in _ENDED:
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
        except KeyboardInterrupt as interrupt:
            self._client.cancel_statement(Id=statement)
            raise psycopg2.errors.QueryCanceled("cancelled") from interrupt
        if told["Status"] == "ABORTED":
            raise psycopg2.errors.QueryCanceled("the statement was cancelled")
        if told["Status"] == "FAILED":
            raise error_of(str(told.get("Error", "the Data API does not say why")))
        return dict(told)

    def _fetch(self, statement: str) -> None:
        first = self._client.get_statement_result(Id=statement)
        self.description = [Column(one["name"], one["typeName"]) for one in first["ColumnMetadata"]]
        self.rowcount = int(first.get("TotalNumRows", self.rowcount))
        self._rows = self._all_rows(statement, first)

    def _all_rows(self, statement: str, page: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        columns = self.description or []
        while True:
            for record in page["Records"]:
                yield tuple(_value(column, cell) for column, cell in zip(columns, record, strict=True))
            if not page.get("NextToken"):
                return
            page = self._client.get_statement_result(Id=statement, NextToken=page["NextToken"])


def statements(text: str) -> list[str]:
    """Text cut at the semicolons that stand in no quotes or comment; what says nothing is left out."""
    pieces, begin = [], 0
    for match in _PIECE.finditer(text):
        if match["end"]:
            pieces.append(text[begin : match.start()])
            begin = match.end()
    return [piece.strip() for piece in [*pieces, text[begin:]] if _COMMENTS.sub("", piece, count=1)]


def _first_word(statement: str) -> str:
    return _COMMENTS.sub("", statement, count=1).split(maxsplit=1)[0].lower()


def rendered(query: str, values: Sequence[Any] | Mapping[str, Any] | None) -> str:
    """The query with its values as literals, whose types the database finds as it does for psycopg2's.

    Parameters of the Data API are texts, which Redshift would not compare with an instant or take for a LIMIT.
    """
    if values is None:
        return query
    if isinstance(values, Mapping):
        return query % {name: _literal(value) for name, value in values.items()}
    return query % tuple(map(_literal, values))


def error_of(words: str) -> psycopg2.Error:
    """The exception that psycopg2 has for what the warehouse said."""
    kind = next((kind for pattern, kind in _ERRORS if pattern.search(words)), psycopg2.DatabaseError)
    return kind(words)


def _literal(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_literal, value))})"
    quoted = adapt(value)
    if isinstance(quoted, QuotedString):
        quoted.encoding = "utf-8"  # without a connection it knows Latin-1 alone
    return str(quoted.getquoted().decode())


def _value(column: Column, cell: Mapping[str, Any]) -> Any:
    if cell.get("isNull"):
        return None
    ((_, value),) = cell.items()
    convert = _CONVERSIONS.get(column.type)
    return convert(value) if convert else value
