"""package: the functions' zips, built by build/package.py."""

import json
import subprocess
import sys
from typing import Any

import typer

from commands.display import Activity
from local.errors import LocalError
from local.servers import ROOT


def package(context: typer.Context) -> None:
    """Build the functions' zips and dist/manifest.json (options are those of build/package.py)."""
    done = subprocess.run([*_COMMAND, *context.args], check=False)
    raise typer.Exit(done.returncode)


def build(activity: Activity) -> dict[str, Any]:
    """Build the zips for this machine and show how far that is; answers the manifest.

    Raises: LocalError with what the build said.
    """
    work = activity.begin("package the functions")
    said = []
    with subprocess.Popen(
        [*_COMMAND, "--local", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line.rstrip())
            work.update(said[-1].removeprefix("package: "))
        printed = process.stdout.read()
    if process.returncode != 0:
        raise LocalError("\n".join(["The functions could not be packaged:", *said[-15:]]))
    manifest = dict(json.loads(printed))
    size = sum(function["bytes"] for function in manifest["functions"].values())
    work.finish(
        f"{len(manifest['functions'])} zips, {size / 1e6:.0f} MB, {manifest['platform']} {manifest['architecture']}"
    )
    return manifest


_COMMAND = [sys.executable, str(ROOT / "build" / "package.py")]
