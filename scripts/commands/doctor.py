"""doctor: what this machine lacks, and how to get it."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict

import typer

from commands.display import out, print_json
from commands.options import Json
from local.mirror import MirrorError, find_mirror, machine_platform
from local.servers import ROOT
from local.terraform import DOWNLOAD, ENVIRONMENTS
from operate.check import Check

_GIGABYTE = 1_000_000_000
_SUPPORTED = {"linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64"}


def checks() -> Iterator[Check]:
    """All of them, in the order in which a person would mend them."""
    yield _machine()
    yield _python()
    yield _program(
        "make", (3, 81), "install make with your system's packages (macOS: xcode-select --install)"
    )
    yield _program("git", (2, 0), "install git with your system's packages (macOS: xcode-select --install)")
    yield _terraform()
    yield _provider()
    yield _environments()
    yield _disk()


def doctor(json: Json = False) -> None:
    """Say what is missing on this machine, with the remedy."""
    found = list(checks())
    if json:
        print_json([asdict(check) for check in found])
    else:
        for check in found:
            show(check)
    if not all(check.ok for check in found):
        raise typer.Exit(1)


def show(check: Check) -> None:
    """A line for people."""
    out.print(
        f"[green]✓[/] {check.name}: {check.found}" if check.ok else f"[red]✗[/] {check.name}: {check.found}",
        highlight=False,
    )
    if not check.ok:
        out.print(f"    remedy: {check.remedy}", highlight=False, markup=False)


def _machine() -> Check:
    name = machine_platform()
    return Check(
        "machine",
        name in _SUPPORTED,
        f"{name}, {os.cpu_count()} cores",
        f"use one of {', '.join(sorted(_SUPPORTED))}: the warehouse's PostgreSQL comes as wheels for these",
    )


def _python() -> Check:
    return Check(
        "python",
        sys.version_info[:2] == (3, 13),
        platform.python_version(),
        "run through make (`make doctor`), which uses Python 3.13 in .venv",
    )


def _program(name: str, least: tuple[int, int], remedy: str) -> Check:
    path = shutil.which(name)
    if path is None:
        return Check(name, False, "not found on PATH", remedy)
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"(\d+)\.(\d+)[\w.]*", said)
    new_enough = version is not None and (int(version[1]), int(version[2])) >= least
    found = version[0] if version else "of unknown version"
    return Check(name, new_enough, found, f"{least[0]}.{least[1]} or newer is needed: {remedy}")


def _terraform() -> Check:
    remedy = f"install Terraform 1.11 or newer (below 2) so that it is on PATH: {DOWNLOAD}"
    path = shutil.which("terraform")
    if path is None:
        return Check("terraform", False, "not found on PATH", remedy)
    said = subprocess.run(
        [path, "version", "-json"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CHECKPOINT_DISABLE": "1"},
    ).stdout
    try:
        version = str(json.loads(said)["terraform_version"])
    except (ValueError, KeyError):
        return Check("terraform", False, "does not tell its version", remedy)
    major, minor = (int(part) for part in version.split(".")[:2])
    return Check("terraform", major == 1 and minor >= 11, version, remedy)


def _provider() -> Check:
    try:
        mirror = find_mirror(os.environ, ENVIRONMENTS / "local" / ".terraform.lock.hcl")
    except MirrorError as error:
        return Check("terraform provider", False, "the named mirror lacks it", str(error))
    if mirror is None:
        return Check(
            "terraform provider", True, "no mirror at hand: it comes from the registry (700 MB, once)"
        )
    return Check("terraform provider", True, f"from {mirror.folder}")


def _environments() -> Check:
    missing = [
        name for name in ("ministack", "lambda") if not (ROOT / ".venvs" / name / "bin" / "python").exists()
    ]
    found = f"missing: {', '.join(missing)}" if missing else "installed"
    return Check("emulator and Lambda runtime", not missing, found, "make setup")


def _disk() -> Check:
    free = shutil.disk_usage(ROOT).free
    return Check(
        "disk",
        free >= 3 * _GIGABYTE,
        f"{free / _GIGABYTE:.1f} GB free",
        f"3 GB are needed for packages, provider and warehouse in {ROOT}",
    )
