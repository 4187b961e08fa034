"""A reading of all that found nothing where other things stand: it takes nothing out, and the run fails by it."""

import pytest

from xmlift.errors import DataFaultError
from xmlift.landing.chain import Landed

from .loads import ONE, THREE, TWO, Loads, item, texts
from .steps_landing import Row

BLANK = {"renamed": 3}

STREAMS = pytest.mark.parametrize("stream", ["lists", "parts", "tickets"])


def land_whole(
    loads: Loads, stream: str, run: str, hour: float, *rows: Row, **options: dict[str, int]
) -> Landed:
    return loads.land(run, (0, hour), rows, stream=stream, set_windows=1, **options)


def there(loads: Loads, stream: str) -> list[int]:
    live = "" if stream == "lists" else 'WHERE "_deleted" IS NOT TRUE'
    return [key for (key,) in sorted(loads.stand_in.run(f'SELECT id FROM "{loads.name}".{stream} {live}'))]


def rows() -> list[Row]:
    return [item(1, 1, "a", notes=texts("x")), item(2, 1, "b")]


@STREAMS
def test_it_takes_nothing_out(loads: Loads, stream: str) -> None:
    loads.load_batch(land_whole(loads, stream, ONE, 2, *rows()))
    blank = land_whole(loads, stream, TWO, 3, unmatched=BLANK)
    with pytest.raises(DataFaultError, match=r"stand 3 × renamed: nothing .* `records`.* `guards.empty`"):
        loads.load_batch(blank)
    loads.load(TWO, stream)
    assert loads.ledger() == [(ONE, "loaded"), (TWO, "quarantined")]
    assert there(loads, stream) == [1, 2]
    assert loads.notes(stream) == [(1, 1, "x")]


@STREAMS
def test_in_a_replay_it_changes_nothing_either(loads: Loads, stream: str) -> None:
    for number, (run, found) in enumerate([(ONE, rows()), (TWO, rows()[:1]), (THREE, [])], start=1):
        land_whole(loads, stream, run, 2 * number, *found, unmatched={} if found else BLANK)
    loads.load("*", stream)
    assert there(loads, stream) == [1]
    loads.check_sums()


@STREAMS
def test_where_nothing_is_loaded_there_is_nothing_to_lose(loads: Loads, stream: str) -> None:
    loads.load_batch(land_whole(loads, stream, ONE, 2, unmatched=BLANK))
    assert loads.ledger() == [(ONE, "superseded")]


@STREAMS
def test_a_source_that_has_none_any_more_is_believed(loads: Loads, stream: str) -> None:
    loads.load_batch(land_whole(loads, stream, ONE, 2, *rows()))
    loads.load_batch(land_whole(loads, stream, TWO, 3))
    assert there(loads, stream) == []
    assert loads.notes(stream) == []
