"""What the functions tell of a run, as it arrives in the cloud: lines and metrics that carry the run."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.deployment import Deployment

pytestmark = pytest.mark.cloud

STEPS = ["plan", "extract", "load", "report"]


def lines(deployed: Deployment, step: str) -> Iterator[str]:
    """All that a function has written; Lambda's own lines (START, and [ERROR] with a traceback) are no JSON."""
    pages = deployed.client("logs").get_paginator("filter_log_events")
    for page in pages.paginate(logGroupName=deployed.outputs["functions"][step]["log_group"]):
        for event in page["events"]:
            for line in event["message"].splitlines():
                if line.startswith("{"):
                    yield line


def of_run(deployed: Deployment, step: str, run: str) -> list[dict[str, Any]]:
    told = [json.loads(line) for line in lines(deployed, step)]
    assert all("run" in line for line in told), "a line that no search for a run would find"
    return [line for line in told if line["run"] == run]


@pytest.mark.parametrize("step", STEPS)
def test_every_line_of_every_step_carries_its_run(
    deployed: Deployment, first: Callable[[str], dict[str, Any]], step: str
) -> None:
    told = of_run(deployed, step, first("ewm")["run"])
    assert {line["source"] for line in told} == {"ewm"}
    assert any("message" in line for line in told)
    assert any(line.get("gb_seconds") for line in told), "what the step cost"


def test_what_is_measured_of_a_run_is_what_it_reports(
    deployed: Deployment, first: Callable[[str], dict[str, Any]], query: Callable[..., list[dict[str, Any]]]
) -> None:
    report = first("ewm")
    (stream,) = report["streams"]

    def total(step: str, name: str) -> float:
        of_stream = [
            line for line in of_run(deployed, step, report["run"]) if "_aws" in line and "stream" in line
        ]
        return sum(sum(line.get(name, [])) for line in of_stream)

    assert total("extract", "records") == stream["records"] > 0
    assert total("load", "loaded") == stream["loaded"] > 0
    rows = query("SELECT COUNT(*) AS n FROM ewm.work_items WHERE _run = %s", report["run"])
    assert rows[0]["n"] > 0, "and the rows name the same run"
    (whole,) = [line for line in of_run(deployed, "report", report["run"]) if "run_seconds" in line]
    assert "failed_runs" not in whole, "none is not sent"
    assert whole["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "xmlift-local"
