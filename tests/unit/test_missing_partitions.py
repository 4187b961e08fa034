"""Which windows a round reads of streams with partitions, of streams that wait, and of sets: each has its turn."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xmlift.catalogue.column import Column
from xmlift.catalogue.cursor import DeltaLink, Full, Watermark, Window
from xmlift.catalogue.for_each import ForEach
from xmlift.catalogue.model import Limits, Source
from xmlift.catalogue.order import waits_for
from xmlift.catalogue.request import Request
from xmlift.catalogue.stream import Stream
from xmlift.errors import PlanError
from xmlift.planning.missing import Told, missing_windows
from xmlift.planning.round_items import shared_out
from xmlift.warehouse.coverage import Covered
from xmlift.windows import Interval, merged, subtracted
from xmlift.work import PartitionsSeen, Plan

from .test_missing import START, event, hours

AREAS = ForEach(stream="areas", field="id")
COLUMNS = {"id": Column(path="id", type="bigint"), "modified": Column(path="m", type="timestamptz")}


def stream(
    *, slice: str | None = "6h", each: ForEach | None = None, after: Sequence[str] = (), **options: Any
) -> Stream:
    query: dict[str, str | int] = {"q": "{window.from}/{window.to}"}
    cursor = options.pop(
        "cursor", Watermark(field="modified", start=START.isoformat(), slice=slice, overlap="0s")
    )
    if not isinstance(cursor, Watermark | Window):
        query = {}
    if each:
        query["p"] = "{partition}"
    return Stream(
        request=Request(path="/i", query=query), records="/r/i", columns=COLUMNS, cursor=cursor, key=["id"],
        for_each=each, after=list(after), **options,
    )  # fmt: skip


def source(limit: int = 1000, **streams: Stream) -> Source:
    return Source(source="s", base_url="https://host", streams=streams, limits=Limits(windows_per_run=limit))


def told(*partitions: str, **more: Any) -> Told:
    return Told(partitions_of=lambda each: list(partitions), **more)


def covered(**streams: dict[str, list[tuple[float, float]]]) -> Covered:
    return {
        name: {one: [Interval(hours(a), hours(b)) for a, b in known] for one, known in partitions.items()}
        for name, partitions in streams.items()
    }


def windows(plan: Plan) -> list[tuple[str, str, float, float]]:
    """Stream, partition, and the window in hours since the start."""
    hour = timedelta(hours=1)
    return [
        (item.stream, item.partition, (item.start - START) / hour, (item.end - START) / hour)
        for item in plan.items
    ]


WHOLE = covered(areas={"-": [(0, 12)]})
BOTH = source(areas=stream(slice=None), items=stream(each=AREAS))


def test_a_stream_with_partitions_waits_until_the_one_above_has_loaded() -> None:
    def nobody(each: ForEach) -> Sequence[str]:
        raise AssertionError("its table may not be there yet")

    first = missing_windows(event(12), BOTH, {}, {}, Told(partitions_of=nobody))
    assert windows(first) == [("areas", "-", 0, 12)]
    assert (first.more, first.waiting, first.partitions) == (True, {"items": ["areas"]}, {})
    second = missing_windows(event(12), BOTH, {}, WHOLE, told("a", "b"))
    assert windows(second) == [
        ("items", "a", 0, 6),
        ("items", "b", 0, 6),
        ("items", "a", 6, 12),
        ("items", "b", 6, 12),
    ]
    assert (second.more, second.waiting) == (False, {})
    assert [load.stream for load in second.loads] == ["items"]


def test_each_partition_has_a_watermark_and_a_new_one_is_read_from_the_beginning() -> None:
    settled = covered(areas={"-": [(0, 12)]}, items={"a": [(0, 12)], "gone": [(0, 6)], "b": [(0, 6)]})
    plan = missing_windows(event(12), BOTH, settled, {}, told("a", "b", "new"))
    assert windows(plan) == [("items", "new", 0, 6), ("items", "b", 6, 12), ("items", "new", 6, 12)]
    assert plan.partitions == {"items": PartitionsSeen(count=3, new=1, gone=1, gone_names=["gone"])}
    assert plan.watermarks == {"areas": hours(12), "items": START}, "as complete as the least complete one"
    without = missing_windows(event(12), BOTH, settled, {}, told("a", "b"))
    assert without.watermarks["items"] == hours(6), "what is gone holds nothing up"


def test_no_partition_keeps_the_others_from_their_turn() -> None:
    """One that cannot be read has all of its windows missing, run after run."""
    many = covered(areas={"-": [(0, 600)]}, items={"b": [(0, 594)], "c": [(0, 588)]})
    limited = source(limit=3, areas=stream(slice=None), items=stream(each=AREAS))
    plan = missing_windows(event(600), limited, many, {}, told("a", "b", "c"))
    assert windows(plan) == [("items", "a", 0, 6), ("items", "c", 588, 594), ("items", "b", 594, 600)]
    assert plan.more


def test_a_stream_that_builds_on_nobody_at_work_goes_ahead() -> None:
    order = source(
        last=stream(slice=None, after=["items"]),
        items=stream(slice=None, each=AREAS),
        areas=stream(slice=None),
        alone=stream(slice=None),
        beside=stream(slice=None, after=["alone"]),
    )
    first = missing_windows(event(6), order, {}, {})
    assert {item.stream for item in first.items} == {"areas", "alone"}
    assert first.waiting == {"last": ["items"], "items": ["areas"], "beside": ["alone"]}
    own = covered(alone={"-": [(0, 6)]})
    second = missing_windows(event(6), order, {}, own)
    assert {item.stream for item in second.items} == {"areas", "beside"}, "whatever the other levels do"
    own = covered(alone={"-": [(0, 6)]}, areas={"-": [(0, 6)]}, beside={"-": [(0, 6)]})
    third = missing_windows(event(6), order, {}, own, told())
    assert {item.stream for item in third.items} == {"last"}, "no partitions, nothing to wait for"


def test_of_the_streams_that_are_chosen_alone() -> None:
    plan = missing_windows(event(6, streams=["items"]), BOTH, {}, {}, told("a"))
    assert windows(plan) == [("items", "a", 0, 6)]


def test_a_set_is_of_all_partitions() -> None:
    both = source(areas=stream(slice=None), items=stream(each=AREAS, disposition="replace"))
    plan = missing_windows(event(12), both, WHOLE, WHOLE, told("a", "b", "c"))
    assert {item.partition for item in plan.items} == {"a", "b", "c"}
    assert [item.set_windows for item in plan.items] == [6] * 6
    assert (
        missing_windows(event(12), both, WHOLE, {**WHOLE, **covered(items={"a": [(0, 6)]})}, told("a")).items
        == []
    )
    assert missing_windows(event(12), both, WHOLE, WHOLE, told()).items == []
    with pytest.raises(PlanError, match=r"s\.items: more than 10000 windows of 6000 partitions"):
        missing_windows(event(12), both, WHOLE, WHOLE, told(*map(str, range(6000))))


def test_thousands_of_partitions_are_planned_as_one_round_can_take_them() -> None:
    names = [f"p{number:05d}" for number in range(5000)]
    settled = covered(areas={"-": [(0, 24)]}, items={name: [(0, 18)] for name in names})
    plan = missing_windows(event(24), BOTH, settled, {}, told(*names))
    assert [item.partition for item in plan.items] == names[:1000]
    assert plan.more


def test_everything_is_read_by_each_run_as_one_window() -> None:
    full = source(a=stream(cursor=Full()))
    first = missing_windows(event(6), full, {}, {})
    assert [(item.start.year, item.end, item.set_windows) for item in first.items] == [(1970, hours(6), 0)]
    settled = {"a": {"-": [Interval(first.items[0].start, hours(6))]}}
    assert windows(missing_windows(event(12), full, settled, {})) == [("a", "-", 6, 12)]
    assert missing_windows(event(12), full, settled, covered(a={"-": [(6, 12)]})).items == []


def test_a_window_cursor_is_cut_and_lags() -> None:
    cursor = Window(start=START.isoformat(), slice="6h", lag="1h")
    plan = missing_windows(event(12), source(a=stream(cursor=cursor)), covered(a={"-": [(0, 5)]}), {})
    assert windows(plan) == [("a", "-", 5, 6), ("a", "-", 6, 12)]


def test_a_delta_goes_on_from_the_link_of_its_partition() -> None:
    delta = DeltaLink(xpath="/r/@delta")
    both = source(areas=stream(slice=None), items=stream(cursor=delta, each=AREAS))
    links = {("items", "a"): "https://host/i?delta=1", ("items", "gone"): "https://host/i?delta=2"}
    plan = missing_windows(event(12), both, WHOLE, WHOLE, told("a", "b", links=links))
    assert {item.partition: item.link for item in plan.items} == {"a": "https://host/i?delta=1", "b": None}
    assert all((item.start.year, item.end) == (1970, hours(12)) for item in plan.items)
    again = missing_windows(event(12, reread=True), both, WHOLE, WHOLE, told("a", links=links))
    assert [item.link for item in again.items] == [None], "from the beginning"


def test_what_is_due_is_read_whole_instead() -> None:
    one = source(a=stream())
    settled = covered(a={"-": [(0, 11)]})
    plan = missing_windows(event(12), one, settled, {}, told(sets_due={"a"}))
    # What changes while the slices are read leaves its own for the last one, which has to be open for it.
    assert windows(plan) == [("a", "-", 0, 6), ("a", "-", 6, 12 + 24)]
    assert [item.set_windows for item in plan.items] == [2, 2]
    assert (
        missing_windows(event(12), one, settled, covered(a={"-": [(0, 12)]}), told(sets_due={"a"})).items
        == []
    )


@pytest.mark.parametrize(
    ("environment", "of_source", "items", "at_once", "pace"),
    [
        (8, 4, 100, 4, 2.5),
        (2, 4, 100, 2, 5.0),
        (8, 4, 3, 3, 10 / 3),
        (8, 4, 0, 1, None),
        (1, 1, 5, 1, 10.0),
    ],
)
def test_the_pace_is_shared_by_those_at_work(
    environment: int, of_source: int, items: int, at_once: int, pace: float | None
) -> None:
    limits = Limits(requests_per_second=10.0, concurrency=of_source)
    plan = missing_windows(event(items), source(a=stream(slice="1h")), {}, {})
    shared = shared_out(plan, limits, environment)
    assert shared.concurrency == at_once
    assert [item.pace for item in shared.items] == [pace] * items
    assert all(item.pace * at_once <= limits.requests_per_second + 1e-9 for item in shared.items)


@pytest.mark.parametrize(("pace", "at_once"), [(0.033, 1), (0.01, 1), (0.1, 6), (0.14, 8), (5.0, 8)])
def test_no_function_waits_for_its_turn_longer_than_it_must(pace: float, at_once: int) -> None:
    """Shared by eight, two requests a minute were one in four minutes for each: none would end in its time."""
    plan = missing_windows(event(100), source(a=stream(slice="1h")), {}, {})
    shared = shared_out(plan, Limits(requests_per_second=pace), 8)
    assert (shared.concurrency, {item.pace for item in shared.items}) == (at_once, {pace / at_once})


NAMES = ("a", "b", "c", "d")
KNOWN = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 20)).map(lambda t: (t[0], t[0] + t[1])), max_size=3
)
PARTITIONED = st.dictionaries(st.sampled_from(["p", "q", "r", "gone"]), KNOWN, max_size=4)
WHOLLY = st.fixed_dictionaries({"-": KNOWN})


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Source, Covered]:
    """Streams that wait for those before them, some with partitions, and what the ledger has of them."""
    streams: dict[str, Stream] = {}
    for number, name in enumerate(NAMES):
        above = NAMES[:number]
        each = draw(st.sampled_from([None, *above]))
        streams[name] = stream(
            slice=draw(st.sampled_from([None, "5h"])),
            each=ForEach(stream=each, field="id") if each else None,
            after=draw(st.lists(st.sampled_from(above), max_size=2, unique=True)) if above else [],
            disposition=draw(st.sampled_from(["merge", "append", "scd2", "replace"])),
        )
    settled = {
        name: {
            partition: merged(Interval(hours(a), hours(b)) for a, b in known)
            for partition, known in draw(PARTITIONED if one.for_each else WHOLLY).items()
        }
        for name, one in streams.items()
    }  # fmt: skip
    return source(limit=draw(st.integers(1, 40)), **streams), settled


@settings(max_examples=200, deadline=None)
@given(worlds(), st.integers(1, 30), st.sets(st.sampled_from(["p", "q", "r"])))
def test_the_rounds_of_a_run_read_each_missing_window_once_and_what_is_above_first(
    world: tuple[Source, Covered], now: int, partitions: set[str]
) -> None:
    catalogue, settled = world
    own: dict[str, dict[str, list[Interval]]] = {}
    read: list[tuple[str, str, datetime, datetime]] = []
    done: set[str] = set()
    plans: list[Plan] = []
    while not plans or plans[-1].more:
        plan = missing_windows(event(now), catalogue, settled, own, told(*sorted(partitions)))
        assert plan.items or not plan.more, "a round that is followed by another reads something"
        plans.append(plan)
        at_work = {item.stream for item in plan.items}
        for name in at_work:
            assert not at_work.intersection(waits_for(catalogue.streams[name])), "those above are at rest"
            assert not done.intersection(
                other for other, one in catalogue.streams.items() if name in waits_for(one)
            )
        done |= at_work
        read += [(item.stream, item.partition, item.start, item.end) for item in plan.items]
        for item in plan.items:
            mine = own.setdefault(item.stream, {})
            mine[item.partition] = merged([*mine.get(item.partition, ()), Interval(item.start, item.end)])
        if not plan.more:
            break
    assert len(read) == len(set(read)), "no window twice"
    for name, one in catalogue.streams.items():
        for partition in partitions if one.for_each else ["-"]:
            known = [] if one.disposition == "replace" else settled[name].get(partition, [])
            mine = own.get(name, {}).get(partition, [])
            assert subtracted(Interval(START, hours(now)), [*known, *mine]) == [], "nothing is left out"
            if one.disposition != "replace":
                assert mine == merged(subtracted(Interval(START, hours(now)), known)), (
                    "nothing that is settled"
                )
    assert {(name, partition) for name, partition, *_ in read} <= {
        (name, partition)
        for name, one in catalogue.streams.items()
        for partition in (partitions if one.for_each else ["-"])
    }, "nothing of what is gone"
