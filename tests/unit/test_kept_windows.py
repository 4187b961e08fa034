"""Which kept readings are parsed anew: for each instant of a partition the newest, and no other."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from xmlift.landing import names
from xmlift.landing.names import WindowName
from xmlift.planning.kept_windows import newest_readings
from xmlift.windows import Interval

DAY = datetime(2026, 1, 1, tzinfo=UTC)


def at(hour: int) -> datetime:
    return DAY + timedelta(hours=hour)


def reading(run: int, start: int, end: int, partition: str = "-") -> WindowName:
    """A window in hours, read by the run of that number."""
    interval = Interval(at(start), at(end))
    return WindowName("ewm", "items", names.run_id(at(run), "x"), partition, interval)


def test_a_reading_that_newer_ones_cover_is_left_out() -> None:
    covered, beside, newer, later = reading(1, 0, 6), reading(1, 6, 12), reading(2, 0, 7), reading(3, 20, 24)
    assert list(newest_readings([covered, beside, newer, later])) == [later, newer, beside]


def test_newer_ones_may_cover_it_together() -> None:
    assert list(newest_readings([reading(1, 0, 6), reading(2, 0, 3), reading(3, 3, 6)])) == [
        reading(3, 3, 6),
        reading(2, 0, 3),
    ]


def test_partitions_cover_nothing_of_each_other() -> None:
    both = [reading(2, 0, 6, "b"), reading(1, 0, 6, "a")]
    assert list(newest_readings(both)) == both


def test_a_range_takes_what_has_an_instant_in_common_with_it() -> None:
    kept = [reading(1, 0, 6), reading(1, 6, 12), reading(1, 12, 18)]
    assert list(newest_readings(kept, Interval(at(6), at(12)))) == [reading(1, 6, 12)]
    assert list(newest_readings(kept, Interval(at(5), at(13)))) == kept[::-1]


readings = st.builds(
    lambda run, start, length, partition: reading(run, start, start + length, partition),
    st.integers(0, 5),
    st.integers(0, 20),
    st.integers(1, 10),
    st.sampled_from("ab"),
)


@given(st.sets(readings, max_size=12))
def test_of_each_instant_the_newest_reading_is_among_them(kept: set[WindowName]) -> None:
    def newest_at(hour: int, partition: str) -> WindowName | None:
        of_it = [
            each
            for each in kept
            if each.partition == partition and each.interval.start <= at(hour) < each.interval.end
        ]
        return max(of_it, key=lambda each: (each.run, each.interval), default=None)

    needed = {newest_at(hour, partition) for hour in range(30) for partition in "ab"} - {None}
    chosen = list(newest_readings(kept))
    assert set(chosen) == needed
    assert [each.run for each in chosen] == sorted((each.run for each in chosen), reverse=True)
