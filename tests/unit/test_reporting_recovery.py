"""report: what a run loaded of windows that other runs read, in a replay or because they were left undone."""

from collections import Counter
from typing import Any

import msgspec
import pytest

from xmlift.landing.chain import Landed
from xmlift.landing.zone import Zone
from xmlift.warehouse.connection import BoundedCursor

from .loads import Loads, item
from .runs import Run, land_all, load_all, spoil
from .steps_landing import run_at

RUN = run_at(12, "one")


@pytest.fixture
def run(loads: Loads) -> Run:
    loads.change("slice: 6h", "slice: 12h")
    return Run(loads)


def left_undone(loads: Loads) -> tuple[Landed, ...]:
    """A run that landed its windows, loaded none and failed."""
    first = Run(loads)
    first.plan()
    return land_all(first)


@pytest.fixture
def second(run: Run) -> Run:
    return Run(run.loads, "two", 12.01)


def test_what_an_earlier_run_left_is_told_as_recovered(run: Run, second: Run) -> None:
    left_undone(run.loads)
    planned = second.plan()
    assert (planned.extract.items, planned.load_items, planned.more) == (0, 2, True)
    second.load(*planned.streams)
    answer, result = second.report()
    assert (answer.status, answer.catch_up) == ("succeeded", True), "its own windows come in the next round"
    assert answer.message == (
        f"{run.loads.name}: items: 1 windows of other runs loaded, 2 new, 0 changed, 0 already known; "
        "events: 1 windows of other runs loaded, 1 new, 0 changed, 0 already known"
    )
    assert [(stream.windows, stream.recovered) for stream in result.streams] == [(0, 1), (0, 1)]


def test_own_and_recovered_windows_are_told_apart(run: Run, second: Run) -> None:
    left_undone(run.loads)
    second.load(*second.plan().streams)
    planned = second.plan(1)
    listed = msgspec.json.decode(run.loads.zone.get(planned.extract.key))
    assert {one["stream"] for one in listed} == {"items", "events"}
    start = 12 - 5 / 60
    for stream, rows in (("items", [item(7, 12, "new")]), ("events", [])):
        run.loads.land(second.run, (start, 12), rows, stream=stream, as_of=13)
        run.loads.land(second.run, (12, 12.01), [], stream=stream, as_of=13)
    second.load(*planned.streams)
    answer, _ = second.report()
    assert answer.status == "succeeded", answer.message
    assert answer.message.startswith(
        f"{run.loads.name}: items: 1 records read, 3 new, 0 changed, 0 already known, 0 rejected, "
        "1 windows of other runs loaded; "
    )


def test_what_an_earlier_run_left_and_cannot_be_loaded_is_a_warning(run: Run, second: Run) -> None:
    """It is a gap, and this very run reads it again."""
    items, _ = left_undone(run.loads)
    spoil(run, items)
    second.load(*second.plan().streams)
    answer, result = second.report()
    assert answer.status == "succeeded", answer.message
    (warning,) = result.warnings
    assert warning.startswith(f"{items.window}: quarantined: ")
    assert [stream.recovered for stream in result.streams] == [0, 1]


def test_why_what_an_earlier_run_left_was_not_loaded_is_a_warning(run: Run, second: Run) -> None:
    left_undone(run.loads)
    planned = second.plan()
    run.loads.stand_in.run(f"REVOKE ALL ON SCHEMA {run.loads.name} FROM xmlift_loader")
    second.load(*planned.streams)
    answer, result = second.report()
    assert answer.status == "succeeded"
    assert [warning.partition(": ")[0] for warning in result.warnings] == [
        f"{run.loads.name}.{stream} of run {run.run}" for stream in ("items", "events")
    ]


# --- replay ---


@pytest.fixture
def replay(run: Run) -> Run:
    """All has landed, and the ledger is lost."""
    run.plan()
    land_all(run)
    return Run(run.loads, "again", 14, replay=True)


