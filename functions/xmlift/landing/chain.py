"""The chain of a window's checkpoints: where a call finds its place, whoever called before it (E1–E4).

A link names the parts written since the link before. Links and the commit are written once: of two calls that
work on one window at the same time, one writes the link, and the other finds it there and gives way.
"""

from typing import NamedTuple

from xmlift.errors import LandingError
from xmlift.landing import commits
from xmlift.landing.commits import Commit, Entry, Link, RawPage
from xmlift.landing.names import COMMIT, LinkName, PartName, WindowName, parse_link, parse_part
from xmlift.landing.raw import RawZone
from xmlift.landing.zone import Zone


class Landed(NamedTuple):
    """A window that has landed: its commit, and the SHA-256 by which the ledger knows it."""

    window: WindowName
    commit: Commit
    sha256: str


def is_landed(zone: Zone, window: WindowName) -> bool:
    """Whether the window's commit stands."""
    return zone.find(f"{window.folder}{COMMIT}") is not None


def landed(zone: Zone, window: WindowName) -> Commit:
    """The commit of a window that has landed. Raises LandingError where it has not."""
    key = f"{window.folder}{COMMIT}"
    return commits.decode_commit(zone.get(key), key)


class Chain:
    """The links of the newest restart of one window, as they stand on S3."""

    def __init__(self, zone: Zone, window: WindowName) -> None:
        self._zone = zone
        self._window = window
        self._folder = window.folder
        files = [key.removeprefix(self._folder) for key in zone.keys(self._folder)]
        names = sorted(name for name in map(parse_link, files) if name is not None)
        self._restart = names[-1].restart if names else 0
        self.is_committed = COMMIT in files
        self.links: list[Link] = []
        self._last_sha: str | None = None
        for number, name in enumerate(name for name in names if name.restart == self._restart):
            self._read(name, number)

    def _read(self, name: LinkName, number: int) -> None:
        key = f"{self._folder}{name}"
        body = self._zone.get(key)
        link = commits.decode_link(body, key)
        if name.number != number or link.previous != self._last_sha:
            raise LandingError(f"{key} does not follow the link before it; the window has to be read anew")
        self.links.append(link)
        self._last_sha = commits.sha256(body)

    @property
    def last(self) -> Link | None:
        return self.links[-1] if self.links else None

    @property
    def last_sha(self) -> str | None:
        """The SHA-256 of the newest link's bytes, which the next one names."""
        return self._last_sha

    @property
    def parts(self) -> list[Entry]:
        """All parts that the links name."""
        return [part for link in self.links for part in link.parts]

    @property
    def raw(self) -> list[RawPage]:
        """All answers that the links name."""
        return [page for link in self.links for page in link.raw]

    def raw_zone(self, attempt: str) -> RawZone:
        """What keeps the window's answers as a call reads them."""
        return RawZone(self._zone, self._window, attempt)

    def put_part(self, name: PartName, body: bytes) -> None:
        """Write a part; it counts from the moment that a link or the commit names it."""
        if parse_part(str(name)) != name:
            raise LandingError(f"{name} does not parse back into what made it")
        self._zone.put(f"{self._folder}{name}", body, content_type="application/gzip")

    def extend(self, link: Link) -> bool:
        """Write the next link. False where another call has written it: its parts stand, these do not."""
        return self._write(LinkName(self._restart, len(self.links)), link)

    def begin_anew(self, link: Link) -> bool:
        """Leave all links behind and write the first one of the next restart, which names no parts (E3).

        False where another call has begun that restart: it stands, and whoever comes next goes on with it.
        """
        restart = self._restart + 1
        if not self._write(LinkName(restart, 0), link):
            return False
        self._restart, self.links = restart, [link]
        return True

    def _write(self, name: LinkName, link: Link) -> bool:
        body = commits.encode(link)
        if self._zone.put_once(f"{self._folder}{name}", body) != body:
            return False
        self.links.append(link)
        self._last_sha = commits.sha256(body)
        return True

    def commit(self, commit: Commit) -> Commit:
        """Write the commit, and answer the one that stands: this one, or that of a call which was faster."""
        key = f"{self._folder}{COMMIT}"
        return commits.decode_commit(self._zone.put_once(key, commits.encode(commit)), key)
