"""The lock of a stream: waiting for it, and taking it from a loader that is no more (L1, R2).

A function that is killed says no goodbye. Its session stays behind and holds the lock, for up to six hours: so who
waits in vain looks how old the transaction is, and ends it once nobody can be left who would.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.errors import LockedOutError, WarehouseError, XmliftError
from xmlift.telemetry import logger
from xmlift.warehouse import statements
from xmlift.warehouse.connection import BoundedCursor, TimeUpError, Warehouse, one_line

_SUFFIX = "__mutex"

LOOK_SECONDS = 30.0
"""How long looking at the holder and ending it may take: a busy warehouse lets sessions and queries wait."""


class Mutex:
    """One stream's lock, as its loaders wait for it."""

    def __init__(self, warehouse: Warehouse, schema: str, stream: str) -> None:
        self._warehouse = warehouse
        self._schema = schema
        self._stream = stream
        self._patience = warehouse.patience

    def transaction[T](self, work: Callable[[Cursor], T], seconds: float = math.inf) -> T:
        """Run `work` in one transaction behind the lock; as Warehouse.transaction otherwise.

        Raises LockedOutError where the lock was not had in time, or too late: call again. TimeUpError where the
        work alone takes longer than `seconds`.
        """

        def locked(cursor: BoundedCursor) -> T:
            self._prompt(cursor, lambda: cursor.execute(statements.lock(self._schema, self._stream)))
            return work(cursor)

        return self._waiting(lambda left: self._warehouse.transaction(locked, left), seconds)

    def autocommit[T](self, work: Callable[[Cursor], T], seconds: float = math.inf) -> T:
        """Run `work`, which may be run any number of times, outside of transactions and without the lock.

        What it changes may be held by a loader all the same: then as with `transaction`. An abandoned holder of the
        lock is ended first, so that it is even where no limit of time interrupts a LOCK that waits.
        """

        def prompt(cursor: BoundedCursor) -> T:
            with self._best_effort():
                self._end_abandoned(cursor)
            return self._prompt(cursor, lambda: work(cursor))

        return self._waiting(lambda left: self._warehouse.autocommit(prompt, left), seconds)

    def _prompt[T](self, cursor: BoundedCursor, work: Callable[[], T]) -> T:
        try:
            with cursor.each_within(self._patience.wait_seconds):
                return work()
        except psycopg2.errors.QueryCanceled as error:
            raise _WaitedError from error

    def _waiting[T](self, attempt: Callable[[float], T], seconds: float) -> T:
        deadline = time.monotonic() + seconds
        has_waited = False
        while not has_waited or time.monotonic() < deadline:
            try:
                return attempt(deadline - time.monotonic())
            except _WaitedError:
                has_waited = True
                logger.warning("waiting for the lock", stream=self._stream)
                with self._best_effort():
                    left = min(LOOK_SECONDS, deadline - time.monotonic())
                    self._warehouse.autocommit(self._end_abandoned, left)
            except (TimeUpError, psycopg2.errors.QueryCanceled) as error:
                if not has_waited:
                    raise TimeUpError(
                        f"the function's time is up; its transaction was rolled back ({one_line(error)})"
                    ) from error
                break  # the lock came too late for this call
        raise LockedOutError(
            f"{self._schema}.{self._stream}: another transaction held its lock; the next call waits on. One that "
            f"its loader has left is ended when it is {self._patience.abandoned_seconds / 60:.0f} minutes old"
        )

    def _end_abandoned(self, cursor: BoundedCursor) -> None:
        """End our own user's old transactions that hold the lock; not in the session that waits for it."""
        with cursor.each_within(LOOK_SECONDS):
            cursor.execute(
                _holders(self._patience.abandoned_seconds), (self._schema, f"{self._stream}{_SUFFIX}")
            )
            for session, since, is_abandoned in cursor.fetchall():
                logger.info("the lock is held", stream=self._stream, session=session, since=str(since))
                if is_abandoned:
                    cursor.execute("SELECT pg_terminate_backend(%s)", (session,))
                    logger.warning("ended an abandoned transaction", session=session, since=str(since))

    @contextmanager
    def _best_effort(self) -> Iterator[None]:
        """Who cannot look at the lock's holder waits on all the same: it may well be alive, and done soon."""
        try:
            yield
        except (psycopg2.Error, WarehouseError) as error:
            logger.warning("the lock's holder was not seen", stream=self._stream, reason=one_line(error))


def locked_streams(cursor: Cursor, schema: str) -> list[str]:
    """The streams of a schema that have a lock, in the order of their names."""
    cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = %s", (schema,))
    tables = sorted(name for (name,) in cursor.fetchall())
    return [name.removesuffix(_SUFFIX) for name in tables if name.endswith(_SUFFIX)]


class _WaitedError(XmliftError):
    """A statement waited in vain for what another transaction holds."""


def _holders(abandoned_seconds: float) -> str:
    """Our own user's transactions that hold a table; parameters: schema and table. Others are not shown to us."""
    return (
        "SELECT DISTINCT held.pid, held.txn_start,\n"
        f"  held.txn_start <= GETDATE() - INTERVAL '{abandoned_seconds:.0f} seconds'\n"
        "FROM svv_transactions AS held\n"
        "JOIN pg_class AS relation ON relation.oid = held.relation\n"
        "JOIN pg_namespace AS space ON space.oid = relation.relnamespace\n"
        "WHERE space.nspname = %s AND relation.relname = %s\n"
        "AND held.granted AND TRIM(held.txn_owner) = CURRENT_USER"
    )
