"""extract: whatever call of S3 a process dies at, and whoever goes on beside it, the window lands exactly (I4).

Three pages, a checkpoint after each; what a call dies of, or is held up by, comes at every one of its S3 calls.
"""

import io
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from xmlift.extraction import extract as extraction
from xmlift.extraction.extract import extract
from xmlift.landing.names import COMMIT, LinkName, parse_link, parse_part
from xmlift.landing.zone import Zone
from xmlift.source.answer import Answer
from xmlift.source.refusals import RefusedError
from xmlift.source.walk import PageRequest

from .extracting import CATALOGUE, Extracts, all_the_time, item, no_time_at_all, read_secret, result
from .scripted_source import page
from .watched_s3 import Bucket, Event, Killed, WatchedS3, When, die

BASE = "https://host"
ENDS: tuple[When, ...] = ("before", "after")


class PagesInMemory:
    """A session with a server of three pages, which refuses some of its requests for the last one."""

    def __init__(self, refusals: int = 0) -> None:
        self.refusals = refusals
        self.asked: Counter[int] = Counter()

    def fetch(self, request: PageRequest) -> Answer:
        url = request.url
        number = int(url.partition(f"{BASE}/items/")[2] or 0)
        self.asked[number] += 1
        if number == 2 and self.refusals:
            self.refusals -= 1
            raise RefusedError(f"{url}: HTTP 400 Bad Request: the token expired")
        records = (item(2 * number, note=["a", "b"]), item(2 * number + 1))
        body = page(*records, following=f"/items/{number + 1}" if number < 2 else "")
        now = datetime(2026, 11, 22, 16, tzinfo=UTC)
        return Answer(f"{BASE}/items/{number}", io.BytesIO(body), len(body), now, now, 0)

    @contextmanager
    def giving_up(self) -> Iterator[None]:
        """It answers at once: nothing is under way."""
        yield


class World:
    """A bucket, a server, and calls of extract, each a process of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, refusals: int = 0) -> None:
        self.bucket = Bucket()
        self.server = PagesInMemory(refusals)
        monkeypatch.setattr(extraction, "CHECKPOINT_PAGES", 1)
        monkeypatch.setattr(extraction, "source_session", lambda *_: self.server)
        self.extracts = Extracts(Zone(WatchedS3(self.bucket), "landing"), BASE, CATALOGUE)

    def call(self, event: Event | None = None, time_left: Any = all_the_time) -> tuple[str, int]:
        """One call: how it ended (done, more or dead), and how many calls of S3 it made."""
        s3 = WatchedS3(self.bucket, event)
        try:
            answer = extract(self.extracts.event(), Zone(s3, "landing"), read_secret, time_left)
        except Killed:
            return "dead", s3.calls
        return answer.status, s3.calls

    def call_until_it_landed(self) -> None:
        for _ in range(12):
            if self.call()[0] == "done":
                return
        raise AssertionError("the window did not land")

    @property
    def is_landed(self) -> bool:
        return any(key.endswith(f"/{COMMIT}") for key in self.bucket.objects)

    def check(self, whole: tuple[Any, ...]) -> None:
        """The commit holds exactly the window's rows, from parts that stand, of one chain."""
        assert result(self.extracts) == whole
        commit = self.extracts.landed().commit
        named = [str(part.name) for part in commit.parts]
        assert len(named) == len(set(named)) == 6
        chain = [name for name in map(parse_link, self.extracts.files()) if name]
        assert len(chain) == len(set(chain))
        assert commit.progress.restarts <= max((name.restart for name in chain), default=0)


@pytest.fixture(scope="module")
def whole() -> tuple[Any, ...]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        world = World(monkeypatch)
        assert world.call()[0] == "done"
        return result(world.extracts)


def moments() -> Iterator[tuple[int, When]]:
    for number in count(1):
        for when in ENDS:
            yield number, when


def test_a_world_without_crashes_has_what_its_server_has(whole: tuple[Any, ...]) -> None:
    items, notes, *_ = whole
    assert [row["id"] for row in items] == ["0", "1", "2", "3", "4", "5"]
    assert [(row["_parent_id"], row["text"]) for row in notes] == [(p, t) for p in "024" for t in "ab"]


