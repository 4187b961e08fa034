"""EWM Reportable REST, 5,000 work items with comments: the warehouse equals the endpoint's own truth."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

import pytest

from local import control
from local.cloud import Cloud

pytestmark = pytest.mark.cloud

Rows = list[dict[str, Any]]
Report = dict[str, Any]
First = Callable[[str], Report]
ITEMS = 5000

# Column of the warehouse → where the endpoint's own record has it.
COLUMNS = {
    "id": "id",
    "summary": "summary",
    "description": "description",
    "modified": "modified",
    "created": "created",
    "archived": "archived",
    "state": "state.name",
    "state_group": "state.group",
    "owner": "owner.name",
    "owner_id": "owner.userId",
    "creator": "creator.name",
    "project_area": "projectArea.name",
    "category": "category.name",
    "item_type": "type.name",
    "severity": "severity.name",
    "priority": "priority.name",
    "resolution": "resolution.name",
    "planned_for": "target.name",
    "tags": "tags",
    "time_spent": "timeSpent",
    "duration": "duration",
    "corrected_estimate": "correctedEstimate",
    "attributes": "allExtensions",
}
# What stands for no value, by the column that knows it.
NULLS = {
    "owner": "Unassigned",
    "owner_id": "unassigned",
    "time_spent": -1,
    "duration": -1,
    "corrected_estimate": -1,
}
COMMENT_COLUMNS = {"content": "content", "author": "creator.name", "written": "creationTime"}
TIMES = {"modified", "created", "written"}


def value_at(record: dict[str, Any], path: str) -> Any:
    found: Any = record
    for name in path.split("."):
        found = found.get(name) if found is not None else None
    return found


def expected_row(record: dict[str, Any], columns: dict[str, str]) -> dict[str, Any]:
    row = {}
    for column, path in columns.items():
        value = value_at(record, path)
        if column in TIMES and value is not None:
            value = datetime.fromisoformat(value)
        if column == "attributes":
            value = {each["key"]: each["displayValue"] for each in value if each["displayValue"] is not None}
        # An empty element has no text: nothing tells an empty text, or no tags, from none at all.
        row[column] = None if value in ("", [], {}, NULLS.get(column, "")) else value
    return row


def expected(cloud: Cloud) -> tuple[Rows, Rows]:
    """What the endpoint itself holds, as rows of the two tables."""
    records = control.truth(cloud)
    items = [expected_row(record, COLUMNS) for record in records]
    comments = [
        {"_parent_id": record["id"], "_position": position, **expected_row(comment, COMMENT_COLUMNS)}
        for record in records
        for position, comment in enumerate(record["comments"], start=1)
    ]
    return items, comments


def differences(found: Rows, wanted: Rows) -> list[str]:
    """The first few cells that differ, in words."""
    if len(found) != len(wanted):
        return [f"{len(found)} rows instead of {len(wanted)}"]
    cells = (
        f"row {number} {column}: {row[column]!r} instead of {right[column]!r}"
        for number, (row, right) in enumerate(zip(found, wanted, strict=True))
        for column in right
        if row[column] != right[column]
    )
    return list(islice(cells, 10))


@pytest.fixture(scope="module")
def tables(query: Callable[..., Rows]) -> Callable[[], tuple[Rows, Rows]]:
    """The two tables as they are in the warehouse."""

    def tables() -> tuple[Rows, Rows]:
        items = query(f"SELECT {', '.join(COLUMNS)} FROM ewm.work_items ORDER BY id")
        for item in items:
            item["tags"] = item["tags"]
        names = ", ".join(("_parent_id", "_position", *COMMENT_COLUMNS))
        return items, query(f"SELECT {names} FROM ewm.work_items__comments ORDER BY _parent_id, _position")

    return tables


def stream(report: Report) -> dict[str, Any]:
    (only,) = report["streams"]
    return dict(only)


def test_the_first_run_loads_exactly_what_the_endpoint_holds(
    first: First, cloud: Cloud, tables: Callable[[], tuple[Rows, Rows]]
) -> None:
    assert first("ewm")["status"] == "succeeded", first("ewm")["message"]
    (items, comments), (wanted_items, wanted_comments) = tables(), expected(cloud)
    assert len(items) == ITEMS
    assert differences(items, wanted_items) == []
    assert differences(comments, wanted_comments) == []


def test_the_report_counts_what_happened(first: First) -> None:
    counts = stream(first("ewm"))
    assert counts["records"] == counts["inserted"] == counts["loaded"] == ITEMS
    assert counts["rejected"] == counts["updated"] == counts["stale"] == counts["duplicates"] == 0
    assert counts["windows"] == counts["landed"] > 1
    assert counts["pages"] > ITEMS / 500


def test_a_second_run_loads_nothing(
    first: First, run: Callable[..., Report], snapshot: Callable[[], dict[str, str]]
) -> None:
    before = snapshot()
    again = run("ewm")
    assert again["status"] == "succeeded", again["message"]
    assert stream(again)["loaded"] == 0
    after = snapshot()
    assert {table for table in after if after[table] != before[table]} == {
        "xmlift.ledger",
        "xmlift.coverage",
    }


def test_after_time_has_passed_exactly_what_changed_is_loaded(
    first: First, run: Callable[..., Report], cloud: Cloud, tables: Callable[[], tuple[Rows, Rows]]
) -> None:
    run("ewm")  # whatever came before, the next run starts from here
    passed = control.advance(cloud, change=200, create=20)
    report = run("ewm")
    assert report["status"] == "succeeded", report["message"]
    counts = stream(report)
    assert counts["inserted"] == len(passed["created"]) == 20
    assert counts["updated"] == len(passed["changed"]) == 200
    assert counts["records"] == 220
    assert counts["windows"] == 1
    for found, wanted in zip(tables(), expected(cloud), strict=True):
        assert differences(found, wanted) == []


def test_lineage_says_where_each_row_came_from(
    first: First, query: Callable[..., Rows], cloud: Cloud
) -> None:
    (counts,) = query(
        "SELECT COUNT(*) AS rows, COUNT(_run) AS runs, COUNT(_window) AS windows, COUNT(_part) AS parts, "
        "COUNT(_page) AS pages, COUNT(_row) AS numbers FROM ewm.work_items"
    )
    assert len(set(counts.values())) == 1
    assert query("SELECT 1 FROM ewm.work_items WHERE _run = %s LIMIT 1", first("ewm")["run"])


def test_the_watermark_stays_behind_the_server_by_the_overlap(
    first: First, run: Callable[..., Report]
) -> None:
    """What the endpoint commits late, up to the overlap of five minutes, is read by a later run."""
    began = datetime.strptime(first("ewm")["run"].split("-")[0], "%Y%m%dT%H%M%S%f%z")
    seen_by_the_next = datetime.fromisoformat(stream(run("ewm"))["watermark"])
    assert seen_by_the_next - began < timedelta(0)
