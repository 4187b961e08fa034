"""A warehouse that tells of every statement before and after it, and whose connections can be cut there."""

import os
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple, Self, override

import psycopg2

from xmlift.warehouse.connection import Address, Credentials, Warehouse


class Moment(NamedTuple):
    """Just before or just after the n-th statement of a transaction; COMMIT is the last."""

    number: int
    sql: str
    after: bool

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} statement {self.number}: {' '.join(self.sql.split())[:60]}"


class KilledError(BaseException):
    """The process is gone: nothing that catches errors sees it."""


Watch = Callable[[Moment, Any], None]
"""Told of each moment, with the real connection."""

Fetched = Callable[[list[tuple[Any, ...]]], None]
"""Told of the rows that an answer brought."""


class WatchedWarehouse(Warehouse):
    """The warehouse as a function has it."""

    def __init__(
        self,
        address: Address,
        credentials: Callable[[], Credentials],
        watch: Watch,
        fetched: Fetched = lambda _: None,
    ) -> None:
        super().__init__(address, credentials, "xmlift-watched", sleep=lambda _: None)
        self._watch, self._fetched = watch, fetched

    @override
    def connect(self, *args: Any, **options: Any) -> Any:
        return _WatchedConnection(super().connect(*args, **options), self._watch, self._fetched)


class _WatchedConnection:
    """Stands before a connection of psycopg2."""

    def __init__(self, real: Any, watch: Watch, fetched: Fetched) -> None:
        self.__dict__.update(real=real, watch=watch, fetched=fetched, number=0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "number":
            self.__dict__[name] = value
        else:
            setattr(self.real, name, value)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: Any, trace: TracebackType | None) -> None:
        if kind is None:
            self.commit()
        elif not (kind is KilledError or self.real.closed):
            # Nothing rolls back when the process is gone: the error of trying would pass for a lost connection.
            self.real.rollback()

    def commit(self) -> None:
        self._told("COMMIT", self.real.commit)

    def cursor(self, *args: Any, cursor_factory: Any = psycopg2.extensions.cursor, **options: Any) -> Any:
        watched = self

        class WatchedCursor(cursor_factory):  # type: ignore[misc]
            def execute(self, query: Any, vars: Any = None) -> None:
                text = query.decode() if isinstance(query, bytes) else str(query)
                watched._told(text, lambda: super(WatchedCursor, self).execute(query, vars))

            def fetchall(self) -> list[tuple[Any, ...]]:
                rows: list[tuple[Any, ...]] = super().fetchall()
                watched.fetched(rows)
                return rows

            def fetchone(self) -> tuple[Any, ...] | None:
                row: tuple[Any, ...] | None = super().fetchone()
                watched.fetched([row] if row else [])
                return row

        return self.real.cursor(*args, cursor_factory=WatchedCursor, **options)

    def _told(self, sql: str, run: Callable[[], Any]) -> None:
        number = self.number
        self.number = number + 1
        self.watch(Moment(number, sql, after=False), self.real)
        run()
        self.watch(Moment(number, sql, after=True), self.real)


def cut(connection: Any) -> None:
    """Break a connection as a killed process or a dead network does: no word to the other side."""
    with socket.socket(fileno=os.dup(connection.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)
