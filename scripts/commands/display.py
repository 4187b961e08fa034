"""What the command line shows: progress on standard error, results on standard output."""

import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

out = Console(soft_wrap=True)
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


class _Mark(SpinnerColumn):
    """Turns while the work goes on, then says how it ended."""

    def render(self, task: Task) -> Text:
        if task.finished and task.fields["failed"]:
            return Text("✗", "red")
        return Text("✓", "green") if task.finished else Text(str(super().render(task)))


class _BarWork:
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def update(self, note: str = "", done: int = 0, total: int = 0) -> None:
        self._progress.update(self._task, note=escape(note), completed=done, total=total or None)

    def finish(self, note: str = "", *, ok: bool = True) -> None:
        shown = escape(note) if ok else f"[red]{escape(note)}[/]"
        self._progress.update(self._task, note=shown, completed=1, total=1, failed=not ok)
        self._progress.stop_task(self._task)

    @property
    def is_over(self) -> bool:
        return self._progress.tasks[self._task].finished


class _Bars:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.begun: list[_BarWork] = []

    def begin(self, title: str) -> Work:
        task = self._progress.add_task(escape(title), total=None, note="", failed=False)
        self.begun.append(_BarWork(self._progress, task))
        return self.begun[-1]


class _LineWork:
    def __init__(self, title: str, passing: bool) -> None:
        self._title, self._begun, self._passing = title, time.monotonic(), passing
        self._said = self._begun
        self.is_over = False
        if not passing:
            _plain(f"{title} …")

    def update(self, note: str = "", done: int = 0, total: int = 0) -> None:
        if time.monotonic() - self._said >= _PLAIN_INTERVAL:
            self._said = time.monotonic()
            _plain(f"{self._title}: {f'{100 * done // total} %, ' if total else ''}{note}")

    def finish(self, note: str = "", *, ok: bool = True) -> None:
        self.is_over = True
        if self._passing and self._said == self._begun:
            return  # nothing was said of it yet: the answer, or the error, says enough
        _plain(
            f"{self._title}: {note or ('done' if ok else 'failed')} ({time.monotonic() - self._begun:.1f} s)"
        )


class _Lines:
    def __init__(self, passing: bool) -> None:
        self._passing = passing
        self.begun: list[_LineWork] = []

    def begin(self, title: str) -> Work:
        self.begun.append(_LineWork(title, self._passing))
        return self.begun[-1]


@contextmanager
def activity(passing: bool = False) -> Iterator[Activity]:
    """Bars that move on a terminal, plain lines elsewhere. What an exception ends is shown as failed.

    passing: the work is but the way to an answer: its bars vanish, and lines are said only while it takes long.
    """
    if not err.is_terminal:
        lines = _Lines(passing)
        with _ending(lines):
            yield lines
        return
    columns = (
        _Mark(table_column=Column(width=1)),
        TextColumn("{task.description}", table_column=Column(width=22, no_wrap=True, overflow="ellipsis")),
        BarColumn(bar_width=16),
        TimeElapsedColumn(table_column=Column(width=7, no_wrap=True)),
        TextColumn("{task.fields[note]}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
    )
    with Progress(*columns, console=err, expand=True, transient=passing) as progress:
        bars = _Bars(progress)
        with _ending(bars):
            yield bars


@contextmanager
def _ending(shown: _Bars | _Lines) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        note = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        for work in shown.begun:
            if not work.is_over:
                work.finish(note, ok=False)
        raise


def _plain(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def say(text: str) -> None:
    """A line for people, beside the result."""
    err.print(text, highlight=False, markup=False)


def fail(text: str, details: Iterable[str] = ()) -> None:
    """What went wrong, for people; below it where, and what to do about it."""
    err.print(f"[bold red]Error:[/] {escape(text)}", highlight=False)
    for detail in details:
        err.print(f"    {detail}", highlight=False, markup=False)


def print_json(document: object) -> None:
    """The result for programs."""
    sys.stdout.write(json.dumps(document, indent=2, default=str, ensure_ascii=False) + "\n")
