"""The report of streams with partitions and of streams that wait, and what it says of what was seen on the way."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from xmlift.checks import LoadedCounts
from xmlift.landing import names
from xmlift.landing.zone import Zone
from xmlift.reporting.stream_report import StreamReport
from xmlift.work import PartitionsSeen, Plan

from .loads import Loads, fresh_loads, item
from .runs import Run
from .warehouse_stand_in import StandIn

FOR_EACH = """
    for_each: { stream: lists, field: id }
    request: { path: "/lists/{partition}/items", query: { q: "{window.from}/{window.to}" } }
    """


@pytest.fixture
def loads(zone: Zone, stand_in: StandIn) -> Iterator[Loads]:
    """`items` are read for each of the `lists`, which are replaced; `orders` wait for the items."""
    with fresh_loads(zone, stand_in) as fresh:
        text = fresh.text
        fresh.text = text.replace(
            '\n    request: { path: /items, query: { q: "{window.from}/{window.to}" } }\n    ', FOR_EACH, 1
        ).replace("  orders:\n", "  orders:\n    after: [items]\n", 1)
        assert fresh.text.count("for_each") == fresh.text.count("after:") == 1
        fresh.change("slice: 6h", "slice: 12h")
        yield fresh


STREAMS = ["items", "lists", "orders"]


def list_rows(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": number, "title": "l"} for number in numbers]


def land_lists(run: Run, *numbers: int, hours: float = 12) -> None:
    (asked,) = [one for one in plans(run)[0].items if one.stream == "lists"]
    start = (asked.start - names.run_started(run.run)).total_seconds() / 3600 + hours
    run.loads.land(run.run, (start, hours), list_rows(*numbers), stream="lists", set_windows=1)
    run.loads.load(run.run, "lists")


def plans(run: Run) -> list[Plan]:
    zone, prefix = run.loads.zone, f"{names.run_prefix(run.loads.name, run.run)}plan-"
    return [msgspec.json.decode(zone.get(key), type=Plan) for key in zone.keys(prefix)]


def test_a_run_of_levels_and_one_that_stops_at_the_first(loads: Loads) -> None:
    run = Run(loads, streams=STREAMS)
    run.plan()
    answer, result = run.report()
    assert answer.status == "failed"
    assert result.problems[1:] == [
        f"{loads.name}.items: not read by this run, since it waits for lists",
        f"{loads.name}.orders: not read by this run, since it waits for items",
    ]
    land_lists(run, 1, 2)
    answer, result = run.report()
    assert (answer.status, answer.catch_up) == ("succeeded", True), answer.message
    second = run.plan(1)
    assert second.extract.items == 2
    for partition in ("1", "2"):
        loads.land(run.run, (0, 12), [item(int(partition), 1, "t")], partition=partition)
    loads.load(run.run)
    answer, result = run.report()
    assert (answer.status, answer.catch_up) == ("succeeded", True)
    (items,) = [stream for stream in result.streams if stream.stream == "items"]
    assert items.partitions == PartitionsSeen(count=2, new=2, gone=0)
    assert (
        items.words == "items: 2 records of 2 partitions read, 2 new, 0 changed, 0 already known, 0 rejected"
    )
    assert result.warnings == []


def test_a_first_load_of_several_rounds_tells_of_columns_without_a_value(loads: Loads) -> None:
    """Of what is read in the first round, and settled in the second one."""
    run = Run(loads, streams=STREAMS[:2])
    (asked,) = [one for one in (run.plan(), plans(run))[1][0].items if one.stream == "lists"]
    start = (asked.start - names.run_started(run.run)).total_seconds() / 3600 + 12
    loads.land(run.run, (start, 12), [{"id": 1}], stream="lists", set_windows=1)
    loads.load(run.run, "lists")
    run.plan(1)
    loads.land(run.run, (0, 12), [item(1, 1, "t")], partition="1")
    loads.load(run.run)
    _, result = run.report()
    assert result.warnings == [f"{loads.name}.lists: never a value in title: are their paths right?"]


def test_a_partition_that_failed_is_named(loads: Loads) -> None:
    run = Run(loads, streams=STREAMS)
    run.plan()
    land_lists(run, 1, 2)
    run.plan(1)
    loads.land(run.run, (0, 12), [item(1, 1)], partition="1")
    loads.load(run.run)
    answer, result = run.report()
    assert answer.status == "failed"
    assert result.problems[0].startswith(f"{loads.name}.items partition 2 window ")
    assert result.problems[1:] == [f"{loads.name}.orders: not read by this run, since it waits for items"]


def test_partitions_that_are_gone_are_told_and_new_ones_counted(loads: Loads) -> None:
    first = Run(loads, streams=STREAMS[:2])
    first.plan()
    land_lists(first, *range(1, 9))
    first.plan(1)
    for number in range(1, 9):
        loads.land(first.run, (0, 12), [item(number, 1)], partition=str(number))
    loads.load(first.run)
    later = Run(loads, "two", 13, streams=STREAMS[:2])
    later.plan()
    land_lists(later, 1, 9, hours=13)
    later.plan(1)
    _, result = later.report()
    assert [line for line in result.warnings if "gone" in line] == [
        f"{loads.name}.items: partitions that were read before and are gone (7): 2, 3, 4, 5, 6 and 2 more. "
        "Nothing of them is read any more; their rows stay, save where a set replaces the table"
    ]
    assert "items: 0 records of 2 partitions (1 new) read" in "; ".join(
        stream.words for stream in result.streams
    )
    assert len(loads.rows("id")) == 8


def test_what_was_seen_and_not_mapped_and_what_was_cut_or_left_out() -> None:
    report = StreamReport(stream="items")
    report.unmapped = {f"part{number:02d}": number for number in range(1, 23)}
    report.cut = {"items.title": 3, "items__notes.text": 4}
    report.tables = {"items": LoadedCounts(left_out={"colour": 5}), "items__notes": LoadedCounts(marked=2)}
    unmapped, cut, left_out = report.warnings("ewm")
    assert unmapped.startswith("ewm.items: seen, not mapped: part22 (22), part21 (21), part20 (20), ")
    assert unmapped.endswith("part03 (3) and 2 more")
    assert cut == "ewm: texts cut to the width of their column: items__notes.text (4), items.title (3)"
    assert left_out == (
        "ewm.items: values left out, since the table lacks these columns (contract discard): colour (5)"
    )
    assert ", 2 gone, " in report.words
    report.windows, report.not_modified = 3, 2
    assert report.words.endswith(", 2 of 3 windows not modified")


def test_a_new_partition_makes_no_first_load_of_an_old_stream() -> None:
    seen = PartitionsSeen(count=2, new=1, gone=0)
    assert (seen.words, seen.are_new) == ("2 partitions (1 new)", False)
    first = PartitionsSeen(count=1, new=1, gone=0)
    assert (first.words, first.are_new) == ("1 partition", True)
