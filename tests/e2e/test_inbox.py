"""A file that is dropped starts the pipeline: through S3's events, a rule, and the state machine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.deployment import Deployment
from operate import dropping
from operate.errors import OperatorError
from operate.standing import stream_standings

STREAM = "price_lists.prices"
FILE = """<?xml version="1.0"?>
<priceList supplier="{supplier}" validFrom="2026-01-01">
  <article number="00010"><name>Bolt</name><price currency="EUR">{price}</price>
    <tier from="100" price="0.10"/><tier from="1000" price="0.09"/></article>
  <article number="00011"><name>Nut</name><price currency="EUR">0.05</price></article>
</priceList>
"""
WILD = "Preise März + 100% (neu) %2B.xml"
"""What S3 writes otherwise for queues and functions: a space, `+`, `%`, and letters beyond ASCII."""


@pytest.fixture
def drop(deployed: Deployment, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Drop a file and answer the report of the run that it started."""

    def drop(body: str | bytes, name: str) -> dict[str, Any]:
        path = tmp_path / "dropped"
        path.write_bytes(body.encode() if isinstance(body, str) else body)
        started = dropping.drop(deployed, STREAM, path, name)
        for _ in started.watch():
            continue
        return started.report()

    return drop


def told(deployed: Deployment, report: dict[str, Any]) -> dict[str, Any]:
    """The dropped object as the event of a run told of it."""
    steps = deployed.client("stepfunctions")
    executions = steps.list_executions(stateMachineArn=deployed.state_machine)["executions"]
    name = report["run"].partition("-")[2]
    (arn,) = [one["executionArn"] for one in executions if one["name"] == name]
    given: dict[str, Any] = json.loads(steps.describe_execution(executionArn=arn)["input"])
    return dict(given["inbox"])


def prices(query: Callable[..., list[dict[str, Any]]], supplier: str) -> list[tuple[str, str]]:
    found = query("SELECT number, price FROM price_lists.prices WHERE supplier = %s ORDER BY 1", supplier)
    return [(row["number"], str(row["price"])) for row in found]


def test_a_dropped_file_is_loaded_whatever_it_is_called(
    drop: Callable[..., dict[str, Any]], query: Callable[..., Any]
) -> None:
    report = drop(FILE.format(supplier="wild", price="0.12"), WILD)
    assert report["status"] == "succeeded", report
    assert report["message"] == (
        "price_lists: prices: 2 records read, 2 new, 0 changed, 0 already known, 0 rejected"
    )
    assert prices(query, "wild") == [("00010", "0.12"), ("00011", "0.05")]
    tiers = query("SELECT quantity FROM price_lists.prices__tiers WHERE _parent_supplier = 'wild' ORDER BY 1")
    assert [row["quantity"] for row in tiers] == [100, 1000]


def test_a_version_is_read_once_and_the_next_one_as_well(
    drop: Callable[..., dict[str, Any]], run: Callable[..., dict[str, Any]], query: Callable[..., Any],
    deployed: Deployment,
) -> None:  # fmt: skip
    first = drop(FILE.format(supplier="again", price="0.12"), "again.xml")
    # An event may be told twice.
    assert run("price_lists", inbox=told(deployed, first))["message"] == "price_lists: nothing to read"
    drop(FILE.format(supplier="again", price="0.13"), "again.xml")
    assert prices(query, "again") == [("00010", "0.13"), ("00011", "0.05")]
    drop(FILE.format(supplier="again", price="0.12"), "again.xml")
    assert prices(query, "again") == [("00010", "0.12"), ("00011", "0.05")]


def test_what_cannot_be_read_fails_and_loads_nothing(
    drop: Callable[..., dict[str, Any]], query: Callable[..., Any]
) -> None:
    report = drop("<!DOCTYPE html><html><body>Sign in</body></html>", "login page.xml")
    assert report["status"] == "failed"
    assert "inbox/price_lists/prices/login page.xml" in report["message"]
    assert "is an HTML page, not XML" in report["message"]
    assert query("SELECT COUNT(*) AS n FROM price_lists.prices WHERE _part = ''") == [{"n": 0}]


def test_kept_answers_are_parsed_anew_by_a_changed_mapping(
    drop: Callable[..., dict[str, Any]], run: Callable[..., dict[str, Any]], query: Callable[..., Any],
    catalogue: Callable[[str], str],
) -> None:  # fmt: skip
    drop(FILE.format(supplier="kept", price="0.14"), "kept.xml")
    text = catalogue("price_lists")
    assert "name: { path: name, type: varchar(256) }" in text
    changed = text.replace(
        "name: { path: name, type: varchar(256) }",
        "name: { path: name, type: varchar(256) }\n      article: { path: name, type: varchar(8) }",
    )
    report = run("price_lists", catalogue=changed, from_raw=True)
    assert report["status"] == "succeeded", report
    (stream,) = report["streams"]
    assert stream["landed"] == stream["windows"]
    assert stream["updated"] >= 2
    found = query("SELECT number, article FROM price_lists.prices WHERE supplier = 'kept' ORDER BY 1")
    assert found == [{"number": "00010", "article": "Bolt"}, {"number": "00011", "article": "Nut"}]


def test_a_stream_without_an_inbox_says_which_have_one(deployed: Deployment, tmp_path: Path) -> None:
    with pytest.raises(
        OperatorError, match=r"ewm\.work_items has no inbox\. Remedy: `inbox: true`, make apply"
    ):
        dropping.drop(deployed, "ewm.work_items", tmp_path)
    with pytest.raises(OperatorError, match=r"Of price_lists these have: price_lists\.prices"):
        dropping.drop(deployed, "price_lists.stock", tmp_path)


def test_the_status_of_a_stream_tells_of_all_files_together(
    drop: Callable[..., dict[str, Any]], deployed: Deployment
) -> None:
    drop(FILE.format(supplier="status", price="1.00"), "status one.xml")
    drop(FILE.format(supplier="status", price="1.10"), "status two.xml")
    (stream,) = stream_standings(deployed, "price_lists")
    assert (stream.stream, stream.partition, stream.gaps) == ("prices", None, [])
    assert stream.windows >= 2
    assert stream.rows >= 2


def test_make_drop(deployed: Deployment, lift: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "list one.xml"
    path.write_text(FILE.format(supplier="made", price="1.00"))
    done = lift("drop", path, STREAM, "--folder", deployed.cloud.instance.folder, "--json")
    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)
    assert report["message"].startswith("price_lists: prices: 2 records read, 2 new")
