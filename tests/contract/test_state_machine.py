"""The flow of the state machine, path by path: who is called with what, what is repeated, where failures lead."""

import threading
from itertools import count
from typing import Any

import pytest

from .aws.deployment import Deployment
from .pipeline_steps import (
    SOURCE,
    STREAMS,
    WORK,
    Event,
    assert_told,
    done,
    fails,
    more_then_done,
    nothing_planned,
    planned,
    reported,
    told_of,
)
from .state_machine import STARTED, Answer, Handler, run


def test_several_windows(dev: Deployment) -> None:
    found = run(dev, SOURCE, WORK, plan=planned, extract=done, load=done, report=reported)
    assert found.status == "SUCCEEDED"
    assert found.messages == []
    (plan,) = found.of("plan")
    assert plan.pop("started")
    execution = {"input": SOURCE, "execution": STARTED, "execution_arn": plan["execution_arn"]}
    assert plan == execution | {"round": 0}
    assert plan["execution_arn"].endswith(f":execution:pipeline:{STARTED}")
    assert sorted(found.of("extract"), key=lambda window: window["from"]) == WORK
    assert sorted(found.of("load"), key=lambda stream: stream["stream"], reverse=True) == STREAMS
    (report,) = found.of("report")
    assert report.pop("started")
    assert report == execution | {"round": 1, "failure": None}
    assert [call[0] for call in found.calls if call[0] != "extract"] == ["plan", "load", "load", "report"]


def test_what_an_operator_asks_for_reaches_plan_and_report_as_it_is(dev: Deployment) -> None:
    asked = SOURCE | {
        "base_url": "https://elm.example.org/ccm",
        "from": "2026-01-01T00:00:00Z",
        "streams": ["work_items"],
        "reread": True,
    }
    found = run(dev, asked, None, plan=nothing_planned, report=reported)
    assert [event["input"] for event in (*found.of("plan"), *found.of("report"))] == [asked, asked]


def test_nothing_to_do(dev: Deployment) -> None:
    found = run(dev, SOURCE, None, plan=nothing_planned, report=reported)
    assert found.status == "SUCCEEDED"
    assert found.entered == ["FirstRound", "Plan", "HasWork", "Report", "Verdict", "Announce", "Done"]


def leftovers_first(event: Event) -> Answer:
    """What an earlier run landed is loaded in the first round, without a window to read; then as ever."""
    if event["round"]:
        return planned(event)
    left = [stream | {"windows_of": "an-earlier-run"} for stream in STREAMS[:1]]
    return nothing_planned(event) | {"streams": left, "load_items": 1, "more": True}


def test_a_round_that_only_loads_what_an_earlier_run_landed(dev: Deployment) -> None:
    def report(event: Event) -> Answer:
        return reported(event) | {"catch_up": event["round"] == 1}

    found = run(dev, SOURCE, WORK, plan=leftovers_first, extract=done, load=more_then_done(1), report=report)
    assert found.status == "SUCCEEDED"
    first = found.entered[: found.entered.index("Report")]
    assert first == ["FirstRound", "Plan", "HasWork", "Load", "LoadStream", "MoreToLoad", "LoadStream",
                     "MoreToLoad", "StreamLoaded", "Outcome"]  # fmt: skip
    assert [load["windows_of"] for load in found.of("load")] == ["an-earlier-run"] * 2 + ["a-run"] * 2
    assert [event["round"] for event in found.of("plan")] == [0, 1]
    assert len(found.of("extract")) == len(WORK)


def test_leftovers_that_cannot_be_loaded_do_not_keep_the_run_from_reading(dev: Deployment) -> None:
    def load(event: Event) -> Answer:
        return (
            fails("WarehouseError")(event) if event["windows_of"] == "an-earlier-run" else {"status": "done"}
        )

    def report(event: Event) -> Answer:
        return reported(event) | {"catch_up": event["round"] == 1}

    found = run(dev, SOURCE, WORK, plan=leftovers_first, extract=done, load=load, report=report)
    assert found.status == "SUCCEEDED"
    assert found.entered.count("StreamFailed") == 1
    assert len(found.of("extract")) == len(WORK)


