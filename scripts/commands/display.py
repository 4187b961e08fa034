"""What the command line shows: progress on standard error, results on standard output."""

import json
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Protocol

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

# Into a file or a pipe, a table is as wide as it needs to be.
out = Console(soft_wrap=True, width=None if sys.stdout.isatty() else 240)
err = Console(stderr=True, soft_wrap=True)

# Without a terminal, seconds between two lines about the same work.
_PLAIN_INTERVAL = 5.0


class Work(Protocol):
    """A piece of work that takes a while, as it is shown."""

    def update(self, note: str = "", done: int = 0, total: int = 0) -> None:
        """Show how far it is."""

    def finish(self, note: str = "", *, ok: bool = True) -> None:
        """Show that it is over, well or not."""


class Activity(Protocol):
    """Pieces of work, shown one below the other; several may go on at a time."""

    def begin(self, title: str) -> Work:
        """Show that a piece of work has begun."""


class _BarWork:
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def update(self, note: str = "", done: int = 0, total: int = 0) -> None:
        self._progress.update(self._task, note=escape(note), completed=done, total=total or None)

    def finish(self, note: str = "", *, ok: bool = True) -> None:
        shown = escape(note) if ok else f"[red]{escape(note)}[/]"
        self._progress.update(self._task, note=shown, completed=1 if ok else 0, total=1)
        self._progress.stop_task(self._task)


class _Bars:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def begin(self, title: str) -> Work:
        return _BarWork(self._progress, self._progress.add_task(title, total=None, note=""))


class _LineWork:
    def __init__(self, title: str) -> None:
        self._title, self._begun = title, time.monotonic()
        self._said = self._begun
        _plain(f"{title} …")

    def update(self, note: str = "", done: int = 0, total: int = 0) -> None:
        if time.monotonic() - self._said >= _PLAIN_INTERVAL:
            self._said = time.monotonic()
            _plain(f"{self._title}: {f'{100 * done // total} %, ' if total else ''}{note}")

    def finish(self, note: str = "", *, ok: bool = True) -> None:
        _plain(
            f"{self._title}: {note or ('done' if ok else 'failed')} ({time.monotonic() - self._begun:.1f} s)"
        )


class _Lines:
    def begin(self, title: str) -> Work:
        return _LineWork(title)


@contextmanager
def activity() -> Iterator[Activity]:
    """Bars that move on a terminal, plain lines elsewhere."""
    if not err.is_terminal:
        yield _Lines()
        return
    columns = (
        SpinnerColumn(finished_text="[green]✓[/]"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=err) as progress:
        yield _Bars(progress)


def _plain(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def say(text: str) -> None:
    """A line for people, beside the result."""
    err.print(text, highlight=False, markup=False)


def fail(text: str) -> None:
    """What went wrong, for people."""
    err.print(f"[bold red]Error:[/] {escape(text)}", highlight=False)


def print_json(document: object) -> None:
    """The result for programs."""
    sys.stdout.write(json.dumps(document, indent=2, default=str) + "\n")


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    right: Collection[str] = (),
    width: int | None = None,
) -> None:
    """A table on standard output; numbers and the named columns stand right.

    width: characters after which a cell is cut.
    """
    rows = [list(row) for row in rows]
    table = Table(title=title or None, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    for index, column in enumerate(columns):
        numbers = bool(rows) and all(type(row[index]) in {int, float, Decimal} for row in rows)
        table.add_column(column, justify="right" if numbers or column in right else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(escape(_cell(value, width)) for value in row))
    out.print(table)


def _cell(value: Any, width: int | None) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime) and value.tzinfo is not None:
        text = f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"[:-3] + "Z"
    else:
        text = str(value).replace("\n", "⏎")
    return text if width is None or len(text) <= width else f"{text[: width - 1]}…"


def as_records(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[Mapping[str, Any]]:
    """Rows as JSON objects."""
    return [dict(zip(columns, row, strict=True)) for row in rows]
