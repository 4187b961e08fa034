"""Executions of the state machine: start one, watch it, read its report."""

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from operate.deployment import Deployment
from operate.errors import OperatorError
from xmlift.landing import names

_LONGEST_CAUSE = 1000  # a stack trace may follow


@dataclass(frozen=True)
class Look:
    """How far an execution is. windows: planned so far, landed: those among them with a commit on S3."""

    status: str
    state: str
    windows: int
    landed: int


@dataclass(frozen=True)
class Execution:
    """One run of the pipeline for one source."""

    deployment: Deployment
    source: str
    arn: str

    @property
    def name(self) -> str:
        return self.arn.rsplit(":", 1)[-1]

    @cached_property
    def _states(self) -> Any:
        return self.deployment.client("stepfunctions")

    @cached_property
    def _bucket(self) -> Any:
        return self.deployment.client("s3")

    def look(self) -> Look:
        """How far it is now."""
        status = self._states.describe_execution(executionArn=self.arn)["status"]
        state, plans = "", []
        for event in self._history():
            if event["type"].endswith("StateEntered"):
                state = event["stateEnteredEventDetails"]["name"]
            elif event["type"] == "TaskStateExited":
                details = event["stateExitedEventDetails"]
                if details["name"] == "Plan":
                    plans.append(json.loads(details["output"])["plan"])
        return Look(
            status=status,
            state=state,
            windows=sum(plan["extract"]["items"] for plan in plans if "extract" in plan),
            landed=self._landed(plans[-1]) if plans and "streams" in plans[-1] else 0,
        )

    def watch(self) -> Iterator[Look]:
        """Look again and again until it has ended; the last look is of its end."""
        while True:
            look = self.look()
            yield look
            if look.status != "RUNNING":
                return
            time.sleep(self.deployment.pause)

    def report(self) -> dict[str, Any]:
        """What the run's last step wrote.

        Raises: OperatorError with the execution's own words if it ended before that, or otherwise than it tells.
        """
        ended = self._states.describe_execution(executionArn=self.arn)
        report = self._written_report(ended["startDate"])
        if report is not None and (ended["status"] == "SUCCEEDED" or report["status"] == "failed"):
            return report
        raise OperatorError(f"The run of {self.source} ended as {ended['status']}: {cause(ended)}")

    def _written_report(self, started: datetime) -> dict[str, Any] | None:
        key = names.report(self.source, names.run_id(started, self.name))
        try:
            found = self._bucket.get_object(Bucket=self.deployment.bucket, Key=key)
        except self._bucket.exceptions.NoSuchKey:
            return None
        return dict(json.load(found["Body"]))

    def _landed(self, plan: dict[str, Any]) -> int:
        return sum(
            key.endswith("/commit.json")
            for stream in plan["streams"]
            for key in self._keys(f"landing/{self.source}/{stream['stream']}/{plan['run']}/")
        )

    def _keys(self, prefix: str) -> Iterator[str]:
        pages = self._bucket.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.deployment.bucket, Prefix=prefix):
            yield from (entry["Key"] for entry in page.get("Contents", ()))

    def _history(self) -> Iterator[dict[str, Any]]:
        for page in self._states.get_paginator("get_execution_history").paginate(executionArn=self.arn):
            yield from page["events"]


def start(deployment: Deployment, source: str, given: dict[str, Any] | None = None) -> Execution:
    """Start the pipeline for a source, with the very input that its schedule passes unless another is given.

    Raises: OperatorError if the environment has no such source.
    """
    deployment.check_source(source)
    started = deployment.client("stepfunctions").start_execution(
        stateMachineArn=deployment.outputs["state_machine_arn"],
        name=uuid.uuid4().hex[:12],
        input=json.dumps(given) if given else deployment.sources[source]["input"],
    )
    return Execution(deployment, source, started["executionArn"])


def cause(ended: dict[str, Any]) -> str:
    """Why an execution failed; the emulator puts it into the output."""
    told = json.loads(ended.get("output") or "{}")
    words = str(ended.get("cause") or told.get("Cause") or ended.get("error") or "it says nothing about why")
    return words if len(words) <= _LONGEST_CAUSE else f"{words[:_LONGEST_CAUSE]}…"
