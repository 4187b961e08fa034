"""ETM by its preset: test cases of every project area, test plans, and the results of each plan."""

from collections.abc import Callable
from typing import Any

import pytest

from local import control
from local.cloud import Cloud

from .truth import Rows, differences, moment

pytestmark = pytest.mark.cloud

Report = dict[str, Any]
Run = Callable[..., Report]
PROJECT = "Powertrain"
CASES = "id, title, description, owner, state, archived, updated, tags"


def streams(report: Report) -> dict[str, Report]:
    assert report["status"] == "succeeded", report["message"]
    return {stream["stream"]: stream for stream in report["streams"]}


def test_case(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": item["id"],
        "title": item["summary"],
        "description": item["description"],
        "owner": item["owner"]["userId"],
        "state": item["state"]["name"],
        "archived": item["archived"],
        "updated": moment(item["modified"]),
        "tags": item["tags"] or None,
    }


test_case.__test__ = False  # type: ignore[attr-defined] -- its name is the product's


def results(item: dict[str, Any]) -> Rows:
    return [
        {
            "id": item["id"] * 1000 + position,
            "title": comment["content"],
            "verdict": "failed" if comment["edited"] else "passed",
            "owner": comment["creator"]["userId"],
            "updated": moment(comment["creationTime"]),
        }
        for position, comment in enumerate(item["comments"], start=1)
    ]


def check_rows(query: Callable[..., Rows], cloud: Cloud) -> None:
    items = control.truth(cloud)
    rows = query(f"SELECT {CASES} FROM etm.test_cases WHERE _deleted IS NOT TRUE ORDER BY id")
    assert differences(rows, map(test_case, items)) == []
    tags = [
        {"_position": position, "term": "Tag", "value": tag}
        for item in items
        for position, tag in enumerate(item["tags"], start=1)
    ]
    found = query(
        "SELECT c._position, c.term, c.value FROM etm.test_cases__categories c "
        "JOIN etm.test_cases t ON t.url = c._parent_url ORDER BY t.id, c._position"
    )
    assert differences(found, tags) == []
    mine = [item for item in items if item["projectArea"]["name"] == PROJECT]
    found = query("SELECT id, title, verdict, owner, updated FROM etm.results ORDER BY id")
    assert differences(found, [result for item in mine for result in results(item)]) == []


@pytest.fixture(scope="module")
def first_run(run: Run) -> Report:
    return run("etm")


def test_the_first_run_loads_cases_plans_and_each_plans_results(
    first_run: Report, query: Callable[..., Rows], cloud: Cloud
) -> None:
    assert set(streams(first_run)) == {"projects", "test_cases", "test_plans", "results"}
    check_rows(query, cloud)
    plans = query("SELECT title FROM etm.test_plans ORDER BY title")
    mine = [item for item in control.truth(cloud) if item["projectArea"]["name"] == PROJECT]
    assert [row["title"] for row in plans] == sorted({item["category"]["name"] for item in mine})
    # Each result is in the plan that it was asked for with.
    astray = query("SELECT COUNT(*) AS n FROM etm.results WHERE test_plan <> _partition")
    assert astray == [{"n": 0}]


def test_later_runs_load_what_changed_and_mark_what_was_purged(
    first_run: Report, run: Run, query: Callable[..., Rows], cloud: Cloud
) -> None:
    before = {row["url"] for row in query("SELECT url FROM etm.test_cases WHERE _deleted")}
    passed = control.advance(cloud, change=80, create=8, delete=5)
    streams(run("etm"))
    rows = query(f"SELECT {CASES} FROM etm.test_cases WHERE _deleted IS NOT TRUE ORDER BY id")
    assert differences(rows, map(test_case, control.truth(cloud))) == []
    gone = {row["url"] for row in query("SELECT url FROM etm.test_cases WHERE _deleted")} - before
    assert sorted(int(url.rpartition(":")[2]) for url in gone) == passed["deleted"]
