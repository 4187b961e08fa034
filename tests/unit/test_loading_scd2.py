"""scd2: each version of a key with the time in which it held."""

from typing import Any

import pytest

from xmlift.errors import WarehouseError
from xmlift.landing.chain import Landed
from xmlift.windows import EPOCH

from .loads import ONE, THREE, TWO, Loads
from .runs import Run
from .steps_landing import GONE, Row, at


def state(identifier: int, hours: float, title: str = "") -> Row:
    return {"id": identifier, "modified": at(hours).isoformat(), "title": title}


def gone(identifier: int, hours: float, title: str = "") -> Row:
    return {**state(identifier, hours, title), GONE: "yes"}


def versions(loads: Loads, columns: str = "id, title, valid_from, valid_to, is_current") -> list[Any]:
    """Times as hours of these tests."""
    found = loads.stand_in.run(f'SELECT {columns} FROM "{loads.name}".states ORDER BY id, valid_from')
    return [
        tuple((v - at(0)).total_seconds() / 3600 if hasattr(v, "tzinfo") else v for v in row) for row in found
    ]


def load_states(loads: Loads, run: str, window: tuple[float, float], *rows: Row, **options: Any) -> int:
    """Land and load a window, by default settled wholly: it is read long after its end."""
    options = {"as_of": window[1] + 1, **options}
    return loads.load_batch(loads.land(run, window, rows, stream="states", **options))


def test_a_change_ends_one_version_and_begins_the_next(loads: Loads) -> None:
    assert load_states(loads, ONE, (0, 6), state(1, 1, "a"), state(2, 2, "b")) == 0
    assert load_states(loads, TWO, (6, 12), state(1, 7, "c")) == 0
    assert versions(loads) == [
        (1, "a", 1.0, 7.0, False),
        (1, "c", 7.0, None, True),
        (2, "b", 2.0, None, True),
    ]
    assert loads.ledger("rows_inserted, rows_updated, rows_removed") == [(2, 0, 0), (1, 0, 0)]


def test_a_record_that_was_touched_and_not_changed_opens_no_version(loads: Loads) -> None:
    load_states(loads, ONE, (0, 6), state(1, 1, "a"))
    load_states(loads, TWO, (6, 12), state(1, 7, "a"))
    load_states(loads, THREE, (12, 18), state(1, 13, "b"))
    assert versions(loads, 'id, title, modified, valid_from, valid_to, "_run"') == [
        (1, "a", 1.0, 1.0, 13.0, ONE),
        (1, "b", 13.0, 13.0, None, THREE),
    ]
    assert loads.counts("states")[1] == {"written": 1, "stale": 1}


def test_several_versions_in_one_batch_are_a_history(loads: Loads) -> None:
    one = loads.land(
        ONE, (0, 6), [state(1, 1, "a"), state(1, 3, "b"), state(1, 4, "b")], stream="states", as_of=7
    )
    two = loads.land(ONE, (6, 12), [state(1, 7, "a")], stream="states", as_of=13)
    loads.load_batch(two, one)
    assert versions(loads) == [
        (1, "a", 1.0, 3.0, False),
        (1, "b", 3.0, 7.0, False),
        (1, "a", 7.0, None, True),
    ]
    assert loads.ledger("rows_written, rows_inserted, rows_stale") == [(3, 2, 1), (1, 1, 0)]


def test_of_two_readings_of_one_moment_the_newer_counts(loads: Loads) -> None:
    """The cursor is coarser than the changes."""
    load_states(loads, ONE, (0, 6), state(1, 1, "a"), state(1, 5.75, "b"), as_of=6)
    load_states(loads, TWO, (5.5, 12), state(1, 5.75, "c"), read=12)
    assert versions(loads) == [(1, "a", 1.0, 5.75, False), (1, "c", 5.75, None, True)]
    assert loads.ledger("rows_inserted, rows_removed") == [(2, 0), (1, 1)]


def test_an_older_reading_of_a_moment_is_stale_whenever_it_is_loaded(loads: Loads) -> None:
    load_states(loads, ONE, (0, 6), state(1, 5.75, "c"), as_of=6, read=12)
    load_states(loads, TWO, (5.5, 12), state(1, 5.75, "b"), read=7)
    assert versions(loads) == [(1, "c", 5.75, None, True)]
    assert loads.ledger("rows_inserted, rows_stale, rows_removed") == [(1, 0, 0), (0, 1, 0)]


