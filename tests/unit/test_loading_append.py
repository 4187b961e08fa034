"""append: for each instant, what the newest reading that covers it had there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmlift.dispositions.append import decided_by
from xmlift.warehouse import ledger
from xmlift.warehouse.ledger import Reading
from xmlift.windows import Interval

from .loads import COUNTS, ONE, THREE, TWO, Loads, event_row, texts
from .steps_landing import at


def test_append_keeps_every_record_of_every_window(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [event_row(1, 1, notes=texts("x"))], stream="events")
    loads.land(ONE, (6, 12), [event_row(1, 7), event_row(2, 8)], stream="events")
    assert loads.load(ONE, "events").windows == 2
    assert loads.rows("id, happened", "events") == [(1, at(1)), (1, at(7)), (2, at(8))]
    assert loads.notes("events") == [(1, 1, "x")]
    assert loads.ledger(COUNTS) == [(1, 1, 1, 0, 0, 0), (2, 2, 2, 0, 0, 0)]


def test_what_lies_outside_its_window_is_counted_and_left_to_the_other(loads: Loads) -> None:
    rows = [event_row(1, -0.1), event_row(2, 0), event_row(3, 5.9), event_row(4, 6)]
    loads.land(ONE, (0, 6), rows, stream="events")
    loads.load(ONE, "events")
    assert loads.rows("id", "events") == [(2,), (3,)]
    assert loads.ledger("rows_read, rows_written, rows_out_of_window") == [(4, 2, 2)]


def test_a_record_that_one_window_read_twice_is_kept_once(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [event_row(1, 1)], [event_row(1, 1), event_row(2, 2)], stream="events")
    loads.load(ONE, "events")
    assert loads.rows('id, "_page"', "events") == [(1, 2), (2, 2)]
    assert loads.ledger(COUNTS) == [(3, 3, 2, 0, 1, 0)]


def test_a_window_read_again_replaces_its_own_rows(loads: Loads) -> None:
    loads.land(
        ONE, (6, 8), [event_row(1, 7, notes=texts("old")), event_row(2, 7.5)], stream="events", as_of=8
    )
    loads.land(ONE, (0, 6), [event_row(9, 5)], stream="events", as_of=8)
    loads.load(ONE, "events")
    loads.land(
        TWO, (6, 10), [event_row(1, 7, notes=texts("new")), event_row(3, 9)], stream="events", as_of=10
    )
    loads.load(TWO, "events")
    assert loads.rows('id, "_run"', "events") == [(1, TWO), (3, TWO), (9, ONE)]
    assert loads.notes("events") == [(1, 1, "new")]
    assert loads.ledger("run, rows_inserted, rows_removed, loaded_by") == [
        (ONE, 1, 0, ONE),
        (ONE, 2, 0, ONE),
        (TWO, 2, 2, TWO),
    ]
    assert loads.counts("events__notes")[2] == {"written": 1, "inserted": 1, "removed": 1}


def test_a_part_of_a_window_that_was_read_again_is_the_newer_readings(loads: Loads) -> None:
    """No grid: the time before and after stays as it was."""
    old, new = [event_row(n, n) for n in (1, 3, 5)], [event_row(7, 3), event_row(8, 3.5)]
    loads.load_batch(loads.land(ONE, (0, 6), old, stream="events", as_of=7))
    loads.load_batch(loads.land(TWO, (2, 4), new, stream="events", as_of=8))
    assert loads.rows('id, "_run"', "events") == [(1, ONE), (5, ONE), (7, TWO), (8, TWO)]


def test_an_older_reading_brings_only_what_no_newer_one_covers(loads: Loads) -> None:
    new, old = [event_row(7, 3)], [event_row(n, n, notes=texts("x")) for n in (1, 2, 3, 4, 5)]
    loads.load_batch(loads.land(TWO, (2, 4), new, stream="events", as_of=8))
    loads.load_batch(loads.land(ONE, (0, 6), old, stream="events", as_of=7))
    assert loads.rows('id, "_run"', "events") == [(1, ONE), (4, ONE), (5, ONE), (7, TWO)]
    assert loads.notes("events") == [(1, 1, "x"), (4, 1, "x"), (5, 1, "x")]
    assert loads.ledger("run, state, rows_inserted, rows_stale") == [
        (ONE, "loaded", 3, 2),
        (TWO, "loaded", 1, 0),
    ]
    assert loads.counts("events__notes")[0] == {"written": 5, "inserted": 3, "stale": 2}


def test_windows_that_overlap_in_one_batch_leave_the_newer(loads: Loads) -> None:
    loads.load_batch(
        loads.land(ONE, (6, 9), [event_row(1, 7), event_row(3, 8.5)], stream="events", as_of=9),
        loads.land(TWO, (5, 8), [event_row(1, 7), event_row(2, 7.5)], stream="events", as_of=10),
    )
    assert loads.rows('id, "_run"', "events") == [(1, TWO), (2, TWO), (3, ONE)]
    assert loads.ledger() == [(ONE, "loaded"), (TWO, "loaded")]


def test_an_empty_newer_reading_empties_its_time(loads: Loads) -> None:
    loads.land(ONE, (6, 8), [event_row(1, 7, notes=texts("x"))], stream="events", as_of=8)
    loads.load(ONE, "events")
    loads.land(TWO, (6, 10), stream="events", as_of=10)
    loads.load(TWO, "events")
    assert loads.rows("id", "events") == []
    assert loads.notes("events") == []
    assert loads.counts("events") == [{"written": 1, "inserted": 1}, {"removed": 1}]
    assert loads.counts("events__notes") == [{"written": 1, "inserted": 1}, {"removed": 1}]


def test_age_is_told_by_the_servers_clock_and_not_by_ours(loads: Loads) -> None:
    loads.land(TWO, (6, 10), [event_row(2, 9)], stream="events", as_of=9)
    loads.land(ONE, (6, 10), [event_row(1, 9)], stream="events", as_of=10)
    for run in (ONE, TWO):
        loads.load(run, "events")
    assert loads.rows("id", "events") == [(1,)]


def test_a_later_epoch_counts_whatever_the_clock_says(loads: Loads) -> None:
    mended = loads.land(ONE, (0, 6), [event_row(1, 1)], stream="events", as_of=8, epoch=1)
    before = loads.land(TWO, (0, 6), [event_row(2, 2)], stream="events", as_of=9)
    loads.load_batch(mended)
    loads.load_batch(before)
    assert loads.rows("id", "events") == [(1,)]


@pytest.mark.parametrize("order", [1, -1])
def test_the_ledger_may_answer_in_any_order(
    loads: Loads, monkeypatch: pytest.MonkeyPatch, order: int
) -> None:
    overlapping = ledger.overlapping
    monkeypatch.setattr(ledger, "overlapping", lambda *args: overlapping(*args)[::order])
    for run, as_of, rows in ((ONE, 7, [event_row(1, 1)]), (THREE, 9, [event_row(n, n) for n in (1, 2, 3)])):
        loads.load_batch(loads.land(run, (0, 6), rows, stream="events", as_of=as_of))
    loads.load_batch(loads.land(TWO, (0, 6), [event_row(1, 1), event_row(2, 2)], stream="events", as_of=8))
    assert loads.rows("id", "events") == [(1,), (2,), (3,)]


def reading(start: float, end: float, as_of: float, run: str = ONE, epoch: int = 0) -> Reading:
    return Reading("-", Interval(at(start), at(end)), epoch, at(as_of), run)


@pytest.mark.parametrize(
    ("batch", "loaded", "expected"),
    [
        ([reading(0, 6, 7)], [], [(0, 0, 6)]),
        ([reading(0, 6, 7)], [reading(2, 4, 8)], [(0, 0, 2), (0, 4, 6)]),
        ([reading(2, 4, 8)], [reading(0, 6, 7)], [(0, 2, 4)]),
        ([reading(2, 4, 8)], [reading(0, 6, 9)], []),
        ([reading(0, 4, 8), reading(2, 6, 9)], [], [(0, 0, 2), (1, 2, 6)]),
        ([reading(0, 4, 8, ONE), reading(2, 6, 8, TWO)], [], [(0, 0, 2), (1, 2, 6)]),
        ([reading(0, 4, 8, epoch=1), reading(2, 6, 9)], [], [(0, 0, 4), (1, 4, 6)]),
        ([reading(0, 4, 8)], [reading(0, 4, 9)._replace(partition="p")], [(0, 0, 4)]),
    ],
)
def test_the_time_that_each_reading_decides(
    batch: list[Reading], loaded: list[Reading], expected: list[tuple[int, float, float]]
) -> None:
    pieces = {(batch.index(piece.reading), *piece.interval) for piece in decided_by(batch, loaded)}
    assert pieces == {(number, at(start), at(end)) for number, start, end in expected}


readings = st.lists(
    st.builds(
        lambda start, length, as_of, run, epoch: reading(start, start + length, as_of, run, epoch),
        st.integers(0, 6), st.integers(1, 5), st.integers(0, 3), st.sampled_from([ONE, TWO]), st.integers(0, 1),
    ),
    max_size=6,
)  # fmt: skip


@given(readings, readings)
def test_each_instant_is_the_newest_readings_that_covers_it(
    batch: list[Reading], loaded: list[Reading]
) -> None:
    pieces = list(decided_by(batch, loaded))
    for hour in range(12):
        covering = [one for one in {*batch, *loaded} if one.interval.start <= at(hour) < one.interval.end]
        newest = max(covering, key=lambda one: (one.epoch, one.as_of, one.run, one.interval), default=None)
        found = [piece.reading for piece in pieces if piece.interval.start <= at(hour) < piece.interval.end]
        assert found == ([newest] if newest in batch else [])
