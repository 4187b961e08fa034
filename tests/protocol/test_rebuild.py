"""R4: a lost ledger, and a lost warehouse, are loaded anew from the landing zone, and all is as it was.

*Landed* never counts as *loaded*: after a loss everything that has landed is loaded again, in whatever order, and
what was inserted less what was removed is again what each table holds.
"""

from typing import Any

import pytest

from xmlift.migration import Forget, ForgetEvent, forget
from xmlift.work import ALL_RUNS

from ..unit.kept import check_kept
from ..unit.steps_landing import at, run_at
from ..unit.warehouse_stand_in import ADMIN
from .pipeline import STREAMS, Pipeline, row
from .test_boundaries import land_a_run, run_of, set_of

REPLAY = run_at(99, "replay")


def loaded_once(pipeline: Pipeline, stream: str) -> dict[str, Any]:
    """Runs that read the same time again; of the last one a record is gone, where it can be."""
    for number in range(2):
        land_a_run(pipeline, stream, number)
        pipeline.load(stream, run_of(number))
    gone = [row(1, at(12.5), gone="yes")] if STREAMS[stream] in ("merge", "scd2") else [row(1, at(12.5))]
    pipeline.land(stream, run_of(2), (11, 18), gone, read_at=at(18), **set_of(stream, 1))
    pipeline.load(stream, run_of(2))
    assert pipeline.sums() == {table: len(rows) for table, rows in pipeline.contents().items()}
    return pipeline.contents()


def replay(pipeline: Pipeline, stream: str) -> None:
    while pipeline.load(stream, ALL_RUNS, by=REPLAY).status == "more":
        pass


@pytest.mark.parametrize("stream", STREAMS)
def test_a_ledger_that_was_lost_is_rebuilt(pipeline: Pipeline, stream: str) -> None:
    before = loaded_once(pipeline, stream)
    windows = pipeline.ledger("run, window_name")
    assert pipeline.load(stream, ALL_RUNS, by=REPLAY).windows == 0, "nothing is lost yet"
    forget(ForgetEvent(forget=Forget(source=pipeline.name)), pipeline.stand_in.warehouse(ADMIN))
    assert pipeline.ledger() == []
    check_kept(pipeline.stand_in, pipeline.name)
    assert pipeline.contents() == before
    replay(pipeline, stream)
    assert pipeline.contents() == before
    assert pipeline.ledger("run, window_name") == windows
    assert pipeline.sums() == {table: len(rows) for table, rows in before.items()}


@pytest.mark.parametrize("stream", STREAMS)
def test_a_fresh_warehouse_is_loaded_from_the_landing_zone_alone(pipeline: Pipeline, stream: str) -> None:
    before = loaded_once(pipeline, stream)
    assert before[stream]
    pipeline.forget()
    for table in list(pipeline.tables()):
        pipeline.stand_in.run(f'DROP TABLE "{pipeline.name}"."{table}"')
    assert pipeline.contents() == {}
    replay(pipeline, stream)
    assert pipeline.contents() == before
    assert pipeline.sums() == {table: len(rows) for table, rows in before.items()}
