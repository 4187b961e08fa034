"""Back to an earlier deployment: all aliases of an environment at once, and what has to follow."""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from operate.deployment import Deployment
from release import commits, deployments, warehouse
from release.deployments import Record, Versions
from release.errors import ReleaseError

_LOOKED_THROUGH, _SHOWN = 50, 8
_SHORTEST_COMMIT = 7


class Moved(NamedTuple):
    """An alias that was moved: of what, its address in Terraform, from which version to which."""

    what: str
    address: str
    before: str
    after: str


class RolledBack(NamedTuple):
    """What a rollback did. since: what was live before, if that is known. closing: how the drift is closed.

    unchecked: why it is not known whether the warehouse lets that code in; empty if it does.
    """

    to: Record
    since: Record | None
    moved: list[Moved]
    closing: list[str]
    unchecked: str = ""


def roll_back(deployment: Deployment, to: str | None = None) -> RolledBack:
    """Move all aliases to the versions of another deployment, or none of them.

    to: its number, or what its commit begins with; None: the one before what is live.

    Raises: ReleaseError if there is no such deployment, it is live already, its versions were deleted, the
    warehouse has gone on to a version that its code may not use, or an apply is under way.
    """
    if lock := deployment.lock():
        raise ReleaseError(
            f"{deployment.name} is being applied: {lock} is there. Nothing was moved. Remedy: wait for its end; if "
            "it was broken off: terraform force-unlock, with the ID that stands in this object"
        )
    live = deployments.live(deployment)
    records = list(islice(deployments.history(deployment), _LOOKED_THROUGH))
    since = next((each for each in records if each.versions == live), None)
    target = _asked(deployment, records, to) if to else _before(deployment, records, live, since)
    if target.versions == live:
        raise ReleaseError(f"{target} of {deployment.name} is live already: nothing was moved")
    if gone := list(deployments.missing(deployment, target.versions)):
        raise ReleaseError(
            f"{target} of {deployment.name} cannot be gone back to: {', '.join(gone)} is deleted. "
            f"Nothing was moved. Remedy: deploy its commit anew: {_deploying(deployment, target)}"
        )
    found = warehouse.verdict(deployment, target.versions)
    if found.refusal:
        raise ReleaseError(
            f"{target} of {deployment.name} cannot be gone back to: {found.refusal}. Nothing was moved"
        )
    deployments.move(deployment, target.versions)
    return RolledBack(
        target,
        since,
        list(_moved(live, target.versions)),
        list(_closing(deployment, target, since)),
        found.unknown,
    )


def _asked(deployment: Deployment, records: list[Record], to: str) -> Record:
    for record in records:
        if to == str(record.number) or (len(to) >= _SHORTEST_COMMIT and record.commit.startswith(to)):
            return record
    raise ReleaseError(
        f"{deployment.name} has no deployment {to!r}: say its number, or {_SHORTEST_COMMIT} or more characters of "
        f"its commit. {_known(records)}"
    )


def _before(deployment: Deployment, records: list[Record], live: Versions, since: Record | None) -> Record:
    """The one before what is live; where that is none, as after an apply that broke off, the last of all."""
    for record in records:
        if record.versions != live and (since is None or record.number < since.number):
            return record
    raise ReleaseError(f"{deployment.name} has no deployment before the live one. {_known(records)}")


def _known(records: list[Record]) -> str:
    if not records:
        return "None is recorded: make deploy and make apply do that"
    return "There are: " + "; ".join(str(record) for record in records[:_SHOWN])


def _moved(before: Versions, after: Versions) -> Iterator[Moved]:
    for step, version in after.functions.items():
        address = "migrate" if step == "migrate" else f'function["{step}"]'
        if before.functions.get(step) != version:
            yield Moved(
                step,
                f"module.platform.module.{address}.aws_lambda_alias.live",
                before.functions.get(step, "-"),
                version,
            )
    if before.state_machine != after.state_machine:
        yield Moved(
            "state machine",
            "module.platform.module.workflow.aws_sfn_alias.live",
            before.state_machine,
            after.state_machine,
        )


def _closing(deployment: Deployment, target: Record, since: Record | None) -> Iterator[str]:
    """How the code is brought to where the environment is now."""
    between = commits.between(target.commit, since.commit) if since else None
    if since is None or between is None or not between.lines:
        yield f"Deploy commit {target.commit[:12] or 'of that deployment'}: {_deploying(deployment, target)}"
        return
    span = f"{target.commit[:12]}..{since.commit[:12]}"
    if between.merged:
        # What merges brought in cannot be taken back commit by commit: the folders are set back, in one.
        yield f"git restore --source={target.commit[:12]} --staged --worktree -- {' '.join(commits.DEPLOYED)}"
        yield f'git commit -m "Back to {target.commit[:12]}: {span} taken back"'
    else:
        yield f"git revert --no-edit {span}"
    yield f"Merge that, then: {deployment.command(deployment.applied_by)}"
    yield from (f"It takes back {line}" for line in between.lines)


def _deploying(deployment: Deployment, target: Record) -> str:
    words = deployment.command(deployment.applied_by)
    if not target.commit:
        return words
    return f"git switch --detach {target.commit[:12]}; make fetch COMMIT={target.commit}; {words}"
