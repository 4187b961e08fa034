"""merge against real transactions: the newest version of each key, with its children, and what is counted."""

from datetime import timedelta
from typing import Any

from xmlift.loading.load import LoadAnswer

from .loads import COUNTS, ONE, THREE, TWO, Loads, item, texts
from .steps_landing import GONE, Row, at


def test_new_rows_are_inserted_with_their_children_and_lineage(loads: Loads) -> None:
    landed = loads.land(ONE, (0, 6), [item(1, 1, "a", notes=texts("x", "y")), item(2, 2)], [item(3, 3, "c")])
    assert loads.load(ONE) == LoadAnswer(status="done", windows=1)
    assert loads.rows() == [(1, "a"), (2, None), (3, "c")]
    assert loads.notes() == [(1, 1, "x"), (1, 2, "y")]
    lineage = '"_partition", "_run", "_window", "_part", "_page", "_row", "_read_at", "_parsed_at"'
    window = str(landed.window.interval)
    assert loads.rows(f"id, {lineage}") == [
        (1, "-", ONE, window, "0123456789ab-00000", 1, 1, at(6), at(12)),
        (2, "-", ONE, window, "0123456789ab-00000", 1, 2, at(6), at(12)),
        (3, "-", ONE, window, "0123456789ab-00001", 2, 1, at(6) + timedelta(seconds=1), at(12)),
    ]
    assert loads.rows(lineage, "items__notes")[0] == (
        "-",
        ONE,
        window,
        "0123456789ab-00000",
        1,
        1,
        at(6),
        at(12),
    )
    assert loads.ledger(COUNTS) == [(3, 3, 3, 0, 0, 0)]
    assert loads.ledger("run, state, commit_sha, pages, as_of, window_start, window_end") == [
        (ONE, "loaded", landed.sha256, 2, at(6), at(0), at(6))
    ]


def test_a_newer_version_replaces_the_row_and_its_children(loads: Loads) -> None:
    loads.land(
        ONE, (0, 6), [item(1, 1, "old", notes=texts("x", "y", "z")), item(2, 1, "stays", notes=texts("k"))]
    )
    loads.load(ONE)
    loads.land(TWO, (6, 12), [item(1, 7, "new", notes=texts("w"))])
    loads.load(TWO)
    assert loads.rows() == [(1, "new"), (2, "stays")]
    assert loads.notes() == [(1, 1, "w"), (2, 1, "k")]
    assert loads.ledger(COUNTS) == [(2, 2, 2, 0, 0, 0), (1, 1, 0, 1, 0, 0)]


def test_a_newer_version_without_children_takes_the_old_ones_away(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, notes=texts("x"))])
    loads.load(ONE)
    loads.land(TWO, (6, 12), [item(1, 7)])
    loads.load(TWO)
    assert loads.notes() == []


def test_an_older_version_changes_nothing(loads: Loads) -> None:
    loads.land(ONE, (6, 12), [item(1, 7, "new", notes=texts("n"))])
    loads.land(TWO, (0, 6), [item(1, 1, "old", notes=texts("o", "p"))], read=20)
    loads.load(ONE)
    loads.load(TWO)
    assert loads.rows() == [(1, "new")]
    assert loads.notes() == [(1, 1, "n")]
    assert loads.ledger(COUNTS)[1] == (1, 1, 0, 0, 0, 1)
    assert loads.counts("items__notes")[1] == {"written": 2, "stale": 2}


def test_the_same_time_read_later_wins(loads: Loads) -> None:
    """The cursor is coarser than the changes: what was read later is what holds now."""
    loads.land(ONE, (0, 6), [item(1, 1, "first")], read=8)
    loads.land(TWO, (0, 6), [item(1, 1, "second")], read=9)
    loads.load(TWO)
    loads.load(ONE)
    assert loads.rows() == [(1, "second")]
    assert loads.ledger("rows_inserted, rows_stale") == [(0, 1), (1, 0)]


def test_the_very_same_version_again_is_stale(loads: Loads) -> None:
    for window in ((0, 6), (6, 12)):
        loads.load_batch(loads.land(ONE, window, [item(1, 6, "same")], read=20))
    assert loads.rows('id, "_window"') == [(1, "20260101T000000000000Z_20260101T060000000000Z")]
    assert loads.ledger(COUNTS) == [(1, 1, 1, 0, 0, 0), (1, 1, 0, 0, 0, 1)]


def test_a_run_that_began_earlier_and_read_later_wins(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, "later")], read=20)
    loads.land(TWO, (0, 6), [item(1, 1, "earlier")], read=15)
    loads.load(ONE)
    loads.load(TWO)
    assert loads.rows() == [(1, "later")]


def test_the_same_reading_parsed_again_later_wins(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, "one")], read=8)
    loads.land(TWO, (0, 6), [item(1, 1, "two")], read=8)
    loads.load(TWO)
    loads.load(ONE)
    assert loads.rows() == [(1, "two")]


