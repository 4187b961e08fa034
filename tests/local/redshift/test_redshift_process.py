"""The stand-in as a process: what it takes along when it ends, and what it finds when it was killed."""

import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from local.environment import with_package_path

from .redshift_client import Connect, refused, run

type Start = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def start(certificates: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts a stand-in in one folder, as often as asked."""
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "local.redshift", "--folder", str(tmp_path / "redshift")]
        command += [
            "--certificate",
            str(certificates / "server.pem"),
            "--key",
            str(certificates / "server.key"),
        ]
        environment = with_package_path(
            {
                "PATH": "/usr/bin:/bin",
                "AWS_ENDPOINT_URL": "https://127.0.0.1:1",
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
            }
        )
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
        started.append(process)
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert ready["ready"] is True
        assert ready["wire_port"] > 0
        return process

    yield start
    for process in started:
        process.terminate()
        process.wait()


def home(stand_in: subprocess.Popen[bytes]) -> Path:
    """The folder that its PostgreSQL runs from."""
    (server,) = psutil.Process(stand_in.pid).children()
    return Path(server.exe()).parents[1]


def servers(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if str(folder) in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "end of input"])
def test_it_ends_with_everything_it_made(start: Start, how: str) -> None:
    process = start()
    folder = home(process)
    assert servers(folder)
    if how == "end of input":
        assert process.stdin is not None
        process.stdin.close()
    else:
        process.send_signal(signal.Signals[how])
    assert process.wait(10) == 0
    assert not folder.exists()
    assert not servers(folder)


def test_a_killed_one_is_cleared_by_the_next(start: Start) -> None:
    killed = start()
    left = home(killed)
    killed.kill()
    killed.wait()
    assert left.exists()
    assert home(start()) != left
    assert not left.exists()
    assert not servers(left)


def test_it_ends_when_postgresql_does(start: Start) -> None:
    process = start()
    for server in servers(home(process)):
        server.kill()
    assert process.wait(10) == 1


@pytest.mark.cloud
def test_cancel(client: Connect) -> None:
    connection = client()
    outcome: queue.Queue[str | None] = queue.Queue()
    running = threading.Thread(target=lambda: outcome.put(refused(connection, "SELECT pg_sleep(60)").pgcode))
    running.start()
    watcher = client()
    sleeping = (
        "SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%%' AND state = 'active'"
    )
    deadline = time.monotonic() + 10
    while run(watcher, sleeping) != [(1,)]:
        assert time.monotonic() < deadline
    connection.cancel()
    assert outcome.get(timeout=10) == "57014"
    running.join()
