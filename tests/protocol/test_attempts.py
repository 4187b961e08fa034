"""E2, L4: names of attempts are random: nothing depends on them, and what comes late counts for nothing."""

import pytest

from xmlift.landing.chain import Landed
from xmlift.work import ALL_RUNS

from ..unit.steps_landing import at, run_at
from .pipeline import STREAMS, Pipeline, row
from .test_boundaries import set_of

FIRST, LATER = "0" * 12, "f" * 12
RUN = run_at(12)


@pytest.mark.parametrize("attempts", [(FIRST, LATER), (LATER, FIRST)], ids=["in order", "against it"])
@pytest.mark.parametrize("order", [(0, 1), (1, 0), ()], ids=["one by one", "the later first", "together"])
def test_of_equal_times_the_later_reading_wins_whatever_its_parts_are_called(
    pipeline: Pipeline, attempts: tuple[str, str], order: tuple[int, ...]
) -> None:
    runs = [run_at(12, "a"), run_at(12, "b")]
    for run, attempt, title, hours in zip(runs, attempts, ("older", "newer"), (13, 14), strict=True):
        rows = [row(1, at(1), title, notes=2)]
        pipeline.land("items", run, (0, 6), rows, read_at=at(hours), attempt=attempt)
    for run in [runs[n] for n in order] or [ALL_RUNS]:
        pipeline.load("items", run, by=RUN)
    assert pipeline.rows("items", 'title, "_part"') == [("newer", f"{attempts[1]}-00000")]
    assert {text for (text,) in pipeline.rows("items__notes", "text")} == {"newer0", "newer1"}


@pytest.mark.parametrize("stream", STREAMS)
def test_a_window_that_is_loaded_stays_what_it_was_when_a_late_attempt_lands_it_again(
    pipeline: Pipeline, stream: str
) -> None:
    def land(attempt: str, title: str) -> Landed:
        rows = [row(1, at(1), title, notes=1)]
        return pipeline.land(stream, RUN, (0, 6), rows, read_at=at(12), attempt=attempt, **set_of(stream, 1))

    stands = land(LATER, "first")
    pipeline.load(stream, RUN)
    before = pipeline.contents()
    late = land(FIRST, "late")
    assert late.sha256 == stands.sha256, "it is told what stands"
    assert pipeline.load(stream, RUN).windows == 0
    pipeline.forget()
    pipeline.load(stream, RUN)
    assert pipeline.contents() == before
