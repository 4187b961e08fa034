"""Runs as people and programs see them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from commands.reports import changes, is_read_as_a_whole
from commands.run_lines import abbreviated, as_json, kind, show_run, show_runs
from operate.past_runs import PastRun
from xmlift.catalogue import load_source

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
    head, _, line = printed.out.splitlines()
    assert head.split() == [
        "started",
        "source",
        "took",
        "status",
        "windows",
        "records",
        "changes",
        "rejected",
        "run",
    ]
    assert line.split() == [
        "2026-11-22",
        "19:33:41",
        "ewm",
        "1",
        "min",
        "12",
        "s",
        "SUCCEEDED",
        "13",
        "801",
        "790+9",
        "2",
        "617de9db",
    ]
    assert printed.err == ""


def test_columns_without_a_value_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    clean = report()
    clean["streams"][0]["rejected"] = 0
    show_runs([past(report=clean, ended=START + timedelta(seconds=9.9))], of_one_source=True)
    head, rule, _ = capsys.readouterr().out.splitlines()
    assert head.split() == ["started", "took", "status", "windows", "records", "changes", "run"]
    assert len(rule) <= 80


def test_a_line_of_everything_fits_120_columns(capsys: pytest.CaptureFixture[str]) -> None:
    large = report()
    large["streams"] = [
        {"windows": 1200, "records": 1_234_567, "inserted": 1_234_000, "updated": 0, "rejected": 1200}
    ]
    given = {**SCHEDULED, "from": "x", "reread": True, "concurrent": True}
    took = START + timedelta(minutes=12, seconds=12)
    show_runs([replace(past(report=large, given=given, ended=took), source="trackers")])
    _, rule, line = capsys.readouterr().out.splitlines()
    assert len(rule) <= 120
    assert "reread" in line


def test_what_a_replay_loads_is_not_called_new(capsys: pytest.CaptureFixture[str]) -> None:
    show_runs([past(given=SCHEDULED | {"replay": True})])
    assert capsys.readouterr().out.splitlines()[2].split()[-6:] == [
        "replay",
        "13",
        "801",
        "799",
        "2",
        "617de9db",
    ]


@pytest.mark.parametrize(
    ("executions", "short"),
    [
        (["617de9db172d", "617de9db272d"], ["617de9db1", "617de9db2"]),
        (["617de9db172d", "617de9db172d"], ["617de9db", "617de9db"]),
        (["ab", "0123456789"], ["ab", "01234567"]),
        ([], []),
    ],
)
def test_runs_are_told_apart_by_few_letters(executions: list[str], short: list[str]) -> None:
    runs = [replace(past(), run=f"20261122T193341964000Z-{name}") for name in executions]
    assert abbreviated(runs) == short


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
        ({"recovered": 34, "inserted": 2, "windows": 1}, "34 windows of other runs loaded, 2 new"),
        # In a replay, rows may have been there before.
        ({"recovered": 12, "inserted": 480, "updated": 20}, "12 windows of other runs loaded, 500 rows"),
        ({"removed": 5, "rejected": 1}, "5 taken out, 1 rejected"),
    ],
)
def test_changes_in_words(counts: dict[str, int], told: str) -> None:
    usual = dict.fromkeys(("windows", "inserted", "updated", "stale", "duplicates", "rejected"), 0)
    assert changes(usual | counts, read_as_a_whole=False) == told


@pytest.mark.parametrize(
    ("request_and_cursor", "whole"),
    [
        ("request: {path: /i}", True),
        ("request: {path: /i}\n    cursor: {type: full}", True),
        ('request: {path: /i, query: {q: "{window.from}"}}\n    cursor: {type: watermark, field: at}', False),
        ("request: {path: /i}\n    cursor: {type: delta_link, xpath: //next}", False),
        ("request: {path: /i}\n    inbox: true", False),
        ("inbox: true", False),
    ],
)
def test_that_the_endpoint_always_answers_all_is_said_where_it_does(
    request_and_cursor: str, whole: bool
) -> None:
    text = f"""
source: s
base_url: https://host
streams:
  a:
    {request_and_cursor}
    records: /r/i
    key: [id]
    columns: {{ id: {{ path: id, type: bigint }}, at: {{ path: at, type: timestamptz }} }}
"""
    assert is_read_as_a_whole(load_source(text.encode(), "s").streams["a"]) is whole


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
