"""What an environment chooses of the flow: hooks, tolerated failures, repetitions, time-outs, a bus for events."""

import itertools
import threading
from typing import Any

import pytest

from .aws.deployment import Deployment, states
from .aws.test_workflow import schema_violations, statelint_problems
from .pipeline_steps import (
    LOADED,
    SOURCE,
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
from .state_machine import STARTED, Answer, Handler, Run, run


def attempt(every_choice: Deployment, work: list[dict[str, Any]] | None = WORK, **changed: Any) -> Run:
    """A run in which everything goes well, but for what is changed. The hooks are door and marts."""
    steps: dict[str, Handler] = {"plan": planned, "extract": done, "load": done, "report": reported}
    return run(every_choice, SOURCE, work, **(steps | {"door": done, "marts": done} | changed))


def where_told(event: Event) -> Answer:
    failure = event["failure"]
    return (
        reported(event) | {"message": f"{failure['Where']} failed: {failure['Error']}"}
        if failure
        else reported(event)
    )


def test_the_definition_with_every_choice_made_is_clean(every_choice: Deployment) -> None:
    assert statelint_problems(every_choice) == []
    assert schema_violations(every_choice) == []
    text = every_choice.with_definition(
        lambda definition: definition["States"]["AfterLoad"].update(TimeoutSeconds="90")
    )
    assert statelint_problems(text)
    unknown = every_choice.with_definition(
        lambda definition: definition["States"]["AfterLoad"].update(Timeout=90)
    )
    assert schema_violations(unknown)


def test_hooks_are_called_before_the_windows_and_once_all_is_loaded(every_choice: Deployment) -> None:
    def report(event: Event) -> Answer:
        return reported(event) | {"catch_up": event["round"] == 1}

    found = attempt(every_choice, report=report)
    assert found.status == "SUCCEEDED"
    called = [step for step, _ in found.calls]
    assert [step for step, _ in itertools.groupby(called)] == [
        "plan", "door", "extract", "load", "report", "plan", "door", "extract", "load", "report", "marts"
    ]  # fmt: skip
    execution = found.of("plan")[0]["execution_arn"]
    assert found.of("door") == [
        {
            "hook": "before_extract",
            "source": "ewm",
            "run": "a-run",
            "execution_arn": execution,
            "round": round_,
            "windows": len(WORK),
        }
        for round_ in (1, 2)
    ]
    assert found.of("marts") == [
        {
            "hook": "after_load",
            "source": "ewm",
            "run": "a-run",
            "execution_arn": execution,
            "rounds": 2,
            "loaded": LOADED,
            "report": {"bucket": "landing", "key": "runs/ewm/a-run/report.json"},
        }
    ]


def test_a_run_that_reads_nothing_opens_no_door(every_choice: Deployment) -> None:
    found = attempt(every_choice, work=None, plan=nothing_planned)
    assert found.status == "SUCCEEDED"
    assert (len(found.of("door")), len(found.of("marts"))) == (0, 1)


def test_a_hook_before_extract_that_fails_ends_the_run_before_anything_is_read(
    every_choice: Deployment,
) -> None:
    found = attempt(every_choice, door=fails("Closed", "no way in"), report=where_told)
    assert len(found.of("door")) == 1  # what a hook refuses is not asked again
    assert found.of("extract") == found.of("load") == []
    assert found.events == []
    assert found.entered[-5:] == ["BeforeExtract", "BeforeExtractFailed", "ReportFailure", "Notify", "Failed"]
    assert "no way in" in found.of("report")[0]["failure"]["Cause"]
    assert_told(found, "the hook before_extract failed: Closed", name="xmlift-test")


def test_a_hook_that_answers_too_much_has_failed_as_any_other(every_choice: Deployment) -> None:
    """States.ALL does not have that error, so it is named. No emulator raises it, so it is looked up."""
    for hook in ("BeforeExtract", "AfterLoad"):
        catchers = every_choice.definition()["States"][hook]["Catch"]
        assert [each["ErrorEquals"] for each in catchers] == [["States.DataLimitExceeded"], ["States.ALL"]]
        assert {each["Next"] for each in catchers} == {f"{hook}Failed"}


def test_a_hook_after_load_that_fails_fails_the_run_and_leaves_what_was_loaded(
    every_choice: Deployment,
) -> None:
    found = attempt(every_choice, marts=fails("Stale", "no marts"), report=where_told)
    assert len(found.of("load")) == 2
    assert [event["failure"] is None for event in found.of("report")] == [True, False]
    assert found.events == []
    assert_told(found, "the hook after_load failed: Stale", name="xmlift-test")


@pytest.mark.parametrize("hook", ["door", "marts"])
def test_a_hook_that_lambda_failed_is_called_again(every_choice: Deployment, hook: str) -> None:
    calls = itertools.count()

    def handler(event: Event) -> Answer:
        return fails("Lambda.TooManyRequestsException")(event) if next(calls) < 2 else {"anything": "at all"}

    found = attempt(every_choice, **{hook: handler})
    assert found.status == "SUCCEEDED"
    assert len(found.of(hook)) == 3
    assert len(found.waits) == 2


def test_a_run_that_failed_calls_no_hook_and_announces_nothing(every_choice: Deployment) -> None:
    def report(event: Event) -> Answer:
        return reported(event) | {"status": "failed", "message": "ewm: 1 window missing"}

    found = attempt(every_choice, report=report)
    assert found.of("marts") == []
    assert found.events == []
    assert found.status == "FAILED"


def test_what_is_announced_of_a_completed_run(every_choice: Deployment) -> None:
    found = attempt(every_choice)
    (event,) = found.events
    detail = event.pop("Detail")
    resources = event.pop("Resources")
    assert event == {"EventBusName": "runs", "Source": "xmlift", "DetailType": "Run completed"}
    assert resources[-1] == detail["execution_arn"] == found.of("plan")[0]["execution_arn"]
    assert detail.pop("started")
    assert detail.pop("execution_arn")
    assert detail == {
        "version": 1,
        "pipeline": "xmlift-test-pipeline",
        "source": "ewm",
        "run": "a-run",
        "execution": STARTED,
        "rounds": 1,
        "message": "ewm: all loaded",
        "loaded": LOADED,
        "report": {"bucket": "landing", "key": "runs/ewm/a-run/report.json"},
    }
    assert found.entered[-3:] == ["AfterLoad", "Announce", "Done"]


def test_a_bus_that_comes_back_is_told_once(every_choice: Deployment) -> None:
    entries = itertools.count()

    def bus(event: Event) -> Answer:
        return fails("InternalFailure")(event) if next(entries) == 0 else {}

    found = attempt(every_choice, bus=bus)
    assert found.status == "SUCCEEDED"
    assert len(found.events) == 1


def test_a_run_of_which_nobody_could_be_told_has_failed(every_choice: Deployment) -> None:
    found = attempt(every_choice, bus=fails("InternalFailure", "no bus"), report=where_told)
    assert len(found.waits) == 2
    assert found.entered[-5:] == ["Announce", "AnnounceFailed", "ReportFailure", "Notify", "Failed"]
    assert_told(found, "the event of the completed run failed: EventBridge.FailedEntry", name="xmlift-test")


@pytest.mark.parametrize(("failing", "goes_on"), [(1, True), (2, False)])
def test_as_many_windows_may_fail_as_are_tolerated(
    every_choice: Deployment, failing: int, goes_on: bool
) -> None:
    """A quarter of four is one."""
    work = [{"source": "ewm", "stream": "work_items", "run": "a-run", "from": day} for day in range(4)]

    def extract(event: Event) -> Answer:
        return fails()(event) if event["from"] < failing else {"status": "done"}

    found = attempt(every_choice, work, extract=extract)
    assert len(found.of("load")) == 2  # what has landed is loaded in any case
    told = [event["failure"] for event in found.of("report")]
    assert told == [None] if goes_on else told[0]["Error"] == "States.ExceedToleratedFailureThreshold"
    assert found.status == ("SUCCEEDED" if goes_on else "FAILED")


def test_repetitions_wait_as_the_environment_says(every_choice: Deployment) -> None:
    found = attempt(every_choice, plan=fails("Sandbox.Timedout"))
    assert len(found.of("plan")) == 3
    # By a full jitter anything below the interval: a second, and then half as much again.
    assert all(0 <= wait <= longest for wait, longest in zip(found.waits, (1, 1.5), strict=True))


@pytest.mark.parametrize("limit", ["the hook's", "the run's"])
def test_a_hook_that_hangs_is_given_up(every_choice: Deployment, limit: str) -> None:
    """With a second instead of minutes and hours: who is given up, and what is told of it."""
    hangs = threading.Event()

    def shorter(definition: dict[str, Any]) -> None:
        (definition["States"]["AfterLoad"] if limit == "the hook's" else definition)["TimeoutSeconds"] = 1
        definition["States"]["AfterLoad"]["Retry"] = []

    def marts(_: Event) -> Answer:
        hangs.wait(timeout=30)
        return {}

    try:
        found = attempt(every_choice.with_definition(shorter), marts=marts, report=where_told)
    finally:
        hangs.set()
    if limit == "the hook's":
        assert_told(found, "the hook after_load failed: States.Timeout", name="xmlift-test")
    else:
        assert (found.status, found.messages) == ("TIMED_OUT", [])  # an alarm tells of it: no state can


def leads_to(definition: dict[str, Any]) -> set[tuple[str, str]]:
    """Every transition that a definition has, those by a choice and by a failure included."""
    return {
        (name, way["Next"])
        for name, state in states(definition)
        for way in [state, *state.get("Choices", []), *state.get("Catch", []), {"Next": state.get("Default")}]
        if way.get("Next")
    }


def test_every_transition_is_taken(every_choice: Deployment) -> None:
    """So many runs take each way that the definition has at least once, and no other."""

    def twice(event: Event) -> Answer:
        return reported(event) | {"catch_up": event["round"] == 1}

    def no_streams(event: Event) -> Answer:
        return planned(event) | {"streams": "work_items"}

    def left_to_load(event: Event) -> Answer:
        return planned(event) | {"extract": planned(event)["extract"] | {"items": 0}}

    def unsure(event: Event) -> Answer:
        return reported(event) | {"status": "perhaps"}

    def one_of_two(event: Event) -> Answer:
        return fails("LoadError")(event) if event["stream"] == "comments" else {"status": "done"}

    taken: set[tuple[str, str]] = set()
    for changed in (
        {"extract": more_then_done(1), "load": more_then_done(1), "report": twice},
        {"plan": fails(), "report": told_of},
        {"plan": nothing_planned, "report": unsure},
        {"plan": left_to_load, "load": one_of_two},
        {"plan": no_streams},
        {"door": fails()},
        {"marts": fails()},
        {"bus": fails()},
        {"load": lambda _: {"status": "maybe"}, "report": fails()},
        {"plan": fails(), "report": fails()},
        {"work": None},
    ):
        taken |= attempt(every_choice, **changed).transitions
    assert leads_to(every_choice.definition()) == {way for way in taken if None not in way}
