"""query: a SQL prompt on the warehouse."""

import re
import readline
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated

import psycopg2
import typer
from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)
from psycopg2.extensions import set_wait_callback
from psycopg2.extras import wait_select

from commands.display import fail, out, print_json, say
from commands.environments import LOCAL, Env, opened
from commands.options import FOLDER, Folder, Json
from commands.tables import as_records, print_table

_MOST_ROWS = 1000  # on a terminal: nobody reads more, and everybody waits for them
_TABLES = """
SELECT schemaname AS schema, tablename AS name, tableowner AS owner FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'pg_internal') ORDER BY 1, 2
"""
_COLUMNS = """
SELECT table_schema AS schema, table_name AS table, column_name AS column, data_type AS type,
  character_maximum_length AS length, is_nullable AS nullable
FROM information_schema.columns
WHERE table_name = %(table)s AND (table_schema = %(schema)s OR %(schema)s = '') ORDER BY 1, 2, ordinal_position
"""
_HELP = """\
End a statement with ;   Ctrl-C cancels it
\\d or \\dt lists the tables, \\d TABLE the columns of one   \\q or Ctrl-D leaves"""

# What may hold a semicolon that ends nothing.
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/", re.DOTALL)
_OPEN = re.compile(r"['\"]|/\*|\$\w*\$")


def query(
    sql: Annotated[str | None, typer.Argument(help="One or more statements; a prompt, if left out.")] = None,
    folder: Folder = FOLDER,
    env: Env = LOCAL,
    json: Json = False,
) -> None:
    """Ask the warehouse: one answer, a prompt, or statements from standard input.

    On AWS it is asked by the Data API: what one call is given is one transaction, and nothing lasts from one to the
    next.
    """
    deployment = opened(env, folder)
    connection = deployment.connect()
    connection.autocommit = True
    with _interruptible(), connection.cursor() as cursor:
        if sql is None and sys.stdin.isatty():
            _prompt(cursor, json, str(folder / "history"))
            return
        statements = sys.stdin.read() if sql is None else sql
        if not statements.strip():
            fail(f"There is nothing to ask. Give a statement: {deployment.command("query SQL='select 1'")}")
            raise typer.Exit(1)
        if not _answer(cursor, statements, json):
            raise typer.Exit(1)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C cancels the statement at the warehouse: while the library's own wait is in C, it is not noticed."""
    set_wait_callback(wait_select)
    try:
        yield
    finally:
        set_wait_callback(None)


def ends(text: str) -> bool:
    """Whether a statement is complete: its last character is a semicolon that stands in no quotes or comment."""
    plain = _QUOTED.sub(" ", text)
    return plain.rstrip().endswith(";") and not _OPEN.search(plain)


def _prompt(cursor: Cursor, json: bool, history: str) -> None:
    with suppress(OSError):  # the first time there is none
        readline.read_history_file(history)
    say(_HELP)
    for statement in _statements():
        try:
            _command(cursor, statement, json)
        except KeyboardInterrupt:
            say("cancelled")
    with suppress(OSError):
        readline.write_history_file(history)


def _statements() -> Iterator[str]:
    """What is typed, statement by statement, until the end of the input."""
    lines: list[str] = []
    while True:
        try:
            line = input("warehouse-> " if lines else "warehouse=> ")
        except EOFError:
            out.print()
            return
        except KeyboardInterrupt:
            out.print()
            lines.clear()
            continue
        command = line.strip()
        if not lines and command in {"\\q", "quit", "exit"}:
            return
        if not lines and (command == "help" or command.startswith("\\")):
            yield command
            continue
        if command or lines:
            lines.append(line)
        if ends("\n".join(lines)):
            yield "\n".join(lines)
            lines.clear()


def _command(cursor: Cursor, statement: str, json: bool) -> None:
    word, _, name = statement.partition(" ")
    if word in {"\\d", "\\dt"}:
        schema, _, table = name.strip().rpartition(".")
        parameters = {"schema": schema, "table": table}
        _answer(cursor, _COLUMNS if table else _TABLES, json, parameters if table else None)
    elif statement == "help" or word.startswith("\\"):
        say(_HELP)
    else:
        _answer(cursor, statement, json)


def _answer(cursor: Cursor, sql: str, json: bool, parameters: dict[str, str] | None = None) -> bool:
    """Run statements and show the result of the last one; False if the warehouse refused."""
    try:
        cursor.execute(sql, parameters)
    except psycopg2.errors.QueryCanceled:
        say("cancelled")
        return False
    except psycopg2.Error as error:
        fail(str(error).strip())
        return False
    if cursor.description is None:
        say(cursor.statusmessage or "done")
        return True
    columns = [column.name for column in cursor.description]
    if json:
        print_json(as_records(columns, cursor.fetchall()))
        return True
    rows = cursor.fetchmany(_MOST_ROWS) if out.is_terminal else cursor.fetchall()
    print_table(columns, rows)
    more = f", the first {_MOST_ROWS:,} are shown" if cursor.rowcount > len(rows) else ""
    say(f"({cursor.rowcount:,} {'row' if cursor.rowcount == 1 else 'rows'}{more})")
    return True
