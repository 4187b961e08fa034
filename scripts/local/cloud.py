"""Start, find and stop a local cloud."""

import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import IO, Any

import boto3
from botocore.config import Config

from local.environment import scrub, with_package_path
from local.errors import LocalError
from local.instance import Account, Instance, State
from local.processes import end
from local.servers import ROOT, client_variables, url
from local.terraform import end_remains

DEFAULT_FOLDER = ROOT / ".local"
# The supervisor ends three servers, each of which gets 10 s.
_STOP_PATIENCE = 40.0
# A supervisor that has just been killed holds the lock until its last thread is gone; one that has just been
# started holds it before it has told who it is.
_LOCK_PATIENCE = 5.0


class CloudError(LocalError):
    """The local cloud is not as the caller needs it; the message says what to do."""


@dataclass(frozen=True)
class Cloud:
    """A running local cloud."""

    instance: Instance
    state: State

    @property
    def endpoint_url(self) -> str:
        """Where the XML endpoint serves."""
        return url(self.state.ports, "endpoint")

    @property
    def emulator_url(self) -> str:
        return url(self.state.ports, "emulator")

    def environment(self) -> dict[str, str]:
        """The environment in which a program (Terraform, the AWS CLI) talks to this cloud and no other."""
        environment = dict(os.environ)
        scrub(environment)
        environment |= client_variables(self.instance, self.state.ports)
        region = self.state.account.region
        return (
            environment
            | self.state.account.credentials
            | {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
        )

    def client(self, service: str, config: Config | None = None) -> Any:
        """A boto3 client of the emulator's root user."""
        name = "warehouse_control" if service in {"redshift-serverless", "redshift-data"} else "emulator"
        session = boto3.Session(
            aws_access_key_id=self.state.account.credentials["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.state.account.credentials["AWS_SECRET_ACCESS_KEY"],
            region_name=self.state.account.region,
        )
        return session.client(
            service,
            endpoint_url=url(self.state.ports, name),
            verify=str(self.instance.ca_file),
            config=config,
        )


def find(folder: Path = DEFAULT_FOLDER) -> Cloud | None:
    """The cloud that is running in the folder; None if there is none."""
    instance = Instance(folder.resolve())
    state = instance.read()
    if state is None or state.status != "running" or state.supervisor.process() is None:
        return None
    return Cloud(instance, state)


def get(folder: Path = DEFAULT_FOLDER) -> Cloud:
    """The cloud that is running in the folder.

    Raises: CloudError if there is none.
    """
    cloud = find(folder)
    if cloud is None:
        state = Instance(folder.resolve()).read()
        why = f": {state.message.splitlines()[0]}" if state and state.status == "failed" else ""
        raise CloudError(f"No local cloud is running in {folder}{why}. Start one with: make demo")
    return cloud


def start(
    folder: Path = DEFAULT_FOLDER,
    *,
    items: int = 5000,
    data: Path | None = None,
    faults: bool = False,
    account: Account = Account(),  # noqa: B008 (nobody can change it)
    on_ready: Callable[[str], None] = lambda name: None,
) -> Cloud:
    """Start a local cloud; on_ready is told the name of each server as it gets ready.

    What a killed one has left in the folder is ended and removed first. With `faults`, microburst stands between
    functions and emulator, and the state machine tries again sooner. `account`: whose the cloud is, and where.

    Raises: CloudError if one is running there already or a server does not start.
    """
    instance = Instance(folder.resolve())
    instance.folder.mkdir(parents=True, exist_ok=True)
    if any(instance.folder.iterdir()) and not instance.lock_file.exists():
        raise CloudError(f"{folder} holds something else than a local cloud; name an empty folder")
    with _locked(instance) as lock:
        _end_remains(instance)
        instance.clear(keep_logs=False)
        instance.logs.mkdir()
        command = [sys.executable, "-m", "local.supervisor", "--folder", str(instance.folder)]
        command += ["--items", str(items)] + (["--data", str(data)] if data else [])
        command += ["--faults"] if faults else []
        command += ["--account", account.id, "--region", account.region]
        with (instance.logs / "supervisor.log").open("wb") as log:
            supervisor = Popen(
                command,
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=log,
                env=with_package_path(os.environ),
                # The lock goes over to the supervisor: it lasts until both have closed it, or died.
                pass_fds=[lock.fileno()],
                start_new_session=True,  # an interrupt at the terminal shall not reach it
            )
    try:
        _follow(supervisor, instance, on_ready)
    except BaseException:
        supervisor.terminate()
        supervisor.wait()
        raise
    return get(folder)


def stop(folder: Path = DEFAULT_FOLDER) -> bool:
    """Stop what runs in the folder and remove its data; the logs stay. Tells whether anything was running."""
    instance = Instance(folder.resolve())
    state = instance.read()
    if state is None:
        return False
    stopped = end(state.supervisor, _STOP_PATIENCE)
    remains = _end_remains(instance)
    instance.clear(keep_logs=True)
    return stopped or remains


@contextmanager
def _locked(instance: Instance) -> Iterator[IO[str]]:
    """The folder's lock, open. Raises CloudError if a supervisor holds it."""
    with instance.lock_file.open("w") as lock:
        deadline = time.monotonic() + _LOCK_PATIENCE
        while not _try_lock(lock):
            state = instance.read()
            if (state and state.supervisor.process()) or time.monotonic() > deadline:
                raise CloudError(
                    f"A local cloud is running in {instance.folder} already. Stop it with: make down"
                )
            time.sleep(0.05)
        yield lock


def _try_lock(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _end_remains(instance: Instance) -> bool:
    """End the servers that a killed supervisor has left behind, and a killed apply's Terraform."""
    end_remains(instance.terraform)
    state = instance.read()
    children = state.children.values() if state else ()
    # A list, not a generator: each of them has to be ended.
    return any([end(child, patience=10.0) for child in children])  # noqa: C419


def _follow(supervisor: "Popen[bytes]", instance: Instance, on_ready: Callable[[str], None]) -> None:
    """Read what the supervisor tells until it runs, fails or ends."""
    assert supervisor.stdout is not None
    with supervisor.stdout as messages:
        for line in messages:
            message = json.loads(line)
            if message.get("status") == "running":
                return
            if message.get("status") == "failed":
                supervisor.wait()
                raise CloudError(f"The local cloud did not start: {message['message']}")
            on_ready(message["ready"])
    supervisor.wait()
    log = (instance.logs / "supervisor.log").read_text(errors="replace").splitlines()[-15:]
    raise CloudError("\n".join(["The local cloud's supervisor ended by itself:", *log]))
