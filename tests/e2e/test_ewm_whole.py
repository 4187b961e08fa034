"""EWM by its preset with all that it has: project areas one by one, custom attributes, and queries that expire."""

from collections.abc import Callable
from typing import Any

import pytest

from local import control
from local.cloud import Cloud

from .truth import Rows, differences, moment

pytestmark = pytest.mark.cloud

Report = dict[str, Any]
Run = Callable[..., Report]

CATALOGUE = """
source: ewm
preset: ewm
base_url: https://example.com/ccm
auth: { secret: ewm }
limits: { requests_per_second: 1000 }
streams:
  project_areas:
    resource: foundation/projectArea
    cursor: { type: full }
    deletes: { type: periodic_full }
    key: [id]
    columns:
      id: { path: itemId, type: varchar(64) }
      name: { path: name, type: varchar(256) }
  area_items:
    resource: workitem/workItem
    where: projectArea/itemId='{partition}'
    for_each: { stream: project_areas, field: id }
    cursor: { field: modified, start: "2024-01-01T00:00:00Z" }
    key: [id]
    deletes: { type: second_feed, columns: { id: { path: id }, modified: { path: modified } } }
    columns:
      id: { path: id, type: bigint }
      modified: { path: modified, type: timestamptz }
      owner: { path: owner/name, type: varchar(128), nulls: [Unassigned] }
      time_spent: { path: timeSpent, type: bigint, nulls: ["-1"] }
      tags: { path: tags, type: super, split: "|" }
      extensions: { pairs: { records: allExtensions, key: key, value: displayValue }, type: super }
      asil: { path: "allExtensions[key='com.acme.attribute.asil']/displayValue", type: varchar(8) }
      subscribers: { path: subscriptions/userId, many: true, join: "; ", type: varchar(1024) }
"""


def area_item(item: dict[str, Any]) -> dict[str, Any]:
    extensions = {e["key"]: e["displayValue"] for e in item["allExtensions"] if e["displayValue"] is not None}
    return {
        "id": item["id"],
        "modified": moment(item["modified"]),
        "owner": None if item["owner"]["name"] == "Unassigned" else item["owner"]["name"],
        "time_spent": None if item["timeSpent"] == -1 else item["timeSpent"],
        "tags": item["tags"] or None,
        "extensions": extensions or None,
        "asil": extensions.get("com.acme.attribute.asil"),
        "subscribers": "; ".join(each["userId"] for each in item["subscriptions"]) or None,
    }


def check_rows(query: Callable[..., Rows], cloud: Cloud) -> None:
    columns = ", ".join(area_item(control.truth(cloud)[0]))
    rows = query(f"SELECT {columns} FROM ewm.area_items WHERE _deleted IS NOT TRUE ORDER BY id")
    assert differences(rows, map(area_item, control.truth(cloud))) == []


@pytest.fixture(scope="module")
def first_run(run: Run) -> Report:
    report = run("ewm", catalogue=CATALOGUE)
    assert report["status"] == "succeeded", report["message"]
    return report


def test_each_project_area_is_a_partition(
    first_run: Report, query: Callable[..., Rows], cloud: Cloud
) -> None:
    areas = {item["projectArea"]["itemId"]: item["projectArea"]["name"] for item in control.truth(cloud)}
    found = {row["id"]: row["name"] for row in query("SELECT id, name FROM ewm.project_areas")}
    assert found == areas
    assert {row["p"] for row in query("SELECT DISTINCT _partition AS p FROM ewm.area_items")} == set(areas)
    check_rows(query, cloud)


def test_a_query_that_expires_in_the_middle_lets_the_window_begin_anew(
    first_run: Report, run: Run, query: Callable[..., Rows], cloud: Cloud, faults: Callable[..., None]
) -> None:
    """The server says so in a page with HTTP 200."""
    control.advance(cloud, change=300, create=0)
    small = CATALOGUE.replace("    where:", "    request: { query: { size: 20 } }\n    where:")
    faults(path="/ccm/rpt/repository/workitem", kind="expire_queries", after=6, times=2)
    report = run("ewm", catalogue=small)
    assert report["status"] == "succeeded", report["message"]
    assert control.pending_faults(cloud) == []
    check_rows(query, cloud)


def test_deleted_work_items_are_told_by_a_feed_of_their_own(
    first_run: Report, run: Run, query: Callable[..., Rows], cloud: Cloud
) -> None:
    passed = control.advance(cloud, change=20, create=2, delete=6)
    report = run("ewm", catalogue=CATALOGUE)
    assert report["status"] == "succeeded", report["message"]
    check_rows(query, cloud)
    gone = {row["id"] for row in query("SELECT id FROM ewm.area_items WHERE _deleted")}
    assert set(passed["deleted"]) <= gone


def test_a_project_area_that_is_gone_is_told_of(
    first_run: Report, run: Run, query: Callable[..., Rows], cloud: Cloud
) -> None:
    control.add_project_area(cloud, "Short-lived")
    control.advance(cloud, change=0, create=20)
    assert run("ewm", catalogue=CATALOGUE)["status"] == "succeeded"
    (area,) = query("SELECT id FROM ewm.project_areas WHERE name = 'Short-lived'")
    rows = "SELECT COUNT(*) AS n FROM ewm.area_items WHERE _partition = %s"
    (before,) = query(rows, area["id"])
    assert before["n"] > 0

    control.remove_project_area(cloud, "Short-lived")
    report = run("ewm", catalogue=CATALOGUE)
    assert report["status"] == "succeeded", report["message"]
    assert [warning for warning in report["warnings"] if "gone" in warning and area["id"] in warning]
    assert query(rows, area["id"]) == [before], "its rows stay"
