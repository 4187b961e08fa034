"""What is measured of load and of ledgers is right before it is fast: tiny sizes, every row looked at."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from . import load, scaling
from .load_landing import SOURCE, STREAM, land, run_of
from .load_world import Spent, World, world


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(Path(tmp_path_factory.mktemp("bench"))) as made:
        made.stand_in.add_sources(SOURCE)
        yield made


def test_load_and_copy_bring_the_same_rows(running: World) -> None:
    landing = land(running.zone, run_of(1, 3), 10, 3)
    load.empty(running)
    load.load_run(running, landing.run)
    load.copy(running, landing)
    names = ", ".join(f'"{name}"' for name in landing.columns)
    loaded = running.stand_in.run(f"SELECT {names} FROM {SOURCE}.{STREAM} ORDER BY id")
    copied = running.stand_in.run(f"SELECT {names} FROM plain ORDER BY id")
    running.stand_in.run("DROP TABLE plain")
    assert len(loaded) == 10
    assert loaded == copied
    states = running.stand_in.run("SELECT state, rows_inserted FROM xmlift.ledger ORDER BY window_start")
    assert states == [("loaded", 3), ("loaded", 3), ("loaded", 4)]


def test_an_update_leaves_each_key_once(running: World) -> None:
    load.update(running, 10, 2)
    counted = running.stand_in.run("SELECT SUM(rows_inserted), SUM(rows_updated) FROM xmlift.ledger")
    assert counted == [(10, 10)]


def test_a_turn_leaves_nothing_and_takes_time(running: World) -> None:
    landing = land(running.zone, run_of(2, 2), 6, 2)
    for _ in range(2):
        turn = load.take_turn(running, landing)
        assert min(turn.load.wall, turn.copy.wall) > 0


def test_the_sections_arithmetic(running: World) -> None:
    landing = land(running.zone, run_of(3, 1), 2, 1)

    def turn(load_seconds: float, copy_seconds: float) -> load.Turn:
        return load.Turn(Spent(load_seconds, 1, load_seconds - 1), Spent(copy_seconds, 0.5, 0.5))

    made = load.section(
        {10: [turn(2, 1)], 100: [turn(10, 6), turn(30, 6), turn(12, 6)]}, Spent(1, 2, 3), landing
    )
    assert [(claim.measured, claim.holds) for claim in made.claims] == [(0.5, True), (0.6, True)]
    assert made.tables[0].rows[2] == ["load, 100 rows", "8", "12.00", "1.00", "11.00"]
    assert made.plots[0].series["load"] == [(10.0, 2.0), (100.0, 12.0)]


def test_a_run_after_windows_that_are_loaded(running: World) -> None:
    load.empty(running)
    scaling.fill_ledger(running, 20)
    for number in range(2):
        taken = scaling.a_run(running, 20, number)
        assert list(taken) == ["plan", "load", "report"]
    assert running.stand_in.run("SELECT COUNT(*), COUNT(DISTINCT run) FROM xmlift.ledger") == [(22, 22)]
    assert running.stand_in.run("SELECT COUNT(*) FROM xmlift.coverage WHERE covered_from < covered_to") == [
        (1,)
    ]


def test_how_much_more_it_takes() -> None:
    def steps(seconds: float) -> scaling.Steps:
        return {"plan": [Spent(seconds, 0.25, 0.25)], "load": [Spent(1, 0.5, 0.5)]}

    made = scaling.section({100: steps(1), 1000: steps(2.5)})
    assert [(claim.measured, claim.holds) for claim in made.claims] == [(2.5, False), (1.0, True)]
    assert made.tables[0].rows == [
        ["100", "1000", "500", "1000", "1000"],
        ["1,000", "2500", "500", "1000", "1000"],
    ]
