"""Python functions on the emulator run as on Lambda. The launcher replaces private places of ministack: these
tests tell when a new version has moved them."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import Popen
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud

pytestmark = pytest.mark.cloud

Deploy = Callable[..., str]
Invoke = Callable[..., Any]


def wait_for(condition: Callable[[], bool], within: float = 10.0) -> bool:
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def messages(emulator: Cloud, group: str) -> str:
    events = emulator.client("logs").filter_log_events(logGroupName=group)["events"]
    return "\n".join(event["message"] for event in events)


def test_an_exception_keeps_its_type_and_stack(deploy: Deploy, invoke: Invoke) -> None:
    source = """
class SourceError(Exception): pass
def handler(event, context):
    raise SourceError("ewm: no answer")
"""
    error = invoke(deploy("raises", source))
    assert error["errorType"] == "SourceError"
    assert error["errorMessage"] == "ewm: no answer"
    assert "raise SourceError" in "".join(error["stackTrace"])


def test_a_call_of_a_stopped_process_times_out_on_request(
    emulator_process: Popen[bytes], deploy: Deploy, invoke: Invoke, tmp_path: Path
) -> None:
    """The process is left alone, and the next call gets one of its own."""
    source = """
import os, pathlib, time
def handler(event, context):
    if event:
        pathlib.Path(event).write_text("called")
        time.sleep(15)
    return os.getpid()
"""
    name, called = deploy("standstill", source), tmp_path / "called"
    process = psutil.Process(invoke(name))
    answers: list[Any] = []
    call = threading.Thread(target=lambda: answers.append(invoke(name, str(called))))
    call.start()
    assert wait_for(called.exists)
    process.suspend()
    emulator_process.send_signal(signal.SIGUSR1)
    call.join(10)
    assert answers == [
        {"errorMessage": "Task timed out after 20.00 seconds", "errorType": "Sandbox.Timedout"}
    ]
    assert process.status() == psutil.STATUS_STOPPED
    assert invoke(name) != process.pid
    process.kill()


def test_info_logs_reach_the_log_group(emulator: Cloud, deploy: Deploy, invoke: Invoke) -> None:
    source = """
import logging
logging.getLogger().setLevel(logging.INFO)
def handler(event, context):
    logging.getLogger("deep").info("window %s", event)
    print("printed")
    return context.aws_request_id
"""
    request = invoke(deploy("logs", source), "2026-11-22")
    text = messages(emulator, "/aws/lambda/logs")
    assert "window 2026-11-22" in text
    assert "printed" in text
    assert f"START RequestId: {request}" in text


def test_json_log_format_is_passed_on(emulator: Cloud, deploy: Deploy, invoke: Invoke) -> None:
    source = """
import logging
def handler(event, context):
    logging.getLogger().info("hello")
    logging.getLogger().debug("too much")
"""
    settings = {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "LogGroup": "/own/group"}
    invoke(deploy("logs-json", source, LoggingConfig=settings))
    text = messages(emulator, "/own/group")
    assert '"message": "hello"' in text
    assert "too much" not in text


ENVIRONMENT = """
import os, sys
def handler(event, context):
    return {"environment": dict(os.environ), "path": sys.path, "function": context.function_name,
            "log_group": context.log_group_name, "left": context.get_remaining_time_in_millis()}
"""


def test_a_function_sees_what_lambda_gives_it_and_no_more(
    emulator: Cloud, deploy: Deploy, invoke: Invoke
) -> None:
    variables = {"Variables": {"XMLIFT_BUCKET": "landing"}}
    answer = invoke(deploy("sees", ENVIRONMENT, Environment=variables))
    environment = answer["environment"]
    ours = {"PATH", "LANG", "TZ", "HOME", "TMPDIR", "PYTHONPATH", "XMLIFT_BUCKET", "LAMBDA_TASK_ROOT"}
    certificates = {"AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "NO_PROXY", "no_proxy"}
    shell = {"PWD", "SHLVL", "OLDPWD", "_", "_HANDLER", "LC_CTYPE", "_X_AMZN_TRACE_ID"}
    others = set(environment) - ours - certificates - shell
    assert {name for name in others if not name.startswith("AWS_")} <= {"__CF_USER_TEXT_ENCODING"}
    assert environment["XMLIFT_BUCKET"] == "landing"
    assert environment["AWS_ENDPOINT_URL"] == emulator.emulator_url
    assert "AWS_ENDPOINT_URL_REDSHIFT_SERVERLESS" in environment
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert environment["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    # The role's temporary credentials, never the emulator's root user.
    assert environment["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert environment["AWS_SESSION_TOKEN"]
    assert answer["function"] == "sees"
    assert answer["log_group"] == "/aws/lambda/sees"
    assert 0 < answer["left"] <= 20_000


def test_functions_do_not_share_temporary_files(deploy: Deploy, invoke: Invoke) -> None:
    source = """