@pytest.mark.parametrize("refusals", [0, 1, 3])
def test_a_crash_at_any_call_of_s3(
    monkeypatch: pytest.MonkeyPatch, whole: tuple[Any, ...], refusals: int
) -> None:
    """With refusals the window is begun anew as often, by whoever comes; each dies at any of its calls once."""
    crashes = 0
    for earlier in range(refusals + 1):
        for number, when in moments():
            world = World(monkeypatch, refusals)
            for _ in range(earlier):
                assert world.call()[0] == "more"
            if world.call(Event(number, when, die))[0] != "dead":
                break
            crashes += 1
            world.call_until_it_landed()
            world.check(whole)
    assert crashes >= 2 * (9 * refusals + 11), "of each call, at each of its S3 calls"


def test_two_crashes_in_a_row_at_any_calls_of_s3(
    monkeypatch: pytest.MonkeyPatch, whole: tuple[Any, ...]
) -> None:
    crashes = 0
    for first in moments():
        for second in moments():
            world = World(monkeypatch)
            if world.call(Event(*first, die))[0] != "dead":
                assert crashes > 2 * 11 * 2 * 5
                return
            if world.call(Event(*second, die))[0] != "dead":
                break
            crashes += 1
            world.call_until_it_landed()
            world.check(whole)


@pytest.mark.parametrize(("first", "second"), [("before", "before"), ("after", "after"), ("before", "after")])
def test_two_crashes_around_a_restart(
    monkeypatch: pytest.MonkeyPatch, whole: tuple[Any, ...], first: When, second: When
) -> None:
    """The first call is refused the last page: it dies on its way to the restart, the second one after it."""
    crashes = 0
    for early in count(1):
        for late in count(1):
            world = World(monkeypatch, refusals=2)
            if world.call(Event(early, first, die))[0] != "dead":
                assert crashes > 50
                return
            if world.call(Event(late, second, die))[0] != "dead":
                break
            crashes += 1
            world.call_until_it_landed()
            world.check(whole)


@pytest.mark.parametrize("time_left", [all_the_time, no_time_at_all])
@pytest.mark.parametrize("refusals", [0, 1])
def test_a_zombie_that_goes_on_after_the_window_landed_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, whole: tuple[Any, ...], refusals: int, time_left: Any
) -> None:
    """It is held up at any of its calls while others land the window."""
    for number, when in moments():
        world = World(monkeypatch, refusals)
        landed: list[Any] = []

        def others(world: World = world, landed: list[Any] = landed) -> None:
            world.call_until_it_landed()
            landed.append(world.extracts.landed())

        status, _ = world.call(Event(number, when, others), time_left)
        assert status in ("done", "more")
        if not landed:
            assert number > 5
            return
        assert world.extracts.landed() == landed[0]
        assert world.call()[0] == "done"
        world.check(whole)
        assert not [key for key in world.bucket.objects if key.startswith("runs/")], "nothing failed"


@pytest.mark.parametrize("refusals", [0, 1])
def test_a_call_held_up_while_another_gets_anywhere_and_dies(
    monkeypatch: pytest.MonkeyPatch, whole: tuple[Any, ...], refusals: int
) -> None:
    pairs = 0
    for held_up in count(1):
        for death in count(1):
            world = World(monkeypatch, refusals)
            other: list[str] = []

            def run_and_die(world: World = world, other: list[str] = other, death: int = death) -> None:
                other.append(world.call(Event(death, "after", die))[0])

            world.call(Event(held_up, "before", run_and_die))
            if not other:
                assert pairs > 40
                return
            if other != ["dead"]:
                break
            pairs += 1
            world.call_until_it_landed()
            world.check(whole)


def test_links_are_numbered_without_a_gap_after_any_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    for number, when in moments():
        world = World(monkeypatch, refusals=1)
        if world.call(Event(number, when, die))[0] != "dead":
            return
        world.call_until_it_landed()
        chain = [name for name in map(parse_link, world.extracts.files()) if name]
        for restart in {name.restart for name in chain}:
            own = [name for name in chain if name.restart == restart]
            assert own == [LinkName(restart, number) for number in range(len(own))]


def test_each_call_writes_under_an_attempt_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it reads the very bytes that a dead call read: whose part a link names is never in doubt."""
    world = World(monkeypatch)
    for _ in range(3):
        assert world.call(Event(5, "before", die))[0] == "dead"
    parts = [part for part in map(parse_part, world.extracts.files()) if part]
    assert len({part.attempt for part in parts}) == len(parts) / 2 == 3
