"""What has landed: the commits below a prefix, read and checked against the names they stand under."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from xmlift.errors import LandingError
from xmlift.landing import commits
from xmlift.landing.chain import Landed
from xmlift.landing.names import COMMIT, parse_window
from xmlift.landing.zone import Zone

_READERS = 16


def landed_windows(zone: Zone, prefix: str) -> Iterator[Landed]:
    """All commits below a prefix, in the order of their names. Raises LandingError for a foreign one."""
    keys = [key for key in zone.keys(prefix) if key.endswith(f"/{COMMIT}")]
    with ThreadPoolExecutor(_READERS) as readers:
        yield from readers.map(lambda key: _landed(zone, key), keys)


def _landed(zone: Zone, key: str) -> Landed:
    window, _ = parse_window(key)
    body = zone.get(key)
    commit = commits.decode_commit(body, key)
    named = (window.source, window.stream, window.partition, window.run, *window.interval)
    scope = commit.scope
    if named != (scope.source, scope.stream, scope.partition, commit.run, commit.start, commit.end):
        raise LandingError(f"{key} holds the commit of another window: was it copied there by hand?")
    return Landed(window, commit, commits.sha256(body))
