"""A pytest plugin: every kind of statement that the functions send to the warehouse, as they send it.

`XMLIFT_STATEMENTS` names the folder in which each process of a test run has a file of its own, a statement a line.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.warehouse.connection import BoundedCursor

FOLDER = "XMLIFT_STATEMENTS"
_VALUES = re.compile(r"'(?:[^'\\]|''|\\.)*'|\"(?:[^\"]|\"\")*\"|\b\d+(?:\.\d+)?\b")
_LONG_LISTS = re.compile(r"\(\?(?:, \?)*\)(?:,\s*\(\?(?:, \?)*\))*")


def kind(statement: str) -> str:
    """What is left of a statement without its values and names: thousands are of one kind."""
    bare = _VALUES.sub("?", " ".join(statement.split()))
    return _LONG_LISTS.sub("(?)", bare)


class _Recorder:
    """Writes the first statement of each kind."""

    def __init__(self, folder: Path) -> None:
        self._file = (folder / f"{os.getpid()}.jsonl").open("a")
        self._known: set[str] = set()

    def see(self, statement: str) -> None:
        if (seen := kind(statement)) not in self._known:
            self._known.add(seen)
            self._file.write(json.dumps(statement) + "\n")
            self._file.flush()


def pytest_configure() -> None:
    """Look over the shoulder of every cursor of the functions."""
    recorder = _Recorder(Path(os.environ[FOLDER]))
    execute = BoundedCursor.execute

    def recorded(self: BoundedCursor, query: Any, vars: Any = None) -> None:
        recorder.see(Cursor.mogrify(self, query, vars).decode())
        execute(self, query, vars)

    BoundedCursor.execute = recorded  # type: ignore[method-assign]
