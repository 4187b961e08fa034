"""Partitions and order on the local cloud: level after level in one run, new ones and gone ones, and how fast."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local import control
from local.cloud import Cloud
from local.deployment import Deployment

from .truth import Rows

pytestmark = pytest.mark.cloud

Report = dict[str, Any]
Run = Callable[..., Report]

# Streams of its own in a source that is deployed, so that they disturb nobody's.
CATALOGUE = """
source: doors_next
preset: doors_next
base_url: https://elm.example.com/rm
auth: { secret: doors_next }
limits: { requests_per_second: 12, concurrency: 2 }
streams:
  of_last:
    resource: project_areas
    after: [of_areas]
    cursor: { type: full }
    key: [id]
    columns: { id: { path: "substring-after(jp06:url, '/process/project-areas/')", type: varchar(64) } }
  of_areas:
    for_each: { stream: own_areas, field: id }
    cursor: { field: modified, overlap: 5m }
    key: [id]
    columns:
      id: { path: "rrm:identifier", type: bigint }
      modified: { path: "rrm:collaboration/rrm:modified", type: timestamptz }
  own_areas:
    resource: project_areas
    cursor: { type: full }
    key: [id]
    columns:
      id: { path: "substring-after(jp06:url, '/process/project-areas/')", type: varchar(64) }
      name: { path: "@jp06:name", type: varchar(256) }
    deletes: { type: periodic_full }
"""


def streams(report: Report) -> dict[str, Report]:
    assert report["status"] == "succeeded", report["message"]
    return {stream["stream"]: stream for stream in report["streams"]}


@pytest.fixture(scope="module")
def first_run(run: Run) -> Report:
    return run("doors_next", CATALOGUE)


@pytest.fixture
def vanishing(cloud: Cloud) -> Iterator[str]:
    name = f"Vanishing {uuid.uuid4().hex}"
    control.add_project_area(cloud, name)
    yield name
    control.remove_project_area(cloud, name)


def plans(deployed: Deployment, report: Report) -> list[dict[str, Any]]:
    """What the rounds of a run decided."""
    s3 = deployed.cloud.client("s3")
    prefix = f"runs/doors_next/{report['run']}/plan-"
    listed = s3.list_objects_v2(Bucket=deployed.bucket, Prefix=prefix)["Contents"]
    return [
        json.loads(s3.get_object(Bucket=deployed.bucket, Key=one["Key"])["Body"].read()) for one in listed
    ]


def test_each_level_is_read_when_the_one_above_has_loaded(
    first_run: Report, deployed: Deployment, query: Callable[..., Rows], cloud: Cloud
) -> None:
    counts = streams(first_run)
    areas = len(query("SELECT id FROM doors_next.own_areas WHERE NOT _deleted"))
    assert counts["of_areas"]["windows"] == areas
    # What was deleted before is listed as well, by its id.
    read = {row["id"] for row in query("SELECT id FROM doors_next.of_areas")}
    assert read >= {item["id"] for item in control.truth(cloud)}
    rounds = plans(deployed, first_run)
    assert [sorted({item["stream"] for item in each["items"]}) for each in rounds] == [
        ["own_areas"],
        ["of_areas"],
        ["of_last"],
    ]
    assert [each.get("waiting", {}) for each in rounds] == [
        {"of_areas": ["own_areas"], "of_last": ["of_areas"]},
        {"of_last": ["of_areas"]},
        {},
    ]
    assert {item["to"] for each in rounds for item in each["items"]} == {rounds[0]["items"][0]["to"]}, (
        "one time"
    )


def test_as_many_windows_are_read_at_once_as_plan_says_and_each_keeps_its_share(
    first_run: Report, deployed: Deployment
) -> None:
    rounds = plans(deployed, first_run)
    assert [each["concurrency"] for each in rounds] == [1, 2, 1]
    assert [{item["pace"] for item in each["items"]} for each in rounds] == [{12.0}, {6.0}, {12.0}]
    steps = deployed.cloud.client("stepfunctions")
    name = first_run["run"].partition("-")[2]
    executions = steps.list_executions(stateMachineArn=deployed.state_machine)["executions"]
    (arn,) = [one["executionArn"] for one in executions if one["name"] == name]
    maps = [
        steps.describe_map_run(mapRunArn=one["mapRunArn"])
        for one in steps.list_map_runs(executionArn=arn)["mapRuns"]
    ]
    assert sorted(one["maxConcurrency"] for one in maps) == [1, 1, 2]


def test_a_partition_comes_and_goes(
    first_run: Report, run: Run, query: Callable[..., Rows], cloud: Cloud, vanishing: str
) -> None:
    second = streams(run("doors_next", CATALOGUE))["of_areas"]
    assert second["partitions"]["new"] == 1
    (area,) = query("SELECT id FROM doors_next.own_areas WHERE name = %s", vanishing)
    control.remove_project_area(cloud, vanishing)
    report = run("doors_next", CATALOGUE)
    third = streams(report)["of_areas"]
    assert third["windows"] == third["partitions"]["count"] == second["partitions"]["count"] - 1
    (warning,) = [warning for warning in report["warnings"] if "gone" in warning]
    assert warning.startswith("doors_next.of_areas: partitions that were read before and are gone (")
    assert area["id"] in warning
    assert query("SELECT _deleted FROM doors_next.own_areas WHERE name = %s", vanishing) == [
        {"_deleted": True}
    ]


def test_what_waits_for_a_level_that_failed_is_not_read(
    first_run: Report, run: Run, faults: Callable[..., None]
) -> None:
    faults(path="/rm/process/project-areas", kind="status", status=404, times=20)
    report = run("doors_next", CATALOGUE)
    assert report["status"] == "failed"
    assert {one["stream"] for one in report["streams"] if one["windows"]} == {"own_areas"}
    assert [problem for problem in report["problems"] if "waits" in problem] == [
        "doors_next.of_areas: not read by this run, since it waits for own_areas",
        "doors_next.of_last: not read by this run, since it waits for of_areas",
    ]
