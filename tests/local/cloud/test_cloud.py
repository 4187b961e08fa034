"""One supervisor owns all servers: they start together, fail together, and nothing is left of them."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests

from local import cloud as clouds
from local import control
from local.cloud import Cloud, CloudError
from local.environment import with_package_path
from local.instance import Instance

pytestmark = pytest.mark.cloud

SERVERS = {"ministack", "redshift", "endpoint"}


def wait_for(condition: Callable[[], bool], within: float = 20.0) -> bool:
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def processes_of(folder: Path) -> list[str]:
    """Command lines of all processes that name the folder, in an argument or in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), *process.environ().values()]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(str(folder) in word for word in words):
            found.append(" ".join(process.cmdline()))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "instance"
    clouds.stop(tmp_path / "instance")


@pytest.fixture
def cloud(folder: Path) -> Cloud:
    return clouds.start(folder, items=10)


def test_all_servers_serve_once_start_returns(folder: Path) -> None:
    ready: list[str] = []
    cloud = clouds.start(folder, items=10, on_ready=ready.append)
    assert set(ready) == set(cloud.state.children) == SERVERS
    assert cloud.client("sts").get_caller_identity()["Account"] == "000000000000"
    assert cloud.client("redshift-serverless").list_namespaces()["namespaces"] == []
    assert control.status(cloud)["items"] == 10


def test_the_certificate_holds_for_both_names_and_nothing_else_is_trusted(cloud: Cloud) -> None:
    trusted = str(cloud.instance.ca_file)
    port = cloud.state.ports["endpoint"]
    for host in ("127.0.0.1", "localhost"):
        requests.get(f"https://{host}:{port}/_endpoint/status", verify=trusted, timeout=10).raise_for_status()
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"https://127.0.0.1:{port}/_endpoint/status", timeout=10)
    # The strictest reading of RFC 5280 that Python has.
    context = ssl.create_default_context(cafile=trusted)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with socket.create_connection(("127.0.0.1", port)) as plain:
        context.wrap_socket(plain, server_hostname="127.0.0.1").close()


def test_a_second_cloud_in_the_same_folder_is_refused(cloud: Cloud, folder: Path) -> None:
    with pytest.raises(CloudError, match="make down"):
        clouds.start(folder, items=10)
    assert clouds.get(folder).state == cloud.state
    assert control.status(cloud)["items"] == 10


def test_two_clouds_in_two_folders_do_not_meet(cloud: Cloud, tmp_path: Path) -> None:
    other = clouds.start(tmp_path / "other", items=20)
    try:
        assert not set(other.state.ports.values()) & set(cloud.state.ports.values())
        other.client("s3").create_bucket(Bucket="only-in-the-other")
        assert cloud.client("s3").list_buckets()["Buckets"] == []
        assert control.status(cloud)["items"] == 10
    finally:
        clouds.stop(tmp_path / "other")
    assert control.status(cloud)["items"] == 10


def test_stop_leaves_no_process_and_no_data_but_the_logs(cloud: Cloud, folder: Path) -> None:
    assert processes_of(folder)
    assert clouds.stop(folder)
    assert processes_of(folder) == []
    assert {path.name for path in folder.iterdir()} == {"lock", "logs"}
    assert {path.stem for path in (folder / "logs").iterdir()} == SERVERS | {"supervisor"}
    assert not clouds.stop(folder)


def test_a_server_that_dies_takes_the_cloud_down_and_is_named(cloud: Cloud, folder: Path) -> None:
    supervisor = cloud.state.supervisor
    os.kill(cloud.state.children["endpoint"].pid, signal.SIGKILL)
    assert wait_for(lambda: supervisor.process() is None)
    assert processes_of(folder) == []
    with pytest.raises(CloudError, match=r"endpoint ended by itself with code -9(.|\n)*make demo"):
        clouds.get(folder)


def test_what_a_killed_supervisor_leaves_is_recognised_and_ended(cloud: Cloud, folder: Path) -> None:
    os.kill(cloud.state.supervisor.pid, signal.SIGKILL)
    assert wait_for(lambda: cloud.state.supervisor.process() is None)
    assert clouds.find(folder) is None
    again = clouds.start(folder, items=10)
    for child in cloud.state.children.values():
        assert child.process() is None
    assert control.status(again)["items"] == 10


def test_down_ends_what_a_killed_supervisor_leaves(cloud: Cloud, folder: Path) -> None:
    os.kill(cloud.state.supervisor.pid, signal.SIGKILL)
    assert wait_for(lambda: cloud.state.supervisor.process() is None)
    clouds.stop(folder)
    assert processes_of(folder) == []


BROKEN = """
import sys
from local import supervisor
from local.servers import Server
say = "import sys, time; print('{\\"ready\\": true}', flush=True); time.sleep(300)"
supervisor.SERVERS = (
    Server("good", lambda options: [sys.executable, "-c", say], lambda options: {}),
    Server("bad", lambda options: [sys.executable, "-c", "raise SystemExit('no room')"], lambda options: {}),
)
sys.exit(supervisor.main())
"""


def test_a_server_that_does_not_start_says_why_and_the_others_end(folder: Path) -> None:
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", BROKEN, "--folder", str(folder)],
        env=with_package_path(os.environ),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["status"] == "failed"
    assert "bad ended by itself with code 1" in said["message"]
    assert "no room" in said["message"]
    state = Instance(folder).read()
    assert state is not None
    assert [name for name, child in state.children.items() if child.process()] == []


def test_a_supervisor_that_does_not_start_says_why(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "no number")
    with pytest.raises(CloudError, match=r"ended by itself(.|\n)*PYTHONHASHSEED"):
        clouds.start(folder, items=10)


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(CloudError, match="something else"):
        clouds.start(tmp_path, items=10)
    assert (tmp_path / "letter.txt").read_text() == "dear"
    assert not clouds.stop(tmp_path)
    assert (tmp_path / "letter.txt").read_text() == "dear"


def test_the_state_file_survives_being_half_written(tmp_path: Path) -> None:
    instance = Instance(tmp_path)
    instance.state_file.write_text('{"supervisor": {"pid"')
    assert instance.read() is None


def test_of_two_starts_at_once_one_wins_and_the_other_says_so(folder: Path) -> None:
    with ThreadPoolExecutor() as both:
        started = [both.submit(clouds.start, folder, items=10) for _ in range(2)]
        failures = [future.exception() for future in started]
    (refused,) = [failure for failure in failures if failure is not None]
    assert isinstance(refused, CloudError)
    assert "make down" in str(refused)
    assert control.status(clouds.get(folder))["items"] == 10
