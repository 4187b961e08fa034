"""DOORS Next by its preset: the requirements of each project area as the endpoint has them, deleted ones marked."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from local import control
from local.cloud import Cloud

from .truth import Rows, differences, moment

pytestmark = pytest.mark.cloud

Report = dict[str, Any]
Run = Callable[..., Report]
COLUMNS = "id, artifact, title, words, created, modified, creator, kind, status, attributes, folder"


def streams(report: Report) -> dict[str, Report]:
    assert report["status"] == "succeeded", report["message"]
    return {stream["stream"]: stream for stream in report["streams"]}


def requirement(item: dict[str, Any]) -> dict[str, Any]:
    """A work item as the row that its requirement has to be."""
    attributes = {
        "Status": item["state"]["name"],
        "Priority": item["priority"]["name"],
        "Stability": item["severity"]["name"],
        **{each["displayName"]: each["displayValue"] for each in item["allExtensions"]},
    }
    attributes = {name: value for name, value in attributes.items() if value is not None}
    return {
        "id": item["id"],
        "artifact": item["itemId"],
        "title": item["summary"],
        "words": " ".join((item["description"] or "").split()) or None,
        "created": moment(item["created"]),
        "modified": moment(item["modified"]),
        "creator": item["creator"]["name"],
        "kind": item["type"]["name"],
        "status": item["state"]["name"],
        "attributes": attributes,
        "folder": item["category"]["name"],
    }


def links(item: dict[str, Any]) -> Rows:
    children = [("Decomposed By", child["id"]) for child in item["children"]]
    parent = [("Decomposes", item["parent"]["id"])] if item["parent"] else []
    return [
        {"_parent_id": item["id"], "_position": position, "kind": kind, "target": target}
        for position, (kind, target) in enumerate([*children, *parent], start=1)
    ]


def check_rows(query: Callable[..., Rows], cloud: Cloud) -> None:
    items = control.truth(cloud)
    rows = query(f"SELECT {COLUMNS} FROM doors_next.requirements WHERE _deleted IS NOT TRUE ORDER BY id")
    assert differences(rows, map(requirement, items)) == []
    found = query(
        "SELECT _parent_id, _position, kind, target FROM doors_next.requirements__links "
        "ORDER BY _parent_id, _position"
    )
    assert differences(found, [link for item in items for link in links(item)]) == []


@pytest.fixture(scope="module")
def first_run(run: Run) -> Report:
    return run("doors_next")


def test_the_first_run_loads_every_project_area(
    first_run: Report, query: Callable[..., Rows], cloud: Cloud
) -> None:
    counts = streams(first_run)
    areas = {item["projectArea"]["name"] for item in control.truth(cloud)}
    assert areas <= {row["name"] for row in query("SELECT name FROM doors_next.project_areas")}
    assert counts["requirements"]["records"] >= len(control.truth(cloud))
    check_rows(query, cloud)


def test_embedded_xhtml_is_kept_as_it_stands(first_run: Report, query: Callable[..., Rows]) -> None:
    (row,) = query("SELECT markup FROM doors_next.requirements WHERE words IS NOT NULL ORDER BY id LIMIT 1")
    assert re.match(r"<(\w+:)?div[ >].*<(\w+:)?b[ >]", row["markup"], re.DOTALL)


def test_later_runs_load_what_changed_and_mark_what_is_gone(
    first_run: Report, run: Run, query: Callable[..., Rows], cloud: Cloud
) -> None:
    gone = "SELECT id FROM doors_next.requirements WHERE _deleted"
    before = {row["id"] for row in query(gone)}
    passed = control.advance(cloud, change=60, create=6, delete=9)
    counts = streams(run("doors_next"))["requirements"]
    assert counts["inserted"] >= len(passed["created"])
    check_rows(query, cloud)
    assert {row["id"] for row in query(gone)} - before == set(passed["deleted"])


def test_a_new_project_area_is_read_from_its_beginning(
    first_run: Report, run: Run, query: Callable[..., Rows], cloud: Cloud
) -> None:
    control.add_project_area(cloud, "Hydrogen & Storage")
    control.advance(cloud, change=0, create=25)
    streams(run("doors_next"))
    assert query("SELECT 1 FROM doors_next.project_areas WHERE name = 'Hydrogen & Storage'")
    check_rows(query, cloud)


def test_a_login_that_ends_and_a_query_that_is_forgotten_cost_nothing_but_requests(
    first_run: Report, run: Run, query: Callable[..., Rows], cloud: Cloud, faults: Callable[..., None]
) -> None:
    control.advance(cloud, change=40, create=0)
    faults(path="/rm/publish", kind="expire_sessions")
    faults(path="/rm/publish", kind="expire_queries", after=1)
    streams(run("doors_next"))
    check_rows(query, cloud)
