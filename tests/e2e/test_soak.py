"""A slice of the load test, with its very code: two runs over fifty windows and four streams."""

from datetime import UTC, datetime

import pytest

from local.deployment import Deployment

from ..soak.runs import Soak

pytestmark = pytest.mark.cloud


def test_two_runs_leave_exactly_what_the_endpoint_holds(deployed: Deployment) -> None:
    soak = Soak(deployed, items=500, now=datetime.now(UTC))
    first, second = soak.run(), soak.run()
    assert first.faults == []
    assert (first.windows, first.records, first.new, first.changed) == (50, 2000, 500, 0)
    assert second.faults == []
    assert (second.windows, second.records, second.new, second.changed) == (50, 2004, 1, 500)
    assert {"plan", "extract", "load", "report"} <= second.memory.keys()