import os, pathlib, tempfile
def handler(event, context):
    folder = pathlib.Path(tempfile.gettempdir())
    found = sorted(path.name for path in folder.iterdir())
    (folder / "left-behind").touch()
    return {"folder": str(folder), "home": os.path.expanduser("~"), "found": found}
"""
    one, two = (invoke(deploy(name, source)) for name in ("temporary-one", "temporary-two"))
    assert one["folder"] != two["folder"]
    assert one["found"] == two["found"] == []
    assert one["home"] == one["folder"]
    # As on Lambda, the next call of the same execution environment finds what the last one left.
    assert invoke("temporary-one")["found"] == ["left-behind"]


def test_only_the_runtime_client_comes_from_outside_the_zip(deploy: Deploy, invoke: Invoke) -> None:
    source = """
import importlib.util
def handler(event, context):
    return [name for name in event if importlib.util.find_spec(name)]
"""
    names = ["ministack", "botocore", "boto3", "yaml", "hypercorn", "jmespath", "local", "xmlift", "pip"]
    assert invoke(deploy("imports", source), [*names, "awslambdaric"]) == ["awslambdaric"]


def test_a_function_cannot_have_more_memory_than_configured(deploy: Deploy, invoke: Invoke) -> None:
    if sys.platform != "linux":
        pytest.skip("only Linux enforces RLIMIT_DATA")
    source = "def handler(event, context):\n    return len(bytearray(event * 1024 * 1024))\n"
    name = deploy("memory", source, MemorySize=256)
    assert invoke(name, 100) == 100 * 1024 * 1024
    assert invoke(name, 400)["errorType"] in {"MemoryError", "Runtime.ExitError"}


def test_a_call_past_its_time_limit_is_a_timeout(deploy: Deploy, invoke: Invoke) -> None:
    source = "import time\ndef handler(event, context):\n    time.sleep(60)\n"
    error = invoke(deploy("slow", source, Timeout=1))
    assert error["errorType"] == "Sandbox.Timedout"


def test_a_process_that_dies_is_an_exit_error(deploy: Deploy, invoke: Invoke) -> None:
    source = "import os\ndef handler(event, context):\n    os.kill(os.getpid(), 9)\n"
    assert invoke(deploy("dies", source))["errorType"] == "Runtime.ExitError"


def test_permissions_are_enforced(emulator: Cloud) -> None:
    iam = emulator.client("iam")
    iam.create_user(UserName="nobody")
    key = iam.create_access_key(UserName="nobody")["AccessKey"]
    client = emulator.client("s3")
    client._request_signer._credentials.access_key = key["AccessKeyId"]
    client._request_signer._credentials.secret_key = key["SecretAccessKey"]
    with pytest.raises(ClientError, match="AccessDenied"):
        client.list_buckets()


def test_the_emulator_listens_on_loopback_only_and_not_on_443(emulator: Cloud) -> None:
    process = psutil.Process(emulator.state.supervisor.pid)
    listening = {c.laddr for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert 443 not in {address.port for address in listening}


@pytest.fixture
def sleeper(emulator: Cloud, deploy: Deploy, invoke: Invoke, tmp_path: Path) -> Iterator[list[int]]:
    """A function in the middle of a call, with a child process of its own: their process ids."""
    pids = tmp_path / "pids"
    source = f"""
import os, subprocess, time
def handler(event, context):
    child = subprocess.Popen(["sleep", "300"])
    with open({str(pids)!r}, "w") as file:
        file.write(f"{{os.getpid()}} {{child.pid}}\\n")
    time.sleep(300)
"""
    name = deploy("sleeps", source, Timeout=600)
    threading.Thread(target=_ignore_the_end, args=(invoke, name), daemon=True).start()
    assert wait_for(lambda: pids.exists() and pids.read_text().endswith("\n"))
    yield [int(pid) for pid in pids.read_text().split()]


def _ignore_the_end(invoke: Invoke, name: str) -> None:
    try:
        invoke(name)
    except Exception:  # noqa: BLE001
        return


def test_functions_end_when_the_one_who_started_the_emulator_is_gone(
    emulator_process: Popen[bytes], sleeper: list[int]
) -> None:
    """Last in this file: it ends the emulator. Its standard input closes when its starter dies."""
    assert all(psutil.pid_exists(pid) for pid in sleeper)
    assert emulator_process.stdin is not None
    emulator_process.stdin.close()
    assert wait_for(lambda: not any(psutil.pid_exists(pid) for pid in sleeper))
    assert emulator_process.wait(timeout=5) == -signal.SIGKILL
