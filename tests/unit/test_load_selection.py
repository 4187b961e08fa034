"""What a load takes: windows of which runs, in which order, how many at a time, and what it leaves for later."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from xmlift.errors import LandingError, WarehouseError
from xmlift.landing import commits, names
from xmlift.landing.chain import Landed
from xmlift.landing.landed import Damaged, read_commits
from xmlift.landing.names import WindowName
from xmlift.landing.zone import Zone
from xmlift.loading import load as loading
from xmlift.loading import selection
from xmlift.loading.load import LoadAnswer, LoadEvent, load
from xmlift.loading.selection import Bound, bounded, by_history, newest_run_first, whole_sets
from xmlift.loading.stream_load import Batch, StreamLoader
from xmlift.warehouse import statements
from xmlift.warehouse.connection import PATIENCE, Patience, TimeUpError

from .loads import ONE, THREE, TWO, Loads, event_row, item
from .steps_landing import at
from .warehouse_stand_in import COPY_ROLE, LOADER

DONE_NOTHING = LoadAnswer(status="done", windows=0)


def load_of(
    loads: Loads,
    run: str,
    windows_of: str,
    stream: str = "items",
    *,
    time_left: Callable[[], float] = lambda: 900,
    patience: Patience = PATIENCE,
) -> LoadAnswer:
    event = LoadEvent(source=loads.name, catalogue=loads.key, stream=stream, run=run, windows_of=windows_of)
    warehouse = loads.stand_in.warehouse(LOADER, patience=patience)
    return load(event, loads.zone, warehouse, COPY_ROLE, time_left)


def loaded_by(loads: Loads) -> list[tuple[Any, ...]]:
    """(run that read, run that loaded), in the order of loading: by transaction, for loaded_at has seconds only."""
    return loads.stand_in.run(
        "SELECT run, loaded_by FROM xmlift.ledger WHERE source = %s ORDER BY xmin::text::bigint, ctid",
        loads.name,
    )


@pytest.fixture
def commits_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of the commits that were read since."""
    read: list[str] = []
    find = Zone.find

    def noting(self: Zone, key: str) -> bytes | None:
        if key.endswith("/commit.json"):
            read.append(key)
        return find(self, key)

    monkeypatch.setattr(Zone, "find", noting)
    return read


def test_an_event_without_windows_of_is_about_its_own_run() -> None:
    event = LoadEvent(source="s", catalogue="c", stream="items", run=ONE)
    assert event.read_by == ONE
    assert msgspec.convert({**msgspec.to_builtins(event), "windows_of": "*"}, LoadEvent).read_by == "*"


def test_what_another_run_left_is_loaded_by_this_one(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, "left")])
    loads.land(TWO, (6, 12), [item(2, 7, "mine")])
    assert load_of(loads, TWO, ONE) == LoadAnswer(status="done", windows=1)
    assert loads.rows() == [(1, "left")]
    assert load_of(loads, TWO, TWO) == LoadAnswer(status="done", windows=1)
    assert loaded_by(loads) == [(ONE, TWO), (TWO, TWO)]


def test_a_replay_loads_all_runs_newest_first(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "BATCH_WINDOWS", 1)
    for run, title in ((ONE, "first"), (THREE, "third"), (TWO, "second")):
        loads.land(run, (0, 6), [item(1, 1, title)], read=int(run[9:11]))
    assert load_of(loads, "replay", "*") == LoadAnswer(status="done", windows=3)
    assert loads.rows() == [(1, "third")]
    assert loaded_by(loads) == [(THREE, "replay"), (TWO, "replay"), (ONE, "replay")]
    assert loads.ledger("rows_inserted, rows_updated, rows_stale") == [(0, 0, 1), (0, 0, 1), (1, 0, 0)]


def test_a_replay_is_of_one_stream(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [item(1, 1)])
    loads.land(ONE, (0, 6), [event_row(1, 1)], stream="events")
    assert load_of(loads, TWO, "*", "events").windows == 1
    assert loads.ledger("stream") == [("events",)]


