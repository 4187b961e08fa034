"""`make permissions`: each permission taken away, and missed; each one granted, and used. Exit code 1 otherwise."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Annotated

import msgspec
import typer

from local import cloud as clouds
from local import deployment

from .page import PAGE, ROOT, call_lines, write_page
from .policies import Mutant, signature
from .scenarios import SCENARIOS
from .stage import Stage, make_hooks
from .trial import SOUND, Baseline, UnsoundError, Verdict, all_tried
from .unenforced import all_unenforced

FOLDER = ROOT / ".permissions"
ITEMS = 60


def main(
    only: Annotated[str, typer.Option(help="Part of what a trial is called, such as `load:`.")] = "",
    resume: Annotated[bool, typer.Option(help="Go on where an interrupted run has stopped.")] = False,
    write: Annotated[bool, typer.Option(help=f"Write {PAGE.relative_to(ROOT)} anew.")] = False,
    folder: Annotated[Path, typer.Option(help="Where the cloud and the verdicts lie.")] = FOLDER,
) -> None:
    """Play what an environment does with every permission, then without each of them in turn."""
    if write and only:
        raise typer.BadParameter("the page has all permissions: leave out --only (ONLY)")
    begun = monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    kept = Kept(folder / "verdicts.jsonl", resume=resume)
    try:
        with staged(folder / "cloud") as stage:
            say(f"{len(SCENARIOS)} scenarios, with every permission")
            baseline = Baseline(stage, SCENARIOS, say)
            mutants = [mutant for mutant in baseline.mutants if only in str(mutant)]
            say("\n".join(call_lines(baseline)))
            say(f"{len(mutants)} permissions, each taken away")
            fresh = all_tried(baseline, kept.untried(stage, mutants), all_unenforced(), kept.add)
    except UnsoundError as error:
        say(str(error))
        raise typer.Exit(1) from error
    verdicts = sorted([*kept.standing, *fresh], key=lambda verdict: verdict.mutant)
    if write:
        write_page(baseline, verdicts)
    failed = [verdict for verdict in verdicts if verdict.outcome not in SOUND]
    for verdict in failed:
        say(f"{verdict.outcome}: {verdict.mutant} {verdict.scenario}")
    say(f"{len(verdicts) - len(failed)} of {len(verdicts)} explained in {monotonic() - begun:.0f} seconds")
    if failed:
        raise typer.Exit(1)


class Kept:
    """Verdicts on disk, one a line, with the policy that they are about: an interrupted run goes on from there."""

    def __init__(self, path: Path, *, resume: bool) -> None:
        self._path = path
        self._known: list[_Line] = []
        self._stage: Stage | None = None
        self.standing: list[Verdict] = []
        if resume and path.exists():
            self._known = [msgspec.json.decode(line, type=_Line) for line in path.read_bytes().splitlines()]
        else:
            path.write_text("")

    def untried(self, stage: Stage, mutants: Sequence[Mutant]) -> list[Mutant]:
        """Those without a verdict about the role's policy as it is now; `standing` has the others'."""
        self._stage = stage
        policies = {role: signature(policy) for role, policy in stage.policies.items()}
        known = {
            line.verdict.mutant: line.verdict
            for line in self._known
            if line.verdict.outcome in SOUND and line.policy == policies.get(line.verdict.mutant.role)
        }
        self.standing = [known[mutant] for mutant in mutants if mutant in known]
        return [mutant for mutant in mutants if mutant not in known]

    def add(self, verdict: Verdict) -> None:
        """Keep a verdict, and tell of it."""
        assert self._stage is not None
        line = _Line(verdict=verdict, policy=signature(self._stage.policies[verdict.mutant.role]))
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")
        if verdict.outcome != "unenforced":
            say(f"{verdict.outcome:<12} {verdict.mutant} ({verdict.scenario})")


class _Line(msgspec.Struct, frozen=True):
    verdict: Verdict
    policy: str


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """The local environment, with hooks, on a cloud of its own, which ends with the trials."""
    clouds.stop(folder)
    try:
        cloud = clouds.start(folder, items=ITEMS)
        yield Stage(cloud, deployment.deploy(cloud, **make_hooks(cloud)))
    finally:
        clouds.stop(folder)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    typer.run(main)
