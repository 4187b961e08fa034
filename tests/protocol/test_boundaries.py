"""I4: a load that dies before any of its statements, or after its COMMIT, loads once all the same.

The connection is cut without a word to the warehouse. Either the process is gone with it, and a fresh call loads;
or the process lives, and goes on in a new session by itself.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from xmlift.work import ALL_RUNS

from ..unit.kept import check_kept, kept
from ..unit.steps_landing import at, run_at
from .pipeline import STREAMS, Pipeline, row
from .watched import KilledError, Moment, Watch, cut

Fault = Callable[[Any], None]


def killed(connection: Any) -> None:
    cut(connection)
    raise KilledError


def lost(connection: Any) -> None:
    cut(connection)


class Cut:
    """Cuts a connection once: before the n-th statement from LOCK on, or, with none left, after COMMIT."""

    def __init__(self, number: int, fault: Fault) -> None:
        self.done: Moment | None = None
        self._number, self._fault = number, fault
        self._lock: int | None = None

    def __call__(self, moment: Moment, connection: Any) -> None:
        if self.done is not None:
            return
        if moment.sql.startswith("LOCK"):
            self._lock = moment.number
        if self._lock is None:
            return  # tables, and what the ledger has, are asked in transactions of their own
        due = moment.number == self._lock + self._number and not moment.after
        if due or (moment.sql == "COMMIT" and moment.after):
            self.done = moment
            self._fault(connection)


def run_of(number: int) -> str:
    return run_at(12 + number, f"r{number}")


def land_a_run(pipeline: Pipeline, stream: str, number: int, windows: int = 2) -> None:
    """Windows of one run: new keys, changed ones, keys twice, notes; each run reads the same time again."""
    for window in range(windows):
        first = at(6 * window)
        # In a history no record goes back to a time before the one that it was seen with.
        changing = 10 * window + 1 if STREAMS[stream] == "scd2" else 1
        rows = [
            row(changing, first + timedelta(minutes=number), f"a{number}", notes=2),
            row(changing + 1, first + timedelta(minutes=1), f"b{number}", notes=1),
            row(100 + 2 * number + window, first + timedelta(hours=1), f"c{number}"),
        ]
        read = at(12 + number) + timedelta(seconds=window)
        hours = (6 * window, 6 * window + 6)
        rows += rows[:1]
        pipeline.land(stream, run_of(number), hours, rows, read_at=read, **set_of(stream, windows))


def set_of(stream: str, windows: int) -> dict[str, int]:
    return {"set_windows": windows} if STREAMS[stream] == "replace" else {}


def boundaries(pipeline: Pipeline, stream: str, every: int) -> Iterator[Moment]:
    """Cut a load at moment after moment, by either fault in turn; each time a run of its own is loaded."""
    moment, number = None, 0
    while moment is None or not moment.after:
        land_a_run(pipeline, stream, number, windows=1)
        knife = Cut(number * every, (killed, lost)[(number + every) % 2])
        try:
            pipeline.load(stream, run_of(number), pipeline.warehouse(knife))
        except KilledError:
            assert knife.done is not None
            assert pipeline.load(stream, run_of(number)).windows == (0 if knife.done.after else 1)
        moment = knife.done
        assert moment is not None
        yield moment
        number += 1


@pytest.mark.parametrize(("stream", "every"), [(stream, 1 if stream == "items" else 2) for stream in STREAMS])
def test_a_load_that_is_cut_anywhere_loads_once(pipeline: Pipeline, stream: str, every: int) -> None:
    moments = []
    for moment in boundaries(pipeline, stream, every):
        found = [entry for entry in pipeline.ledger("run, state") if entry[0] == run_of(len(moments))]
        assert found == [(run_of(len(moments)), "loaded")], str(moment)
        check_kept(pipeline.stand_in, pipeline.name)
        moments.append(moment)
    assert moments[-1].sql == "COMMIT"
    assert moments[0].sql.startswith("LOCK")
    assert len(moments) > 8
    cut_up = pipeline.contents()
    assert pipeline.sums() == {table: len(rows) for table, rows in cut_up.items()}
    pipeline.forget()
    pipeline.load(stream, ALL_RUNS, by=run_of(len(moments)))
    assert pipeline.contents() == cut_up


class CutAt:
    """Cuts a connection once, before or after the statement of a load that begins so."""

    def __init__(self, begins: str, fault: Fault, *, after: bool) -> None:
        self.is_done = False
        self._begins, self._fault, self._after = begins, fault, after
        self._is_locked = False

    def __call__(self, moment: Moment, connection: Any) -> None:
        self._is_locked |= moment.sql.startswith("LOCK")
        is_place = moment.sql.startswith(self._begins) and moment.after == self._after
        if self._is_locked and is_place and not self.is_done:
            self.is_done = True
            self._fault(connection)


KEEPING = [
    ("INSERT INTO xmlift.ledger", True),
    ("SELECT epoch, partition_id, overlap", True),
    ("DELETE FROM xmlift.coverage", True),
    ("INSERT INTO xmlift.coverage", False),
    ("INSERT INTO xmlift.coverage", True),
    ("COMMIT", False),
    ("COMMIT", True),
]


@pytest.mark.parametrize("fault", [killed, lost])
def test_a_load_that_is_cut_while_it_keeps_coverage_changes_both_or_nothing(
    pipeline: Pipeline, fault: Fault
) -> None:
    def load(number: int, watch: Watch | None = None) -> None:
        pipeline.load("items", run_of(number), pipeline.warehouse(watch))

    pipeline.land("items", run_of(0), (0, 6), [row(1, at(1))], read_at=at(99))
    load(0)
    for number, (begins, after) in enumerate(KEEPING, start=1):
        window = (6 * number, 6 * number + 6)
        before = kept(pipeline.stand_in, pipeline.name)
        pipeline.land("items", run_of(number), window, [row(1, at(1))], read_at=at(99))
        knife = CutAt(begins, fault, after=after)
        with suppress(KilledError):
            load(number, knife)
        assert knife.is_done, begins
        check_kept(pipeline.stand_in, pipeline.name)
        is_kept = kept(pipeline.stand_in, pipeline.name) != before
        assert is_kept == (fault is lost or (begins, after) == ("COMMIT", True))
        load(number)
        check_kept(pipeline.stand_in, pipeline.name)
        assert kept(pipeline.stand_in, pipeline.name)[1][4:] == (at(0), at(window[1]))
