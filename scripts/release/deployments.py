"""What was deployed to an environment, one record after the other: which versions belong together.

A record is an object of the environment's artifact bucket, and is never changed or deleted: deployments keep their
numbers.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import Any, NamedTuple

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from operate.deployment import Deployment
from release.errors import ReleaseError

PREFIX = "deployments/"
_ALIAS = "live"


class Versions(Struct, frozen=True):
    """What the aliases of an environment point at: a version of each function, and one of the state machine."""

    functions: dict[str, str]
    state_machine: str


class Record(Struct, frozen=True, kw_only=True):
    """A deployment: the commit it was made of (empty: not known), when it was done, and what it made live."""

    number: int
    commit: str
    time: datetime
    versions: Versions

    def __str__(self) -> str:
        return f"deployment {self.number} (commit {self.commit[:12] or 'unknown'}, {self.time:%Y-%m-%d %H:%M} UTC)"


class Pruned(NamedTuple):
    """How many versions went."""

    functions: int
    state_machine: int


def live(deployment: Deployment) -> Versions:
    """What the aliases point at now."""
    functions, states = deployment.client("lambda"), deployment.client("stepfunctions")
    alias = states.describe_state_machine_alias(stateMachineAliasArn=deployment.outputs["state_machine_arn"])
    (route,) = alias["routingConfiguration"]
    return Versions(
        functions={
            step: functions.get_alias(FunctionName=function["name"], Name=_ALIAS)["FunctionVersion"]
            for step, function in sorted(deployment.outputs["functions"].items())
        },
        state_machine=route["stateMachineVersionArn"].rsplit(":", 1)[1],
    )


def record(deployment: Deployment, commit: str, now: datetime | None = None) -> Record:
    """Write down what is live after an apply. An apply that changed nothing is not written down once more."""
    latest, versions = next(history(deployment), None), live(deployment)
    if latest is not None and (latest.commit, latest.versions) == (commit, versions):
        return latest
    for number in count(latest.number + 1 if latest else 1):
        made = Record(number=number, commit=commit, time=now or datetime.now(UTC), versions=versions)
        if _write(deployment, made):
            return made
    raise AssertionError("numbers do not end")


def _write(deployment: Deployment, made: Record) -> bool:
    """Whether the record's number was still free: somebody else may have deployed meanwhile."""
    try:
        deployment.client("s3").put_object(
            Bucket=_bucket(deployment),
            Key=f"{PREFIX}{made.number:08}.json",
            Body=msgspec.json.encode(made),
            ContentType="application/json",
            IfNoneMatch="*",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] in {"PreconditionFailed", "ConditionalRequestConflict"}:
            return False
        raise
    return True


def settle(deployment: Deployment, commit: str, warn: Callable[[str], None] = lambda words: None) -> Record:
    """What follows every apply: write down what is live, and delete versions that are too old to go back to.

    warn: is told if these could not be deleted; what was applied is live all the same.
    """
    made = record(deployment, commit)
    try:
        prune(deployment, int(deployment.outputs["deployments_kept"]))
    except (BotoCoreError, ClientError) as error:
        warn(f"Versions that are too old to go back to were not deleted, the next apply tries again: {error}")
    return made


def history(deployment: Deployment) -> Iterator[Record]:
    """All deployments, the latest first; each is read when it is asked for."""
    s3, bucket = deployment.client("s3"), _bucket(deployment)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=PREFIX)
    for key in sorted((entry["Key"] for page in pages for entry in page.get("Contents", ())), reverse=True):
        yield msgspec.json.decode(s3.get_object(Bucket=bucket, Key=key)["Body"].read(), type=Record)


def move(deployment: Deployment, to: Versions) -> None:
    """Point all aliases at the versions of one deployment: all of them, or none.

    The state machine goes first and the functions after it, the other way round than in an apply: what stands
    side by side meanwhile did so while that was applied.

    Raises: ClientError of what could not be moved, when everything is back where it was; ReleaseError that names
    what did not come back, and how it does.
    """
    before = live(deployment)
    try:
        for alias in _aliases(deployment, to):
            alias.point()
    except BaseException as cause:
        # Each by itself: one that is refused keeps no other from coming back.
        if stuck := [alias for alias in _aliases(deployment, before) if not _comes_back(alias)]:
            raise ReleaseError(
                f"{deployment.name} was not rolled back ({cause}), and these aliases did not come back: "
                f"{', '.join(f'{alias.what} (to version {alias.version})' for alias in stuck)}. Functions of two "
                "deployments run side by side: " + "; ".join(alias.remedy for alias in stuck)
            ) from cause
        raise


