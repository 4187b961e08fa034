"""Windows: literal examples, and the arithmetic against sets of instants."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmlift.windows import (
    EPOCH,
    Interval,
    format_instant,
    grid_cells,
    merged,
    parse_instant,
    parse_interval,
    settled_by,
    subtracted,
    watermark,
)

US = timedelta(microseconds=1)


def at(number: int) -> datetime:
    return EPOCH + number * US


def window(start: int, end: int) -> Interval:
    return Interval(at(start), at(end))


def instants(*intervals: Interval) -> set[int]:
    """The instants of intervals, counted one by one: what the arithmetic has to agree with."""
    return {
        number
        for interval in intervals
        for number in range((interval.start - EPOCH) // US, (interval.end - EPOCH) // US)
    }


numbers = st.integers(-40, 40)
anything = st.builds(window, numbers, numbers)
windows = st.tuples(numbers, numbers).map(lambda pair: window(min(pair), max(pair) + 1))
any_instant = st.datetimes(timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("instant", "name"),
    [
        (datetime(2026, 11, 22, 16, 15, 0, 123456, UTC), "20261122T161500123456Z"),
        (datetime(1970, 1, 1, tzinfo=UTC), "19700101T000000000000Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "00010101T000000000000Z"),
        (datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=2))), "20251231T223000000000Z"),
    ],
)
def test_an_instants_name(instant: datetime, name: str) -> None:
    assert format_instant(instant) == name
    assert parse_instant(name) == instant
    assert parse_instant(name).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "20261122T161500Z",
        "20261122T161500123Z",
        "20261122T161500123456",
        "20261122T161500123456+0000",
        "2026-11-22T16:15:00.123456Z",
        "20261322T161500123456Z",
        "20261122T161560123456Z",
        " 20261122T161500123456Z",
        "20261122T161500123456Z\n",
        "20261122t161500123456z",
        "٢0261122T161500123456Z",
    ],
)
def test_anything_else_is_no_instant(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_instant(text)
    with pytest.raises(ValueError, match=r"\S"):
        parse_interval(f"{text}_20261122T161500123456Z")
    with pytest.raises(ValueError, match=r"\S"):
        parse_interval(f"20261122T161500123456Z_{text}")


@pytest.mark.parametrize("text", ["", "_", "-", "20261122T161500123456Z", "a_b"])
def test_anything_else_is_no_interval(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_interval(text)


@given(any_instant, any_instant)
def test_names_read_back_and_sort_as_time_does(one: datetime, other: datetime) -> None:
    assert parse_instant(format_instant(one)) == one
    assert (format_instant(one) < format_instant(other)) == (one < other)
    assert parse_interval(str(Interval(one, other))) == Interval(one, other)


@given(st.lists(anything, max_size=8))
def test_merged_is_the_same_set_sorted_apart_and_never_empty(intervals: list[Interval]) -> None:
    result = merged(intervals)
    assert instants(*result) == instants(*intervals)
    assert all(interval.start < interval.end for interval in result)
    assert all(one.end < other.start for one, other in pairwise(result)), "touching ones are one"


@given(windows, st.lists(anything, max_size=8))
def test_what_is_missing_and_what_is_settled_are_all_and_disjoint(
    wanted: Interval, settled: list[Interval]
) -> None:
    gaps = subtracted(wanted, settled)
    assert instants(*gaps) == instants(wanted) - instants(*settled)
    assert all(gap.start < gap.end for gap in gaps)
    assert all(one.end < other.start for one, other in pairwise(gaps)), "oldest first, and apart"


def test_a_gap_heals_and_nothing_is_missing_when_all_is_settled() -> None:
    wanted = window(0, 10)
    assert subtracted(wanted, []) == [wanted]
    assert subtracted(wanted, [window(0, 3), window(5, 7)]) == [window(3, 5), window(7, 10)]
    assert subtracted(wanted, [window(-5, 4), window(4, 20)]) == []
    assert subtracted(window(5, 5), []) == []


@pytest.mark.parametrize(
    ("as_of", "overlap", "expected"),
    [(30, 5, (0, 20)), (25, 5, (0, 20)), (24, 5, (0, 19)), (5, 5, (0, 0)), (1, 5, (0, 0)), (-9, 0, (0, 0))],
)
def test_a_window_settles_only_what_the_server_had_seen_pass(
    as_of: int, overlap: int, expected: tuple[int, int]
) -> None:
    assert settled_by(window(0, 20), at(as_of), overlap * US) == window(*expected)


@given(windows, numbers, st.integers(0, 20))
def test_what_is_settled_lies_within_the_window_and_before_the_servers_clock(
    read: Interval, as_of: int, overlap: int
) -> None:
    settled = settled_by(read, at(as_of), overlap * US)
    assert instants(settled) == {n for n in instants(read) if n < as_of - overlap}
    assert settled.start == read.start


@given(numbers, st.lists(anything, max_size=8))
def test_the_watermark_is_never_ahead_of_what_is_not_settled(start: int, settled: list[Interval]) -> None:
    mark = (watermark(at(start), settled) - EPOCH) // US
    covered = instants(*settled)
    assert set(range(start, mark)) <= covered
    assert mark not in covered, "and it is not behind either"
    assert mark >= start


def test_the_watermark_stops_at_the_first_gap() -> None:
    assert watermark(at(0), [window(5, 9), window(0, 3)]) == at(3)
    assert watermark(at(0), [window(1, 9)]) == at(0)


@given(windows, st.integers(1, 30))
def test_cells_of_the_grid_partition_the_interval(interval: Interval, size: int) -> None:
    cells = list(islice(grid_cells(interval, size * US), 100))
    assert cells[0].start == interval.start
    assert cells[-1].end == interval.end
    for one, other in pairwise(cells):
        assert one.end == other.start
        assert (other.start - EPOCH) % (size * US) == timedelta(0), "cut at the grid, also before 1970"
    assert all(timedelta(0) < cell.end - cell.start <= size * US for cell in cells)


def test_cells_are_made_one_by_one() -> None:
    centuries = Interval(datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))
    assert next(grid_cells(centuries, US)) == Interval(centuries.start, centuries.start + US)
