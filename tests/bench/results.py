"""Sections as they were measured last, kept so that one can be measured anew without the others."""

import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from local.errors import LocalError
from local.servers import ROOT

from .section import Section


class Kept(NamedTuple):
    """A section, and of which day and commit its numbers are."""

    section: Section
    day: str
    commit: str


def keep(folder: Path, name: str, section: Section) -> None:
    """Remember what was just measured in full."""
    place = _place(folder, name)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(msgspec.json.encode(Kept(section, f"{datetime.now(UTC):%Y-%m-%d}", _commit())))


def kept(folder: Path, names: Sequence[str]) -> list[Kept]:
    """All sections in their order. Raises LocalError where one was never measured."""
    if missing := list(_missing(folder, names)):
        raise LocalError(
            f"never measured in {folder}: {', '.join(missing)}; run `make bench` without ONLY before writing"
        )
    return [msgspec.json.decode(_place(folder, name).read_bytes(), type=Kept) for name in names]


def _missing(folder: Path, names: Iterable[str]) -> Iterable[str]:
    return (name for name in names if not _place(folder, name).exists())


def _place(folder: Path, name: str) -> Path:
    return folder / "sections" / f"{name}.json"


def _commit() -> str:
    answer = subprocess.run(
        ["git", "rev-parse", "--short=10", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or "unknown"
