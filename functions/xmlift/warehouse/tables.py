"""Target tables: made and grown to what a mapping declares, outside of transactions (L0)."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Literal, NamedTuple

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.errors import WarehouseError
from xmlift.warehouse.statements import VALIDITY, Table, add_column, create_table, widen_column

_VARCHAR = re.compile(r"VARCHAR\((\d+)\)")
_SPELLED = {
    "character varying": "VARCHAR",
    "numeric": "DECIMAL",
    "timestamp with time zone": "TIMESTAMPTZ",
    "timestamp without time zone": "TIMESTAMP",
    "double precision": "DOUBLE PRECISION",
    "bigint": "BIGINT",
    "integer": "INTEGER",
    "boolean": "BOOLEAN",
    "date": "DATE",
}
"""Types as the catalogue of the database names them, and as we declare them; others are left alone."""


type Contract = Literal["evolve", "freeze", "discard"]
"""What a table may become where the catalogue declares more than it has: that; else it fails, or goes without."""


class Prepared(NamedTuple):
    """A table as it is to be loaded.

    `lacking` are declared columns that it has no place for, `narrow` those whose texts it takes up to so many bytes
    only, with their declared types. Both are empty unless the contract is discard.
    """

    table: Table
    lacking: tuple[str, ...] = ()
    narrow: Mapping[str, tuple[int, str]] = {}


def prepare(cursor: Cursor, table: Table, contract: Contract = "evolve") -> Prepared:
    """Create a table; where it may evolve add the columns that it lacks, and widen the texts that are too narrow.

    Never shrinks. Raises WarehouseError where a column is of another type than declared, since COPY would cut
    values to fit it; where the table keeps a history and should not, or the other way about; and where it is frozen
    and lacks something.
    """
    columns = columns_of(cursor, table)
    if not columns:
        ensure(cursor, create_table(table))
        columns = columns_of(cursor, table)
    # Any other stream may have columns of these names.
    was_history = {name for name, _ in VALIDITY} <= set(columns) - {name for name, _ in table.columns}
    if was_history != table.keeps_history:
        raise WarehouseError(
            f"{table.qualified} was loaded {'' if was_history else 'not '}as a history (scd2), and its rows "
            "mean something else now: name the stream anew, or drop the table and load it again (rebuild-ledger)"
        )
    lacking = {name: declared for name, declared in table.target_columns if name not in columns}
    narrow = dict(_narrow(table, columns))
    match contract:
        case "evolve":
            for name, declared in lacking.items():
                ensure(cursor, add_column(table, name, declared))
            for name, (_, declared) in narrow.items():
                _widen(cursor, table, name, declared)
        case "freeze" if lacking or narrow:
            raise WarehouseError(_differences(table, lacking, narrow))
        case "discard":
            return _without(table, lacking, narrow)
    return Prepared(table)


def _narrow(table: Table, columns: Mapping[str, str | None]) -> Iterator[tuple[str, tuple[int, str]]]:
    """The columns whose texts are declared wider than they are, with their width. Raises WarehouseError."""
    for name, declared in table.target_columns:
        found, text = columns.get(name), _VARCHAR.fullmatch(declared)
        width = _VARCHAR.fullmatch(found or "")
        if text and width:
            if int(width[1]) < int(text[1]):
                yield name, (int(width[1]), declared)
        elif found is not None and found != declared:
            raise WarehouseError(
                f"{table.qualified}: column {name} is {found}, the catalogue declares {declared}: restore the "
                "type, or give the column another name"
            )


def _differences(table: Table, lacking: Mapping[str, str], narrow: Mapping[str, tuple[int, str]]) -> str:
    words = [f"it has no column {name} {declared}" for name, declared in lacking.items()]
    words += [
        f"column {name} is VARCHAR({width}), declared {declared}"
        for name, (width, declared) in narrow.items()
    ]
    return (
        f"{table.qualified} is not as the catalogue declares it ({'; '.join(words)}), and the stream's contract is "
        "freeze: take the declaration back, alter the table by hand, or choose evolve"
    )


def _without(table: Table, lacking: Mapping[str, str], narrow: Mapping[str, tuple[int, str]]) -> Prepared:
    """The table without the columns that it lacks. Raises WarehouseError where no row can do without one."""
    needed = {*table.required, *table.key, *table.version}
    needed |= {name for name in table.names if name.startswith("_")}
    if missing := sorted(needed.intersection(lacking)) or sorted({*table.key}.intersection(narrow)):
        raise WarehouseError(
            f"{table.qualified} has no place for {', '.join(missing)}, which no row can do without, and the "
            "stream's contract is discard: alter the table by hand, or choose evolve"
        )
    columns = tuple(column for column in table.columns if column[0] not in lacking)
    return Prepared(table._replace(columns=columns), tuple(lacking), narrow)


def widen(cursor: Cursor, table: Table, widths: Mapping[str, int]) -> None:
    """Let columns hold texts of so many bytes, where they do not yet."""
    columns = columns_of(cursor, table)
    for name, bytes_wide in widths.items():
        width = _VARCHAR.fullmatch(columns.get(name) or "")
        if width and int(width[1]) < bytes_wide:
            _widen(cursor, table, name, f"VARCHAR({bytes_wide})")


def ensure(cursor: Cursor, statement: str) -> None:
    """Run a statement that makes something; that another loader just made it is success."""
    # IF NOT EXISTS does not keep two that run at the same moment from meeting in the system tables.
    errors = psycopg2.errors
    with suppress(
        errors.DuplicateTable,
        errors.DuplicateColumn,
        errors.DuplicateObject,
        errors.DuplicateSchema,
        errors.UniqueViolation,
    ):
        cursor.execute(statement)


def _widen(cursor: Cursor, table: Table, name: str, declared: str) -> None:
    try:
        cursor.execute(widen_column(table, name, declared))
    except psycopg2.Error:
        found = _VARCHAR.fullmatch(columns_of(cursor, table)[name] or "")
        wanted = _VARCHAR.fullmatch(declared)
        if not (found and wanted and int(found[1]) >= int(wanted[1])):  # else another loader was faster
            raise


def columns_of(cursor: Cursor, table: Table) -> dict[str, str | None]:
    """The columns that a table has, with their types as we spell them; None for one that we do not know."""
    cursor.execute(
        "SELECT column_name, data_type, character_maximum_length, numeric_precision, numeric_scale "
        "FROM information_schema.columns WHERE table_schema = %s AND table_name = %s",
        (table.schema, table.name),
    )
    return {name: _spelled(*described) for name, *described in cursor.fetchall()}


def _spelled(data_type: str, width: int | None, precision: int | None, scale: int | None) -> str | None:
    match _SPELLED.get(data_type.lower()):
        case "VARCHAR":
            return f"VARCHAR({width})"
        case "DECIMAL":
            return f"DECIMAL({precision},{scale})"
        case spelled:
            return spelled


def load_errors(cursor: Cursor, files: str) -> list[str]:
    """What the last failed COPY said about one of its files; `files` is how their URLs begin."""
    cursor.execute(
        "SELECT file_name, line_number, column_name, column_type, error_message FROM sys_load_error_detail "
        "WHERE LEFT(file_name, %s) = %s ORDER BY start_time DESC LIMIT 1",
        (len(files), files),
    )
    return [
        f"{str(file).strip()} line {line}, column {str(column).strip()} {str(kind).strip()}: {str(said).strip()}"
        for file, line, column, kind, said in cursor.fetchall()
    ]
