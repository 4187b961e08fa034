"""What is told of a trial, without a cloud."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from .policies import Call
from .scenarios import Facts
from .stage import Stage, StageError
from .trial import Baseline, UnsoundError, first_difference, tried
from .unenforced import Unenforced

ROLE = "xmlift-test-load"
READ = {"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}


class Theatre:
    """A stage of one role that a scenario may ask for objects."""

    def __init__(self) -> None:
        self.policies: dict[str, Any] = {ROLE: {"Statement": [READ]}}
        self.policies_now = dict(self.policies)
        self.asked: list[Call] = []

    def may(self, action: str) -> bool:
        allowed = any(
            each["Action"] == action and each["Effect"] == "Allow"
            for each in self.policies_now[ROLE]["Statement"]
        )
        self.asked.append(Call(ROLE, action, "x", decision="Allow" if allowed else "ImplicitDeny"))
        return allowed

    def forget(self, step: str) -> None:
        assert step == "load"

    @contextmanager
    def calls(self) -> Iterator[list[Call]]:
        self.asked = []
        yield self.asked

    @contextmanager
    def policy(self, role: str, policy: dict[str, Any]) -> Iterator[None]:
        self.policies_now[role] = policy
        yield
        self.policies_now[role] = self.policies[role]


@pytest.fixture
def stage() -> Stage:
    return cast(Stage, Theatre())


def asking(stage: Stage) -> Facts:
    return {"read": cast(Theatre, stage).may("s3:GetObject")}


def indifferent(stage: Stage) -> Facts:
    cast(Theatre, stage).may("s3:GetObject")
    return {"read": "whatever"}


def failing(stage: Stage) -> Facts:
    if not cast(Theatre, stage).may("s3:GetObject"):
        raise StageError("nothing was started")
    return {}


@pytest.mark.parametrize(
    ("scenario", "outcome", "lost"),
    [
        (asking, "noticed", "read: false"),
        (failing, "noticed", "nothing was started"),
        (indifferent, "not noticed", ""),
        (lambda stage: {}, "not used", ""),
    ],
)
def test_a_permission_is_missed_or_it_is_one_too_many(
    stage: Stage, scenario: Any, outcome: str, lost: str
) -> None:
    baseline = Baseline(stage, {"a scenario": scenario})
    (mutant,) = baseline.mutants
    verdict = tried(baseline, mutant, [])
    assert (verdict.outcome, verdict.lost) == (outcome, lost)


@pytest.mark.parametrize(
    ("scenario", "outcome"), [(asking, "enforced after all"), (lambda stage: {}, "unenforced")]
)
def test_what_is_named_as_unenforced_must_not_be_enforced(stage: Stage, scenario: Any, outcome: str) -> None:
    baseline = Baseline(stage, {"a scenario": scenario})
    named = [Unenforced(statement="Read", why="", rule="", roles=["load"])]
    assert tried(baseline, baseline.mutants[0], named).outcome == outcome


def test_a_scenario_that_is_refused_something_or_ends_anyhow_proves_nothing(stage: Stage) -> None:
    with pytest.raises(UnsoundError, match="was refused"):
        Baseline(stage, {"greedy": lambda stage: {"read": cast(Theatre, stage).may("s3:PutObject")}})
    ends = iter([1, 2])
    with pytest.raises(UnsoundError, match="ends otherwise each time it is played: n: 2"):
        Baseline(stage, {"fickle": lambda _: {"n": next(ends)}})


def test_the_first_difference_is_told_with_its_place() -> None:
    assert first_difference({"a": {"b": 1}}, {"a": {"b": 1}}) == ""
    assert first_difference({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}) == "a.c: 3"
    assert first_difference({"a": 1}, {"a": 1, "error": "no"}) == 'error: "no"'
