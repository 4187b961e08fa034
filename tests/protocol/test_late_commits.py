"""I2: clocks that differ, commits up to `overlap` late, equal times, records that move between windows.

After a run in quiet times the table is what the server holds, whatever failed before. What is committed later
than the overlap is lost, and these tests would tell.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from ..unit.warehouse_stand_in import ADMIN, StandIn
from .memory import LedgerReader, MemoryReader
from .pipeline import STREAMS, Pipeline
from .warehouse_reader import WarehouseReader
from .worlds import MINUTE, OVERLAP, Reader, Server, World, random_server

WORLDS = 150
WORLDS_BY_THE_LEDGER = 12


@pytest.fixture
def session(stand_in: StandIn) -> Iterator[Any]:
    """A session that may write the ledger."""
    connection = stand_in.warehouse(ADMIN).connect()
    stand_in.add_sources()
    yield connection
    connection.close()


def live(seed: int, server: Server, reader: Reader, runs: int = 12) -> None:
    world = World(seed, server, reader)
    world.live(runs)
    assert world.server.committed
    assert world.missing() == set(), f"world {seed}"


@pytest.mark.parametrize("bounded", [True, False], ids=["bounded", "unbounded"])
def test_merge_ends_as_the_server_is(bounded: bool) -> None:
    for seed in range(WORLDS):
        live(seed, random_server(seed), MemoryReader(1 + seed % 5, bounded=bounded))


def test_append_ends_as_the_server_is() -> None:
    for seed in range(WORLDS):
        live(seed, random_server(seed, immutable=True), MemoryReader(1 + seed % 5, append=True))


@pytest.mark.parametrize("append", [False, True], ids=["merge", "append"])
@pytest.mark.parametrize("bounded", [True, False], ids=["bounded", "unbounded"])
def test_it_ends_as_the_server_is_by_the_warehouses_own_reckoning(
    session: Any, bounded: bool, append: bool
) -> None:
    if append and not bounded:
        return  # the catalogue refuses it
    for seed in range(WORLDS_BY_THE_LEDGER):
        reader = LedgerReader(session, 1 + seed % 5, bounded=bounded, append=append)
        live(seed, random_server(seed, immutable=append), reader)


@pytest.mark.parametrize(("seed", "stream"), list(enumerate(STREAMS)), ids=STREAMS)
def test_it_ends_as_the_server_is_in_the_warehouse(pipeline: Pipeline, stream: str, seed: int) -> None:
    server = random_server(seed, immutable=STREAMS[stream] == "append")
    live(seed, server, WarehouseReader(pipeline, stream), runs=6)


def a_commit_between_two_runs(late: timedelta, skew: timedelta) -> World:
    """A change a second before a run, committed so late; runs every ten minutes."""
    server = Server(skew, timedelta(milliseconds=1), late)
    world = World(1, server, MemoryReader(100))
    for run in range(2):
        world.now += 10 * MINUTE
        world.run(run, failing=0)
    server.change(world.now + 10 * MINUTE - timedelta(seconds=1), 1, late)
    for run in range(2, 8):
        world.now += 10 * MINUTE
        world.run(run, failing=0)
    return world


@pytest.mark.parametrize("skew", [-10 * MINUTE, timedelta(0), 10 * MINUTE])
def test_what_is_committed_later_than_the_overlap_is_lost_and_that_is_seen(skew: timedelta) -> None:
    """A server ahead of us settles by our clock, so that much more may be late."""
    seen = OVERLAP + max(skew, timedelta(0))
    assert a_commit_between_two_runs(seen, skew).missing() == set()
    lost = a_commit_between_two_runs(seen + 10 * MINUTE + timedelta(seconds=2), skew)
    assert [key for key, _, _ in lost.missing()] == [1]
