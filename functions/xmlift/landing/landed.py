"""What has landed: the commits below a prefix, read and checked against the names they stand under.

What is wrong with one object is no reason to leave the others: it is answered in its place.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from xmlift.errors import LandingError
from xmlift.landing import commits
from xmlift.landing.chain import Landed
from xmlift.landing.names import COMMIT, WindowName, parse_window
from xmlift.landing.zone import Zone
from xmlift.telemetry import logger

_READERS = 16


class Damaged(NamedTuple):
    """A window whose commit cannot be read as that of this window, and why."""

    window: WindowName
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.window}: its commit is damaged ({self.reason}). Restore the object's earlier version, or "
            "delete it; unless the window is loaded, it is a gap, which the next run reads"
        )


def landed_names(zone: Zone, prefix: str) -> list[WindowName]:
    """The windows that have landed below a prefix, by name alone, in the order of their names.

    A key that is no window's was put there by hand; it is logged and left out.
    """
    windows: list[WindowName] = []
    for key in zone.keys(prefix):
        if not key.endswith(f"/{COMMIT}"):
            continue
        try:
            windows.append(parse_window(key)[0])
        except LandingError as error:
            logger.warning("left out a foreign object", reason=str(error))
    return windows


def read_commits(zone: Zone, windows: Iterable[WindowName]) -> Iterator[Landed | Damaged]:
    """The windows with their commits, in the order given."""
    with ThreadPoolExecutor(_READERS) as readers:
        yield from readers.map(lambda window: _landed(zone, window), windows)


def landed_windows(zone: Zone, prefix: str) -> Iterator[Landed | Damaged]:
    """All commits below a prefix, in the order of their names."""
    yield from read_commits(zone, landed_names(zone, prefix))


def undamaged(found: Iterable[Landed | Damaged]) -> list[Landed]:
    """The windows that can be loaded; the others are logged and left out."""
    landed: list[Landed] = []
    for window in found:
        if isinstance(window, Landed):
            landed.append(window)
        else:
            logger.warning("left out a damaged commit", reason=str(window))
    return landed


def _landed(zone: Zone, window: WindowName) -> Landed | Damaged:
    key = f"{window.folder}{COMMIT}"
    body = zone.find(key)  # S3 that cannot be reached is no damage: that is raised
    if body is None:
        return Damaged(window, f"{key} was there, and is gone")
    try:
        commit = commits.decode_commit(body, key)
    except LandingError as error:
        return Damaged(window, str(error))
    named = (window.source, window.stream, window.partition, window.run, *window.interval)
    scope = commit.scope
    if named != (scope.source, scope.stream, scope.partition, commit.run, commit.start, commit.end):
        return Damaged(window, f"{key} is that of another window: was it copied there by hand?")
    return Landed(window, commit, commits.sha256(body))
