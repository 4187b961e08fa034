"""Executions of one source: planned, landed by hand, loaded and reported."""

from contextlib import suppress
from typing import Any

import msgspec

from xmlift.errors import XmliftError
from xmlift.landing.chain import Landed
from xmlift.loading.load import LoadEvent, load
from xmlift.planning.plan import plan
from xmlift.reporting.report import ReportAnswer, ReportEvent, RunReport, report
from xmlift.run_input import PlanEvent, RunInput
from xmlift.warehouse.connection import Warehouse
from xmlift.work import LoadItem, PlanAnswer

from .loads import Loads, event_row, item, texts
from .steps_landing import at, run_at
from .warehouse_stand_in import COPY_ROLE, LOADER, PLANNER, REPORTER


class Run:
    """One execution for two streams of this source, its windows landed by hand."""

    def __init__(self, loads: Loads, execution: str = "one", hours: float = 12, **asked: Any) -> None:
        self.loads = loads
        asked = {"streams": ["items", "events"]} | asked
        self.event: dict[str, Any] = {
            "input": RunInput(source=loads.name, catalogue=loads.key, **asked),
            "execution": execution,
            "execution_arn": f"arn:{execution}",
            "started": at(hours),
        }
        self.run = run_at(hours, execution)

    def plan(self, round_number: int = 0) -> PlanAnswer:
        event = PlanEvent(**self.event, round=round_number)
        # Of an execution that has failed: what it left undone comes first.
        return plan(event, self.loads.zone, self.loads.stand_in.warehouse(PLANNER), lambda _: "FAILED")

    def load(self, *items: LoadItem) -> None:
        """What the state machine does with the plan's load items."""
        for one in items:
            event = LoadEvent(**msgspec.structs.asdict(one))
            with suppress(XmliftError):
                load(event, self.loads.zone, self.loads.stand_in.warehouse(LOADER), COPY_ROLE, lambda: 900)

    def report(
        self, failure: dict[str, str] | None = None, warehouse: Warehouse | None = None
    ) -> tuple[ReportAnswer, RunReport]:
        event = ReportEvent(**self.event, round=1, failure=failure)
        return report(event, self.loads.zone, warehouse or self.loads.stand_in.warehouse(REPORTER))

    def problem(self, **options: Any) -> str:
        """The one problem of a failed run."""
        answer, result = self.report(**options)
        assert (answer.status, answer.catch_up) == ("failed", False)
        (problem,) = result.problems
        assert problem in answer.message
        return problem


def land_all(run: Run) -> tuple[Landed, Landed]:
    """Both streams' only windows: three items (one rejected), two events."""
    items = [item(1, 1, "a", notes=texts("x")), item(2, 2, "b"), item(3, 3, "far too long")]
    return (
        run.loads.land(run.run, (0, 12), items),
        run.loads.land(
            run.run, (0, 12), [event_row(1, 1, notes=texts("y")), event_row(2, 13)], stream="events"
        ),
    )


def load_all(run: Run) -> None:
    for stream in ("items", "events"):
        run.loads.load(run.run, stream)


def spoil(run: Run, landed: Landed) -> None:
    """Make the window's first part unreadable."""
    run.loads.zone.put(f"{landed.window.folder}{landed.commit.parts[0].name}", b"no gzip")