def test_no_commit_is_read_of_what_the_ledger_has(loads: Loads, commits_read: list[str]) -> None:
    loads.land(ONE, (0, 6), [item(1, 1)])
    loads.load(ONE)
    new = loads.land(TWO, (6, 12), [item(2, 7)])
    commits_read.clear()
    assert load_of(loads, "replay", "*").windows == 1
    assert commits_read == [f"{new.window.folder}commit.json"]
    commits_read.clear()
    assert load_of(loads, "replay", "*") == DONE_NOTHING
    assert commits_read == []


def test_a_call_reads_the_commits_of_the_batches_that_it_has_time_for(
    loads: Loads, commits_read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "BATCH_WINDOWS", 2)
    for hour in range(5):
        loads.land(ONE, (hour, hour + 1), [item(hour, hour)])
    commits_read.clear()
    answers = [load_of(loads, "replay", "*", time_left=lambda: 50) for _ in range(3)]
    assert [(answer.status, answer.windows) for answer in answers] == [("more", 2), ("more", 2), ("done", 1)]
    assert len(commits_read) == 5
    assert loads.rows("id") == [(0,), (1,), (2,), (3,), (4,)]


def test_a_failure_of_anothers_windows_does_not_stand_for_the_own(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [item(1, 1)])
    loads.stand_in.run(f'REVOKE ALL ON SCHEMA "{loads.name}" FROM xmlift_loader')
    for windows_of, words in ((ONE, f"of run {ONE}"), ("*", "of all runs")):
        with pytest.raises(WarehouseError):
            load_of(loads, TWO, windows_of)
        note = msgspec.json.decode(
            loads.zone.get(names.load_failure(loads.name, "items", TWO, windows_of)), type=dict[str, str]
        )
        assert note["message"].startswith(f"{loads.name}.items {words}: ")
    assert loads.zone.find(names.load_failure(loads.name, "items", TWO, TWO)) is None


# --- the lock ---


@pytest.fixture
def stopped(loads: Loads) -> Iterator[Any]:
    """A loader's session that holds the lock of `items`, changed something, and was stopped: no word, no FIN."""
    loads.land(ONE, (0, 6), [item(1, 1, "first")])
    loads.load(ONE)
    session = loads.stand_in.warehouse(LOADER).connect()
    cursor = session.cursor()
    cursor.execute(statements.lock(loads.name, "items"))
    cursor.execute(f"UPDATE {loads.name}.items SET title = 'half done'")
    loads.land(TWO, (6, 12), [item(2, 7, "second")])
    yield session
    session.close()


def test_a_load_that_waits_in_vain_asks_to_be_called_again(loads: Loads, stopped: Any) -> None:
    answer = load_of(
        loads, TWO, TWO, time_left=lambda: loading.RESERVE_SECONDS + 0.5, patience=Patience(0.1, 960)
    )
    assert answer == LoadAnswer(status="more", windows=0)
    assert loads.rows() == [(1, "first")]
    assert loads.zone.find(names.load_failure(loads.name, "items", TWO, TWO)) is None, "that is no failure"
    stopped.cursor().execute("SELECT 1")


def test_a_load_gets_through_once_the_lock_is_abandoned(loads: Loads, stopped: Any) -> None:
    assert load_of(loads, TWO, TWO, patience=Patience(0.1, 0)) == LoadAnswer(status="done", windows=1)
    assert loads.rows() == [(1, "first"), (2, "second")]


def test_a_column_is_added_once_the_lock_is_abandoned(loads: Loads, stopped: Any) -> None:
    """The stopped loader also holds the table itself."""
    loads.change("varchar(10) }", "varchar(10) }\n      more: { path: p, type: integer }")
    waiting = load_of(
        loads, TWO, TWO, time_left=lambda: loading.RESERVE_SECONDS + 0.5, patience=Patience(0.1, 960)
    )
    assert waiting == LoadAnswer(status="more", windows=0)
    assert load_of(loads, TWO, TWO, patience=Patience(0.1, 0)).status == "done"
    assert loads.rows("id, more") == [(1, None), (2, None)]


