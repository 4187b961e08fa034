"""Which windows a round reads: what is wanted, less what is settled, in order."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec import structs

from xmlift.catalogue.column import Column
from xmlift.catalogue.cursor import Watermark
from xmlift.catalogue.model import Limits, Source
from xmlift.catalogue.request import Request
from xmlift.catalogue.stream import Stream
from xmlift.errors import PlanError
from xmlift.planning.missing import MOST_ITEMS, missing_windows, stream_overlap
from xmlift.run_input import PlanEvent, RunInput
from xmlift.warehouse.coverage import Covered
from xmlift.warehouse.ledger import LOADED, QUARANTINED, SUPERSEDED
from xmlift.windows import Interval, merged, settled_by, subtracted
from xmlift.work import Plan

START = datetime(2026, 1, 1, tzinfo=UTC)
BOUNDED = Request(path="/items", query={"q": "{window.from}/{window.to}"})
OPEN = Request(path="/items")


def hours(count: float) -> datetime:
    return START + timedelta(hours=count)


def stream(request: Request = BOUNDED, overlap: str = "5m", **options: Any) -> Stream:
    cursor = Watermark(
        field="modified", overlap=overlap, start=START.isoformat(), slice=options.pop("slice", None)
    )
    columns = {"id": Column(path="id", type="bigint"), "modified": Column(path="m", type="timestamptz")}
    return Stream(request=request, records="/r/i", columns=columns, cursor=cursor, key=["id"], **options)


def source(limit: int = 1000, **streams: Stream) -> Source:
    limits = Limits(windows_per_run=limit)
    return Source(source="s", base_url="https://host", streams=streams, limits=limits)


def event(now: float, execution: str = "e1", **asked: Any) -> PlanEvent:
    return PlanEvent(
        input=RunInput(source="s", catalogue="catalogue/s/x.yaml", **asked),
        execution=execution,
        execution_arn=f"arn:{execution}",
        started=hours(now),
    )


class Window(NamedTuple):
    """A row of the ledger, as far as planning goes by it."""

    stream: str
    interval: Interval
    as_of: datetime
    run: str
    state: str


def loaded(
    start: float,
    end: float,
    as_of: float | None = None,
    name: str = "a",
    run: str = "",
    state: str = LOADED,
) -> Window:
    return Window(
        name, Interval(hours(start), hours(end)), hours(end if as_of is None else as_of), run, state
    )


def decide(asked: PlanEvent, catalogue: Source, rows: list[Window]) -> Plan:
    """One round over a ledger with these rows."""
    settled = [
        (row.stream, settled_by(row.interval, row.as_of, stream_overlap(catalogue.streams[row.stream])))
        for row in rows
        if row.state == LOADED and row.stream in catalogue.streams
    ]
    own = [(row.stream, row.interval) for row in rows if row.run == asked.run]
    return missing_windows(asked, catalogue, covered_by(settled), covered_by(own))


def covered_by(intervals: list[tuple[str, Interval]]) -> Covered:
    return {
        name: {"-": merged(interval for one, interval in intervals if one == name)} for name, _ in intervals
    }


def windows(plan: Plan, name: str = "a") -> list[tuple[float, float]]:
    """The windows of a stream in hours since the start."""
    return [(_hours(item.start), _hours(item.end)) for item in plan.items if item.stream == name]


def _hours(instant: datetime) -> float:
    return round((instant - START) / timedelta(hours=1), 6)


FIVE_MINUTES = round(5 / 60, 6)


@pytest.mark.parametrize(
    ("covered", "expected"),
    [
        pytest.param([], [(0, 10)], id="first run"),
        pytest.param([loaded(0, 9)], [(9 - FIVE_MINUTES, 10)], id="second run re-reads the overlap"),
        pytest.param([loaded(0, 9, as_of=20)], [(9, 10)], id="a window read long after its end is settled"),
        pytest.param([loaded(0, 9, as_of=8)], [(8 - FIVE_MINUTES, 10)], id="the server's clock is behind"),
        pytest.param([loaded(0, 9, as_of=0.01)], [(0, 10)], id="an overlap longer than the window"),
        pytest.param(
            [loaded(0, 9, as_of=-5)], [(0, 10)], id="a server that lives in the past settles nothing"
        ),
        pytest.param([loaded(0, 2, 9), loaded(3, 4, 9)], [(2, 3), (4, 10)], id="a gap heals"),
        pytest.param([loaded(3, 4, 9)], [(0, 3), (4, 10)], id="a gap at the front"),
        pytest.param([loaded(0, 10, 20)], [], id="nothing missing"),
        pytest.param([loaded(-5, 12, 20)], [], id="more settled than wanted"),
        pytest.param(
            [loaded(4, 6, 9), loaded(5, 7, 9), loaded(0, 4, 9)], [(7, 10)], id="overlapping windows"
        ),
        pytest.param([loaded(0, 9, 20, name="gone")], [(0, 10)], id="a stream that is no longer there"),
    ],
)
def test_what_is_missing_of_a_bounded_stream(
    covered: list[Window], expected: list[tuple[float, float]]
) -> None:
    assert windows(decide(event(10), source(a=stream()), covered)) == expected


@pytest.mark.parametrize(
    ("covered", "expected"),
    [
        pytest.param([], [(0, 10)], id="first run"),
        pytest.param([loaded(0, 9)], [(9 - FIVE_MINUTES, 10)], id="from the settled end"),
        pytest.param([loaded(0, 2, 9), loaded(3, 9, 20)], [(2, 10)], id="from the first gap: one window"),
        pytest.param(
            [loaded(3, 9, 20)], [(0, 10)], id="what is not contiguous with the start does not count"
        ),
        pytest.param([loaded(0, 10, 20)], [], id="nothing missing"),
    ],
)
def test_an_unbounded_stream_is_one_window(
    covered: list[Window], expected: list[tuple[float, float]]
) -> None:
    assert windows(decide(event(10), source(a=stream(OPEN)), covered)) == expected


def test_a_stream_without_a_cursor_is_read_from_the_beginning_of_time() -> None:
    plain = Stream(request=OPEN, records="/r/i", columns={"id": Column(path="id")}, key=["id"])
    (item,) = decide(event(10), source(a=plain), []).items
    assert (item.start, item.end) == (datetime(1970, 1, 1, tzinfo=UTC), hours(10))
    covered = [Window("a", Interval(item.start, item.end), hours(11), "", LOADED)]
    (again,) = decide(event(12), source(a=plain), covered).items
    assert again.start == hours(10), "no cursor, no overlap; a whole snapshot is read all the same"


def test_slices_lie_on_a_fixed_grid_and_end_now() -> None:
    sliced = source(a=stream(slice="6h"))
    assert windows(decide(event(15), sliced, [])) == [(0, 6), (6, 12), (12, 15)]
    covered = [loaded(0, 6, 9), loaded(12, 15, 20)]
    assert windows(decide(event(19), sliced, covered)) == [(6, 12), (15, 18), (18, 19)]


def test_slices_of_a_gap_do_not_reach_beyond_it() -> None:
    covered = [loaded(0, 7, 20), loaded(8, 18, 20)]
    assert windows(decide(event(18), source(a=stream(slice="6h")), covered)) == [(7, 8)]


@pytest.mark.parametrize("disposition", ["append", "scd2"])
def test_what_is_missing_does_not_depend_on_what_becomes_of_it(disposition: Any) -> None:
    sliced = source(a=stream(slice="6h", disposition=disposition))
    assert windows(decide(event(15), sliced, [])) == [(0, 6), (6, 12), (12, 15)]
    rows = [loaded(0, 6, 9), loaded(6, 12, 15), loaded(12, 15, 15)]
    assert windows(decide(event(17), sliced, rows)) == [(15 - FIVE_MINUTES, 17)]
    later = source(a=stream(slice="4h", disposition=disposition))
    assert windows(decide(event(17), later, rows)) == [(15 - FIVE_MINUTES, 16), (16, 17)], "another grid"


def test_the_oldest_come_first_over_all_streams_and_the_rest_remains() -> None:
    both = source(limit=3, a=stream(slice="6h"), b=stream(slice="6h"))
    plan = decide(event(12), both, [loaded(0, 6, 20, name="a")])
    assert [(item.stream, _hours(item.start)) for item in plan.items] == [("b", 0), ("a", 6), ("b", 6)]
    assert not plan.more
    plan = decide(event(18), both, [])
    assert [(item.stream, _hours(item.start)) for item in plan.items] == [("a", 0), ("b", 0), ("a", 6)]
    assert plan.more


def test_an_item_is_the_whole_event_of_an_extract() -> None:
    plan = decide(event(1, base_url="https://other/ccm"), source(a=stream()), [])
    assert msgspec.json.decode(msgspec.json.encode(plan.items)) == [
        {
            "source": "s",
            "catalogue": f"runs/s/{event(1).run}/catalogue.yaml",
            "base_url": "https://other/ccm",
            "run": "20260101T010000000000Z-e1",
            "stream": "a",
            "partition": "-",
            "epoch": 0,
            "from": "2026-01-01T00:00:00Z",
            "to": "2026-01-01T01:00:00Z",
        }
    ]
    assert msgspec.json.decode(msgspec.json.encode(plan.loads)) == [
        {
            "source": "s",
            "catalogue": f"runs/s/{event(1).run}/catalogue.yaml",
            "stream": "a",
            "run": "20260101T010000000000Z-e1",
            "windows_of": "20260101T010000000000Z-e1",
        }
    ]


def test_the_watermark_is_the_end_of_the_contiguous_settled_prefix() -> None:
    covered = [loaded(0, 2, 9), loaded(2, 3, 9), loaded(5, 9, 20)]
    assert decide(event(10), source(a=stream()), covered).watermarks == {"a": hours(3)}
    assert decide(event(10), source(a=stream()), []).watermarks == {"a": START}
    assert decide(event(10), source(a=stream()), [loaded(1, 9, 20)]).watermarks == {"a": START}


def rounds_of_an_execution(catalogue: Source, minutes_per_round: float) -> list[Plan]:
    """Plan, load all of it at the server's time, plan again, as the state machine does while any remain."""
    planned: list[Plan] = []
    covered: list[Window] = []
    while not planned or planned[-1].more:
        assert len(planned) < 100, "catching up never ends"
        now = event(15).started + timedelta(minutes=minutes_per_round * len(planned))
        plan = decide(event(15), catalogue, covered)
        planned.append(plan)
        covered += [Window(i.stream, Interval(i.start, i.end), now, i.run, LOADED) for i in plan.items]
    return planned


