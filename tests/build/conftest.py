"""Zips of this machine's own kind, so that they can be imported from, whatever lies in dist/."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import package
from contents import SERVICES, Target, this_machine

# Vendored libraries are shared with `make package`; the zips themselves are the tests' own.
LAYERS = package.ROOT / "dist" / ".cache"
STEPS = sorted(SERVICES)


class Packages(NamedTuple):
    """What a build wrote: the folder with zips and manifest, and the manifest that it returned."""

    dist: Path
    target: Target
    manifest: dict[str, Any]

    def open(self, step: str) -> zipfile.ZipFile:
        return zipfile.ZipFile(self.dist / f"{step}.zip")


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    dist = tmp_path_factory.mktemp("dist")
    target = this_machine()
    return Packages(dist, target, package.build(target, dist, LAYERS))


@pytest.fixture(scope="session")
def unpacked(packages: Packages, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each function's zip, unpacked into a folder of its own as Lambda does it: read-only."""
    folders = {}
    for step in STEPS:
        folders[step] = tmp_path_factory.mktemp(step)
        with packages.open(step) as opened:
            opened.extractall(folders[step])
    return folders


@pytest.fixture(params=STEPS)
def step(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def zipped(packages: Packages, step: str) -> Iterator[zipfile.ZipFile]:
    with packages.open(step) as opened:
        yield opened
