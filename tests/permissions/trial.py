"""Trials: a permission is taken away, and the scenarios that need it are played until one ends otherwise."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from time import monotonic
from typing import Any, Literal

from msgspec import Struct

from .policies import Call, Grant, Mutant, grants_of, mutants_of, needed_by
from .scenarios import Facts, Scenario
from .stage import Stage, StageError
from .unenforced import Unenforced

Outcome = Literal["noticed", "unenforced", "not noticed", "not used", "enforced after all"]
SOUND: tuple[Outcome, ...] = ("noticed", "unenforced")


class Verdict(Struct, frozen=True, kw_only=True):
    """What became of a mutant; `lost` says what ended otherwise, in the scenario that noticed it."""

    mutant: Mutant
    outcome: Outcome
    scenario: str = ""
    lost: str = ""
    refused: str = ""


class Play(Struct, frozen=True, kw_only=True):
    """A scenario as it goes with every permission: how it ends, what was asked of roles, how long it takes.

    `cold` are the calls of processes that have just begun, `warm` those of others, which know something already.
    """

    scenario: Scenario
    facts: Facts
    cold: list[Call]
    warm: list[Call]
    seconds: float

    @property
    def calls(self) -> set[Call]:
        return {*self.cold, *self.warm}


class UnsoundError(Exception):
    """A scenario says nothing: it ends in one way and then in another, or is refused something."""


class Baseline:
    """All scenarios with every permission, against which those without one are held."""

    def __init__(
        self, stage: Stage, scenarios: Mapping[str, Scenario], tell: Callable[[str], None] = lambda line: None
    ) -> None:
        self.stage = stage
        self.plays: dict[str, Play] = {}
        for name, scenario in scenarios.items():
            self.plays[name] = _played(stage, name, scenario)
            tell(f"{self.plays[name].seconds:5.1f} s  {name}")

    @cached_property
    def calls(self) -> list[Call]:
        return sorted({call for play in self.plays.values() for call in play.calls})

    @cached_property
    def grants(self) -> list[Grant]:
        return [grant for role, policy in self.stage.policies.items() for grant in grants_of(role, policy)]

    @cached_property
    def mutants(self) -> list[Mutant]:
        return sorted(
            {each for role, policy in self.stage.policies.items() for each in mutants_of(role, policy)}
        )

    def needing(self, mutant: Mutant) -> Iterator[tuple[str, Play, Call, bool]]:
        """The scenarios that make a call which the mutant refuses, the quickest first, with the first such call.

        And whether only a process that has just begun makes it.
        """
        for name, play in sorted(self.plays.items(), key=lambda item: item[1].seconds):
            if warm := needed_by(mutant, self.grants, play.warm):
                yield name, play, warm[0], False
            elif cold := needed_by(mutant, self.grants, play.cold):
                yield name, play, cold[0], True


def _played(stage: Stage, name: str, scenario: Scenario) -> Play:
    """Play a scenario twice: with processes that have just begun, and again. Raises UnsoundError."""
    for role in stage.policies:
        stage.forget(role.rsplit("-", 1)[-1])
    with stage.calls() as cold:
        facts = scenario(stage)
    begun = monotonic()
    with stage.calls() as warm:
        again = scenario(stage)
    if difference := first_difference(facts, again):
        raise UnsoundError(f"{name} ends otherwise each time it is played: {difference}")
    play = Play(scenario=scenario, facts=facts, cold=cold, warm=warm, seconds=monotonic() - begun)
    if refused := [call for call in play.calls if call.decision != "Allow"]:
        raise UnsoundError(f"{name}: with every permission, {refused[0]} was refused")
    return play


def tried(baseline: Baseline, mutant: Mutant, unenforced: Sequence[Unenforced]) -> Verdict:
    """Take the permission away, and see who notices."""
    excused = any(each.excuses(mutant) for each in unenforced)
    needing = list(baseline.needing(mutant))
    if not needing:
        return Verdict(mutant=mutant, outcome="unenforced" if excused else "not used")
    if excused:
        return Verdict(mutant=mutant, outcome="enforced after all", scenario=needing[0][0])
    policy = mutant.of(baseline.stage.policies[mutant.role])
    for name, play, call, is_cold in needing:
        with baseline.stage.policy(mutant.role, policy):
            if is_cold:
                baseline.stage.forget(mutant.step)
            lost = _lost(baseline.stage, play)
        if lost:
            refused = f"{call.action} {call.resource}"
            return Verdict(mutant=mutant, outcome="noticed", scenario=name, lost=lost, refused=refused)
    return Verdict(mutant=mutant, outcome="not noticed", scenario=", ".join(name for name, *_ in needing))


def _lost(stage: Stage, play: Play) -> str:
    try:
        return first_difference(play.facts, play.scenario(stage))
    except StageError as error:
        return str(error)


def all_tried(
    baseline: Baseline,
    mutants: Sequence[Mutant],
    unenforced: Sequence[Unenforced],
    tell: Callable[[Verdict], None],
) -> list[Verdict]:
    """All of them in the order given; `tell` hears of each as it ends."""
    verdicts = []
    for mutant in mutants:
        verdicts.append(tried(baseline, mutant, unenforced))
        tell(verdicts[-1])
    return verdicts


def first_difference(before: Any, after: Any, where: str = "") -> str:
    """Where two facts differ first, and what stands there now; nothing if they are the same."""
    if isinstance(before, dict) and isinstance(after, dict):
        keys = [*before, *(key for key in after if key not in before)]
        found = (
            first_difference(before.get(key), after.get(key), f"{where}.{key}" if where else str(key))
            for key in keys
        )
        return next((each for each in found if each), "")
    return "" if before == after else f"{where}: {json.dumps(after, ensure_ascii=False)}"