def missing(deployment: Deployment, versions: Versions) -> Iterator[str]:
    """What a deployment made live and is no more, in words."""
    for step, version in versions.functions.items():
        function = deployment.outputs["functions"].get(step)
        if function is None or version not in _function_versions(deployment, function["name"]):
            yield f"version {version} of {function['name'] if function else step}"
    if versions.state_machine not in _state_machine_versions(deployment):
        yield f"version {versions.state_machine} of the state machine"


def prune(deployment: Deployment, keep: int) -> Pruned:
    """Delete the versions that are older than what is live, and than the deployments before it: `keep` in all."""
    kept = [live(deployment)]
    for each in history(deployment):
        if len(kept) == keep:
            break
        if each.versions not in kept:
            kept.append(each.versions)
    functions, states = deployment.client("lambda"), deployment.client("stepfunctions")
    of_functions = [
        (function["name"], version)
        for step, function in deployment.outputs["functions"].items()
        for version in _function_versions(deployment, function["name"])
        if int(version) < min(int(each.functions[step]) for each in kept if step in each.functions)
    ]
    for name, version in of_functions:
        functions.delete_function(FunctionName=name, Qualifier=version)
    oldest = min(int(each.state_machine) for each in kept)
    of_states = [version for version in _state_machine_versions(deployment) if int(version) < oldest]
    for version in of_states:
        states.delete_state_machine_version(stateMachineVersionArn=f"{deployment.state_machine}:{version}")
    return Pruned(len(of_functions), len(of_states))


class _Alias(NamedTuple):
    """An alias and the version that it is to point at. remedy: the command that does it by hand."""

    what: str
    version: str
    point: Callable[[], Any]
    remedy: str


def _aliases(deployment: Deployment, to: Versions) -> Iterator[_Alias]:
    functions, states = deployment.client("lambda"), deployment.client("stepfunctions")
    machine = str(deployment.outputs["state_machine_arn"])
    version = f"{deployment.state_machine}:{to.state_machine}"
    yield _Alias(
        "the state machine",
        to.state_machine,
        lambda: states.update_state_machine_alias(
            stateMachineAliasArn=machine,
            routingConfiguration=[{"stateMachineVersionArn": version, "weight": 100}],
        ),
        f"aws stepfunctions update-state-machine-alias --state-machine-alias-arn {machine} "
        f"--routing-configuration stateMachineVersionArn={version},weight=100",
    )
    for step, number in to.functions.items():
        name = deployment.outputs["functions"][step]["name"]
        yield _Alias(
            step,
            number,
            partial(functions.update_alias, FunctionName=name, Name=_ALIAS, FunctionVersion=number),
            f"aws lambda update-alias --function-name {name} --name {_ALIAS} --function-version {number}",
        )


def _comes_back(alias: _Alias) -> bool:
    try:
        alias.point()
    except (BotoCoreError, ClientError):
        return False
    return True


def _function_versions(deployment: Deployment, name: str) -> list[str]:
    pages = deployment.client("lambda").get_paginator("list_versions_by_function").paginate(FunctionName=name)
    versions = [each["Version"] for page in pages for each in page["Versions"]]
    return [version for version in versions if re.fullmatch(r"\d+", version)]


def _state_machine_versions(deployment: Deployment) -> list[str]:
    states, found, more = deployment.client("stepfunctions"), [], {}
    while True:
        page: dict[str, Any] = states.list_state_machine_versions(
            stateMachineArn=deployment.state_machine, **more
        )
        found += [each["stateMachineVersionArn"].rsplit(":", 1)[1] for each in page["stateMachineVersions"]]
        if "nextToken" not in page:
            return found
        more = {"nextToken": page["nextToken"]}


def _bucket(deployment: Deployment) -> str:
    return str(deployment.outputs["artifact_bucket"])
