"""What has landed: the commits below a prefix, read and checked against the names they stand under."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from xmlift.errors import LandingError
from xmlift.landing import commits
from xmlift.landing.chain import Landed
from xmlift.landing.names import COMMIT, WindowName, parse_window
from xmlift.landing.zone import Zone

_READERS = 16


def landed_names(zone: Zone, prefix: str) -> list[WindowName]:
    """The windows that have landed below a prefix, by name alone, in the order of their names."""
    return [parse_window(key)[0] for key in zone.keys(prefix) if key.endswith(f"/{COMMIT}")]


def read_commits(zone: Zone, windows: Iterable[WindowName]) -> Iterator[Landed]:
    """The windows with their commits, in the order given. Raises LandingError for a foreign commit."""
    with ThreadPoolExecutor(_READERS) as readers:
        yield from readers.map(lambda window: _landed(zone, window), windows)


def landed_windows(zone: Zone, prefix: str) -> Iterator[Landed]:
    """All commits below a prefix, in the order of their names. Raises LandingError for a foreign one."""
    yield from read_commits(zone, landed_names(zone, prefix))


def _landed(zone: Zone, window: WindowName) -> Landed:
    key = f"{window.folder}{COMMIT}"
    body = zone.get(key)
    commit = commits.decode_commit(body, key)
    named = (window.source, window.stream, window.partition, window.run, *window.interval)
    scope = commit.scope
    if named != (scope.source, scope.stream, scope.partition, commit.run, commit.start, commit.end):
        raise LandingError(f"{key} holds the commit of another window: was it copied there by hand?")
    return Landed(window, commit, commits.sha256(body))
