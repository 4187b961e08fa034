"""Whole columns: what is seen of a column at once is what its values say one by one, each of the two ways taken."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmlift.tables import columns
from xmlift.tables.columns import convert_column
from xmlift.tables.spelling import Spelling
from xmlift.tables.types import parse_type
from xmlift.tables.values import convert_one_by_one

digits = st.text("0123456789", min_size=1, max_size=20)
whole_numbers = st.one_of(
    st.integers(-(2**65), 2**65).map(str),
    st.sampled_from([2**31, 2**31 - 1, -(2**31) - 1, 2**63, 2**63 - 1, -(2**63) - 1, 10**18, 10**9]).map(str),
    digits,
    st.sampled_from(["-0", "+1", "00", "007", "-007", "1_0", " 1", "1\n", "1\n2", "٣", "1.0", "", "-"]),
)
decimals = st.one_of(
    st.tuples(st.sampled_from(["", "-", "+"]), digits, digits).map(
        lambda parts: f"{parts[0]}{parts[1]}.{parts[2]}"
    ),
    st.decimals(-1000, 1000, places=2).map(str),
    whole_numbers,
    st.sampled_from(
        ["-0.00", "0.0", "0.10", "10", "100.0", ".5", "5.", "1e3", "-.0", "0.\n0", "-0.01", "٣.1"]
    ),
)
doubles = st.one_of(
    decimals,
    st.floats().map(repr),
    st.sampled_from(["1" * 31, "1e400", "1e-400", "9" * 400, "0." + "0" * 400 + "1"]),
)
offsets = st.integers(-14 * 4, 14 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters)))
written_times = st.tuples(
    st.datetimes(timezones=offsets),
    st.sampled_from(["seconds", "milliseconds", "microseconds", "minutes"]),
    st.sampled_from("T "),
    st.sampled_from([":", "", "Z", "none"]),
)


def time_text(parts: tuple[datetime, str, str, str]) -> str:
    instant, precision, separator, offset = parts
    text = instant.isoformat(sep=separator, timespec=precision)
    return {":": text, "": text[:-3] + text[-2:], "Z": text[:-6] + "Z", "none": text[:-6]}[offset]


times = st.one_of(
    written_times.map(time_text),
    st.sampled_from(
        [
            "2024-02-30T07:08:09Z",
            "2024-05-06T24:00:00Z",
            "2024-05-06T23:59:60Z",
            "2024-05-06T23:60:00Z",
            "2024-05-06T07:08:09+24:00",
            "2024-05-06T07:08:09+01:60",
            "2024-05-06T07:08:09-06",
            "0000-01-01T00:00:00Z",
            "0001-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
            " 2024-05-06T07:08:09Z",
            "2024-05-06T07:08:09Z\n",
            "2024-05-06T07:08:09Z\n2024-05-06T07:08:09Z",
            "٢٠٢٤-05-06T07:08:09Z",
            "2024-05-06",
            "",
        ]
    ),
)
dates = st.one_of(
    st.dates().map(str), st.sampled_from(["2024-02-30", " 2024-02-29", "2024-2-9", "", "٢٠٢٤-05-06"])
)
booleans = st.sampled_from(["true", "false", "1", "0", "", "TRUE", " true", "yes"])
texts = st.text(max_size=12) | st.text("a\u00e9\U0001f600", max_size=12)
lists = st.text('ab|"\\\n\té\x7f\u2028', max_size=12)
KINDS: dict[str, st.SearchStrategy[str]] = {
    "bigint": whole_numbers,
    "integer": whole_numbers,
    "decimal(5,2)": decimals,
    "decimal(3,3)": decimals,
    "decimal(20,0)": decimals,
    "double": doubles,
    "boolean": booleans,
    "date": dates,
    "timestamp": times,
    "timestamptz": times,
    "varchar(8)": texts,
    "varchar(40)": texts,
    "super": lists,
}


ZONES = ["+05:30", "-08", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu"]
SPELLINGS = {
    "super": [Spelling(), Spelling("|"), Spelling("a"), Spelling(is_json=True)],
    "date": [Spelling(), Spelling(format="%Y-%m-%d"), Spelling(format="epoch_seconds", zone="-08")],
    "timestamp": [Spelling(), Spelling(format="%Y-%m-%dT%H:%M:%S")],
    "timestamptz": [
        Spelling(),
        *(Spelling(zone=zone) for zone in ZONES),
        Spelling(format="%Y-%m-%dT%H:%M:%S%z"),
        Spelling(format="epoch_milliseconds"),
        Spelling(format="rfc822"),
    ],
}


def like(values: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    """Columns as they come: much the same value again and again, with gaps, and now and then another one."""
    alike = values.flatmap(lambda value: st.lists(st.sampled_from([value, value, ""]) | values, max_size=5))
    return st.lists(values, max_size=6) | alike


@pytest.mark.parametrize("column_type", KINDS)
def test_a_column_is_what_its_values_are(column_type: str) -> None:
    parsed = parse_type(column_type)
    spellings = st.sampled_from(SPELLINGS.get(column_type, [Spelling()])) | st.just(
        Spelling(nulls=frozenset({"1", "-1", "a", "true"}))
    )

    @given(like(KINDS[column_type]), spellings)
    def compared(values: list[str], spelling: Spelling) -> None:
        given_values = list(values)
        texts, refusals = convert_column(values, parsed, spelling)
        assert (list(texts), refusals) == convert_one_by_one(values, parsed, spelling)
        assert values == given_values, "what was given is not changed"

    compared()


@given(
    st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=offsets),  # noqa: DTZ001
    st.lists(st.timedeltas(timedelta(0), timedelta(days=2)), max_size=5),
    st.sampled_from(["seconds", "milliseconds", "microseconds"]),
    st.sampled_from([":", "", "Z", "none"]),
)
def test_times_of_one_shape_are_what_each_of_them_is(
    start: datetime, later: list[timedelta], precision: str, offset: str
) -> None:
    values = [time_text((start + delta, precision, "T", offset)) for delta in [timedelta(0), *later]]
    column_type = parse_type("timestamp" if offset == "none" else "timestamptz")
    texts, refusals = convert_column(values, column_type)
    assert (texts, refusals) == convert_one_by_one(values, column_type)
    assert not refusals


COLUMNS = [
    ("bigint", ["1", "", "-20", "0"]),
    ("integer", ["999999999", "", "-1"]),
    ("decimal(10,2)", ["1.05", "", "-20", "0", "0.10", "12345678.90"]),
    ("decimal(2,2)", ["0.05", "", "-0.1", "0"]),
    ("double", ["1.5", "", "-20", "+0.10"]),
    ("boolean", ["true", "false", "", "1", "0"]),
    ("date", ["2024-02-29", "", "2024-03-01"]),
    ("timestamp", ["2024-02-29T10:11:12.345", "", "2024-02-29T11:11:12.000"]),
    ("timestamptz", ["2024-02-29T10:11:12.345-0600", "", "2024-02-29T23:11:12.000-0600"]),
    ("timestamptz", ["2024-02-29T23:31:12+05:30", "", "2024-02-29T00:11:12+05:45"]),
    ("timestamptz", ["2024-02-29 23:31:12Z", "2024-02-28 23:31:12Z"]),
    ("timestamptz", ["2024-02-29T23:31:12+01", "2024-02-28T23:31:12-01"]),
    ("varchar(8)", ["abc", "", "éé", "12345678"]),
    ("super", ["|a|b|", "|", "", 'say "é"']),
]


@pytest.mark.parametrize(("column_type", "values"), COLUMNS)
def test_what_is_usual_is_seen_of_the_column_as_a_whole(
    column_type: str, values: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    spelling = Spelling("|" if column_type == "super" else None)
    expected = convert_one_by_one(values, parse_type(column_type), spelling)
    assert not expected[1]
    monkeypatch.setattr(columns, "convert_one_by_one", one_by_one_is_not_asked)
    texts, _ = convert_column(values, parse_type(column_type), spelling)
    assert texts == expected[0]


@pytest.mark.parametrize(
    ("column_type", "spelling", "values", "expected"),
    [
        ("super", Spelling(is_json=True), ['["a"]', "", '{"k": "v"}'], ['["a"]', "", '{"k": "v"}']),
        ("bigint", Spelling(nulls=frozenset({"-1"})), ["-1", "7", " -1 "], ["", "7", ""]),
        (
            "timestamptz",
            Spelling(zone="Asia/Kathmandu"),
            ["2024-02-29T10:11:12.5", "", "2024-03-01T00:00:00.0"],
            ["2024-02-29 04:26:12.500000+00", "", "2024-02-29 18:15:00.000000+00"],
        ),
    ],
)
def test_what_is_spelled_otherwise_is_seen_as_a_whole_too(
    column_type: str,
    spelling: Spelling,
    values: list[str],
    expected: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert convert_one_by_one(values, parse_type(column_type), spelling) == (expected, [])
    monkeypatch.setattr(columns, "convert_one_by_one", one_by_one_is_not_asked)
    assert convert_column(values, parse_type(column_type), spelling) == (expected, [])


@given(
    st.datetimes(datetime(1880, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001
    st.lists(st.timedeltas(timedelta(0), timedelta(days=200)), max_size=5),
    st.sampled_from(ZONES),
)
def test_times_of_a_zone_are_what_each_of_them_is(start: datetime, later: list[timedelta], zone: str) -> None:
    values = [(start + delta).isoformat(timespec="milliseconds") for delta in [timedelta(0), *later]]
    column_type, spelling = parse_type("timestamptz"), Spelling(zone=zone)
    texts, refusals = convert_column(values, column_type, spelling)
    assert (list(texts), refusals) == convert_one_by_one(values, column_type, spelling)


def one_by_one_is_not_asked(*_: object) -> None:
    raise AssertionError("these values were converted one by one")


@pytest.mark.parametrize("column_type", KINDS)
def test_a_column_without_a_value(column_type: str) -> None:
    for values in ([], [""], ["", ""]):
        assert convert_column(values, parse_type(column_type)) == (values, [])


@pytest.mark.parametrize(
    ("column_type", "same"),
    [("varchar(8)", True), ("bigint", True), ("decimal(9,2)", True), ("boolean", False)],
)
def test_what_needs_no_change_is_not_copied(column_type: str, same: bool) -> None:
    values = ["1", "0"]
    texts, _ = convert_column(values, parse_type(column_type))
    assert (texts is values) == same
