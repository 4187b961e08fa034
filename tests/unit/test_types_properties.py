"""Column types: what holds for any value. The decimal module, floats and datetimes are the judges."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Context, Decimal

from hypothesis import given
from hypothesis import strategies as st

from xmlift.tables.times import parse_time

from .conversion import converted


@given(
    st.decimals(allow_nan=False, allow_infinity=False, places=None),
    st.integers(1, 38).flatmap(lambda precision: st.tuples(st.just(precision), st.integers(0, precision))),
)
def test_a_decimal_keeps_its_value_or_is_refused_because_it_could_not(
    number: Decimal, size: tuple[int, int]
) -> None:
    precision, scale = size
    text = converted(str(number), f"decimal({precision},{scale})")
    rounded = number.quantize(Decimal(1).scaleb(-scale), context=Context(prec=2000))
    fits = rounded == number and abs(number) < Decimal(10) ** (precision - scale)
    assert text.startswith("! ") != fits
    if fits:
        assert Decimal(text) == number
        whole, _, fraction = text.lstrip("-").partition(".")
        assert len(fraction) <= scale, "no more decimals than the column has"
        assert len(whole.lstrip("0")) <= precision - scale
        assert "e" not in text.lower()


@given(st.integers())
def test_a_whole_number_fits_or_is_refused(number: int) -> None:
    assert converted(str(number), "bigint").startswith("! ") == (not -(2**63) <= number < 2**63)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_reads_back_as_the_same_double(number: float) -> None:
    assert float(converted(repr(number), "double")) == number


@given(st.text(), st.integers(1, 20))
def test_a_varchar_is_measured_in_bytes_and_never_changed(text: str, size: int) -> None:
    fits = len(text.encode()) <= size
    assert converted(text, f"varchar({size})") == (
        text if fits else f"! {len(text.encode())} bytes do not fit varchar({size})"
    )


@given(st.text(min_size=1), st.none() | st.sampled_from(["|", ", ", "é"]))
def test_super_reads_back_as_the_pieces(text: str, split: str | None) -> None:
    expected = text if split is None else [piece for piece in text.split(split) if piece]
    assert json.loads(converted(text, "super", split)) == expected


offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31), timezones=offsets))  # noqa: DTZ001
def test_a_time_is_the_same_instant_in_utc_and_reads_back(instant: datetime) -> None:
    text = converted(instant.isoformat(), "timestamptz")
    assert datetime.fromisoformat(text) == instant
    assert text.endswith("+00")
    # Windows filter by what was written here, so it has to be read by the same rules.
    assert parse_time(text) == instant
    assert parse_time(text).utcoffset() == timedelta(0)


@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=2, max_size=5))
def test_written_times_sort_as_time_does(instants: list[datetime]) -> None:
    texts = [converted(instant.isoformat(), "timestamptz") for instant in instants]
    assert [parse_time(text) for text in sorted(texts)] == sorted(instants)


@given(
    st.sampled_from(["bigint", "decimal(9,3)", "double", "boolean", "date", "timestamp", "timestamptz"]),
    st.text(),
)
def test_any_text_is_converted_or_refused_and_a_conversion_is_final(column_type: str, text: str) -> None:
    once = converted(text, column_type)
    if not once.startswith("! "):
        assert converted(once, column_type) == once