@pytest.mark.parametrize("disposition", ["merge", "append"])
@pytest.mark.parametrize("limit", [1, 2, 5, 100])
def test_catching_up_ends_and_reads_each_window_of_a_run_once(limit: int, disposition: Any) -> None:
    """The overlap before now is for the next run: in this one it would be missing again in every round."""
    streams = {name: stream(slice="6h", disposition=disposition) for name in ("a", "b", "c")}
    plans = rounds_of_an_execution(source(limit=limit, **streams), minutes_per_round=0.1)
    read = [(item.stream, item.start, item.end) for plan in plans for item in plan.items]
    assert len(read) == len(set(read)) == 9
    assert len(plans) == -(-9 // limit)


@pytest.mark.parametrize("state", [SUPERSEDED, QUARANTINED])
def test_a_window_that_is_not_loaded_settles_nothing_and_is_not_read_again_by_its_run(state: str) -> None:
    first = event(10)
    covered = [loaded(0, 10, 20, run=first.run, state=state)]
    assert windows(decide(first, source(a=stream()), covered)) == []
    assert windows(decide(event(10, "e2"), source(a=stream()), covered)) == [(0, 10)]


def test_millions_of_windows_are_not_made_to_plan_the_first() -> None:
    streams = {"a": stream(slice="1m"), "b": stream(slice="1m", disposition="append")}
    far = event(0)
    far = structs.replace(far, started=hours(24 * 365 * 50))
    plan = decide(far, source(limit=3, **streams), [])
    assert ([item.stream for item in plan.items], plan.more) == (["a", "b", "a"], True)


def test_the_next_run_reads_the_overlap_of_the_one_before() -> None:
    first = event(10)
    covered = [loaded(0, 10, run=first.run)]
    assert windows(decide(first, source(a=stream()), covered)) == []
    assert decide(first, source(a=stream()), covered).watermarks == {"a": hours(10 - 5 / 60)}
    assert windows(decide(event(11, "e2"), source(a=stream()), covered)) == [(10 - FIVE_MINUTES, 11)]


def test_a_stream_of_another_epoch_says_so() -> None:
    (item,) = decide(event(10), source(a=stream(epoch=3)), []).items
    assert item.epoch == 3


# Ranges, re-reads and the choice of streams: what an operator asks for.


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param(
            {"start": hours(2), "end": hours(5)}, [(2, 3), (4, 5)], id="a range, less what is settled"
        ),
        pytest.param(
            {"start": hours(2), "end": hours(5), "reread": True}, [(2, 5)], id="and with what is settled"
        ),
        pytest.param({"start": hours(-3), "end": hours(1)}, [(-3, 1)], id="before the cursor's start"),
        pytest.param({"start": hours(8)}, [(8, 10)], id="to the run's start"),
        pytest.param({"end": hours(1)}, [(0, 1)], id="from the cursor's start"),
        pytest.param({"start": hours(8), "end": hours(99)}, [(8, 10)], id="never beyond the run's start"),
        pytest.param({"reread": True}, [(0, 10)], id="all of it again"),
    ],
)
def test_a_range_of_a_bounded_stream(asked: dict[str, Any], expected: list[tuple[float, float]]) -> None:
    covered = [loaded(3, 4, 9)]
    assert windows(decide(event(10, **asked), source(a=stream()), covered)) == expected


