"""The campaign: one fault a run, then recovery, then every table against the oracle."""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from tests.faults import pipeline as pipelines
from tests.faults.comparison import Comparison
from tests.faults.differences import Differences
from tests.faults.kinds import KINDS, Kind
from tests.faults.oracle import Oracle
from tests.faults.pipeline import MissedError, Pipeline, Run
from tests.faults.watcher import Watcher

from local import control

_MOST_RECOVERIES = 4
# A moment that never came (the run was over before) is drawn anew, so often.
_TRIES = 4


@dataclass
class Tally:
    """What became of the runs of one kind."""

    runs: int = 0
    healed: int = 0
    recovered: int = 0
    missed: int = 0
    seconds: float = 0.0


@dataclass
class Outcome:
    """How one faulted run went; `problems` is empty unless the product has failed."""

    number: int
    kind: Kind
    detail: str
    statuses: list[str]
    recoveries: int
    seconds: float
    problems: Differences = field(default_factory=Differences)


class ViolationError(Exception):
    """Rows are lost, double or altered, or their lineage, the ledger, the watermark or a reader's wait is wrong."""


class Campaign:
    """Faulted runs on one pipeline. The n-th of a seed draws from its own generator, whatever came before."""

    def __init__(self, pipeline: Pipeline, seed: int) -> None:
        self._pipeline = pipeline
        self._seed = seed
        self._oracle = Oracle(pipeline.cloud)
        self.comparison = Comparison(pipeline, self._oracle)
        self.tallies: dict[str, Tally] = {}
        self.statuses: Counter[str] = Counter()
        self.looks = 0

    def first_load(self) -> None:
        """Load all that is there without any fault, so that each function's processes and keys are known."""
        self._recover([])
        self._check(self.comparison.at_rest(), "the first load, without a fault")
        for step in pipelines.STEPS:
            self._pipeline.key_of(step)

    def run(self, numbers: Sequence[int], kinds: Sequence[str]) -> Iterator[Outcome]:
        """The runs with these numbers, except those whose fault did not strike. Raises ViolationError."""
        with Watcher(self._pipeline) as watcher:
            for number in numbers:
                kind = scheduled(self._seed, number, kinds)
                try:
                    outcome = self._faulted(number, kind)
                except MissedError as missed:
                    say(f"{number:4d}  {kind.name:22s} does not count: {missed}")
                    continue
                outcome.problems.add(watcher.seen())
                self.looks = watcher.looks
                self._note(outcome)
                self._check(outcome.problems, self._told(outcome))
                yield outcome

    def _faulted(self, number: int, kind: Kind) -> Outcome:
        random = Random(f"{self._seed}:{number}")
        tally = self.tallies.setdefault(kind.name, Tally())
        for _ in range(_TRIES):
            began = time.monotonic()
            control.advance(self._pipeline.cloud, change=random.randint(7, 11), create=1)
            pipelines.clear(self._pipeline)
            try:
                attack = kind.strike(self._pipeline, random)
                statuses = [self._pipeline.wait(run) for run in attack.runs]
                attack.afterwards()
                struck = attack.struck()
            except MissedError:
                struck = False
                self._finish_started()
            finally:
                pipelines.clear(self._pipeline)
            if struck:
                break
            tally.missed += 1
        else:
            raise MissedError(f"the fault did not strike in {_TRIES} runs")
        recoveries = 0
        # A second execution that was refused leaves what the first one does; the last one that ran decides.
        if attack.incomplete or "SUCCEEDED" not in statuses:
            recoveries = self._recover(attack.runs)
        seconds = time.monotonic() - began
        outcome = Outcome(number, kind, attack.detail, statuses, recoveries, seconds)
        outcome.problems = self.comparison.at_rest()
        return outcome

    def _finish_started(self) -> None:
        """Wait for runs that a missed fault has left going."""
        listed = self._pipeline.client("stepfunctions").list_executions(
            stateMachineArn=self._pipeline.deployed.outputs["state_machine_arn"].removesuffix(":live"),
            statusFilter="RUNNING",
        )
        for execution in listed["executions"]:
            self._pipeline.wait(Run(execution["executionArn"], execution["startDate"]))

    def _recover(self, before: list[Run]) -> int:
        """Run without a fault until a run succeeds; answers how many it took. Raises ViolationError."""
        for number in range(1, _MOST_RECOVERIES + 1):
            run = self._pipeline.start()
            if self._pipeline.wait(run) == "SUCCEEDED":
                return number
        raise ViolationError(
            f"{_MOST_RECOVERIES} runs without a fault did not succeed: {self._pipeline.why(run)}"
        )

    def _note(self, outcome: Outcome) -> None:
        tally = self.tallies[outcome.kind.name]
        tally.runs += 1
        tally.seconds += outcome.seconds
        healed = "SUCCEEDED" in outcome.statuses
        tally.healed += healed
        tally.recovered += not healed
        self.statuses.update(outcome.statuses)

    def _told(self, outcome: Outcome) -> str:
        return (
            f"run {outcome.number} of seed {self._seed}, {outcome.kind.name} ({outcome.detail}), which ended as "
            f"{', '.join(outcome.statuses)}, after {outcome.recoveries} runs of recovery"
        )

    def _check(self, problems: Differences, what: str) -> None:
        if problems:
            raise ViolationError(f"{what}:\n{problems}")


def scheduled(seed: int, number: int, kinds: Sequence[str]) -> Kind:
    """The kind of a run: every kind once, in an order of the seed's, then every kind again in another order."""
    block, place = divmod(number - 1, len(kinds))
    order = list(kinds)
    Random(f"{seed}/{block}").shuffle(order)
    return KINDS[order[place]]


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
