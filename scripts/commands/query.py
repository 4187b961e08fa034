"""query: a SQL prompt on the warehouse."""

import readline
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated

import psycopg2
import typer
from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from commands.display import as_records, fail, out, print_json, print_table, say
from commands.options import FOLDER, Folder, Json
from local import cloud as clouds
from local.deployment import deployed

_MOST_ROWS = 1000
_TABLES = """
SELECT schemaname AS schema, tablename AS name, tableowner AS owner FROM pg_tables
WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'pg_internal') ORDER BY 1, 2
"""
_HELP = "End a statement with ;   \\d lists the tables   \\q or Ctrl-D leaves"


def query(
    sql: Annotated[str | None, typer.Argument(help="One or more statements; a prompt, if left out.")] = None,
    folder: Folder = FOLDER,
    json: Json = False,
) -> None:
    """Ask the warehouse: one answer, a prompt, or statements from standard input."""
    cloud = clouds.get(folder)
    connection = deployed(cloud).connect()
    connection.autocommit = True
    with connection.cursor() as cursor:
        if sql is None and sys.stdin.isatty():
            _prompt(cursor, json, str(cloud.instance.folder / "history"))
            return
        if not _answer(cursor, sql if sql is not None else sys.stdin.read(), json):
            raise typer.Exit(1)


def _prompt(cursor: Cursor, json: bool, history: str) -> None:
    with suppress(OSError):  # the first time there is none
        readline.read_history_file(history)
    say(_HELP)
    for statement in _statements():
        _answer(cursor, _TABLES if statement == "\\d" else statement, json)
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
        if not lines and command == "\\d":
            yield command
            continue
        if not lines and command.startswith("\\"):
            say(_HELP)
            continue
        if command or lines:
            lines.append(line)
        if command.endswith(";"):
            yield "\n".join(lines)
            lines.clear()


def _answer(cursor: Cursor, sql: str, json: bool) -> bool:
    """Run statements and show the result of the last one; False if the warehouse refused."""
    try:
        cursor.execute(sql)
        rows = cursor.fetchmany(_MOST_ROWS) if cursor.description else []
    except KeyboardInterrupt:
        cursor.connection.cancel()
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
        print_json(as_records(columns, rows))
    else:
        print_table("", columns, rows, width=60)
        more = f", the first {_MOST_ROWS:,} are shown" if cursor.rowcount > len(rows) else ""
        say(f"({cursor.rowcount:,} rows{more})")
    return True
