"""The packages that an environment is made of, as manifest.json describes them."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from operate.places import ROOT
from release.errors import ReleaseError

MANIFEST = "manifest.json"


class DiffersError(ReleaseError):
    """A file is not what manifest.json says. found, expected: its SHA-256, or `missing`."""

    def __init__(self, folder: Path, file: str, found: str, expected: str) -> None:
        self.file, self.found, self.expected = file, found, expected
        super().__init__(
            f"{folder / file} is not the file that {folder / MANIFEST} describes: its SHA-256 is {found}, and not "
            f"{expected}. Remedy: make fetch COMMIT=…, or make package"
        )


def read_manifest(folder: Path) -> dict[str, Any]:
    """Raises: ReleaseError if there is none."""
    try:
        return dict(json.loads((folder / MANIFEST).read_bytes()))
    except FileNotFoundError as error:
        raise ReleaseError(
            f"There are no packages in {folder}. Remedy: make fetch COMMIT=…, or make package"
        ) from error


def described(manifest: Any) -> Iterator[tuple[str, str]]:
    """Each file that a manifest describes, with its SHA-256 in hexadecimal."""
    if isinstance(manifest, dict):
        if isinstance(manifest.get("file"), str) and isinstance(manifest.get("sha256"), str):
            yield manifest["file"], manifest["sha256"]
        for value in manifest.values():
            yield from described(value)


def check(folder: Path) -> dict[str, str]:
    """The files in a folder of packages with their SHA-256, manifest.json included.

    Raises: ReleaseError if one is missing, or is not what manifest.json says.
    """
    manifest = read_manifest(folder)
    found = {MANIFEST: sha256(folder / MANIFEST)}
    for name, expected in described(manifest):
        path = folder / name
        found[name] = sha256(path) if path.is_file() else "missing"
        if found[name] != expected:
            raise DiffersError(folder, name, found[name], expected)
    return found


def check_publishable(folder: Path) -> None:
    """Raises: ReleaseError unless they are made, for Lambda, of what lies here.

    What is published under a commit stays: an older `dist` would be taken for that commit for ever.
    """
    manifest = read_manifest(folder)
    if manifest.get("platform") != "linux":
        raise ReleaseError(
            f"The packages in {folder} are for {manifest.get('platform')}, and Lambda is linux. "
            "Remedy: make package publish"
        )
    if sources_of(folder) != sources_here():
        raise ReleaseError(
            f"The packages in {folder} were made of other files than functions and build have now. "
            "Remedy: make package publish"
        )


def sources_of(folder: Path) -> str:
    """Of what packages were made: a digest. Raises: ReleaseError if there is no manifest."""
    return str(read_manifest(folder).get("sources", "unknown"))


def sources_here() -> str:
    """The digest that packages made of this folder's files would have."""
    command = [sys.executable, str(ROOT / "build" / "package.py"), "--sources"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def sha256(path: Path) -> str:
    """In hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
