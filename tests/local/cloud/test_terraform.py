"""Terraform ends with the one who started it, and its providers with it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local.environment import with_package_path
from local.processes import Identity
from local.terraform import Terraform, TerraformError, end_remains

Applying = tuple["subprocess.Popen[str]", Path, Identity]

# Says what Terraform says, starts a provider in its group as Terraform does, and ends by itself when told to.
FAKE = """
import json, os, signal, subprocess, sys
provider = subprocess.Popen(["sleep", "300"], stdout=subprocess.DEVNULL)
def stop(*_):
    print(json.dumps({"type": "log", "message": "x" * 200_000}), flush=True)
    open(os.environ["ENDED"], "w").close()
    sys.exit(1)
signal.signal(signal.SIGTERM, stop)
start = {"type": "apply_start", "hook": {"resource": {"addr": str(provider.pid)}}}
print(json.dumps(start), flush=True)
signal.pause()
"""

APPLY = """
import sys, os
from pathlib import Path
from local.terraform import Terraform
data = Path(sys.argv[1])
Terraform("local", data, data / "log", os.environ).apply(lambda progress: print(progress.address, flush=True))
"""


@pytest.fixture
def applying(tmp_path: Path) -> Iterator[Applying]:
    """An apply that hangs: its process, its data folder and its provider."""
    terraform = tmp_path / "bin" / "terraform"
    terraform.parent.mkdir()
    terraform.write_text(f"#!{sys.executable}\n{FAKE}")
    terraform.chmod(0o755)
    environment = with_package_path(os.environ) | {
        "PATH": f"{terraform.parent}:{os.environ['PATH']}",
        "ENDED": str(tmp_path / "ended"),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", APPLY, str(tmp_path)], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    provider = Identity.of(int(process.stdout.readline()))
    yield process, tmp_path, provider
    process.kill()
    process.wait()
    end_remains(tmp_path)


def test_an_interrupt_lets_terraform_end_and_leaves_no_provider(
    applying: Applying,
) -> None:
    process, data, provider = applying
    process.send_signal(signal.SIGINT)
    process.wait(timeout=20)
    assert (data / "ended").exists()
    assert provider.process() is None
    assert not (data / "process.json").exists()


def test_what_a_killed_apply_leaves_is_ended(
    applying: Applying,
) -> None:
    process, data, provider = applying
    process.kill()
    process.wait()
    assert provider.process() is not None
    leader = psutil.Process(json.loads((data / "process.json").read_text())["pid"])
    end_remains(data)
    assert provider.process() is None
    assert not leader.is_running() or leader.status() == psutil.STATUS_ZOMBIE


def test_without_terraform_the_message_says_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TerraformError, match=r"developer\.hashicorp\.com"):
        Terraform("local", tmp_path, tmp_path / "log", {}).validate()
