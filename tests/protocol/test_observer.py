"""I3: at every instant of a load, a second session sees all of a window or nothing of it, and never waits.

In one snapshot the watermark is not ahead of what is complete, what the ledger says was inserted less what was
removed is what each table holds, and the coverage that is kept is that of the ledger.
"""

import threading
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import pytest

from xmlift.checks import LoadedCounts
from xmlift.warehouse import coverage, ledger
from xmlift.warehouse.coverage import Counted
from xmlift.windows import Interval, settled_by, watermark

from ..unit.steps_landing import DAY, at, run_at
from ..unit.warehouse_stand_in import REPORTER
from .pipeline import OVERLAP, STREAMS, Pipeline, row
from .watched import Moment


class Seen(NamedTuple):
    """What one snapshot showed."""

    watermark: datetime
    tables: dict[str, tuple[int, int]]
    keys: set[int]
    kept: coverage.Covered
    covered: coverage.Covered


class Observer:
    """Looks at a stream in a session of its own, whose statements end after two seconds."""

    def __init__(self, pipeline: Pipeline, stream: str) -> None:
        self._pipeline, self._stream = pipeline, stream
        self._tables = [table for table in pipeline.tables() if table.split("__")[0] == stream]
        self._session = pipeline.stand_in.warehouse(REPORTER).connect()
        self._one_at_a_time = threading.Lock()
        self.seen: list[tuple[str, Seen]] = []

    def __call__(self, moment: Moment, _: Any) -> None:
        with self._one_at_a_time:
            self.seen.append((str(moment), self.look()))

    def look(self) -> Seen:
        with self._session, self._session.cursor() as cursor:
            cursor.execute("SET statement_timeout TO 2000")
            # The first of these takes the snapshot for all.
            cursor.execute(
                "SELECT tables FROM xmlift.ledger WHERE source = %s AND stream = %s",
                (self._pipeline.name, self._stream),
            )
            counted: dict[str, int] = {}
            for (tables,) in cursor.fetchall():
                for table, counts in msgspec.json.decode(tables, type=dict[str, LoadedCounts]).items():
                    counted[table] = counted.get(table, 0) + counts.inserted - counts.removed
            held = {}
            for table in self._tables:
                cursor.execute(f'SELECT COUNT(*) FROM "{self._pipeline.name}"."{table}"')
                held[table] = (counted.get(table, 0), cursor.fetchone()[0])
            cursor.execute(f'SELECT id FROM "{self._pipeline.name}"."{self._stream}"')
            keys = {key for (key,) in cursor.fetchall()}
            counted = [Counted(self._stream, 0, OVERLAP)]
            return Seen(
                self._watermark(cursor),
                held,
                keys,
                kept=coverage.settled(cursor, self._pipeline.name, counted),
                covered=coverage.settled_by_ledger(cursor, self._pipeline.name, counted),
            )

    def _watermark(self, cursor: Any) -> datetime:
        cursor.execute(
            "SELECT window_start, window_end, as_of FROM xmlift.ledger "
            "WHERE source = %s AND stream = %s AND state = %s",
            (self._pipeline.name, self._stream, ledger.LOADED),
        )
        settled = [
            settled_by(Interval(start, end), as_of, OVERLAP) for start, end, as_of in cursor.fetchall()
        ]
        return watermark(DAY, settled)


def land_runs(pipeline: Pipeline, stream: str) -> dict[int, datetime]:
    """Four runs over two windows each, the second half of which the next run reads again; the keys of all."""
    keys = {}
    for number in range(4):
        for window in range(2):
            start = at(6 * number + 6 * window)
            rows = []
            for offset in range(4):
                key, modified = number + window, start + timedelta(hours=offset)
                # A key of its cell, whatever run reads it; and of later readings more notes.
                rows.append(row(10 * key + offset, modified, f"r{number}", notes=1 + number % 2))
                keys[10 * key + offset] = modified
            hours = (6 * number + 6 * window, 6 * number + 6 * window + 6)
            read = at(6 * number + 12)
            pipeline.land(
                stream,
                run_at(6 * number + 12, f"r{number}"),
                hours,
                rows,
                read_at=read + timedelta(seconds=window),
                as_of=read,
                set_windows=2 if STREAMS[stream] == "replace" else 0,
            )
    return keys


@pytest.mark.parametrize("stream", STREAMS)
def test_at_every_instant_of_concurrent_loads_all_adds_up_and_nobody_waits(
    pipeline: Pipeline, stream: str
) -> None:
    keys = land_runs(pipeline, stream)
    runs = [run_at(6 * number + 12, f"r{number}") for number in range(4)]
    pipeline.land(stream, run_at(1, "first"), (0, 6), [], read_at=at(1), as_of=at(0.1))
    pipeline.load(stream, run_at(1, "first"))  # which makes the tables
    observer = Observer(pipeline, stream)
    faults: list[BaseException] = []
    for run in (runs[0], runs[3]):  # there is a gap now, and what the next run replaces, whoever comes first
        pipeline.load(stream, run, pipeline.warehouse(observer))

    def work(order: list[str]) -> None:
        try:
            for run in order:
                pipeline.load(stream, run, pipeline.warehouse(observer))
        except BaseException as fault:  # noqa: BLE001 (told in the test's own thread)
            faults.append(fault)

    loaders = [threading.Thread(target=work, args=(order,)) for order in (runs, [runs[n] for n in (2, 0, 3)])]
    for loader in loaders:
        loader.start()
    for loader in loaders:
        loader.join(60)
    assert faults == []
    assert len(observer.seen) > 100
    for moment, seen in observer.seen:
        for table, (counted, held) in seen.tables.items():
            assert counted == held, f"{table} {moment}"
        assert seen.kept == seen.covered, moment
        # What lies before the watermark is there; these sets are of two windows each, and replace each other.
        complete = {key for key, modified in keys.items() if modified < seen.watermark}
        assert complete <= seen.keys or STREAMS[stream] == "replace", moment
    marks = [seen.watermark for _, seen in observer.seen]
    assert marks == sorted(marks)
    if STREAMS[stream] != "replace":
        assert marks[-1] == at(30) - OVERLAP, "all four runs are settled but for the overlap"
