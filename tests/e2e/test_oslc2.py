"""OSLC by its preset: references from attributes, pages that go away in the middle of a window, and OSLC-CM 1.0."""

from collections.abc import Callable
from typing import Any

import pytest

from local import control
from local.cloud import Cloud

from .truth import Rows, differences, moment

pytestmark = pytest.mark.cloud

Report = dict[str, Any]
Run = Callable[..., Report]
ROOT = "/cqweb/oslc/repo/ACME/db/TRACK"
COLUMNS = (
    "id, url, title, description, created, modified, creator, owner, state, severity, priority, project, parent, "
    "subjects"
)


def defect(cloud: Cloud, item: dict[str, Any]) -> dict[str, Any]:
    root = f"{cloud.endpoint_url}{ROOT}"
    return {
        "id": item["id"],
        "url": f"{root}/record/{item['id']}",
        "title": item["summary"],
        "description": item["description"],
        "created": moment(item["created"]),
        "modified": moment(item["modified"]),
        "creator": f"{root}/user/{item['creator']['userId']}",
        "owner": f"{root}/user/{item['owner']['userId']}",
        "state": item["state"]["name"],
        "severity": item["severity"]["name"],
        "priority": item["priority"]["name"],
        "project": item["projectArea"]["name"],
        "parent": f"{root}/record/{item['parent']['id']}" if item["parent"] else None,
        "subjects": item["tags"] or None,
    }


def check_rows(query: Callable[..., Rows], cloud: Cloud) -> None:
    rows = query(f"SELECT {COLUMNS} FROM oslc.defects ORDER BY id")
    assert differences(rows, [defect(cloud, item) for item in control.truth(cloud)]) == []


@pytest.fixture(scope="module")
def first_run(run: Run) -> Report:
    report = run("oslc")
    assert report["status"] == "succeeded", report["message"]
    return report


def test_the_first_run_loads_every_record(
    first_run: Report, query: Callable[..., Rows], cloud: Cloud
) -> None:
    check_rows(query, cloud)


def test_a_page_that_goes_away_lets_the_window_begin_anew(
    first_run: Report, run: Run, query: Callable[..., Rows], cloud: Cloud, faults: Callable[..., None]
) -> None:
    control.advance(cloud, change=250, create=0)  # three pages
    faults(path=f"{ROOT}/query", kind="advance", change=1, after=1)
    report = run("oslc")
    assert report["status"] == "succeeded", report["message"]
    assert control.pending_faults(cloud) == []
    run("oslc")  # what the fault has changed is newer than the window that it befell
    check_rows(query, cloud)


def test_a_wrong_password_is_told_from_a_server_that_wants_a_browser(
    first_run: Report, run: Run, query: Callable[..., Rows], deployed: Any
) -> None:
    deployed.put_credentials("oslc", "etl", "not-the-password")
    try:
        message = run("oslc")["message"]
    finally:
        deployed.put_credentials("oslc", "etl", "etl-password")
    assert "401" in message
    assert "not-the-password" not in message


OSLC_CM = """
source: ewm_oslc
preset: oslc
base_url: https://example.com/jazz
auth: { type: none }
streams:
  cm_areas:
    version: "1.0"
    resource: /oslc/projectareas
    records: /oslc_cm:Collection/rtc_cm:Project
    cursor: { type: full }
    key: [id]
    columns:
      id: { path: "substring-after(@rdf:resource, '/oslc/projectareas/')", type: varchar(64) }
  cm_items:
    version: "1.0"
    resource: /oslc/contexts/{partition}/workitems
    for_each: { stream: cm_areas, field: id }
    cursor: { field: modified, start: "2024-01-01T00:00:00Z" }
    key: [id]
    columns:
      id: { path: "dc:identifier", type: bigint }
      title: { path: "dc:title", type: varchar(1024) }
      modified: { path: "dc:modified", type: timestamptz }
      owner: { path: "substring-after(rtc_cm:ownedBy/@rdf:resource, '/users/')", type: varchar(128) }
"""


def test_oslc_cm_1_is_the_same_preset(run: Run, query: Callable[..., Rows], cloud: Cloud) -> None:
    report = run("ewm_oslc", catalogue=OSLC_CM)
    assert report["status"] == "succeeded", report["message"]
    rows = query("SELECT id, title, modified, owner FROM ewm_oslc.cm_items ORDER BY id")
    wanted = [
        {
            "id": item["id"],
            "title": item["summary"],
            "modified": moment(item["modified"]),
            "owner": item["owner"]["userId"],
        }
        for item in control.truth(cloud)
    ]
    assert differences(rows, wanted) == []
