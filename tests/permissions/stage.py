"""The deployed pipeline as a scenario sees it: sources of its own, executions, and the roles' policies."""

import io
import json
import time
import uuid
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil

from local import control
from local.cloud import Cloud
from local.deployment import Deployment

from .policies import Call, Policy, read_calls

CATALOGUE = Path(__file__).with_name("catalogue.yaml")
STEPS = ("plan", "extract", "load", "report", "migrate")
LONGEST_RUN = 60.0
_PAUSE = 0.05


class StageError(Exception):
    """What a scenario begins with did not happen: nothing was started, or the source has no schema."""


class Stage:
    """One deployed environment on a local cloud that asks roles, and writes down what it was asked."""

    def __init__(self, cloud: Cloud, deployed: Deployment) -> None:
        self.cloud = cloud
        self.deployed = deployed
        self.bucket = deployed.bucket
        self._clients: dict[str, Any] = {}
        self._calls = cloud.instance.folder / "calls.jsonl"

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.cloud.client(service)
        return self._clients[service]

    # Roles.

    @cached_property
    def policies(self) -> dict[str, Policy]:
        """What the environment's roles may do, by the role's name: as Terraform has made them."""
        client, prefix = self.client("iam"), self.role_of("load").removesuffix("load")
        names = [
            role["RoleName"]
            for page in client.get_paginator("list_roles").paginate()
            for role in page["Roles"]
        ]
        return {
            name: client.get_role_policy(RoleName=name, PolicyName="permissions")["PolicyDocument"]
            for name in names
            if name.startswith(prefix)
        }

    def role_of(self, step: str) -> str:
        told = self.client("lambda").get_function_configuration(FunctionName=self._alias(step))
        return str(told["Role"]).rpartition("/")[2]

    @contextmanager
    def policy(self, role: str, policy: Policy) -> Iterator[None]:
        """Another policy of a role for a while."""
        before = self.policies[role]
        self._put(role, policy)
        try:
            yield
        finally:
            self._put(role, before)

    def _put(self, role: str, policy: Policy) -> None:
        self.client("iam").put_role_policy(
            RoleName=role, PolicyName="permissions", PolicyDocument=json.dumps(policy)
        )

    @contextmanager
    def calls(self) -> Iterator[list[Call]]:
        """What the environment's roles were asked for meanwhile, once each; the list is filled at the end."""
        self._calls.write_text("")
        found: list[Call] = []
        try:
            yield found
        finally:
            told = read_calls(self._calls.read_text())
            found += [call for call in told if call.role in self.policies]
            self._calls.unlink()

    def forget(self, step: str) -> None:
        """End the idle processes of a function: the next call begins with a new one."""
        if step not in STEPS:
            return
        name = self.deployed.outputs["functions"][step]["name"]
        ended = []
        for process in self._emulator.children(recursive=True):
            with suppress(psutil.Error):
                if process.environ().get("AWS_LAMBDA_FUNCTION_NAME") == name:
                    process.kill()
                    ended.append(process)
        psutil.wait_procs(ended, timeout=5, callback=None)

    @cached_property
    def _emulator(self) -> psutil.Process:
        process = self.cloud.state.children["ministack"].process()
        assert process is not None
        return process

    @property
    def account(self) -> str:
        return str(self.deployed.outputs["state_machine_arn"].split(":")[4])

    # Sources and runs.

    def source(self, change: tuple[str, str] = ("", "")) -> dict[str, Any]:
        """A source nobody has read yet, with its schema: the input of its executions."""
        source = f"permissions_{uuid.uuid4().hex[:8]}"
        event = {
            "sources": [*self.deployed.sources, source],
            "loader": self.role_of("load"),
            "observers": [self.role_of("plan"), self.role_of("report")],
        }
        told = self.invoke("migrate", event)
        if "errorMessage" in told:
            raise StageError(f"migrate: {told['errorMessage']}")
        return {
            "source": source,
            "catalogue": self.catalogue(source, *change),
            "base_url": f"{self.cloud.endpoint_url}/ccm",
        }

    def catalogue(self, source: str, old: str = "", new: str = "") -> str:
        """Upload the source's file, changed if asked for; answers its key."""
        text = CATALOGUE.read_text().replace("SOURCE", source)
        assert old in text
        key = f"catalogue/{source}/{uuid.uuid4().hex}.yaml"
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=text.replace(old, new).encode())
        return key

    def invoke(self, step: str, event: dict[str, Any]) -> dict[str, Any]:
        """Call a function as the state machine does; answers its answer or its error."""
        answer = self.client("lambda").invoke(FunctionName=self._alias(step), Payload=json.dumps(event))
        return dict(json.load(answer["Payload"]))

    def run(self, given: dict[str, Any]) -> str:
        """Start an execution and wait for its end; answers its ARN."""
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=self.deployed.outputs["state_machine_arn"],
            name=uuid.uuid4().hex[:12],
            input=json.dumps(given),
        )
        self.wait(started["executionArn"])
        return str(started["executionArn"])

    def wait(self, execution: str) -> None:
        """Wait for the end of an execution; one that has none is stopped."""
        deadline = time.monotonic() + LONGEST_RUN
        while self.described(execution)["status"] == "RUNNING":
            if time.monotonic() > deadline:
                self.client("stepfunctions").stop_execution(executionArn=execution)
            time.sleep(_PAUSE)

    def await_execution(self, about: str, seconds: float) -> str:
        """The execution whose input holds a text, once it is there. Raises StageError."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            listed = self.client("stepfunctions").list_executions(stateMachineArn=self.deployed.state_machine)
            for each in listed["executions"]:
                if about in self.described(each["executionArn"])["input"]:
                    return str(each["executionArn"])
            time.sleep(_PAUSE)
        raise StageError(f"no execution was started within {seconds:g} seconds")

    def described(self, execution: str) -> dict[str, Any]:
        return dict(self.client("stepfunctions").describe_execution(executionArn=execution))

    def said(self, execution: str) -> list[str]:
        """What an execution has told the world, and to whom: `sns:publish`, `events:putEvents`."""
        pages = self.client("stepfunctions").get_paginator("get_execution_history")
        ended = (event for page in pages.paginate(executionArn=execution) for event in page["events"])
        resources = {
            event["taskSucceededEventDetails"]["resource"].rpartition(":::")[2]
            for event in ended
            if event["type"] == "TaskSucceeded"
        }
        return sorted(resources - {"lambda:invoke"})

    def objects(self, prefix: str) -> list[str]:
        pages = self.client("s3").get_paginator("list_objects_v2")
        listed = pages.paginate(Bucket=self.bucket, Prefix=prefix)
        return [entry["Key"] for page in listed for entry in page.get("Contents", ())]

    def read(self, key: str) -> Any:
        return json.load(self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"])

    def logged(self, step: str, since: datetime) -> bool:
        """Whether a function has said anything since then."""
        group = self.client("lambda").get_function_configuration(FunctionName=self._alias(step))[
            "LoggingConfig"
        ]
        told = self.client("logs").filter_log_events(
            logGroupName=group["LogGroup"], startTime=int(since.timestamp() * 1000), limit=1
        )
        return bool(told["events"])

    @contextmanager
    def wrong_password(self) -> Iterator[None]:
        """The endpoint's work items refuse the login meanwhile."""
        login = json.loads(
            self.client("secretsmanager").get_secret_value(
                SecretId=self.deployed.sources["ewm"]["secret_name"]
            )["SecretString"]
        )
        self.deployed.put_credentials("ewm", login["username"], "wrong")
        try:
            yield
        finally:
            self.deployed.put_credentials("ewm", login["username"], login["password"])

    @contextmanager
    def faults(self, **fault: Any) -> Iterator[None]:
        """The endpoint's next answers go wrong meanwhile."""
        control.add_fault(self.cloud, **fault)
        try:
            yield
        finally:
            control.clear_faults(self.cloud)

    def _alias(self, step: str) -> str:
        return str(self.deployed.outputs["functions"][step]["alias_arn"])


def make_hooks(cloud: Cloud) -> dict[str, str]:
    """Two functions of somebody else's, called before windows are read and after all is loaded: their ARNs."""
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = cloud.client("iam").create_role(RoleName="a-hook", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("hook.py", "def handler(event, context):\n    return {}\n")
    return {
        name: cloud.client("lambda").create_function(
            FunctionName=f"a-hook-{name}",
            Runtime="python3.13",
            Handler="hook.handler",
            Role=role,
            Code={"ZipFile": archive.getvalue()},
        )["FunctionArn"]
        for name in ("before_extract", "after_load")
    }


def now() -> datetime:
    return datetime.now(UTC)