def test_a_replay_calls_no_endpoint(dev: Deployment) -> None:
    def plan(event: Event) -> Answer:
        every = [stream | {"windows_of": "*"} for stream in STREAMS]
        return nothing_planned(event) | {"streams": every, "load_items": len(every)}

    source = SOURCE | {"replay": True}
    found = run(dev, source, None, plan=plan, load=more_then_done(3), report=reported)
    assert found.status == "SUCCEEDED"
    assert found.of("extract") == []
    assert {load["windows_of"] for load in found.of("load")} == {"*"}
    assert len(found.of("load")) == len(STREAMS) + 3
    assert len(found.of("report")) == 1


def test_a_second_execution_of_a_source_is_refused_and_told(dev: Deployment) -> None:
    words = "ewm: the execution arn:other reads this source already"
    found = run(dev, SOURCE, None, plan=fails("PlanError", words), report=told_of)
    assert len(found.of("plan")) == 1  # waiting is for whoever started it
    assert found.entered == ["FirstRound", "Plan", "ReportFailure", "Notify", "Failed"]
    assert_told(found, words)


def test_an_input_that_neither_plan_nor_report_can_read_is_told(dev: Deployment) -> None:
    refusal = fails("PlanError", "the execution's input cannot be read: unknown field `force`")
    found = run(dev, SOURCE | {"force": True}, None, plan=refusal, report=refusal)
    assert found.entered == ["FirstRound", "Plan", "ReportFailure", "NoReport", "Notify", "Failed"]
    assert_told(found, "unknown field `force`")


def test_extract_is_called_until_it_is_done(dev: Deployment) -> None:
    found = run(dev, SOURCE, WORK[:1], plan=planned, extract=more_then_done(3), load=done, report=reported)
    assert found.status == "SUCCEEDED"
    assert found.of("extract") == [WORK[0]] * 4  # the same event each time: it finds its own place


def test_load_is_called_until_it_is_done(dev: Deployment) -> None:
    found = run(dev, SOURCE, WORK, plan=planned, extract=done, load=more_then_done(2), report=reported)
    assert found.status == "SUCCEEDED"
    assert len(found.of("load")) == len(STREAMS) + 2
    assert all(event in STREAMS for event in found.of("load"))


@pytest.mark.parametrize("step", ["extract", "load"])
def test_an_answer_that_is_neither_more_nor_done_is_no_success(dev: Deployment, step: str) -> None:
    """It fails its window or stream alone, which report finds."""
    handlers: dict[str, Any] = {"extract": done, "load": done} | {step: lambda _: {"status": "maybe"}}
    found = run(dev, SOURCE, WORK[:1], plan=planned, report=reported, **handlers)
    assert found.entered.count("WindowLanded" if step == "extract" else "StreamLoaded") == 0
    assert found.entered.count("StreamFailed") == (len(STREAMS) if step == "load" else 0)
    assert len(found.of("report")) == 1


def test_a_failed_window_is_not_tried_again_and_the_others_are_loaded(dev: Deployment) -> None:
    def extract(event: Event) -> Answer:
        return fails()(event) if event["from"] == 1 else {"status": "done"}

    found = run(dev, SOURCE, WORK, plan=planned, extract=extract, load=done, report=reported)
    assert len(found.of("extract")) == len(WORK)
    assert len(found.of("load")) == len(STREAMS)
    assert len(found.of("report")) == 1  # it compares what was planned with what was loaded, and judges


def test_a_failed_map_still_loads_what_landed_and_then_fails(dev: Deployment) -> None:
    """The work list is missing: the Map fails as a whole, as it does when too many windows fail."""
    found = run(dev, SOURCE, None, plan=planned, extract=done, load=done, report=reported)
    assert found.entered[:4] == ["FirstRound", "Plan", "HasWork", "Extract"]
    assert len(found.of("load")) == len(STREAMS)
    assert found.entered[-4:] == ["Outcome", "ReportFailure", "Notify", "Failed"]
    (report,) = found.of("report")
    assert report["failure"]["Error"].startswith("States.")
    assert "work.json" in report["failure"]["Cause"] or "key does not exist" in report["failure"]["Cause"]
    assert_told(found, "ewm failed: States.")


