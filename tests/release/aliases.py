"""An environment's versions and aliases, in memory: what rolling back calls of Lambda, Step Functions and S3."""

import io
import json
from dataclasses import dataclass, field
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from operate.deployment import Deployment
from release.deployments import Versions

MACHINE = "arn:aws:states:eu-central-1:111122223333:stateMachine:xmlift-dev-pipeline"
STEPS = ("plan", "extract", "load", "report", "migrate")
OUTPUTS = {
    "artifact_bucket": "artifacts",
    "state_machine_arn": f"{MACHINE}:live",
    "deployments_kept": 2,
    "functions": {step: {"name": f"xmlift-dev-{step}"} for step in STEPS},
}


class RefusedError(ClientError):
    """What the service says no to."""

    def __init__(self, name: str) -> None:
        super().__init__({"Error": {"Code": "Refused", "Message": name}}, "UpdateAlias")


@dataclass
class Pages:
    """One page of a list."""

    page: dict[str, Any]

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [self.page]


@dataclass
class Versioned:
    """Lambda and Step Functions at once: versions by name, where each alias is, and each move in order.

    refuses: what cannot be moved, or not to one version (`name:2`), once each. warehouse: what a version of migrate
    answers; live_warehouse: the live one.
    """

    versions: dict[str, list[int]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    moves: list[tuple[str, str]] = field(default_factory=list)
    refuses: list[str] = field(default_factory=list)
    warehouse: Any = field(default_factory=lambda: {"code": 6, "oldest_code": 0})
    live_warehouse: dict[str, Any] = field(default_factory=lambda: {"code": 7, "oldest_code": 0})

    def invoke(self, FunctionName: str, Qualifier: str, Payload: str) -> dict[str, Any]:  # noqa: N803
        """What a version of migrate answers to who asks whether it may use the warehouse."""
        assert json.loads(Payload) == {"check": {}}
        assert FunctionName == "xmlift-dev-migrate"
        if Qualifier == "live":
            return {"Payload": io.BytesIO(json.dumps(self.live_warehouse).encode())}
        assert int(Qualifier) in self.versions[FunctionName]
        if isinstance(self.warehouse, Exception):
            raise self.warehouse
        error = {"FunctionError": "Unhandled"} if "errorMessage" in self.warehouse else {}
        return error | {"Payload": io.BytesIO(json.dumps(self.warehouse).encode())}

    def point(self, name: str, version: str) -> None:
        for refused in {name, f"{name}:{version}"} & set(self.refuses):
            self.refuses.remove(refused)
            raise RefusedError(name)
        assert int(version) in self.versions[name], f"{name} has no version {version}"
        self.aliases[name] = version
        self.moves.append((name, version))

    def get_alias(self, FunctionName: str, Name: str) -> dict[str, str]:  # noqa: N803 (the service's own names)
        assert Name == "live"
        return {"FunctionVersion": self.aliases[FunctionName]}

    def update_alias(self, FunctionName: str, Name: str, FunctionVersion: str) -> None:  # noqa: N803
        assert Name == "live"
        self.point(FunctionName, FunctionVersion)

    def delete_function(self, FunctionName: str, Qualifier: str) -> None:  # noqa: N803
        assert self.aliases[FunctionName] != Qualifier
        self.versions[FunctionName].remove(int(Qualifier))

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_versions_by_function"
        return self

    def paginate(self, FunctionName: str) -> list[dict[str, Any]]:  # noqa: N803
        numbers = ["$LATEST", *map(str, self.versions[FunctionName])]
        return [{"Versions": [{"Version": number}]} for number in numbers]

    def describe_state_machine_alias(self, stateMachineAliasArn: str) -> dict[str, Any]:  # noqa: N803
        assert stateMachineAliasArn == f"{MACHINE}:live"
        return {"routingConfiguration": [{"stateMachineVersionArn": f"{MACHINE}:{self.aliases[MACHINE]}"}]}

    def update_state_machine_alias(
        self,
        stateMachineAliasArn: str,  # noqa: N803
        routingConfiguration: list[dict[str, Any]],  # noqa: N803
    ) -> None:
        ((version, weight),) = [tuple(route.values()) for route in routingConfiguration]
        assert (stateMachineAliasArn, weight) == (f"{MACHINE}:live", 100)
        self.point(MACHINE, version.rsplit(":", 1)[1])

    def list_state_machine_versions(self, stateMachineArn: str, nextToken: str = "0") -> dict[str, Any]:  # noqa: N803
        numbers, at = self.versions[stateMachineArn], int(nextToken)
        page = {"stateMachineVersions": [{"stateMachineVersionArn": f"{MACHINE}:{numbers[at]}"}]}
        return page | ({"nextToken": str(at + 1)} if at + 1 < len(numbers) else {})

    def delete_state_machine_version(self, stateMachineVersionArn: str) -> None:  # noqa: N803
        self.versions[MACHINE].remove(int(stateMachineVersionArn.rsplit(":", 1)[1]))


@dataclass
class Bucket:
    """S3, of one bucket."""

    objects: dict[str, bytes] = field(default_factory=dict)

    def put_object(self, Bucket: str, Key: str, Body: bytes, IfNoneMatch: str, **_: Any) -> None:  # noqa: N803
        assert (Bucket, IfNoneMatch) == ("artifacts", "*")
        if Key in self.objects:
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")
        self.objects[Key] = Body

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": io.BytesIO(self.objects[Key])}

    def get_paginator(self, _: str) -> Pages:
        return Pages({"Contents": [{"Key": key} for key in self.objects]})


@dataclass(frozen=True)
class Dev(Deployment):
    """The environment `dev`, nothing of which is on AWS."""

    aliases: Versioned = field(default_factory=Versioned)
    bucket_: Bucket = field(default_factory=Bucket)

    @classmethod
    def new(cls) -> "Dev":
        dev = cls("dev", OUTPUTS)
        dev.aliases.versions = {name: [] for name in [MACHINE, *(f"xmlift-dev-{step}" for step in STEPS)]}
        return dev

    def make_client(self, service: str, config: Config | None) -> Any:
        return self.bucket_ if service == "s3" else self.aliases

    def connect(self) -> Any:
        raise NotImplementedError

    def command(self, words: str) -> str:
        return f"make {words} ENV={self.name}"

    def readable(self) -> list[str]:
        return []

    def lock(self) -> str | None:
        return next((f"s3://states/{key}" for key in self.bucket_.objects if key.endswith(".tflock")), None)

    def apply(self, *changed: str) -> Versions:
        """Publish a version of each of these, and move its alias there, as Terraform does."""
        for name in [MACHINE if step == "state machine" else f"xmlift-dev-{step}" for step in changed]:
            self.aliases.versions[name].append(len(self.aliases.versions[name]) + 1)
            self.aliases.aliases[name] = str(self.aliases.versions[name][-1])
        return self.standing()

    def standing(self) -> Versions:
        at = self.aliases.aliases
        return Versions({step: at[f"xmlift-dev-{step}"] for step in sorted(STEPS)}, at[MACHINE])
