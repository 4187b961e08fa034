"""Unpack a function's locked requirements for the machine that will run them, with uv."""

import shutil
import subprocess
import sys
from pathlib import Path

from contents import Target


class PackageError(Exception):
    """What went wrong in packaging, where, and what to do about it."""


def find_uv() -> Path:
    """The uv of the running environment, else the one on PATH."""
    beside = Path(sys.executable).with_name("uv")
    if beside.is_file():
        return beside
    if on_path := shutil.which("uv"):
        return Path(on_path)
    raise PackageError(
        f"uv was not found, neither beside {sys.executable} nor on PATH: run `make setup`, which installs it"
    )


def wheel_platform(target: Target) -> str:
    """uv's name of the platform: wheels that a later system only could load are refused."""
    machine = {"x86_64": "x86_64", "arm64": "aarch64"}[target.architecture]
    if target.platform == "macos":
        return f"{machine}-apple-darwin"
    # Lambda's python3.13 runs on Amazon Linux 2023, whose glibc is 2.34.
    return f"{machine}-manylinux_2_34"


def vendor(requirements: Path, target: Target, folder: Path) -> None:
    """Unpack the wheels of `requirements` into an empty folder, laid out as Python imports them.

    Only wheels, only with the hashes that were locked: nothing is compiled, and nothing of them runs.
    Raises PackageError with uv's own words if one cannot be had.
    """
    command = [str(find_uv()), "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
    command += ["--require-hashes", "--only-binary", ":all:", "--requirements", str(requirements)]
    command += ["--python", sys.executable, "--python-version", target.python]
    command += ["--python-platform", wheel_platform(target)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise PackageError(
            f"uv cannot install {requirements} for {wheel_platform(target)}, Python {target.python}:\n"
            f"{answer.stderr.strip()}\n"
            "Every requirement needs a wheel for that platform, and an index or cache that uv can reach; "
            "`make lock` resolves the requirements anew."
        )
