"""replace: the table is what the newest whole set holds."""

from collections.abc import Sequence
from typing import Any

import pytest

from xmlift.errors import WarehouseError
from xmlift.landing.chain import Landed

from .loads import ONE, THREE, TWO, Loads, texts
from .steps_landing import Row


def line(identifier: int, title: str = "", **children: Any) -> Row:
    return {"id": identifier, "title": title, **children}


def land_set(
    loads: Loads, run: str, *windows: Sequence[Row], stream: str = "lists", as_of: float = 10, size: int = 0
) -> list[Landed]:
    """Land a set: a window of one hour for each list of rows, read one after the other from `as_of` on."""
    return [
        loads.land(
            run,
            (number, number + 1),
            rows,
            stream=stream,
            as_of=as_of + number,
            read=as_of + number,
            set_windows=size or len(windows),
        )
        for number, rows in enumerate(windows)
    ]


def test_a_set_takes_the_place_of_the_one_before(loads: Loads) -> None:
    loads.load_batch(*land_set(loads, ONE, [line(1, "a", notes=texts("x", "y"))], [line(2, "b")]))
    loads.load_batch(*land_set(loads, TWO, [line(1, "c", notes=texts("z"))], [line(3, "d")], as_of=20))
    assert loads.rows("id, title", "lists") == [(1, "c"), (3, "d")]
    assert loads.notes("lists") == [(1, 1, "z")]
    assert loads.ledger("run, state, rows_inserted, rows_removed, loaded_by") == [
        (ONE, "loaded", 1, 0, ONE),
        (ONE, "loaded", 1, 0, ONE),
        (TWO, "loaded", 1, 2, TWO),
        (TWO, "loaded", 1, 0, TWO),
    ]
    assert loads.counts("lists__notes")[2] == {"written": 1, "inserted": 1, "removed": 2}


def test_an_older_set_is_superseded(loads: Loads) -> None:
    """A set is as old as the first of its windows that was read."""
    old = land_set(loads, TWO, [line(1)], [line(2)], [line(3)], as_of=10)
    loads.load_batch(*land_set(loads, ONE, [line(4)], as_of=11))
    loads.load_batch(*old)
    assert loads.rows("id", "lists") == [(4,)]
    assert loads.ledger() == [(ONE, "loaded"), *[(TWO, "superseded")] * 3]


def test_of_two_sets_read_at_one_moment_the_later_run_counts(loads: Loads) -> None:
    first, second = land_set(loads, ONE, [line(1)]), land_set(loads, TWO, [line(2)])
    for batch in (first, second), (second, first):
        for landed in batch:
            loads.load_batch(*landed)
        assert loads.rows("id", "lists") == [(2,)]
        loads.check_sums()
        loads.stand_in.run(f'DELETE FROM "{loads.name}".lists')
        loads.forget()


def test_of_two_sets_in_one_batch_the_newest_counts(loads: Loads) -> None:
    old = land_set(loads, TWO, [line(1, "a", notes=texts("x"))], [line(2, "b")], as_of=10)
    new = land_set(loads, ONE, [line(3, "c")], [line(4, "d")], as_of=20)
    loads.load_batch(old[0], *new, old[1])
    assert loads.rows("id, title", "lists") == [(3, "c"), (4, "d")]
    assert loads.notes("lists") == []
    assert loads.ledger() == [*[(ONE, "loaded")] * 2, *[(TWO, "superseded")] * 2]


def test_an_empty_set_empties_the_table(loads: Loads) -> None:
    loads.load_batch(*land_set(loads, ONE, [line(1, notes=texts("x"))]))
    loads.load_batch(*land_set(loads, TWO, [], as_of=20))
    assert loads.rows("id", "lists") == []
    assert loads.notes("lists") == []
    assert loads.counts("lists") == [{"written": 1, "inserted": 1}, {"removed": 1}]


@pytest.mark.parametrize(("landed", "promised"), [(1, 2), (2, 1), (2, 3)])
def test_a_set_that_is_not_whole_is_refused(loads: Loads, landed: int, promised: int) -> None:
    loads.load_batch(*land_set(loads, ONE, [line(1)]))
    before = loads.everything()
    some = land_set(loads, TWO, *[[line(n)] for n in range(landed)], as_of=20, size=promised)
    with pytest.raises(WarehouseError, match=f"{landed} windows here of a set of {promised}"):
        loads.load_batch(*some)
    assert loads.everything() == before


def test_a_window_that_belongs_to_no_set_is_refused(loads: Loads) -> None:
    """It was read when the stream was loaded otherwise, and is not all that there is."""
    alone = loads.land(ONE, (0, 6), [line(1)], stream="lists")
    with pytest.raises(WarehouseError, match="1 windows here of a set of 0"):
        loads.load_batch(alone)


def test_a_set_that_is_loaded_already_is_not_loaded_again(loads: Loads) -> None:
    landed = land_set(loads, ONE, [line(1)], [line(2)])
    loads.load_batch(*landed)
    before = loads.everything()
    loads.load_batch(*landed)
    assert loads.everything() == before


def test_a_key_that_stands_in_two_windows_is_the_one_that_was_read_last(loads: Loads) -> None:
    """The record moved while the set was read."""
    loads.load_batch(
        *land_set(
            loads, ONE, [line(1, "old", notes=texts("o"))], [line(1, "new", notes=texts("n")), line(2, "b")]
        )
    )
    assert loads.rows("id, title", "lists") == [(1, "new"), (2, "b")]
    assert loads.notes("lists") == [(1, 1, "n")]
    assert loads.counts("lists") == [{"written": 1, "duplicate": 1}, {"written": 2, "inserted": 2}]
    assert loads.counts("lists__notes") == [{"written": 1, "stale": 1}, {"written": 1, "inserted": 1}]


def test_without_a_key_all_rows_count(loads: Loads) -> None:
    loads.load_batch(*land_set(loads, ONE, [{"id": 1}, {"id": 1}], [{"id": 1}], stream="lines"))
    assert loads.rows("id", "lines") == [(1,), (1,), (1,)]


def test_what_was_merged_before_gives_way_to_the_first_set(loads: Loads) -> None:
    """Also what lies in windows of its own: the set is all that there is."""
    loads.change("key: [id]\n    disposition: replace", "key: [id]\n    disposition: merge")
    loads.load_batch(loads.land(ONE, (5, 6), [line(1, "a", notes=texts("x"))], stream="lists", as_of=6))
    loads.change("disposition: merge", "disposition: replace")
    loads.load_batch(*land_set(loads, THREE, [line(2, "b")], as_of=20))
    assert loads.rows("id, title", "lists") == [(2, "b")]
    assert loads.notes("lists") == []


def test_a_rebuilt_ledger_counts_the_newest_set(loads: Loads) -> None:
    old, new = land_set(loads, ONE, [line(1)]), land_set(loads, TWO, [line(2), line(3)], as_of=20)
    for landed in (old, new):
        loads.load_batch(*landed)
    before = loads.rows("*", "lists")
    loads.forget()
    for landed in (new, old):
        loads.load_batch(*landed)
        assert loads.rows("*", "lists") == before
    assert loads.counts("lists") == [{}, {"written": 2, "inserted": 2}]
