"""The emulator alone, under the launcher."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from local.certificates import make_certificates
from local.cloud import Cloud
from local.instance import Instance, State
from local.ports import free_ports
from local.processes import Identity, end, start
from local.servers import SERVERS, Options

Deploy = Callable[..., str]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Popen[bytes], Cloud]]:
    instance = Instance(tmp_path_factory.mktemp("emulator"))
    for folder in (instance.logs, instance.emulator):
        folder.mkdir()
    make_certificates(instance.tls)
    ports = free_ports("emulator", "warehouse_control", "warehouse", "endpoint")
    options = Options(instance, ports, items=0, data=None)
    server = SERVERS[0]
    process = start(server.command(options), instance.logs / "ministack.log", server.environment(options))
    identity = Identity.of(process.pid)
    try:
        assert process.stdout is not None
        ready = any('"ready": true' in line.decode() for line in process.stdout)
        assert ready, (instance.logs / "ministack.log").read_text()
        yield process, Cloud(instance, State(identity, "running", ports=ports))
    finally:
        end(identity, 0.5)
        process.wait()


@pytest.fixture(scope="module")
def emulator(running: tuple[Popen[bytes], Cloud]) -> Cloud:
    return running[1]


@pytest.fixture
def emulator_process(running: tuple[Popen[bytes], Cloud]) -> Popen[bytes]:
    return running[0]


@pytest.fixture(scope="module")
def deploy(emulator: Cloud) -> Deploy:
    """Make a function of Python source text; answers its name."""
    functions = emulator.client("lambda")
    trust = {"Version": "2012-10-17", "Statement": []}
    role = emulator.client("iam").create_role(RoleName="test", AssumeRolePolicyDocument=json.dumps(trust))
    # Without it no line of theirs would be kept.
    logs = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
    emulator.client("iam").put_role_policy(
        RoleName="test",
        PolicyName="logs",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [logs]}),
    )

    def deploy(name: str, source: str, **settings: Any) -> str:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("handler.py", source)
        functions.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="handler.handler",
            Role=role["Role"]["Arn"],
            Code={"ZipFile": archive.getvalue()},
            **({"MemorySize": 256, "Timeout": 20} | settings),
        )
        return name

    return deploy


@pytest.fixture(scope="module")
def invoke(emulator: Cloud) -> Callable[..., Any]:
    """Invoke a function; answers what it returned or the error that Lambda reports."""
    functions = emulator.client("lambda")

    def invoke(name: str, event: object = None) -> Any:
        answer = functions.invoke(FunctionName=name, Payload=json.dumps(event))
        return json.load(answer["Payload"])

    return invoke


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "instance"
