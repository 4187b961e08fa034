"""Target tables: made and grown to what a mapping declares, outside of transactions (L0)."""

import re
from contextlib import suppress

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


def prepare(cursor: Cursor, table: Table) -> None:
    """Create a table, add the columns that it lacks, widen the texts that are too narrow. Never shrinks.

    Raises WarehouseError where a column is of another type than declared, since COPY would cut values to fit it,
    and where the table keeps a history and should not, or the other way about.
    """
    columns = columns_of(cursor, table)
    if not columns:
        ensure(cursor, create_table(table))
        columns = columns_of(cursor, table)
    was_history = VALIDITY[0][0] in columns
    if was_history != table.keeps_history:
        raise WarehouseError(
            f"{table.qualified} was loaded {'' if was_history else 'not '}as a history (scd2), and its rows "
            "mean something else now: name the stream anew, or drop the table and load it again (rebuild-ledger)"
        )
    for name, declared in table.target_columns:
        if name not in columns:
            ensure(cursor, add_column(table, name, declared))
            continue
        found, text = columns[name], _VARCHAR.fullmatch(declared)
        width = _VARCHAR.fullmatch(found or "")
        if text and width:
            if int(width[1]) < int(text[1]):
                _widen(cursor, table, name, declared)
        elif found is not None and found != declared:
            raise WarehouseError(
                f"{table.qualified}: column {name} is {found}, the catalogue declares {declared}: restore the "
                "type, or give the column another name"
            )


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
        if columns_of(cursor, table)[name] != declared:  # else another loader was faster
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
