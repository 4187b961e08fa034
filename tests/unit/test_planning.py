"""plan's decision: what is wanted, less what the ledger says is settled, as windows in order."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from xmlift.catalogue.model import Limits, Source
from xmlift.catalogue.request import Request, Watermark
from xmlift.catalogue.stream import Column, Stream
from xmlift.planning import Plan, PlanEvent, decide
from xmlift.warehouse.ledger import LOADED, SUPERSEDED, Coverage
from xmlift.windows import Interval, merged, settled_by, subtracted

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


def event(now: float, execution: str = "e1", base_url: str | None = None) -> PlanEvent:
    return PlanEvent(
        source="s", catalogue="catalogue/s/x.yaml", execution=execution, started=hours(now), base_url=base_url
    )


def loaded(
    start: float,
    end: float,
    as_of: float | None = None,
    name: str = "a",
    run: str = "",
    state: str = LOADED,
) -> Coverage:
    return Coverage(name, "-", hours(start), hours(end), hours(end if as_of is None else as_of), run, state)


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
    covered: list[Coverage], expected: list[tuple[float, float]]
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
    covered: list[Coverage], expected: list[tuple[float, float]]
) -> None:
    assert windows(decide(event(10), source(a=stream(OPEN)), covered)) == expected


def test_a_stream_without_a_cursor_is_read_from_the_beginning_of_time() -> None:
    plain = Stream(request=OPEN, records="/r/i", columns={"id": Column(path="id")}, key=["id"])
    (item,) = decide(event(10), source(a=plain), []).items
    assert (item.start, item.end) == (datetime(1970, 1, 1, tzinfo=UTC), hours(10))
    covered = [Coverage("a", "-", item.start, item.end, hours(11), "", LOADED)]
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


def test_append_reads_whole_cells_and_the_open_one_again() -> None:
    cells = source(a=stream(slice="6h", disposition="append"))
    assert windows(decide(event(15), cells, [])) == [(0, 6), (6, 12), (12, 15)]
    covered = [loaded(0, 6, 9), loaded(6, 12, 15), loaded(12, 15, 15)]
    assert windows(decide(event(17), cells, covered)) == [(12, 17)], "the open cell, whole"
    assert windows(decide(event(20), cells, covered)) == [(12, 18), (18, 20)]


def test_append_reads_a_cell_again_whose_end_was_not_settled() -> None:
    cells = source(a=stream(slice="6h", disposition="append"))
    # Read a minute after its end, less than the overlap: what was committed late would be lost.
    covered = [loaded(0, 6, as_of=6 + 1 / 60)]
    assert windows(decide(event(10), cells, covered)) == [(0, 6), (6, 10)]


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


def test_the_watermark_is_the_end_of_the_contiguous_settled_prefix() -> None:
    covered = [loaded(0, 2, 9), loaded(2, 3, 9), loaded(5, 9, 20)]
    assert decide(event(10), source(a=stream()), covered).watermarks == {"a": hours(3)}
    assert decide(event(10), source(a=stream()), []).watermarks == {"a": START}
    assert decide(event(10), source(a=stream()), [loaded(1, 9, 20)]).watermarks == {"a": START}


def rounds_of_an_execution(catalogue: Source, minutes_per_round: float) -> list[Plan]:
    """Plan, load all of it at the server's time, plan again, as the state machine does while any remain."""
    planned: list[Plan] = []
    covered: list[Coverage] = []
    while not planned or planned[-1].more:
        assert len(planned) < 100, "catching up never ends"
        now = event(15).started + timedelta(minutes=minutes_per_round * len(planned))
        plan = decide(event(15), catalogue, covered)
        planned.append(plan)
        covered += [Coverage(i.stream, "-", i.start, i.end, now, i.run, LOADED) for i in plan.items]
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


def test_a_superseded_window_settles_nothing_and_is_not_read_again_by_its_run() -> None:
    first = event(10)
    covered = [loaded(0, 10, 20, run=first.run, state=SUPERSEDED)]
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
        stream(overlap="3h", slice="5h"),
        stream(OPEN, overlap="0s"),
    ]
)


@settings(max_examples=300)
@given(STREAMS, COVERED, st.integers(1, 50))
def test_planned_and_settled_together_are_all_that_is_wanted(
    one: Stream, covered: list[Coverage], now: int
) -> None:
    assert one.cursor is not None
    plan = decide(event(now), source(a=one), covered)
    planned = [Interval(item.start, item.end) for item in plan.items]
    settled = [settled_by(Interval(c.start, c.end), c.as_of, one.cursor.overlap_time) for c in covered]
    wanted = Interval(START, hours(now))
    assert subtracted(wanted, [*planned, *settled]) == []
    assert all(wanted.start <= i.start < i.end <= wanted.end for i in planned)
    assert planned == sorted(planned), "oldest first"
    assert sum((i.end - i.start for i in merged(planned)), timedelta()) == sum(
        (i.end - i.start for i in planned), timedelta()
    ), "nothing is read twice in a round"
    if one.is_bounded and one.disposition == "merge":
        assert merged(planned) == merged(subtracted(wanted, settled)), "and nothing that is settled"