def test_the_same_reading_of_the_overlap_changes_nothing(loads: Loads) -> None:
    load_states(loads, ONE, (0, 6), state(1, 5.75, "a"), as_of=6)
    load_states(loads, TWO, (5.5, 12), state(1, 5.75, "a"), read=12)
    assert versions(loads) == [(1, "a", 5.75, None, True)]


def test_a_deleted_key_has_a_version_that_says_so(loads: Loads) -> None:
    load_states(loads, ONE, (0, 6), state(1, 1, "a"))
    load_states(loads, TWO, (6, 12), gone(1, 7, "a"))
    load_states(loads, THREE, (12, 18), state(1, 13, "a"))
    assert versions(loads, 'title, "_deleted", valid_from, valid_to, is_current') == [
        ("a", False, 1.0, 7.0, False),
        ("a", True, 7.0, 13.0, False),
        ("a", False, 13.0, None, True),
    ]


def test_a_window_after_a_gap_waits_until_the_gap_is_filled(loads: Loads) -> None:
    first = loads.land(ONE, (0, 6), [state(1, 1, "a")], stream="states", as_of=7)
    third = loads.land(THREE, (12, 18), [state(1, 13, "c")], stream="states", as_of=19)
    assert loads.load_batch(first, third) == 1
    assert loads.load_batch(third) == 1
    assert versions(loads) == [(1, "a", 1.0, None, True)]
    assert loads.ledger() == [(ONE, "loaded")]
    load_states(loads, TWO, (6, 12), state(1, 7, "b"))
    assert loads.load_batch(third) == 0
    assert [row[1] for row in versions(loads)] == ["a", "b", "c"]


def test_the_first_window_begins_where_the_stream_does(loads: Loads) -> None:
    assert load_states(loads, ONE, (6, 12), state(1, 7, "b")) == 1
    assert loads.ledger() == []


def test_what_was_not_settled_is_no_ground_to_go_on_from(loads: Loads) -> None:
    """The overlap of 30 minutes before the server's clock is to be read again first."""
    load_states(loads, ONE, (0, 6), state(1, 1, "a"), as_of=6)
    assert load_states(loads, TWO, (6, 12), state(1, 7, "b")) == 1
    assert load_states(loads, TWO, (5.5, 12), state(1, 7, "b")) == 0


def test_a_window_that_history_went_over_is_superseded(loads: Loads) -> None:
    """A version that it would bring could hide that a later one is no news, or is."""
    late = loads.land(ONE, (6, 12), [state(1, 8, "b")], stream="states", as_of=13)
    load_states(loads, ONE, (0, 6), state(1, 1, "a"))
    load_states(loads, TWO, (6, 18), state(1, 15, "a"), as_of=19)
    assert loads.load_batch(late) == 0
    assert versions(loads) == [(1, "a", 1.0, None, True)]
    assert loads.ledger() == [(ONE, "loaded"), (ONE, "superseded"), (TWO, "loaded")]


def test_slices_that_were_read_out_of_order_all_load(loads: Loads) -> None:
    load_states(loads, ONE, (0, 6), state(1, 1, "a"), as_of=21)
    assert load_states(loads, ONE, (6, 12), state(1, 7, "b"), as_of=20) == 0
    assert [row[1] for row in versions(loads)] == ["a", "b"]


def slices_before_now(loads: Loads, run: str = THREE) -> list[Landed]:
    """What a run at 12:10 reads in slices: the overlap of 30 minutes goes back over both last ones."""
    return [
        loads.land(run, window, [state(1, window[0] + 0.01, title)], stream="states", as_of=as_of)
        for window, title, as_of in (((0, 11), "a", 12.2), ((11, 12), "b", 12.2), ((12, 12.15), "c", 12.18))
    ]


def test_slices_of_one_run_join_where_they_meet_also_within_the_overlap(loads: Loads) -> None:
    assert loads.load_batch(*slices_before_now(loads)) == 0
    assert [row[1] for row in versions(loads)] == ["a", "b", "c"]


def test_slices_of_one_run_join_across_batches(loads: Loads) -> None:
    for window in slices_before_now(loads):
        assert loads.load_batch(window) == 0
    assert [row[1] for row in versions(loads)] == ["a", "b", "c"]


