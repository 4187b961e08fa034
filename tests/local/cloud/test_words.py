"""Times as people read them."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.words import instant, length

_UNITS = {"d": 86400, "h": 3600, "min": 60, "s": 1}


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (timedelta(0), "0.0 s"),
        (timedelta(seconds=3.46), "3.4 s"),
        (timedelta(seconds=59.99), "59.9 s"),
        (timedelta(minutes=1), "1 min"),
        (timedelta(minutes=1, seconds=9.9), "1 min 9 s"),
        (timedelta(hours=4, seconds=30), "4 h"),
        (timedelta(days=2, hours=4, minutes=59), "2 d 4 h"),
        (timedelta(seconds=-90), "-1 min 30 s"),
    ],
)
def test_lengths_of_time(time: timedelta, text: str) -> None:
    assert length(time) == text


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=10_000)))
def test_a_length_is_cut_by_less_than_its_smaller_unit_and_never_longer(time: timedelta) -> None:
    parts = re.findall(r"([\d.]+) (d|h|min|s)", length(time))
    told = timedelta(seconds=sum(float(count) * _UNITS[unit] for count, unit in parts))
    assert timedelta(0) <= time - told + timedelta(microseconds=1)
    greatest = _UNITS[parts[0][1]]
    assert time - told < timedelta(seconds=greatest / 24 if greatest > 60 else 1)


def test_instants_are_told_in_utc() -> None:
    moment = datetime(2026, 1, 1, 1, 30, 59, 999999, timezone(timedelta(hours=2)))
    assert instant(moment) == "2025-12-31 23:30:59Z"
    assert instant(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01 00:00:00Z"
