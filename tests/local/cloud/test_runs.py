"""Runs as people and programs see them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from commands.reports import changes
from commands.run_lines import as_json, kind, show_run, show_runs
from local.past_runs import PastRun

START = datetime(2026, 11, 22, 19, 33, 41, 964000, UTC)
RUN = "20261122T193341964000Z-617de9db172d"
SCHEDULED = {"source": "ewm", "catalogue": "catalogue/ewm/a.yaml", "base_url": "https://x"}


def report(
    status: str = "succeeded", message: str = "ewm: work_items: 800 records read", **more: Any
) -> dict[str, Any]:
    streams = [
        {"stream": "a", "windows": 12, "records": 800, "inserted": 790, "updated": 8, "rejected": 2},
        {"stream": "b", "windows": 1, "records": 1, "inserted": 0, "updated": 1, "rejected": 0},
    ]
    return {"source": "ewm", "status": status, "message": message, "streams": streams, "problems": [], **more}


def past(status: str = "SUCCEEDED", **differs: Any) -> PastRun:
    usual = {"ended": START + timedelta(seconds=72), "given": SCHEDULED, "report": report()}
    return PastRun("ewm", RUN, status, START, **(usual | differs))


def test_a_run_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    show_runs([past()])
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0].split()[-6:] == [
        "windows",
        "records",
        "new",
        "changed",
        "rejected",
        "run",
    ]
    assert printed.out.splitlines()[2].split() == (
        f"2026-11-22 19:33:41Z ewm 1 min 12 s SUCCEEDED 13 801 790 9 2 {RUN}".split()
    )
    assert printed.err == ""


def test_one_that_is_under_way_has_no_outcome(capsys: pytest.CaptureFixture[str]) -> None:
    show_runs([past("RUNNING", ended=None, report=None)])
    printed = capsys.readouterr()
    assert "RUNNING" in printed.out
    assert "∅" not in printed.out
    assert printed.err == ""


@pytest.mark.parametrize(
    ("run", "told"),
    [
        (past("FAILED", report=report("failed", "ewm: it broke")), "ewm: it broke"),
        (
            past("FAILED", report=None, cause="States.Runtime: no such function"),
            "States.Runtime: no such function",
        ),
        # A report of a round that succeeded says nothing about what came after it.
        (past("TIMED_OUT", cause="it says nothing about why"), "it says nothing about why"),
        (past("UNKNOWN", report=None), "ewm: ended as UNKNOWN, and left no report"),
    ],
)
def test_below_the_table_stands_why(run: PastRun, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_runs([run])
    assert capsys.readouterr().err == f"2026-11-22 19:33:41Z {told}\n"


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (SCHEDULED, ""),
        ({**SCHEDULED, "from": "2026-01-01T00:00:00Z"}, "backfill"),
        (
            {**SCHEDULED, "from": "x", "to": "y", "reread": True, "concurrent": True},
            "backfill, reread, concurrent",
        ),
        ({**SCHEDULED, "replay": True}, "replay"),
    ],
)
def test_what_it_was_started_for(given: dict[str, Any], word: str) -> None:
    assert kind(given) == word


def test_a_run_for_programs() -> None:
    assert as_json(past()) == {
        "run": RUN,
        "source": "ewm",
        "status": "SUCCEEDED",
        "started": "2026-11-22T19:33:41.964000+00:00",
        "ended": "2026-11-22T19:34:53.964000+00:00",
        "seconds": 72.0,
        "kind": "",
        "input": SCHEDULED,
        "windows": 13,
        "records": 801,
        "new": 790,
        "changed": 9,
        "rejected": 2,
        "message": "ewm: work_items: 800 records read",
    }


def test_windows_of_other_runs_that_it_loaded_count_too() -> None:
    replayed = report()
    replayed["streams"][0]["recovered"] = 30
    assert as_json(past(report=replayed))["windows"] == 43


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({}, "nothing new"),
        ({"inserted": 1200, "stale": 3, "duplicates": 4}, "1,200 new, 7 known already"),
        ({"recovered": 34, "inserted": 2}, "34 windows of other runs loaded, 2 new"),
        ({"removed": 5, "rejected": 1}, "5 taken out, 1 rejected"),
    ],
)
def test_changes_in_words(counts: dict[str, int], told: str) -> None:
    usual = dict.fromkeys(("inserted", "updated", "stale", "duplicates", "rejected"), 0)
    assert changes(usual | counts, read_as_a_whole=False) == told


def test_without_a_report_the_counts_are_unknown_and_not_zero() -> None:
    assert as_json(past("FAILED", report=None))["records"] is None


def test_a_failed_run_in_full_tells_its_windows_messages_once(capsys: pytest.CaptureFixture[str]) -> None:
    words = f"ewm.work_items window a_b of run {RUN}: the answer is an HTML page"
    broken = report("failed", f"ewm: {words}", problems=[words], streams=[])
    show_run(past("FAILED", report=broken), [{"place": "work_items/-/a_b", "error": "X", "message": words}])
    assert capsys.readouterr().err.count("the answer is an HTML page") == 1


def test_what_was_overcome_within_a_run_stays_visible(capsys: pytest.CaptureFixture[str]) -> None:
    words = f"ewm.work_items window a_b of run {RUN}: HTTP 503"
    show_run(past(report=report(streams=[])), [{"place": "work_items/-/a_b", "error": "X", "message": words}])
    printed = capsys.readouterr()
    assert "Overcome within the run: ewm.work_items: HTTP 503" in printed.err


def test_a_run_without_a_report_tells_its_cause(capsys: pytest.CaptureFixture[str]) -> None:
    show_run(past("FAILED", report=None, cause="plan is not there", given=SCHEDULED | {"reread": True}), [])
    printed = capsys.readouterr()
    assert "plan is not there" in printed.err
    assert "reread True" in printed.out
