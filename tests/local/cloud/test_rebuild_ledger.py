"""What rebuild-ledger says when it is interrupted, and when something has begun meanwhile."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from commands import rebuild_ledger as verb
from operate.errors import OperatorError
from operate.rebuilding import Counts

WORDS = "The ledger is empty now. Before the schedule runs: make replay SOURCE=ewm"


class World:
    """A ledger of three windows, and what breaks on the way."""

    def __init__(self) -> None:
        self.windows = 3
        self.running: list[list[str]] = [[], []]
        self.breaks: dict[str, BaseException] = {}

    def newest(self, *_: object) -> list[Any]:
        return [SimpleNamespace(run=run, status="RUNNING") for run in self.running.pop(0)]

    def counts(self, *_: object) -> Counts:
        return Counts(self.windows, {})

    def forget(self, *_: object) -> None:
        if "forget" in self.breaks:
            raise self.breaks["forget"]
        self.windows = 0

    def start(self, *_: object) -> None:
        raise self.breaks["start"]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    deployment = SimpleNamespace(
        given=lambda source, **changes: {"source": source, **changes},
        command=lambda words: f"make {words}",
    )
    monkeypatch.setattr(verb, "opened", lambda env, folder: deployment)
    monkeypatch.setattr(verb, "check", lambda *_: None)
    monkeypatch.setattr(verb, "PastRuns", lambda _: world)
    monkeypatch.setattr(verb, "counts", world.counts)
    monkeypatch.setattr(verb, "forget", world.forget)
    monkeypatch.setattr(verb, "execution", world)
    return world


def rebuild() -> None:
    verb.rebuild_ledger("ewm", yes=True, folder=Path("none"))


def test_an_interruption_before_the_replay_names_the_remedy(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.breaks["start"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        rebuild()
    assert WORDS in capsys.readouterr().err


def test_a_ledger_that_was_not_forgotten_is_not_called_empty(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.breaks["forget"] = OperatorError("refused")
    with pytest.raises(OperatorError, match="refused"):
        rebuild()
    assert "empty" not in capsys.readouterr().err


def test_what_began_while_it_asked_is_not_run_over(world: World) -> None:
    world.running = [[], ["20261122T1-a"]]
    with pytest.raises(OperatorError, match="ewm is under way: 20261122T1-a"):
        rebuild()
    assert world.windows == 3
