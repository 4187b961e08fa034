"""Trials: tests run in a throw-away copy of the tree, where a mutant may be at work."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from msgspec import Struct

from .mutants import ROOT, Mutant, MutantError, apply, unknown_tests

SECONDS = 240
"""What the tests of one mutant may take: one that hangs is not noticed in time."""

# A parameter may hold spaces.
_OUTCOME = re.compile(r"^(PASSED|FAILED|ERROR) ([^\s\[]+(?:\[.*?\](?= - |$))?)(?: - (.*))?$")
# A mutant whose own mistake fails a test has not been noticed by it.
_OWN_MISTAKE = re.compile(r"(NameError|ImportError|ModuleNotFound|SyntaxError|AttributeError|UnboundLocal)")
_PYTEST = (
    *(sys.executable, "-B", "-m", "pytest", "-q", "-rA", "--tb=no", "--show-capture=no"),
    *("-p", "no:cacheprovider", "--continue-on-collection-errors"),
)
_BUILT = (".venv", ".venvs", "dist")


class Verdict(Struct, frozen=True, kw_only=True):
    """What became of a mutant: each of its tests that failed, with what it said, and each that should have."""

    name: str
    rule: str
    why: str
    caught: bool
    noticed: dict[str, str]
    missed: list[str]
    seconds: float


class Outcomes(Struct, frozen=True):
    """How the tests of a trial ended: node id → (outcome, message)."""

    of: dict[str, tuple[str, str]]
    output: str

    def under(self, test: str) -> list[tuple[str, str]]:
        """Those of a node id: a test with all its parameters, or all of a file."""
        parts = (f"{test}[", f"{test}::")
        return [how for name, how in self.of.items() if name == test or name.startswith(parts)]


@contextmanager
def copy_of_the_tree(root: Path = ROOT) -> Iterator[Path]:
    """All files that git knows or would know, as they are now; what was built is the tree's own."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
    )
    with TemporaryDirectory(prefix="xmlift-mutant-") as folder:
        copy = Path(folder).resolve()
        for name in set(listed.stdout.decode().rstrip("\0").split("\0")):
            if (root / name).is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, copy / name)
        for name in _BUILT:
            if (root / name).exists():
                (copy / name).symlink_to(root / name)
        yield copy


def run_tests(copy: Path, tests: Iterable[str], seconds: float = SECONDS) -> Outcomes:
    """Run these tests there. Raises MutantError where they did not end."""
    environment = {**os.environ, "COLUMNS": "400", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            [*_PYTEST, *tests],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise MutantError(f"its tests did not end within {seconds:.0f} seconds") from error
    found = {
        match[2]: (match[1], match[3] or "")
        for match in map(_OUTCOME.match, done.stdout.splitlines())
        if match
    }
    return Outcomes(found, done.stdout[-4000:] + done.stderr[-4000:])


def unsound(mutants: Sequence[Mutant], at_a_time: int) -> dict[str, str]:
    """Which of their tests do not pass without any mutant, and why: that they fail would say nothing."""
    tests = {test for mutant in mutants for test in mutant.tests}
    faults = dict.fromkeys(unknown_tests(tests), "there is no such test")
    known = sorted(tests - set(faults))
    with copy_of_the_tree() as copy, ThreadPoolExecutor(at_a_time) as workers:
        shares = [share for n in range(at_a_time) if (share := known[n::at_a_time])]
        for outcomes, share in zip(
            workers.map(lambda share: run_tests(copy, share, SECONDS * 5), shares), shares, strict=True
        ):
            for test in share:
                how = outcomes.under(test)
                if not how or any(outcome != "PASSED" for outcome, _ in how):
                    faults[test] = f"does not pass in the tree as it is: {how or outcomes.output[-600:]}"
    return faults


def tried(mutant: Mutant) -> Verdict:
    """Break the rule in a copy, and see who notices. Raises MutantError."""
    begun = monotonic()
    with copy_of_the_tree() as copy:
        apply(mutant, copy)
        outcomes = run_tests(copy, mutant.tests)
    noticed, missed = {}, []
    for test in mutant.tests:
        said = [message for outcome, message in outcomes.under(test) if outcome == "FAILED"]
        if said and not _OWN_MISTAKE.match(said[0]):
            noticed[test] = said[0]
        else:
            missed.append(f"{test} ({said[0] if said else outcomes.under(test) or outcomes.output[-600:]})")
    return _verdict(mutant, noticed, missed, monotonic() - begun)


def all_tried(
    mutants: Sequence[Mutant], tell: Callable[[Verdict], None], at_a_time: int = 2
) -> list[Verdict]:
    """All of them, in the order given, once without any; `tell` hears of each as it ends. Raises MutantError."""
    excluded = unsound(mutants, at_a_time)
    verdicts = {}
    with ThreadPoolExecutor(at_a_time) as workers:
        trials = {workers.submit(_tried_or_told, mutant, excluded): mutant.name for mutant in mutants}
        for trial in as_completed(trials):
            verdicts[trials[trial]] = trial.result()
            tell(trial.result())
    return [verdicts[mutant.name] for mutant in mutants]


def _tried_or_told(mutant: Mutant, excluded: dict[str, str]) -> Verdict:
    missed = [f"{test} ({excluded[test]})" for test in mutant.tests if test in excluded]
    if not missed:
        try:
            return tried(mutant)
        except MutantError as error:
            missed = [str(error)]
    return _verdict(mutant, {}, missed, 0.0)


def _verdict(mutant: Mutant, noticed: dict[str, str], missed: list[str], seconds: float) -> Verdict:
    return Verdict(
        name=mutant.name,
        rule=mutant.rule,
        why=mutant.why,
        caught=not missed,
        noticed=noticed,
        missed=missed,
        seconds=round(seconds, 1),
    )
