"""The same checkout gives the same bytes: elsewhere, for somebody else, another time."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import package


def test_a_build_from_nothing_in_another_folder_gives_the_same_bytes(packages, tmp_path: Path) -> None:
    elsewhere = tmp_path / "another folder" / "checkout"
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("build", "functions"):
        # copyfile keeps neither the time nor the mode of the originals.
        shutil.copytree(
            package.ROOT / folder, elsewhere / folder, ignore=ignored, copy_function=shutil.copyfile
        )
    command = [sys.executable, str(elsewhere / "build" / "package.py"), "--json"]
    command += ["--architecture", packages.target.architecture, "--platform", packages.target.platform]
    conditions = {"PYTHONHASHSEED": "7", "PYTHONOPTIMIZE": "1", "TZ": "Pacific/Chatham", "LC_ALL": "C"}
    built = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, **conditions},
        umask=0o077,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    assert json.loads(built.stdout) == packages.manifest
    for step in packages.manifest["functions"]:
        file = elsewhere / "dist" / f"{step}.zip"
        assert file.read_bytes() == (packages.dist / f"{step}.zip").read_bytes()