def test_of_one_page_the_later_row_wins(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, "first", notes=texts("f")), item(1, 1, "later", notes=texts("l"))])
    loads.load(ONE)
    assert loads.rows() == [(1, "later")]
    assert loads.notes() == [(1, 1, "l")]
    assert loads.ledger(COUNTS) == [(2, 2, 1, 0, 1, 0)]


def test_of_a_batch_the_newest_version_wins_whatever_its_window(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [item(1, 5, "newest"), item(2, 1, "a")], read=6)
    loads.land(ONE, (6, 12), [item(1, 4, "older"), item(2, 7, "b")], read=12)
    loads.load(ONE)
    assert loads.rows() == [(1, "newest"), (2, "b")]
    assert loads.ledger(COUNTS) == [(2, 2, 1, 0, 1, 0), (2, 2, 1, 0, 1, 0)]


def order(identifier: int, hours: float, title: str = "t", **more: Any) -> Row:
    return {"id": identifier, "modified": at(hours).isoformat(), "title": title, **more}


def tombstone(identifier: int, hours: float) -> Row:
    """All that a server may tell of a deletion: which, and when."""
    return {"id": identifier, "modified": at(hours).isoformat(), GONE: "yes"}


ORDERS = 'id, title, "_deleted"'


def test_children_that_a_newer_version_takes_out_are_counted(loads: Loads) -> None:
    loads.load_batch(loads.land(ONE, (0, 6), [item(1, 1, notes=texts("x", "y", "z")), item(2, 1)]))
    loads.load_batch(loads.land(TWO, (6, 12), [item(1, 7, notes=texts("w"))]))
    assert loads.counts("items") == [{"written": 2, "inserted": 2}, {"written": 1, "updated": 1}]
    assert loads.counts("items__notes") == [
        {"written": 3, "inserted": 3},
        {"written": 1, "inserted": 1, "removed": 3},
    ]


def test_a_tombstone_stays_as_a_row_and_takes_the_children_out(loads: Loads) -> None:
    loads.load_batch(
        loads.land(ONE, (0, 6), [order(1, 1, "a", notes=texts("x", "y")), order(2, 2, "b")], stream="orders")
    )
    loads.load_batch(loads.land(TWO, (6, 12), [tombstone(1, 7)], stream="orders"))
    assert loads.rows(ORDERS, "orders") == [(1, None, True), (2, "b", False)]
    assert loads.notes("orders") == []
    assert loads.counts("orders")[1] == {"written": 1, "updated": 1}
    assert loads.counts("orders__notes")[1] == {"removed": 2}


def test_an_older_window_does_not_resurrect_what_is_deleted(loads: Loads) -> None:
    alive = loads.land(ONE, (0, 6), [order(1, 1, "a", notes=texts("x"))], stream="orders")
    loads.load_batch(loads.land(TWO, (6, 12), [tombstone(1, 7)], stream="orders"))
    loads.load_batch(alive)
    assert loads.rows(ORDERS, "orders") == [(1, None, True)]
    assert loads.notes("orders") == []
    assert loads.counts("orders__notes")[0] == {"written": 1, "stale": 1}


def test_a_newer_version_brings_back_what_was_deleted(loads: Loads) -> None:
    loads.load_batch(loads.land(ONE, (0, 6), [tombstone(1, 2)], stream="orders"))
    loads.load_batch(loads.land(TWO, (6, 12), [order(1, 7, "b", notes=texts("y"))], stream="orders"))
    assert loads.rows(ORDERS, "orders") == [(1, "b", False)]
    assert loads.notes("orders") == [(1, 1, "y")]


def test_a_rebuilt_ledger_counts_the_rows_that_are_there_and_changes_none(loads: Loads) -> None:
    first = loads.land(ONE, (0, 6), [item(1, 1, "a", notes=texts("x")), item(2, 1, "b")])
    second = loads.land(TWO, (6, 12), [item(1, 7, "c", notes=texts("y", "z"))])
    for window in (first, second):
        loads.load_batch(window)
    before = loads.rows("*"), loads.rows("*", "items__notes")
    loads.forget()
    for window in (first, second):
        loads.load_batch(window, loaded_by=THREE)
        assert (loads.rows("*"), loads.rows("*", "items__notes")) == before
    assert loads.ledger("run, rows_inserted, rows_updated, rows_stale, loaded_by") == [
        (ONE, 1, 0, 1, THREE),
        (TWO, 1, 0, 0, THREE),
    ]
    assert loads.counts("items__notes") == [{"written": 1, "stale": 1}, {"written": 2, "inserted": 2}]


def test_a_window_that_never_loaded_before_may_win_in_a_rebuild(loads: Loads) -> None:
    first = loads.land(ONE, (0, 6), [item(1, 1, "a", notes=texts("x", "y"))])
    late = loads.land(TWO, (6, 12), [item(1, 7, "b", notes=texts("z"))])
    loads.load_batch(first)
    loads.forget()
    loads.load_batch(late)
    loads.load_batch(first)
    assert loads.rows() == [(1, "b")]
    assert loads.notes() == [(1, 1, "z")]
    assert loads.counts("items") == [{"written": 1, "stale": 1}, {"written": 1, "inserted": 1}]