# --- order and bounds ---


def window(run: str, start: float, end: float) -> WindowName:
    interval = names.Interval(at(start), at(end))
    return WindowName("s", "items", run, names.WHOLE, interval)


def test_the_newest_run_is_first_and_its_windows_in_their_order() -> None:
    given = [window(ONE, 6, 12), window(TWO, 6, 12), window(ONE, 0, 6), window(TWO, 0, 6)]
    assert newest_run_first(given) == [
        window(TWO, 0, 6), window(TWO, 6, 12), window(ONE, 0, 6), window(ONE, 6, 12)
    ]  # fmt: skip


def test_a_history_goes_by_epoch_and_start_and_end_and_then_by_age(loads: Loads) -> None:
    anew = loads.land(THREE, (0, 1), stream="states", as_of=1, epoch=1)
    later = loads.land(ONE, (0, 6), stream="states", as_of=9)
    earlier = loads.land(TWO, (0, 6), stream="states", as_of=8)
    longer = loads.land(ONE, (0, 7), stream="states", as_of=7)
    next_one = loads.land(ONE, (6, 12), stream="states", as_of=6)
    given = [one.window for one in (next_one, anew, later, longer, earlier)]
    expected = [one.window for one in (earlier, later, longer, next_one, anew)]
    assert by_history(loads.zone, given) == expected


def test_a_runs_own_history_goes_by_its_names(loads: Loads, commits_read: list[str]) -> None:
    landed = [loads.land(ONE, window, stream="states") for window in ((6, 12), (0, 6))]
    commits_read.clear()
    assert by_history(loads.zone, [one.window for one in landed]) == [landed[1].window, landed[0].window]
    assert commits_read == []


def test_a_set_is_taken_whole_or_left(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "BATCH_WINDOWS", 1)
    monkeypatch.setattr(selection, "BATCH_BYTES", 1)
    for run, windows in ((ONE, 2), (TWO, 1), (THREE, 2)):
        for hour in range(windows):
            loads.land(run, (hour, hour + 1), [{"id": hour}], stream="lists", set_windows=2)
    found = selection.landed_names(loads.zone, names.stream_prefix(loads.name, "lists"))
    sets = [[(one.window.run, one.commit.start) for one in whole] for whole in whole_sets(loads.zone, found)]
    assert sets == [[(THREE, at(0)), (THREE, at(1))], [(ONE, at(0)), (ONE, at(1))]]


def test_windows_that_are_no_set_do_not_replace_anything(loads: Loads) -> None:
    """They were landed when the stream was another kind of table: they are not all that there is."""
    loads.land(ONE, (0, 1), [{"id": 1}], stream="lists")
    assert loads.load(ONE, "lists") == DONE_NOTHING


def test_an_incomplete_set_is_loaded_when_the_rest_has_landed(loads: Loads) -> None:
    loads.land(ONE, (0, 1), [{"id": 1}], stream="lists", set_windows=2)
    assert loads.load(ONE, "lists") == DONE_NOTHING
    loads.land(ONE, (1, 2), [{"id": 2}], stream="lists", set_windows=2)
    assert loads.load(ONE, "lists") == LoadAnswer(status="done", windows=2)
    assert loads.rows("id", "lists") == [(1,), (2,)]


