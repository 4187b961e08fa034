"""Children to any depth against real transactions: they come and go with their record, and are counted."""

from typing import Any

import pytest

from .loads import ONE, TWO, Loads, event_row, item
from .steps_landing import Row


def note(*words: str) -> Row:
    return {"text": "n", "words": [{"word": word} for word in words]}


def lists_row(identifier: int, _: float, **children: Any) -> Row:
    return {"id": identifier, **children}


ROWS = {"items": item, "events": event_row, "lists": lists_row}


@pytest.mark.parametrize("stream", ROWS)
def test_a_newer_reading_brings_its_own_of_every_depth(loads: Loads, stream: str) -> None:
    row, is_set = ROWS[stream], {"set_windows": 1} if stream == "lists" else {}
    first = [row(1, 1, notes=[note("a", "b"), note("c")]), row(2, 1, notes=[note("d")])]
    loads.load_batch(loads.land(ONE, (0, 6), first, stream=stream, **is_set))
    assert loads.words(stream) == [(1, 1, 1, "a"), (1, 1, 2, "b"), (1, 2, 1, "c"), (2, 1, 1, "d")]
    assert loads.counts(f"{stream}__notes__words") == [{"written": 4, "inserted": 4}]
    # Of append all that lies in the window is read again, of replace all there is.
    second = [row(1, 2, notes=[note(), note("e")])]
    again = [row(2, 1, notes=[note("d")])] if stream != "items" else []
    loads.load_batch(loads.land(TWO, (0, 6), [*second, *again], stream=stream, read=9, as_of=9, **is_set))
    assert loads.words(stream) == [(1, 2, 1, "e"), (2, 1, 1, "d")]
    assert loads.notes(stream) == [(1, 1, "n"), (1, 2, "n"), (2, 1, "n")]
    count = 1 + len(again)
    removed = 3 + len(again)
    assert loads.counts(f"{stream}__notes__words")[1] == {
        "written": count,
        "inserted": count,
        "removed": removed,
    }


def test_an_older_reading_changes_nothing_below(loads: Loads) -> None:
    loads.load_batch(loads.land(TWO, (6, 12), [item(1, 7, notes=[note("new")])]))
    loads.load_batch(loads.land(ONE, (0, 6), [item(1, 1, notes=[note("old", "older")])], read=20))
    assert loads.words() == [(1, 1, 1, "new")]
    assert loads.counts("items__notes__words")[0] == {"written": 2, "stale": 2}
