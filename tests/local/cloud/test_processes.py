"""A process is known again by id and start time, so that nobody else's is ever ended."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from local.processes import Identity, end, start

# Starts a child in its own group, tells its id, and waits.
PARENT = (
    "import subprocess, sys; child = subprocess.Popen(['sleep', '300']); "
    "print(child.pid, flush=True); sys.stdin.read(); child.wait()"
)
STUBBORN = (
    "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('ready', flush=True); sys.stdin.read()"
)


@pytest.fixture
def sleeper() -> "subprocess.Popen[bytes]":
    with subprocess.Popen(["sleep", "300"], start_new_session=True) as process:
        yield process
        process.kill()


def test_a_process_that_got_the_id_later_is_somebody_else(sleeper: "subprocess.Popen[bytes]") -> None:
    known = Identity.of(sleeper.pid)
    assert known.process() is not None
    reused = Identity(known.pid, known.started - 3600)
    assert reused.process() is None
    assert list(reused.group()) == []
    assert not end(reused, patience=0.1)
    assert sleeper.poll() is None


def test_a_whole_group_ends_even_after_its_leader(tmp_path: Path) -> None:
    leader = start([sys.executable, "-c", PARENT], tmp_path / "log", {})
    assert leader.stdout is not None
    child = psutil.Process(int(leader.stdout.readline()))
    known = Identity.of(leader.pid)
    leader.kill()
    leader.wait()
    assert known.process() is None
    assert child.is_running()
    assert end(known, patience=1.0)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_a_process_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    process = start([sys.executable, "-c", STUBBORN], tmp_path / "log", {})
    assert process.stdout is not None
    process.stdout.readline()
    known = Identity.of(process.pid)
    assert end(known, patience=0.2)
    assert known.process() is None