def test_a_slice_that_settles_nothing_and_was_read_early_is_not_past(loads: Loads) -> None:
    """Slices are read in parallel: the last one was answered before the one that settles up to its start."""
    assert load_states(loads, ONE, (0, 12), state(1, 1, "a"), as_of=12.6) == 0
    assert load_states(loads, ONE, (12, 12.1), state(1, 12.05, "b"), as_of=12.15) == 0
    assert [row[1] for row in versions(loads)] == ["a", "b"]


def test_another_runs_window_joins_only_what_is_settled(loads: Loads) -> None:
    """Its own slices join where they meet, and the next run still reads from before the overlap on."""
    loads.load_batch(*slices_before_now(loads, TWO))
    assert load_states(loads, THREE, (12, 18), state(1, 13, "d")) == 1
    assert load_states(loads, THREE, (11.7, 18), state(1, 13, "d")) == 0
    assert [row[1] for row in versions(loads)] == ["a", "b", "c", "d"]


def test_a_gap_in_a_run_is_a_gap(loads: Loads) -> None:
    first, _, third = slices_before_now(loads)
    assert loads.load_batch(first, third) == 1


def test_what_lies_settled_after_the_overlap_is_gone_on_from(loads: Loads) -> None:
    """The last slice was read so late that it is settled, the one before it is not wholly."""
    load_states(loads, TWO, (0, 12), state(1, 1, "a"), as_of=12.1)
    load_states(loads, TWO, (12, 12.15), state(1, 12.05, "b"), as_of=13)
    between = loads.land(THREE, (11.6, 12), [state(1, 11.7, "c")], stream="states", as_of=19)
    after = loads.land(THREE, (12.15, 18), [state(1, 13, "d")], stream="states", as_of=19)
    assert loads.load_batch(between, after) == 0


def test_a_window_that_settles_nothing_is_loaded_all_the_same(loads: Loads) -> None:
    load_states(loads, ONE, (0, 0.25), state(1, 0.1, "a"), as_of=0.25)
    load_states(loads, TWO, (0, 0.4), state(1, 0.3, "b"), as_of=0.4)
    assert [row[1] for row in versions(loads)] == ["a", "b"]


def test_a_new_epoch_begins_at_the_start_and_ends_the_old_one(loads: Loads) -> None:
    left = loads.land(ONE, (6, 12), [state(1, 7, "b")], stream="states", as_of=13)
    load_states(loads, ONE, (0, 6), state(1, 1, "a"))
    assert load_states(loads, TWO, (6, 12), state(1, 7, "B"), epoch=1) == 1
    assert load_states(loads, TWO, (0, 12), state(1, 7, "B"), epoch=1) == 0
    assert loads.load_batch(left) == 0
    assert [row[1] for row in versions(loads)] == ["a", "B"]


def slice_anew(loads: Loads) -> None:
    loads.change("overlap: 30m, start", "overlap: 30m, slice: 6h, start")


def read(run: Run, window: tuple[float, float], *rows: Row) -> Landed:
    return run.loads.land(run.run, window, rows, stream="states", read=18.5, as_of=18.5)


def test_a_version_that_only_a_run_before_saw_is_loaded_with_what_is_read_again(loads: Loads) -> None:
    """Its first window failed: the others wait, and are not past once that one was read by the next run."""
    slice_anew(loads)
    one, two = (Run(loads, name, hours, streams=["states"]) for name, hours in (("one", 18), ("two", 18.01)))
    planned = one.plan()
    read(one, (6, 12), state(1, 7, "b"))
    read(one, (12, 18), state(2, 13, "x"))
    one.load(*planned.streams)
    assert loads.ledger() == []
    planned = two.plan()
    assert planned.extract.items == 4
    read(two, (0, 6), state(3, 1, "y"))
    read(two, (6, 12))
    read(two, (12, 18), state(1, 14, "c"), state(2, 13, "x"))
    read(two, (18, 18.01))
    two.load(*planned.streams)
    assert [row[:2] for row in versions(loads)] == [(1, "b"), (1, "c"), (2, "x"), (3, "y")]
    assert {state for _, state in loads.ledger()} == {"loaded"}
    answer, result = two.report()
    assert (answer.status, result.warnings) == ("succeeded", []), answer.message
    assert [(stream.windows, stream.recovered) for stream in result.streams] == [(4, 2)]


