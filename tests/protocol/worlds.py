"""Simulated worlds: a server with a clock of its own, and runs that read it while it changes.

Nothing of xmlift decides here what is right: `Server.committed` knows every change, and that is the oracle.
"""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from xmlift.source.urls import widened
from xmlift.windows import EPOCH, Interval

START = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OVERLAP = 15 * MINUTE


class Version(NamedTuple):
    """A state of a record: its time by the server's clock, and when we could first have seen it by ours."""

    key: int
    cursor: datetime
    number: int
    visible: datetime


class Server:
    """Records that change. `late` at most passes between a change and its commit; `resolution` makes times tie."""

    def __init__(
        self, skew: timedelta, resolution: timedelta, late: timedelta, *, immutable: bool = False
    ) -> None:
        self.skew, self.resolution, self.late, self.immutable = skew, resolution, late, immutable
        self.committed: list[Version] = []

    def clock(self, now: datetime) -> datetime:
        return now + self.skew

    def change(self, now: datetime, key: int, late: timedelta) -> None:
        """A record is new or changes; its time is that of the change, its commit comes `late`."""
        if self.immutable:
            key = len(self.committed)
        cursor = EPOCH + ((self.clock(now) - EPOCH) // self.resolution) * self.resolution
        self.committed.append(Version(key, cursor, len(self.committed), now + late))

    def state(self, now: datetime) -> dict[int, Version]:
        """What a reader sees: of each record the newest change that is committed."""
        seen: dict[int, Version] = {}
        for version in self.committed:
            if version.visible <= now:
                seen[version.key] = max(seen.get(version.key, version), version)
        return seen

    def ask(self, window: Interval, now: datetime) -> list[Version]:
        """What it answers to a request for a window, as xmlift asks for it; both bounds are excluded."""
        asked = widened(window, self.resolution)
        return sorted(v for v in self.state(now).values() if asked.start < v.cursor < asked.end)


class Reading(NamedTuple):
    """A window as it was read: by which run, when by our clock, and when by the earlier of both."""

    run: str
    window: Interval
    rows: Sequence[Version]
    read_at: datetime
    as_of: datetime


class Reader(Protocol):
    """The side of xmlift in a world."""

    def plan(self, run: int, started: datetime, round_number: int) -> tuple[list[Interval], bool]:
        """The windows of a round, and whether another one is needed."""

    def land(self, run: int, reading: Reading) -> None:
        """A window has landed."""

    def load(self, run: int) -> None:
        """Load what a run has landed and nobody has loaded."""

    def table(self) -> set[tuple[int, datetime, int]]:
        """What a table holds: key, cursor and number of each row."""


class World:
    """One source's history: changes and runs in turn, with all that may go wrong between them."""

    def __init__(self, seed: int, server: Server, reader: Reader) -> None:
        self.random = random.Random(seed)
        self.server, self.reader = server, reader
        self.now = START + timedelta(minutes=self.random.uniform(5, 600))
        self.interval = self.random.choice([1, 7, 30, 90]) * MINUTE
        self.left: set[int] = set()

    def live(self, runs: int) -> None:
        """Changes and runs, then quiet: all that was ever committed is older than the overlap."""
        for run in range(runs):
            self.happen(self.interval)
            self.run(run, failing=0.3)
        # One that failed may be loaded at any time afterwards.
        for run in sorted(self.left, key=lambda _: self.random.random()):
            self.reader.load(run)
        self.now += self.server.late + 2 * abs(self.server.skew) + self.server.resolution + OVERLAP + MINUTE
        self.run(runs, failing=0)

    def happen(self, time: timedelta) -> None:
        """Let time pass, and records change at random instants of it."""
        end = self.now + time
        for instant in sorted(self.random.uniform(0, 1) for _ in range(self.random.randint(0, 6))):
            self.now = max(self.now, end - time * (1 - instant))
            late = self.random.choice([0.0, self.random.random(), 1.0]) * self.server.late
            self.server.change(self.now, self.random.randint(1, 30), late)
        self.now = end

    def run(self, run: int, failing: float) -> None:
        """One execution: rounds until nothing remains, or something of it fails."""
        started, round_number, more = self.now, 0, True
        while more:
            assert round_number < 1_000, "catching up never ends"
            self.now += timedelta(seconds=1)
            windows, more = self.reader.plan(run, started, round_number)
            round_number += 1
            failed = [self.random.random() < failing for _ in windows]
            for window, fails in zip(windows, failed, strict=True):
                if not fails:
                    self.read(run, window, busy=failing > 0)
            if self.random.random() < failing:
                self.left.add(run)  # what it has landed is not loaded now
                return
            self.reader.load(run)
            if any(failed):
                return

    def read(self, run: int, window: Interval, *, busy: bool) -> None:
        """Read a window in two pages, and let records move between windows meanwhile."""
        as_of, rows = min(self.server.clock(self.now), self.now), []
        if busy:
            self.happen(timedelta(seconds=self.random.uniform(0, 20)))
        self.now += timedelta(seconds=1)
        rows = self.server.ask(window, self.now)
        self.reader.land(run, Reading("", window, rows, self.now, as_of))

    def missing(self) -> set[tuple[int, datetime, int]]:
        """What the table lacks of the server's state, or has and should not."""
        truth = {(v.key, v.cursor, v.number) for v in self.server.state(self.now).values()}
        return truth ^ self.reader.table()


def random_server(seed: int, *, immutable: bool = False) -> Server:
    """Clocks up to ten minutes apart, commits up to the overlap late, times coarser than the runs' interval."""
    chance = random.Random(seed)
    skew = timedelta(minutes=chance.choice([0, chance.uniform(-10, 10), 10, -10]))
    resolution = chance.choice([timedelta(milliseconds=1), timedelta(seconds=1), 10 * MINUTE, 60 * MINUTE])
    late = chance.choice([timedelta(0), OVERLAP / 2, OVERLAP])
    if immutable:
        # A time that is cut off is as good as a late commit, where rows outside their window are left out.
        resolution = min(resolution, timedelta(seconds=1))
        late -= min(late, resolution)
    return Server(skew, resolution, late, immutable=immutable)
