"""OSLC 2 by its preset: references from attributes, and pages that go away in the middle of a window."""

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