def test_a_replay_tells_what_it_loaded(replay: Run) -> None:
    planned = replay.plan()
    assert (planned.extract.items, planned.more) == (0, False)
    replay.load(*planned.streams)
    answer, result = replay.report()
    assert (answer.status, answer.catch_up) == ("succeeded", False), answer.message
    assert "items: 1 windows of other runs loaded, 2 new, 0 changed, 0 already known" in answer.message
    assert [stream.recovered for stream in result.streams] == [1, 1]


def test_a_replay_that_has_nothing_to_load_says_so(replay: Run) -> None:
    replay.load(*replay.plan().streams)
    again = Run(replay.loads, "once more", 15, replay=True)
    again.load(*again.plan().streams)
    answer, _ = again.report()
    assert answer.status == "succeeded"
    assert "items: 0 records read, 0 new" in answer.message


def test_a_replay_that_was_killed_without_a_word_has_failed(replay: Run) -> None:
    planned = replay.plan()
    replay.load(*(one for one in planned.streams if one.stream == "events"))
    problem = replay.problem()
    assert problem.startswith(
        f"{replay.loads.name}.items: 1 windows have landed and are not loaded, the first is "
    )


def test_a_replay_that_failed_says_why(replay: Run) -> None:
    planned = replay.plan()
    replay.loads.stand_in.run(f"REVOKE ALL ON SCHEMA {replay.loads.name} FROM xmlift_loader")
    replay.load(*planned.streams)
    _, result = replay.report()
    assert result.status == "failed"
    assert result.problems[0].startswith(f"{replay.loads.name}.items of all runs: ")


def test_what_a_replay_sets_aside_is_a_problem_and_the_first_ones_are_named(loads: Loads) -> None:
    landed = [loads.land(RUN, (n, n + 1), [item(n, n)]) for n in range(8)]
    replay = Run(loads, "again", 14, replay=True, streams=["items"])
    for one in landed[1:]:
        spoil(replay, one)
    replay.load(*replay.plan().streams)
    answer, result = replay.report()
    assert answer.status == "failed"
    named = [problem for problem in result.problems if ": quarantined: " in problem]
    assert [problem.partition(": ")[0] for problem in named] == [str(one.window) for one in landed[1:6]]
    assert result.problems[5:] == ["2 more windows are quarantined"]
    assert result.streams[0].recovered == 1


def test_a_set_that_has_not_landed_whole_is_not_what_a_replay_lacks(loads: Loads) -> None:
    loads.land(RUN, (0, 1), [{"id": 1}], stream="lists", set_windows=2)
    replay = Run(loads, "again", 14, replay=True, streams=["lists"])
    planned = replay.plan()
    replay.load(*planned.streams)
    assert replay.report()[0].status == "succeeded"
    loads.land(RUN, (1, 2), [{"id": 1}], stream="lists", set_windows=2)
    assert "lists: 2 windows have landed and are not loaded" in replay.problem()


# --- what it costs ---


def test_a_report_costs_the_same_however_much_was_loaded_before(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.plan()
    land_all(run)
    load_all(run)
    few, many = (1, 500)
    assert cost(run, few, monkeypatch) == cost(run, many, monkeypatch)


def cost(run: Run, windows: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """What a report asks of S3 and gets from the warehouse, with as many windows of other runs in the ledger."""
    run.loads.stand_in.run(
        "INSERT INTO xmlift.ledger SELECT source, stream, partition_id, epoch, window_name, window_start, "
        "window_end, 'other' || n, state, commit_sha, as_of, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '{}' "
        "FROM xmlift.ledger, generate_series(1, %s) AS n WHERE source = %s AND run = %s",
        windows,
        run.loads.name,
        run.run,
    )
    told: Counter[str] = Counter()
    with monkeypatch.context() as watched:
        fetch = BoundedCursor.fetchall

        def fetchall(cursor: BoundedCursor) -> list[tuple[Any, ...]]:
            rows = fetch(cursor)
            told.update(queries=1, rows=len(rows), characters=len(str(rows)))
            return rows

        watched.setattr(BoundedCursor, "fetchall", fetchall)
        for name in ("find", "keys"):
            inner = getattr(Zone, name)
            watched.setattr(
                Zone, name, lambda *args, _inner=inner, _name=name: told.update([_name]) or _inner(*args)
            )
        run.report()
    return dict(told)
