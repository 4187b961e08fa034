"""A second session that looks at the warehouse all the time, as a reader would: at every instant all adds up."""

import threading
from types import TracebackType
from typing import Self

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 (a type)
from tests.faults.comparison import ledger_sums
from tests.faults.differences import Differences
from tests.faults.oracle import Oracle
from tests.faults.pipeline import Pipeline
from tests.faults.watermarks import ahead, kept_otherwise, watermarks

_PAUSE = 0.3


class Watcher:
    """Looks in a thread of its own, from entering to leaving the context."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._oracle = Oracle(pipeline.cloud)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._lock = threading.Lock()
        self._seen = Differences()
        self.looks = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def seen(self) -> Differences:
        """What was wrong since it was asked last."""
        with self._lock:
            seen, self._seen = self._seen, Differences()
        return seen

    def _watch(self) -> None:
        connection: Connection | None = None
        while not self._ended.wait(_PAUSE):
            try:
                if connection is None or connection.closed:
                    connection = self._pipeline.connect()
                    connection.autocommit = False
                found = self._look(connection)
            except psycopg2.errors.QueryCanceled as error:
                found = Differences(reader=[f"a reader waited for five seconds: {error}".strip()])
                if connection is not None:
                    connection.rollback()
            except psycopg2.Error:
                connection = None  # sessions are what the campaign cuts
                continue
            with self._lock:
                self._seen.add(found)
            self.looks += 1
        if connection is not None:
            connection.close()

    def _look(self, connection: Connection) -> Differences:
        with connection, connection.cursor() as cursor:
            found = ledger_sums(cursor)
            found.add(kept_otherwise(cursor))
            marks = watermarks(cursor)
            # What the endpoint holds is asked after the snapshot was taken: whatever has not changed until then
            # was there when a window before the watermark was read.
            self._oracle.look()
            found.add(ahead(cursor, marks, self._oracle))
        return found