def test_a_failed_plan_is_reported(dev: Deployment) -> None:
    found = run(dev, SOURCE, None, plan=fails("CatalogueError", "no key"), report=reported)
    assert found.entered == ["FirstRound", "Plan", "ReportFailure", "Notify", "Failed"]
    (report,) = found.of("report")
    assert report["round"] == 0
    assert report["failure"]["Error"] == "CatalogueError"
    assert "no key" in report["failure"]["Cause"]
    assert_told(found, "CatalogueError")


def test_a_failed_stream_does_not_end_the_others_and_report_judges(dev: Deployment) -> None:
    """A load leaves a note of why it failed; report finds the landed windows that no ledger has."""
    others = more_then_done(3)

    def load(event: Event) -> Answer:
        return fails("LoadError")(event) if event == STREAMS[0] else others(event)

    def report(event: Event) -> Answer:
        return reported(event) | {"status": "failed", "message": "work_items: 3 windows not loaded"}

    found = run(dev, SOURCE, WORK, plan=planned, extract=done, load=load, report=report)
    assert found.of("load").count(STREAMS[0]) == 1  # our own error is not tried again
    assert found.of("load").count(STREAMS[1]) == 4
    assert found.entered.count("StreamFailed") == 1
    assert found.entered.count("StreamLoaded") == 1
    (told,) = found.of("report")
    assert told["failure"] is None
    assert found.entered[-4:] == ["Report", "Verdict", "Notify", "Failed"]
    assert_told(found, "3 windows not loaded")


def test_a_load_that_cannot_begin_is_reported(dev: Deployment) -> None:
    """The Map itself fails: what plan answered is no list of streams."""

    def plan(event: Event) -> Answer:
        return planned(event) | {"streams": "work_items"}

    found = run(dev, SOURCE, WORK, plan=plan, extract=done, load=done, report=reported)
    assert found.of("load") == []
    assert found.entered[-4:] == ["Load", "ReportFailure", "Notify", "Failed"]
    assert_told(found, "ewm failed: ")


def test_a_report_that_finds_a_failure_fails_the_run(dev: Deployment) -> None:
    def report(event: Event) -> Answer:
        return reported(event) | {"status": "failed", "message": "ewm: 1 window missing"}

    found = run(dev, SOURCE, WORK, plan=planned, extract=done, load=done, report=report)
    assert found.entered[-4:] == ["Report", "Verdict", "Notify", "Failed"]
    assert_told(found, "1 window missing")


def test_a_report_that_says_neither_fails_the_run(dev: Deployment) -> None:
    def report(event: Event) -> Answer:
        return reported(event) | {"status": "perhaps", "message": "ewm: who knows"}

    assert_told(run(dev, SOURCE, None, plan=nothing_planned, report=report), "who knows")


def test_catching_up_plans_again_with_the_next_round(dev: Deployment) -> None:
    def report(event: Event) -> Answer:
        return reported(event) | {"catch_up": event["round"] < 3}

    found = run(dev, SOURCE, WORK, plan=planned, extract=done, load=done, report=report)
    assert found.status == "SUCCEEDED"
    assert [event["round"] for event in found.of("plan")] == [0, 1, 2]
    assert (
        len({event["started"] for event in found.of("plan")}) == 1
    )  # the plan's "now" is fixed for all rounds
    assert len(found.of("extract")) == 3 * len(WORK)


