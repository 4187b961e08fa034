"""The deployed pipeline with a source of its own: runs of it, its functions' processes, and its warehouse."""

import json
import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
import yaml
from psycopg2.extensions import connection as Connection  # noqa: N812 (a type)
from tests.faults.storage import Storage
from tests.faults.warehouse import WarehouseFaults

from local import cloud as clouds
from local import control, deployment
from local.cloud import Cloud
from local.deployment import PACKAGES, Deployment

SOURCE = "faults"
CATALOGUE = Path(__file__).with_name("catalogue.yaml")
STEPS = ("plan", "extract", "load", "report")
LONGEST_RUN = 90.0
_PAUSE = 0.1
# What the emulator needs to answer for stopped processes.
_SIGNALLED = 0.3


class MissedError(Exception):
    """The moment at which a fault was to strike never came."""


@dataclass(frozen=True)
class Run:
    """One execution; `started` is a little before its own start."""

    arn: str
    started: datetime

    @property
    def name(self) -> str:
        return self.arn.rsplit(":", 1)[-1]


class Pipeline:
    """The local environment deployed to a cloud with faults, and the campaign's source in it."""

    def __init__(self, cloud: Cloud, deployed: Deployment) -> None:
        self.cloud = cloud
        self.deployed = deployed
        self.bucket = deployed.bucket
        self.storage = Storage(cloud.state.ports["microburst"])
        self.warehouse = WarehouseFaults(cloud)
        self.streams = tuple(yaml.safe_load(CATALOGUE.read_text())["streams"])
        self.catalogue = f"catalogue/{SOURCE}/{uuid.uuid4().hex}.yaml"
        self._clients: dict[str, Any] = {}
        self._making = threading.Lock()

    def client(self, service: str) -> Any:
        """One client of each service: making one takes longer than most calls."""
        with self._making:
            if service not in self._clients:
                self._clients[service] = self.cloud.client(service)
            return self._clients[service]

    def prepare(self) -> None:
        """Upload the catalogue, and let migrate make the schema and its grants."""
        self.client("s3").put_object(Bucket=self.bucket, Key=self.catalogue, Body=CATALOGUE.read_bytes())
        roles = {step: self._role(step) for step in STEPS}
        event = {
            "sources": [*self.deployed.sources, SOURCE],
            "loader": roles["load"],
            "observers": [roles["plan"], roles["report"]],
        }
        self.invoke("migrate", event)

    def invoke(self, step: str, event: dict[str, Any]) -> dict[str, Any]:
        """Call a function as the state machine does; answers its answer or its error."""
        answer = self.client("lambda").invoke(FunctionName=self.alias(step), Payload=json.dumps(event))
        return dict(json.load(answer["Payload"]))

    def alias(self, step: str) -> str:
        return str(self.deployed.outputs["functions"][step]["alias_arn"])

    def start(self, **changes: Any) -> Run:
        """Start a run; `changes` are keys of the execution's input."""
        given = {"source": SOURCE, "catalogue": self.catalogue, "base_url": f"{self.cloud.endpoint_url}/ccm"}
        started = datetime.now(UTC)
        answer = self.client("stepfunctions").start_execution(
            stateMachineArn=self.deployed.outputs["state_machine_arn"],
            name=uuid.uuid4().hex[:12],
            input=json.dumps(given | changes),
        )
        return Run(answer["executionArn"], started)

    def status(self, run: Run) -> str:
        return str(self.client("stepfunctions").describe_execution(executionArn=run.arn)["status"])

    def wait(self, run: Run, seconds: float = LONGEST_RUN) -> str:
        """How a run ended; one that does not is stopped, and ABORTED."""
        deadline = time.monotonic() + seconds
        while (status := self.status(run)) == "RUNNING":
            if time.monotonic() > deadline:
                self.stop(run)
            time.sleep(_PAUSE)
        return status

    def stop(self, run: Run) -> None:
        self.client("stepfunctions").stop_execution(executionArn=run.arn)

    def load_items(self, run: Run) -> list[dict[str, Any]]:
        """What the run's plan gave load to do, each the whole event of a call."""
        history = self.client("stepfunctions").get_execution_history(executionArn=run.arn, maxResults=1000)
        for event in history["events"]:
            details = event.get("stateExitedEventDetails", {})
            if details.get("name") == "Plan":
                return list(json.loads(details["output"])["plan"]["streams"])
        raise MissedError("the run has no plan yet")

    def why(self, run: Run) -> str:
        """Why a run failed, in its own words."""
        told = self.client("stepfunctions").describe_execution(executionArn=run.arn)
        output = json.loads(told.get("output") or "{}")
        words = told.get("cause") or output.get("Cause") or output.get("report", {}).get("message") or ""
        return f"{told['status']}: {words}"[:1500]

    def objects(self, prefix: str) -> Iterator[str]:
        """The keys below a prefix."""
        pages = self.client("s3").get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.bucket, Prefix=prefix):
            yield from (entry["Key"] for entry in page.get("Contents", ()))

    def read(self, key: str) -> bytes:
        return bytes(self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read())

    def await_object(self, prefix: str, suffix: str, run: Run, seconds: float = 15.0) -> str:
        """The key of an object of this run as soon as it stands. Raises MissedError when the run ends before."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for key in self.objects(prefix):
                if run.name in key and key.endswith(suffix):
                    return key
            if self.status(run) != "RUNNING":
                break
            time.sleep(0.02)
        raise MissedError(f"{prefix}…{suffix} was never written")

    def connect(self) -> Connection:
        """An operator's session in autocommit, whose statements give up after five seconds."""
        connection = self.deployed.connect()
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout TO 5000")
        return connection

    # The functions' processes.

    def processes(self, step: str | None = None) -> list[psutil.Process]:
        """The live processes of a function, of all of them without a step; newest first."""
        names = {self.deployed.outputs["functions"][name]["name"] for name in ([step] if step else STEPS)}
        found = []
        for process in self._emulator.children(recursive=True):
            with suppress(psutil.Error):
                if process.environ().get("AWS_LAMBDA_FUNCTION_NAME") in names:
                    found.append(process)
        return sorted(found, key=lambda process: process.create_time(), reverse=True)

    def kill(self, step: str | None = None) -> int:
        """SIGKILL; answers how many processes there were."""
        return self._signal(step, signal.SIGKILL)

    def pause(self, step: str) -> list[psutil.Process]:
        """SIGSTOP: no FIN, no answer, nothing."""
        found = self.processes(step)
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        return found

    def time_out(self, step: str) -> list[psutil.Process]:
        """Stop a function's processes, without a word, until the emulator has taken their calls for timed out.

        Answers those that had a call, still standing still; the emulator knows them no more.
        """
        found = self.pause(step)
        os.kill(self._emulator.pid, signal.SIGUSR1)
        time.sleep(_SIGNALLED)
        return [process for process in found if _is_stopped(process)]

    def key_of(self, step: str) -> str:
        """The access key that a function's role has, by which the proxy tells who asks."""
        if step not in self._keys:
            for process in self.processes(step):
                with suppress(psutil.Error):
                    self._keys[step] = process.environ()["AWS_ACCESS_KEY_ID"]
        return self._keys[step]

    def throttle(self, step: str, *, on: bool) -> None:
        """Let every call of a function be refused (concurrency 0), or none."""
        name = self.deployed.outputs["functions"][step]["name"]
        if on:
            self.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
        else:
            self.client("lambda").delete_function_concurrency(FunctionName=name)

    @cached_property
    def _keys(self) -> dict[str, str]:
        return {}

    @cached_property
    def _emulator(self) -> psutil.Process:
        process = self.cloud.state.children["ministack"].process()
        assert process is not None
        return process

    def _role(self, step: str) -> str:
        told = self.client("lambda").get_function_configuration(FunctionName=self.alias(step))
        return str(told["Role"]).rpartition("/")[2]

    def _signal(self, step: str | None, number: int) -> int:
        found = self.processes(step)
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        return len(found)


def _is_stopped(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_STOPPED)
    except psutil.NoSuchProcess:
        return False


def set_up(folder: Path, items: int) -> Pipeline:
    """A cloud of its own in the folder, with the environment deployed and the campaign's schema made."""
    cloud = clouds.start(folder, items=items, faults=True)
    pipeline = Pipeline(cloud, deployment.deploy(cloud, PACKAGES))
    pipeline.prepare()
    return pipeline


def find(folder: Path) -> Pipeline:
    """What was set up in the folder before."""
    cloud = clouds.get(folder)
    pipeline = Pipeline(cloud, deployment.deployed(cloud))
    pipeline.prepare()
    return pipeline


def clear(pipeline: Pipeline) -> None:
    """No faults anywhere from now on."""
    pipeline.storage.clear()
    pipeline.warehouse.clear()
    control.clear_faults(pipeline.cloud)