def test_what_two_runs_have_left_is_loaded_in_the_order_of_time(loads: Loads) -> None:
    slice_anew(loads)
    runs = [Run(loads, name, hours, streams=["states"]) for name, hours in (("one", 12), ("two", 12.01))]
    for run, title in zip(runs, ("a", "b"), strict=True):
        run.plan()
        read(run, (0, 6), state(1, 1, "first"))
        read(run, (6, 12), state(1, 7 if title == "a" else 8, title))
    three = Run(loads, "three", 12.02, streams=["states"])
    planned = three.plan()
    read(three, (0, 6))
    read(three, (6, 12), state(1, 9, "c"))
    read(three, (12, 12.02))
    three.load(*planned.streams)
    assert [row[1] for row in versions(loads)] == ["first", "a", "b", "c"]
    assert {state for _, state in loads.ledger()} == {"loaded"}


def test_a_replay_that_stops_before_a_gap_says_what_helps(loads: Loads) -> None:
    replay = Run(loads, "again", 19, streams=["states"], replay=True)
    read(Run(loads, "one", 12), (6, 12), state(1, 7, "b"))
    replay.load(*replay.plan().streams)
    assert replay.problem().endswith(
        ": let the next run read what is missing before it, then rebuild-ledger again"
    )


def test_a_column_that_the_catalogue_no_longer_has_keeps_its_history(loads: Loads) -> None:
    head = "disposition: scd2\n    deletes: { type: tombstone, path: gone }\n    columns:"
    size = "\n      size: { path: s, type: integer }"
    loads.change(head, head + size)
    load_states(loads, ONE, (0, 6), {**state(1, 1, "a"), "size": 7})
    loads.change(size, "")
    load_states(loads, TWO, (6, 12), state(1, 7, "b"))
    assert versions(loads, "title, size, valid_to") == [("a", 7, 7.0), ("b", None, None)]


@pytest.mark.parametrize(("before", "after"), [("merge", "scd2"), ("scd2", "merge")])
def test_a_table_that_was_loaded_otherwise_is_refused(loads: Loads, before: str, after: str) -> None:
    loads.change("disposition: scd2", f"disposition: {before}")
    load_states(loads, ONE, (0, 6), state(1, 1, "a"))
    kept = loads.everything()
    loads.change(f"disposition: {before}", f"disposition: {after}")
    with pytest.raises(
        WarehouseError, match=r"as a history \(scd2\).*name the stream anew, or drop the table"
    ):
        load_states(loads, TWO, (6, 12), state(1, 7, "b"))
    assert loads.everything() == kept


def test_a_rebuilt_ledger_leads_to_the_same_history(loads: Loads) -> None:
    windows = [
        loads.land(ONE, (0, 6), [state(1, 1, "a"), state(2, 2, "x")], stream="states", as_of=7),
        loads.land(TWO, (6, 12), [state(1, 7, "b"), state(2, 8, "x")], stream="states", as_of=13),
        loads.land(THREE, (12, 18), [state(1, 13, "a")], stream="states", as_of=19),
    ]
    for window in windows:
        loads.load_batch(window)
    before = versions(loads, "*")
    loads.forget()
    for window in windows:
        loads.load_batch(window, loaded_by=THREE)
        assert versions(loads, "*") == before
    assert loads.ledger("rows_inserted, rows_stale, rows_removed") == [(2, 0, 0), (1, 1, 0), (1, 0, 0)]


def test_a_stream_without_a_cursor_is_told_by_when_it_was_read(loads: Loads) -> None:
    loads.change('/states, query: { q: "{window.from}/{window.to}" }', "/states")
    cursor = '{ type: watermark, field: modified, overlap: 30m, start: "2026-01-01T00:00:00Z" }'
    loads.change(f"    cursor: {cursor}\n", "")
    since = (EPOCH - at(0)).total_seconds() / 3600
    load_states(loads, ONE, (since, 6), state(1, 1, "a"), read=6)
    load_states(loads, TWO, (6, 12), state(1, 1, "a"), read=12)
    load_states(loads, THREE, (12, 18), state(1, 1, "b"), read=18)
    assert versions(loads) == [(1, "a", 6.0, 18.0, False), (1, "b", 18.0, None, True)]
