"""What one run used, told by the local cloud: calls by CloudTrail, functions by REPORT lines, states entered."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import requests

from local.deployment import Deployment

from .cost_model import Usage, gb_seconds
from .pipeline_cloud import Timed

_REPORT = re.compile(r"Billed Duration: (\d+) ms\s+Memory Size: (\d+) MB")
_PAID_AS_PUT = ("PutObject", "ListObjects")


class Invocation(NamedTuple):
    """One call of a function, by its REPORT line."""

    step: str
    milliseconds: int
    memory_mb: int


class Recorder:
    """Records what is asked of the cloud while `recorded` lasts, and makes the usage of the run in it."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._trail = deployment.client("cloudtrail")
        self._since = self._until = 0.0
        # boto3 cuts times to whole seconds, in which hundreds of calls may lie.
        self._trail.meta.events.register("before-call.cloudtrail.LookupEvents", self._ask_exactly)

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Recording costs the emulator a little time for each call: what is timed is not recorded."""
        self._since = time.time()
        self._switch(on=True)
        try:
            yield
        finally:
            self._switch(on=False)

    def usage(self, timed: Timed, windows: int, capacity: int) -> Usage:
        """What the recorded run used, on a warehouse of so many RPU. The warehouse is awake in all but Extract."""
        calls = [*self._calls()]
        invocations = [*self.invocations()]
        awake = sum(call.milliseconds for call in invocations if call.step != "extract") / 1_000
        return Usage(
            requests=len(invocations),
            gb_seconds=sum(gb_seconds(call.milliseconds, call.memory_mb) for call in invocations),
            transitions=timed.states + inner_states(invocations, windows),
            s3_put=sum(name in _PAID_AS_PUT for name in calls),
            s3_get=calls.count("GetObject"),
            rpu_seconds=awake * capacity,
        )

    def invocations(self) -> Iterator[Invocation]:
        """The calls of the functions since the record began, migrate's left out: that is no part of a run."""
        logs = self._deployment.client("logs")
        for step, function in self._deployment.outputs["functions"].items():
            if step == "migrate":
                continue
            pages = logs.get_paginator("filter_log_events").paginate(
                logGroupName=function["log_group"], startTime=int(self._since * 1_000), filterPattern="REPORT"
            )
            for event in (event for page in pages for event in page["events"]):
                if found := _REPORT.search(event["message"]):
                    yield Invocation(step, int(found[1]), int(found[2]))

    def _calls(self) -> Iterator[str]:
        """The names of the calls of S3, those of COPY among them and those of whoever watches the run not."""
        for event in self._events():
            if event["EventSource"] == "s3.amazonaws.com" and is_part_of_run(event):
                yield event["EventName"]

    def _events(self) -> Iterator[dict[str, Any]]:
        """All events of the record, newest first: the emulator tells the fifty newest before a moment."""
        seen: set[str] = set()
        self._until = time.time()
        while True:
            told = self._trail.lookup_events()["Events"]
            events = [event for event in told if event["EventId"] not in seen]
            if not events:
                return
            for event in events:
                seen.add(event["EventId"])
                if event["EventTime"].timestamp() >= self._since:
                    yield event
            self._until = min(event["EventTime"].timestamp() for event in events)

    def _ask_exactly(self, params: dict[str, Any], **_: Any) -> None:
        params["body"] = json.dumps(json.loads(params["body"]) | {"EndTime": self._until}).encode()

    def _switch(self, *, on: bool) -> None:
        cloud = self._deployment.cloud
        answer = requests.post(
            f"{cloud.emulator_url}/_ministack/config",
            json={"cloudtrail._recording_enabled": str(on).lower()},
            verify=str(cloud.instance.ca_file),
            timeout=10,
        )
        answer.raise_for_status()


def inner_states(invocations: list[Invocation], windows: int) -> int:
    """States entered inside the two Maps, which the emulator's history does not tell.

    Of a window: ExtractWindow and MoreToExtract for each call, then WindowLanded. Of the stream likewise.
    """
    inner = [call for call in invocations if call.step in ("extract", "load")]
    return 2 * len(inner) + windows + 1


def is_part_of_run(event: dict[str, Any]) -> bool:
    """Whether a call is a function's, or the warehouse's own, which reads what a COPY names."""
    if "AWS_Lambda" in json.loads(event["CloudTrailEvent"])["userAgent"]:
        return True
    keys = [resource["ResourceName"] for resource in event["Resources"]]
    return event["EventName"] == "GetObject" and any(key.startswith(("load/", "landing/")) for key in keys)
