"""Loads of streams with partitions: each disposition keeps them apart, and knows a record wherever it is read."""

import pytest

from xmlift.landing.chain import Landed

from .loads import ONE, THREE, TWO, Loads, event_row, item, texts
from .steps_landing import Row, at
from .test_loading_replace import line

ODD = 'b/ä "q" %2F .. +'


def states(loads: Loads) -> list[tuple[str, str]]:
    return loads.stand_in.run(
        "SELECT partition_id, state FROM xmlift.ledger WHERE source = %s ORDER BY 1, window_start", loads.name
    )


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_merge_knows_a_record_that_moves_from_one_partition_to_another(
    loads: Loads, order: tuple[int, int]
) -> None:
    landed = [
        loads.land(ONE, (0, 6), [item(1, 1, "a", notes=texts("x")), item(2, 1, "b")], partition="a"),
        loads.land(TWO, (0, 6), [item(1, 2, "moved", notes=texts("y"))], partition=ODD, as_of=7, read=7),
    ]
    for number in order:
        loads.load_batch(landed[number])
    assert loads.rows('id, title, "_partition"') == [(1, "moved", ODD), (2, "b", "a")]
    assert loads.notes() == [(1, 1, "y")]


def test_append_decides_the_time_of_each_partition_by_itself(loads: Loads) -> None:
    loads.load_batch(
        loads.land(ONE, (0, 6), [event_row(1, 1), event_row(2, 5)], stream="events", partition="a"),
        loads.land(ONE, (0, 6), [event_row(3, 1)], stream="events", partition=ODD),
    )
    loads.load_batch(
        loads.land(TWO, (0, 6), [event_row(1, 1)], stream="events", partition="a", as_of=9, read=9)
    )
    assert loads.rows('id, "_partition"', "events") == [(1, "a"), (3, ODD)]
    assert states(loads) == [("a", "loaded"), ("a", "loaded"), (ODD, "loaded")]


def land_partitions(loads: Loads, run: str, as_of: float, **partitions: list[Row]) -> list[Landed]:
    return [
        loads.land(
            run,
            (0, as_of),
            rows,
            stream="lists",
            as_of=as_of,
            read=as_of,
            partition=partition,
            set_windows=len(partitions),
        )
        for partition, rows in partitions.items()
    ]


def test_a_set_takes_the_place_of_partitions_that_are_gone_too(loads: Loads) -> None:
    loads.load_batch(*land_partitions(loads, ONE, 10, a=[line(1), line(2)], gone=[line(3)]))
    loads.load_batch(*land_partitions(loads, TWO, 11, a=[line(1)], new=[line(4)]))
    assert loads.rows('id, "_partition"', "lists") == [(1, "a"), (4, "new")]
    removed = (
        "SELECT partition_id, SUM(rows_removed) FROM xmlift.ledger WHERE source = %s GROUP BY 1 ORDER BY 1"
    )
    assert loads.stand_in.run(removed, loads.name) == [("a", 3), ("gone", 0), ("new", 0)]


def test_a_record_of_a_partition_that_is_gone_stands_once_where_it_is_now(loads: Loads) -> None:
    loads.load_batch(*land_partitions(loads, ONE, 10, gone=[line(1, "a")], a=[line(2, "b")]))
    loads.load_batch(*land_partitions(loads, TWO, 11, a=[line(1, "a"), line(2, "b")]))
    assert loads.rows('id, "_partition"', "lists") == [(1, "a"), (2, "a")]
    loads.check_sums()


def test_a_set_of_partitions_takes_the_place_of_what_was_read_without_any(loads: Loads) -> None:
    loads.load_batch(loads.land(ONE, (0, 10), [line(1), line(2)], stream="lists", set_windows=1))
    loads.load_batch(*land_partitions(loads, TWO, 11, a=[line(1)], b=[line(2)]))
    assert loads.rows('id, "_partition"', "lists") == [(1, "a"), (2, "b")]
    loads.check_sums()


def test_a_set_of_partitions_is_loaded_as_a_whole(loads: Loads) -> None:
    first, _ = land_partitions(loads, ONE, 10, a=[line(1)], b=[line(2)])
    loads.zone.put(f"{first.window.folder}commit.json", b"spoiled")
    assert loads.load(ONE, "lists").windows == 0
    assert states(loads) == []
    land_partitions(loads, TWO, 11, a=[line(3)], b=[line(4)])
    assert loads.load(TWO, "lists").windows == 2
    assert loads.rows('id, "_partition"', "lists") == [(3, "a"), (4, "b")]


def test_a_history_goes_on_in_each_partition_by_itself(loads: Loads) -> None:
    """A new partition is read from the beginning, when the others' history is long past it."""
    loads.land(ONE, (0, 12), [item(1, 1, "a")], stream="states", partition="a", as_of=12)
    loads.load(ONE, "states")
    loads.land(TWO, (11.5, 13), [item(1, 12.5, "b")], stream="states", partition="a", as_of=13)
    loads.land(TWO, (0, 13), [item(2, 1, "x")], stream="states", partition=ODD, as_of=13)
    assert loads.load(TWO, "states").windows == 2
    loads.land(THREE, (13, 14), [item(2, 13.5, "y")], stream="states", partition="late", as_of=14)
    assert loads.load(THREE, "states").windows == 0, "a gap before it, whatever the others have"
    assert loads.rows("id, title, valid_from, is_current", "states") == [
        (1, "a", at(1), False),
        (1, "b", at(12.5), True),
        (2, "x", at(1), True),
    ]
    assert states(loads) == [("a", "loaded"), ("a", "loaded"), (ODD, "loaded")]
