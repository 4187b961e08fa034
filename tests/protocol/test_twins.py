"""I1, I4: a second loader at any moment of the first, in any order and batching: the same tables as one alone.

That merge and append are functions of the set of commits, in any order, is shown in
tests/unit/test_loading_any_order.py; here two loaders are at work at the same time.
"""

import random
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from xmlift.loading import selection

from ..unit.steps_landing import at
from .pipeline import STREAMS, Pipeline, row
from .test_boundaries import land_a_run, run_of
from .watched import Moment


class Thread(threading.Thread):
    """Work whose error is raised where it is waited for."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._work, self._error = work, None

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 (told in the test's own thread)
            self._error = error

    def end(self) -> None:
        self.join(60)
        assert not self.is_alive(), "it waits for ever"
        if self._error is not None:
            raise self._error


class Twin:
    """Starts another load before the n-th statement from LOCK on, and waits until it is done or waits itself.

    A load that does not lock at all is told by its first temporary table.
    """

    def __init__(self, pipeline: Pipeline, number: int, other: Callable[[], Any]) -> None:
        self._pipeline, self._number = pipeline, number
        self.thread = Thread(other)
        self.moment: Moment | None = None
        self._lock: int | None = None

    def __call__(self, moment: Moment, _: Any) -> None:
        if self._lock is None and moment.sql.startswith(("LOCK", "CREATE TEMP")):
            self._lock = moment.number
        due = self._lock is not None and moment.number == self._lock + self._number
        last = self._lock is not None and moment.sql == "COMMIT"
        if self.moment is None and not moment.after and (due or last):
            self.moment = moment
            self.thread.start()
            while self.thread.is_alive() and not self._pipeline.stand_in.run(
                "SELECT 1 FROM pg_locks WHERE NOT granted"
            ):
                pass


def load_all(pipeline: Pipeline, stream: str, runs: list[str]) -> None:
    for run in runs:
        pipeline.load(stream, run)


def alone(pipeline: Pipeline, stream: str, runs: list[str]) -> Any:
    """What one loader makes of these runs; then all of it is forgotten."""
    load_all(pipeline, stream, runs)
    found = pipeline.everything()
    pipeline.forget()
    return found


@pytest.mark.parametrize("stream", STREAMS)
def test_a_twin_that_comes_at_any_moment_changes_nothing(pipeline: Pipeline, stream: str) -> None:
    """Into empty tables: where rows are changed that another has changed, the warehouse itself would notice."""
    land_a_run(pipeline, stream, 0)
    expected = alone(pipeline, stream, [run_of(0)])
    for number in (0, 1, 1_000):
        twin = Twin(pipeline, number, lambda: pipeline.load(stream, run_of(0)))
        pipeline.load(stream, run_of(0), pipeline.warehouse(twin))
        twin.thread.end()
        assert pipeline.everything() == expected, str(twin.moment)
        pipeline.forget()


@pytest.mark.parametrize("stream", ["items", "events", "stock"])
def test_another_run_at_any_moment_is_as_if_it_came_before_or_after(pipeline: Pipeline, stream: str) -> None:
    for number in range(2):
        land_a_run(pipeline, stream, number)
    in_turn = [alone(pipeline, stream, runs)[0] for runs in ([run_of(0), run_of(1)], [run_of(1), run_of(0)])]
    assert in_turn[0] == in_turn[1]
    for number in (0, 7):
        twin = Twin(pipeline, number, lambda: pipeline.load(stream, run_of(0)))
        pipeline.load(stream, run_of(1), pipeline.warehouse(twin))
        twin.thread.end()
        assert pipeline.contents() == in_turn[0], str(twin.moment)
        pipeline.forget()


@pytest.mark.parametrize("stream", ["items", "events"])
def test_loaders_in_any_order_and_batching_end_alike(
    pipeline: Pipeline, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(7)
    runs = [run_of(number) for number in range(3)]
    for number in range(3):
        land_a_run(pipeline, stream, number)
    # Read last and landed with the first run: the oldest cursor does not lose by its run's age.
    pipeline.land(stream, runs[0], (12, 18), [row(1, at(13), "late", notes=1)], read_at=at(99))
    expected = alone(pipeline, stream, runs)[0]
    for _ in range(2):
        monkeypatch.setattr(selection, "BATCH_WINDOWS", chance.randint(1, 3))
        threads = [Thread(partial(load_all, pipeline, stream, chance.sample(runs, 3))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.end()
        assert pipeline.contents() == expected
        assert len(pipeline.ledger()) == len(set(pipeline.ledger())) == 7
        pipeline.forget()