def test_batches_are_bounded_by_number_and_size(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    landed = [loads.land(ONE, (n, n + 1), [item(n, n)]) for n in range(5)]
    assert sizes(landed) == [5]
    monkeypatch.setattr(selection, "BATCH_WINDOWS", 2)
    assert sizes(landed) == [2, 2, 1]
    monkeypatch.setattr(selection, "BATCH_BYTES", landed[0].commit.parts[0].bytes)
    assert sizes(landed) == [1] * 5
    assert [one for batch in bounded(landed, Bound()) for one in batch] == landed


def sizes(landed: list[Landed]) -> list[int]:
    return [len(batch) for batch in bounded(landed, Bound())]


def test_commits_are_read_in_the_order_given(loads: Loads) -> None:
    landed = [loads.land(ONE, (n, n + 1), [item(n, n)]) for n in (3, 1, 2)]
    assert list(read_commits(loads.zone, [one.window for one in landed])) == landed


# --- commits at fault: they cost their own windows alone ---


@pytest.mark.parametrize("body", [b"", b"not json", b'{"format":2}'])
def test_a_damaged_commit_keeps_its_own_window_out_and_no_other(loads: Loads, body: bytes) -> None:
    landed = [loads.land(run, (n, n + 1), [item(n, n)]) for n, run in enumerate((ONE, ONE, ONE, TWO))]
    loads.zone.put(f"{landed[1].window.folder}commit.json", body)
    assert load_of(loads, "replay", "*") == LoadAnswer(status="done", windows=3)
    assert loads.rows("id") == [(0,), (2,), (3,)]
    assert load_of(loads, "replay", "*") == DONE_NOTHING
    loads.zone.put(f"{landed[1].window.folder}commit.json", commits.encode(landed[1].commit))
    assert load_of(loads, "replay", "*") == LoadAnswer(status="done", windows=1)
    assert loads.rows("id") == [(0,), (1,), (2,), (3,)]


def test_commits_that_are_none_are_answered_in_their_place(loads: Loads) -> None:
    landed = [loads.land(ONE, (n, n + 1), [item(n, n)]) for n in range(4)]
    _, copied, broken, gone = [f"{one.window.folder}commit.json" for one in landed]
    loads.zone.put(copied, commits.encode(landed[0].commit))
    loads.zone.put(broken, b"{")
    loads.zone._s3.delete_object(Bucket="landing", Key=gone)
    first, *damaged = read_commits(loads.zone, [one.window for one in landed])
    assert first == landed[0]
    assert damaged == [
        Damaged(landed[1].window, f"{copied} is that of another window: was it copied there by hand?"),
        Damaged(
            landed[2].window,
            f"{broken}: not a commit that this version writes: Input data was truncated",
        ),
        Damaged(landed[3].window, f"{gone} was there, and is gone"),
    ]


def test_an_s3_that_cannot_be_read_is_no_damage(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    landed = loads.land(ONE, (0, 1), [item(1, 0.5)])

    def unreachable(_: Zone, key: str) -> bytes:
        raise LandingError(f"{key} could not be read in 8 tries")

    monkeypatch.setattr(Zone, "find", unreachable)
    with pytest.raises(LandingError, match="in 8 tries"):
        list(read_commits(loads.zone, [landed.window]))


def test_a_set_with_a_damaged_commit_is_not_whole(loads: Loads) -> None:
    for run, ids in ((ONE, (1, 2)), (TWO, (3, 4))):
        landed = [
            loads.land(run, (n, n + 1), [{"id": id_}], stream="lists", set_windows=2)
            for n, id_ in enumerate(ids)
        ]
    loads.zone.put(f"{landed[0].window.folder}commit.json", b"")
    assert load_of(loads, "replay", "*", "lists") == LoadAnswer(status="done", windows=2)
    assert loads.rows("id", "lists") == [(1,), (2,)]
    loads.zone.put(f"{landed[1].window.folder}commit.json", b"")
    assert loads.load(TWO, "lists") == DONE_NOTHING


def test_a_history_stops_before_a_damaged_commit(loads: Loads) -> None:
    landed = [
        loads.land(run, (n, n + 1), [item(1, n, str(n))], stream="states", as_of=9)
        for n, run in enumerate((ONE, ONE, TWO))
    ]
    loads.zone.put(f"{landed[1].window.folder}commit.json", b"")
    assert load_of(loads, "replay", "*", "states") == LoadAnswer(status="done", windows=1)
    assert loads.rows("id, title", "states") == [(1, "0")]


def test_a_foreign_key_is_no_window(loads: Loads) -> None:
    landed = loads.land(ONE, (0, 1), [item(1, 0.5)])
    prefix = names.stream_prefix(loads.name, "items")
    for key in (f"{ONE}/-/by-hand/commit.json", f"{ONE}/commit.json", "no-run/-/x_y/commit.json"):
        loads.zone.put(prefix + key, b"{}")
    assert selection.landed_names(loads.zone, prefix) == [landed.window]


# --- batches that grow ---


def growing(monkeypatch: pytest.MonkeyPatch, first: int, most: int) -> None:
    monkeypatch.setattr(selection, "FIRST_WINDOWS", first)
    monkeypatch.setattr(selection, "BATCH_WINDOWS", most)


class Clock:
    """The time left of a call: each load of a batch takes so long for each window."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, left: float, each: float) -> None:
        self.left = left
        self.sizes: list[int] = []
        real = StreamLoader.load

        def slow(loader: StreamLoader, batch: Batch, seconds: float) -> int:
            self.sizes.append(len(batch.landed))
            if seconds < each * len(batch.landed):
                self.left -= seconds
                raise TimeUpError("the function's time is up")
            self.left -= each * len(batch.landed)
            return real(loader, batch, seconds)

        monkeypatch.setattr(StreamLoader, "load", slow)

    def __call__(self) -> float:
        return self.left


def test_batches_grow_while_time_allows(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    growing(monkeypatch, 1, 4)
    for n in range(12):
        loads.land(ONE, (n, n + 1), [item(n, n)])
    clock = Clock(monkeypatch, 900, 1)
    assert load_of(loads, ONE, ONE, time_left=clock) == LoadAnswer(status="done", windows=12)
    assert clock.sizes == [1, 2, 4, 4, 1]


def test_a_batch_that_would_not_fit_into_the_call_is_not_tried(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    growing(monkeypatch, 1, 1_000)
    for n in range(9):
        loads.land(ONE, (n, n + 1), [item(n, n)])
    clock = Clock(monkeypatch, loading.RESERVE_SECONDS + 100, 20)
    assert load_of(loads, ONE, ONE, time_left=clock) == LoadAnswer(status="more", windows=5)
    assert clock.sizes == [1, 2, 2], "four would have taken 80 of the 40 seconds that were left"


def test_a_backlog_that_no_call_could_load_as_one_batch_gets_smaller(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    growing(monkeypatch, 2, 1_000)
    for n in range(7):
        loads.land(ONE, (n, n + 1), [item(n, n)])
    clock = Clock(monkeypatch, 0, 30)
    answers: list[LoadAnswer] = []
    while not answers or answers[-1].status == "more":
        clock.left = loading.RESERVE_SECONDS + 100
        answers.append(load_of(loads, ONE, ONE, time_left=clock))
    assert [answer.windows for answer in answers] == [2, 2, 3]
    assert clock.sizes == [2, 2, 2, 2, 2, 1]
    assert loads.rows("id") == [(n,) for n in range(7)]


@pytest.mark.parametrize(("stream", "what"), [("items", "3 windows"), ("lists", "a set of 3 windows")])
def test_what_takes_longer_than_a_whole_call_says_what_to_raise(
    loads: Loads, monkeypatch: pytest.MonkeyPatch, stream: str, what: str
) -> None:
    for n in range(3):
        loads.land(ONE, (n, n + 1), [item(n, n)], stream=stream, set_windows=3 * (stream == "lists"))
    clock = Clock(monkeypatch, loading.RESERVE_SECONDS + 100, 50)
    with pytest.raises(WarehouseError) as caught:
        load_of(loads, ONE, ONE, stream, time_left=clock)
    assert str(caught.value) == (
        f"{loads.name}.{stream} of run {ONE}: {what} (0 MB) did not load within a whole call: the function's time "
        "is up. Raise the warehouse's capacity or the function's timeout"
    )
