"""What is wrong with a catalogue or an endpoint ends the run with one clear message and an unchanged warehouse."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from local import control
from local.cloud import Cloud

pytestmark = pytest.mark.cloud

Run = Callable[..., dict[str, Any]]
Snapshot = Callable[[], dict[str, str]]
PATH = "/ccm/rpt/repository/workitem"
# As often as a client could ask, so that the fault is there whatever is tried again.
ALWAYS = 50


@pytest.fixture(scope="module", autouse=True)
def loaded(run: Run) -> None:
    """There is something in the warehouse that could be damaged."""
    assert run("ewm")["status"] == "succeeded"


def assert_fails(run: Run, snapshot: Snapshot, *words: str, **options: Any) -> str:
    """The run fails, its message has all the words and no credential, and the warehouse is as it was."""
    before = snapshot()
    report = run("ewm", **options)
    message = str(report["message"])
    assert report["status"] == "failed"
    assert [word for word in ("ewm", *words) if word not in message] == [], message
    assert "etl-password" not in json.dumps(report)
    assert snapshot() == before
    return message


@pytest.mark.parametrize(
    ("right", "wrong", "words"),
    [
        pytest.param("disposition: merge", "dispositon: merge", ["dispositon"], id="unknown key"),
        pytest.param("    resource: workitem/workItem\n", "", ["resource", "work_items"], id="missing key"),
        pytest.param("type: bigint", "type: number", ["number", "bigint"], id="unknown type"),
        pytest.param("key: [id]", "key: [ident]", ["ident", "id"], id="key names no column"),
        pytest.param("archived: {", "archived: true\n      archived: {", ["archived"], id="key twice"),
        pytest.param("secret: ewm", "secret: nobody", ["xmlift/local/nobody"], id="missing secret"),
    ],
)
def test_a_wrong_catalogue(
    right: str, wrong: str, words: list[str], run: Run, snapshot: Snapshot, catalogue: Callable[[str], str]
) -> None:
    text = catalogue("ewm")
    assert right in text
    assert_fails(run, snapshot, *words, catalogue=text.replace(right, wrong))


def test_a_column_that_no_record_has(
    run: Run, snapshot: Snapshot, catalogue: Callable[[str], str], cloud: Cloud
) -> None:
    """More rows lack a required value than the stream's limit on rejects allows."""
    control.advance(cloud, change=150, create=0)
    text = catalogue("ewm").replace("{ path: summary, ", "{ path: summary/headline/.., required: true, ")
    assert_fails(run, snapshot, "work_items", "summary", "100", catalogue=text)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param({"kind": "html"}, ["HTML"], id="an HTML page"),
        pytest.param({"kind": "garbage"}, ["well-formed"], id="not well-formed"),
        pytest.param({"kind": "empty"}, ["empty"], id="an empty answer"),
        pytest.param({"kind": "status", "status": 404}, ["404"], id="404"),
        pytest.param({"kind": "status", "status": 403}, ["403"], id="403"),
        pytest.param({"kind": "status", "status": 503, "retry_after": 0}, ["503"], id="503 for good"),
        pytest.param({"kind": "reset"}, [], id="connection reset"),
    ],
)
def test_an_endpoint_that_answers_badly(
    fault: dict[str, Any],
    words: list[str],
    run: Run,
    snapshot: Snapshot,
    faults: Callable[..., None],
    cloud: Cloud,
) -> None:
    faults(path=PATH, times=ALWAYS, **fault)
    message = assert_fails(run, snapshot, "work_items", *words)
    assert f"{cloud.endpoint_url}{PATH}" in message


@pytest.mark.parametrize("cut", ["record", "inside"])
def test_a_page_that_is_cut_short(
    cut: str, run: Run, snapshot: Snapshot, faults: Callable[..., None], cloud: Cloud
) -> None:
    """Even cut exactly between two records, where everything before is well-formed."""
    control.advance(cloud, change=20, create=0)
    faults(path=PATH, kind="truncate", cut=cut, times=ALWAYS)
    message = assert_fails(run, snapshot, "work_items")
    assert f"{cloud.endpoint_url}{PATH}" in message


def test_an_endpoint_that_does_not_answer(
    run: Run, snapshot: Snapshot, faults: Callable[..., None], cloud: Cloud, catalogue: Callable[[str], str]
) -> None:
    faults(path=PATH, kind="hang", times=ALWAYS)
    impatient = catalogue("ewm").replace("timeout_seconds: 60", "timeout_seconds: 1")
    message = assert_fails(run, snapshot, "work_items", "timed out", catalogue=impatient)
    assert f"{cloud.endpoint_url}{PATH}" in message


def test_the_next_run_after_a_failure_heals_it(run: Run, cloud: Cloud) -> None:
    control.advance(cloud, change=20, create=0)
    report = run("ewm")
    assert report["status"] == "succeeded", report["message"]
