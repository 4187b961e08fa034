"""Target tables: made and grown to what a mapping declares, outside of transactions (L0)."""

import re
from contextlib import suppress

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.warehouse.statements import Table, add_column, create_table, widen_column

_VARCHAR = re.compile(r"VARCHAR\((\d+)\)")


def prepare(cursor: Cursor, table: Table) -> None:
    """Create a table, add the columns that it lacks, widen the texts that are too narrow. Never shrinks."""
    widths = _widths(cursor, table)
    if not widths:
        ensure(cursor, create_table(table))
        widths = _widths(cursor, table)
    for name, column_type in table.columns:
        if name not in widths:
            ensure(cursor, add_column(table, name, column_type))
            continue
        declared, width = _VARCHAR.fullmatch(column_type), widths[name]
        if declared and width is not None and width < int(declared[1]):
            _widen(cursor, table, name, column_type, int(declared[1]))


def ensure(cursor: Cursor, statement: str) -> None:
    """Run a statement that makes something; that another loader just made it is success."""
    # IF NOT EXISTS does not keep two that run at the same moment from meeting in the system tables.
    errors = psycopg2.errors
    with suppress(
        errors.DuplicateTable, errors.DuplicateColumn, errors.DuplicateObject, errors.UniqueViolation
    ):
        cursor.execute(statement)


def _widen(cursor: Cursor, table: Table, name: str, column_type: str, wanted: int) -> None:
    try:
        cursor.execute(widen_column(table, name, column_type))
    except psycopg2.Error:
        if (_widths(cursor, table)[name] or 0) < wanted:  # else another loader was faster
            raise


def _widths(cursor: Cursor, table: Table) -> dict[str, int | None]:
    """The columns that a table has, with the bytes that a VARCHAR holds."""
    cursor.execute(
        "SELECT column_name, character_maximum_length FROM information_schema.columns "
        "WHERE table_schema = %s AND table_name = %s",
        (table.schema, table.name),
    )
    return dict(cursor.fetchall())


def latest_load_errors(cursor: Cursor) -> list[str]:
    """What the last failed COPY of this user said about its file."""
    cursor.execute(
        "SELECT file_name, line_number, column_name, column_type, error_message "
        "FROM sys_load_error_detail ORDER BY start_time DESC LIMIT 1"
    )
    return [
        f"{str(file).strip()} line {line}, column {str(column).strip()} {str(kind).strip()}: {str(said).strip()}"
        for file, line, column, kind, said in cursor.fetchall()
    ]