@pytest.mark.parametrize("at_once", [1, 3])
def test_as_many_windows_are_read_at_once_as_plan_says(dev: Deployment, at_once: int) -> None:
    """Each waits until so many are at work; one more would be counted."""
    full, at_work, most, lock = threading.Barrier(at_once), [0], [0], threading.Lock()

    def extract(_: Event) -> Answer:
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        full.wait(timeout=30)
        with lock:
            at_work[0] -= 1
        return {"status": "done"}

    def plan(event: Event) -> Answer:
        return planned(event, items=2 * at_once, concurrency=at_once)

    work = [{"source": "ewm", "stream": "work_items", "run": "a-run", "from": n} for n in range(2 * at_once)]
    found = run(dev, SOURCE, work, plan=plan, extract=extract, load=done, report=reported)
    assert found.status == "SUCCEEDED"
    assert len(found.of("extract")) == 2 * at_once
    assert most == [at_once]


def test_a_level_is_planned_when_the_one_above_has_loaded(dev: Deployment) -> None:
    """For the state machine a level is a round like any other; a failed one is followed by none."""
    order: list[str] = []

    def noted(step: str, handler: Handler) -> Handler:
        def call(event: Event) -> Answer:
            order.append(step)
            return handler(event)

        return call

    def plan(event: Event) -> Answer:
        order.append(f"plan {event['round']}")
        answer = planned(event, items=1)
        return answer | {"streams": [STREAMS[event["round"]]], "load_items": 1}

    def report(event: Event) -> Answer:
        return reported(event) | {"catch_up": event["round"] == 1}

    load = noted("load", done)
    found = run(dev, SOURCE, WORK[:1], plan=plan, extract=noted("extract", done), load=load, report=report)
    assert order == ["plan 0", "extract", "load", "plan 1", "extract", "load"]
    assert [event["stream"] for event in found.of("load")] == ["work_items", "comments"]

    def failed(event: Event) -> Answer:
        return report(event) | {"status": "failed", "message": "ewm.work_items: 1 window missing"}

    again = run(dev, SOURCE, WORK[:1], plan=plan, extract=done, load=done, report=failed)
    assert len(again.of("plan")) == 1


def test_a_failed_run_does_not_catch_up(dev: Deployment) -> None:
    def report(event: Event) -> Answer:
        return reported(event) | {"status": "failed", "catch_up": True}

    found = run(dev, SOURCE, WORK, plan=planned, extract=done, load=done, report=report)
    assert len(found.of("plan")) == 1
    assert found.status == "FAILED"


@pytest.mark.parametrize("failed_before", [False, True])
def test_a_report_that_crashes_is_told(dev: Deployment, failed_before: bool) -> None:
    plan = fails() if failed_before else nothing_planned
    found = run(dev, SOURCE, None, plan=plan, report=fails("KeyError", "a bug"))
    assert found.entered[-3:] == ["NoReport", "Notify", "Failed"]
    assert_told(found, "could not be reported: KeyError")


@pytest.mark.parametrize(
    "error", ["Lambda.TooManyRequestsException", "Sandbox.Timedout", "Runtime.ExitError"]
)
def test_what_lambda_failed_is_tried_again(dev: Deployment, error: str) -> None:
    attempts = count()

    def plan(event: Event) -> Answer:
        return fails(error)(event) if next(attempts) == 0 else nothing_planned(event)

    found = run(dev, SOURCE, None, plan=plan, report=reported)
    assert found.status == "SUCCEEDED"
    assert len(found.of("plan")) == 2


def test_what_lambda_keeps_failing_is_given_up(dev: Deployment) -> None:
    handlers: dict[str, Any] = {"extract": done, "load": fails("Sandbox.Timedout")}
    # One after the other: side by side, moto was seen to repeat one iteration once too often.
    in_turn = dev.with_text("aws_sfn_state_machine", "definition", '"MaxConcurrency":2', '"MaxConcurrency":1')
    found = run(in_turn, SOURCE, WORK, plan=planned, report=reported, **handlers)
    for stream in STREAMS:
        assert found.of("load").count(stream) == 5  # a first call and four repetitions
    assert found.entered.count("StreamFailed") == len(STREAMS)
    plan = run(dev, SOURCE, None, plan=fails("Sandbox.Timedout"), report=reported)
    assert len(plan.of("plan")) == 5
    assert_told(plan, "Sandbox.Timedout")