def test_a_re_read_subtracts_its_own_windows_alone() -> None:
    again = event(10, reread=True)
    covered = [loaded(0, 10, 20), loaded(0, 4, 20, run=again.run)]
    assert windows(decide(again, source(a=stream()), covered)) == [(4, 10)]
    everything = [*covered, loaded(4, 10, 20, run=again.run)]
    assert windows(decide(again, source(a=stream()), everything)) == []


def test_an_unbounded_stream_is_re_read_from_its_start() -> None:
    again = event(10, reread=True)
    assert windows(decide(again, source(a=stream(OPEN)), [loaded(0, 9, 20)])) == [(0, 10)]
    assert windows(decide(again, source(a=stream(OPEN)), [loaded(0, 10, 9, run=again.run)])) == []


def test_only_the_streams_that_are_named() -> None:
    both = source(a=stream(), b=stream())
    plan = decide(event(10, streams=["b"]), both, [])
    assert ({item.stream for item in plan.items}, list(plan.watermarks)) == ({"b"}, ["b"])


HISTORY = stream(disposition="scd2")
SET = stream(disposition="replace")


@pytest.mark.parametrize(
    ("one", "asked", "message"),
    [
        pytest.param(stream(), {"streams": ["b"]}, "s: no stream 'b'; it has a", id="no such stream"),
        pytest.param(
            stream(OPEN),
            {"start": hours(1)},
            r"s.a cannot be asked for a range: its request lacks {window.from} or {window.to}; leave out",
            id="a range of an unbounded stream",
        ),
        pytest.param(
            SET, {"end": hours(1)}, "s.a cannot be asked for a range: each run reads all", id="a set"
        ),
        pytest.param(HISTORY, {"start": hours(1)}, "s.a is a history.*use `replay`", id="a range of scd2"),
        pytest.param(HISTORY, {"reread": True}, "s.a is a history.*use `replay`", id="a re-read of scd2"),
        pytest.param(stream(), {"start": hours(10)}, "lies after the run's start", id="a range to come"),
    ],
)
def test_what_cannot_be_read_is_refused(one: Stream, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        decide(event(10, **asked), source(a=one), [])


def test_what_one_stream_refuses_others_may_do() -> None:
    both = source(a=stream(), b=HISTORY)
    assert windows(decide(event(10, reread=True, streams=["a"]), both, [])) == [(0, 10)]


# Sets: read whole, in one round, by each run.


def test_a_set_is_read_whole_by_each_run() -> None:
    sliced = source(a=stream(slice="4h", disposition="replace"))
    plan = decide(event(10), sliced, [loaded(0, 10, 20)])
    assert windows(plan) == [(0, 4), (4, 8), (8, 10)], "whatever an earlier run read"
    assert [item.set_windows for item in plan.items] == [3, 3, 3]
    own = [loaded(*window, as_of=20, run=event(10).run) for window in windows(plan)]
    assert windows(decide(event(10), sliced, own)) == [], "once"


def test_a_set_that_one_request_answers() -> None:
    (item,) = decide(event(10), source(a=stream(OPEN, disposition="replace", slice="1h")), []).items
    assert (item.start, item.end, item.set_windows) == (START, hours(10), 1)


def test_a_set_is_never_cut_and_the_others_have_what_it_leaves() -> None:
    streams = {"a": stream(slice="1h", disposition="replace"), "b": stream(slice="1h")}
    plan = decide(event(10), source(limit=12, **streams), [])
    assert [item.stream for item in plan.items] == ["a", "b", "a", "b", *"a" * 8]
    assert plan.more
    plan = decide(event(10), source(limit=3, **streams), [])
    assert ([item.stream for item in plan.items], plan.more) == (["a"] * 10, True)
    own = [loaded(*window, as_of=20, run=event(10).run) for window in windows(plan)]
    plan = decide(event(10), source(limit=3, **streams), own)
    assert (windows(plan, "b"), plan.more) == ([(0, 1), (1, 2), (2, 3)], True)


def test_a_set_that_no_map_can_take_is_refused() -> None:
    far = event(MOST_ITEMS + 1)
    one = stream(slice="1h", disposition="replace")
    with pytest.raises(PlanError, match=r"more than 10000 windows.*longer `slice`"):
        decide(far, source(a=one), [])
    assert len(decide(event(MOST_ITEMS), source(a=one), []).items) == MOST_ITEMS
    with pytest.raises(PlanError, match=r"s\.b: more than 10000"):
        decide(event(MOST_ITEMS / 2 + 1), source(a=one, b=one), [])


COVERED = st.lists(
    st.tuples(st.integers(-5, 60), st.integers(0, 20), st.integers(-5, 80)).map(
        lambda t: loaded(t[0], t[0] + t[1], t[2])
    ),
    max_size=8,
)
STREAMS = st.sampled_from(
    [
        stream(),
        stream(OPEN),
        stream(slice="7h"),
        stream(slice="7h", disposition="append"),
        stream(slice="7h", disposition="scd2"),
        stream(overlap="3h", slice="5h"),
        stream(OPEN, overlap="0s"),
    ]
)


ASKED = st.sampled_from(
    [
        {},
        {"reread": True},
        {"start": hours(-4), "end": hours(9)},
        {"start": hours(3), "end": hours(30), "reread": True},
    ]
)


@settings(max_examples=400)
@given(STREAMS, COVERED, ASKED, st.integers(4, 50), st.booleans())
def test_planned_and_settled_together_are_all_that_is_wanted(
    one: Stream, covered: list[Window], asked: dict[str, Any], now: int, mine: bool
) -> None:
    assume(one.is_bounded or "start" not in asked)
    assume(one.disposition != "scd2" or not asked)
    run = event(now, **asked)
    rows = [row._replace(run=run.run) if mine and index % 2 else row for index, row in enumerate(covered)]
    plan = decide(run, source(a=one), rows)
    planned = [Interval(item.start, item.end) for item in plan.items]
    own = [row.interval for row in rows if row.run == run.run]
    settled = [settled_by(row.interval, row.as_of, stream_overlap(one)) for row in rows]
    known = own if asked.get("reread") else [*settled, *own]
    wanted = Interval(asked.get("start", START), min(asked.get("end", hours(now)), hours(now)))
    assert subtracted(wanted, [*planned, *known]) == []
    assert all(wanted.start <= i.start < i.end <= wanted.end for i in planned)
    assert planned == sorted(planned), "oldest first"
    assert sum((i.end - i.start for i in merged(planned)), timedelta()) == sum(
        (i.end - i.start for i in planned), timedelta()
    ), "nothing is read twice in a round"
    if one.is_bounded:
        assert merged(planned) == merged(subtracted(wanted, known)), "and nothing that is settled"
    read = [Window("a", interval, hours(-99), run.run, SUPERSEDED) for interval in planned]
    again = decide(run, source(a=one), rows + read)
    assert again.items == [], "what a round planned and the ledger knows is not planned by the next"
    assert decide(run, source(a=one), rows) == plan, "the same ledger, the same plan"
