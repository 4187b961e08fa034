"""Column types: what each writes for COPY, what it refuses and why, value by value."""

import pytest

from xmlift.tables.columns import convert_column
from xmlift.tables.types import NANOSECONDS, ColumnType, parse_type, time_zone

from .conversion import converted


@pytest.mark.parametrize(
    ("text", "expected", "ddl", "shown"),
    [
        ("bigint", ColumnType("bigint"), "BIGINT", "bigint"),
        ("integer", ColumnType("integer"), "INTEGER", "integer"),
        ("double", ColumnType("double"), "DOUBLE PRECISION", "double"),
        ("boolean", ColumnType("boolean"), "BOOLEAN", "boolean"),
        ("date", ColumnType("date"), "DATE", "date"),
        ("timestamp", ColumnType("timestamp"), "TIMESTAMP", "timestamp"),
        ("timestamptz", ColumnType("timestamptz"), "TIMESTAMPTZ", "timestamptz"),
        ("super", ColumnType("super"), "SUPER", "super"),
        ("varchar(1)", ColumnType("varchar", 1), "VARCHAR(1)", "varchar(1)"),
        ("varchar(65535)", ColumnType("varchar", 65535), "VARCHAR(65535)", "varchar(65535)"),
        (" varchar ( 64 ) ", ColumnType("varchar", 64), "VARCHAR(64)", "varchar(64)"),
        ("decimal(18,6)", ColumnType("decimal", 18, 6), "DECIMAL(18,6)", "decimal(18,6)"),
        ("decimal(18, 6)", ColumnType("decimal", 18, 6), "DECIMAL(18,6)", "decimal(18,6)"),
        ("decimal(5)", ColumnType("decimal", 5), "DECIMAL(5,0)", "decimal(5,0)"),
        ("decimal(38,38)", ColumnType("decimal", 38, 38), "DECIMAL(38,38)", "decimal(38,38)"),
    ],
)
def test_a_type_as_a_catalogue_writes_it(text: str, expected: ColumnType, ddl: str, shown: str) -> None:
    parsed = parse_type(text)
    assert (parsed, parsed.ddl, str(parsed)) == (expected, ddl, shown)
    assert parse_type(shown) == parsed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text",
        "BIGINT",
        "big int",
        "varchar",
        "varchar()",
        "varchar(0)",
        "varchar(65536)",
        "varchar(5,2)",
        "varchar(-1)",
        "varchar(1e3)",
        "varchar(٣)",
        "decimal",
        "decimal(0)",
        "decimal(39,1)",
        "decimal(5,6)",
        "decimal(5,-1)",
        "integer(4)",
        "bigint not null",
        "bigint\n; drop table x",
        "varchar(max)",
    ],
)
def test_any_other_type_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=r"use bigint, integer, .*varchar\(1…65535 bytes\) or decimal\(1…38"):
        parse_type(text)


NOT_WHOLE = "! not a whole number for bigint"


@pytest.mark.parametrize(
    ("column_type", "value", "expected"),
    [
        ("bigint", "", ""),
        ("bigint", "42", "42"),
        ("bigint", " \n+42\t", "42"),
        ("bigint", "-0007", "-7"),
        ("bigint", "-0", "0"),
        ("bigint", "9223372036854775807", "9223372036854775807"),
        ("bigint", "-9223372036854775808", "-9223372036854775808"),
        ("bigint", "9223372036854775808", "! outside the range of bigint"),
        ("bigint", "-9223372036854775809", "! outside the range of bigint"),
        ("integer", "2147483647", "2147483647"),
        ("integer", "-2147483648", "-2147483648"),
        ("integer", "2147483648", "! outside the range of integer"),
        ("bigint", "1.0", NOT_WHOLE),
        ("bigint", "1e3", NOT_WHOLE),
        ("bigint", "1_000", NOT_WHOLE),
        ("bigint", "1 000", NOT_WHOLE),
        ("bigint", "٣", NOT_WHOLE),
        ("bigint", "0x1F", NOT_WHOLE),
        ("bigint", " ", NOT_WHOLE),
        ("bigint", "1" * 31, NOT_WHOLE),
        ("decimal(5,2)", "", ""),
        ("decimal(5,2)", "123.45", "123.45"),
        ("decimal(5,2)", " -1.5 ", "-1.5"),
        ("decimal(5,2)", "+.5", "0.5"),
        ("decimal(5,2)", "5.", "5"),
        ("decimal(5,2)", "1.5000000", "1.5"),
        ("decimal(5,2)", "00001", "1"),
        ("decimal(5,2)", "1.2e2", "120"),
        ("decimal(5,2)", "12E-1", "1.2"),
        ("decimal(5,2)", "-0.000", "0"),
        ("decimal(5,2)", "0e999", "0"),
        ("decimal(5,2)", "999.99", "999.99"),
        ("decimal(5,2)", "1000", "! more digits than decimal(5,2) holds without loss"),
        ("decimal(5,2)", "1e3", "! more digits than decimal(5,2) holds without loss"),
        ("decimal(5,2)", "0.001", "! more digits than decimal(5,2) holds without loss"),
        ("decimal(5,2)", "1e-400", "! more digits than decimal(5,2) holds without loss"),
        ("decimal(38,0)", "9" * 38, "9" * 38),
        ("decimal(38,0)", "9" * 39, "! more digits than decimal(38,0) holds without loss"),
        ("decimal(38,38)", "0." + "1" * 38, "0." + "1" * 38),
        ("decimal(38,38)", "1", "! more digits than decimal(38,38) holds without loss"),
        ("decimal(5,2)", "N/A", "! not a number for decimal(5,2)"),
        ("decimal(5,2)", "NaN", "! not a number for decimal(5,2)"),
        ("decimal(5,2)", "Infinity", "! not a number for decimal(5,2)"),
        ("decimal(5,2)", "1,5", "! not a number for decimal(5,2)"),
        ("decimal(5,2)", ".", "! not a number for decimal(5,2)"),
        ("decimal(5,2)", "1e9999", "! not a number for decimal(5,2)"),
        ("double", "1.5", "1.5"),
        ("double", "1e300", "1e+300"),
        ("double", "-.5", "-0.5"),
        ("double", "0.1", "0.1"),
        ("double", "1e400", "! not a finite number for double"),
        ("double", "1e-400", "! too small for double: it would become zero"),
        ("double", "0e-400", "0.0"),
        ("double", "NaN", "! not a finite number for double"),
        ("double", "INF", "! not a finite number for double"),
        ("boolean", "true", "true"),
        ("boolean", " TRUE ", "true"),
        ("boolean", "1", "true"),
        ("boolean", "False", "false"),
        ("boolean", "0", "false"),
        ("boolean", "yes", "! not a boolean: expected true, false, 1 or 0"),
        ("boolean", "2", "! not a boolean: expected true, false, 1 or 0"),
        ("date", "2024-02-29", "2024-02-29"),
        ("date", " 0001-01-01\n", "0001-01-01"),
        ("date", "20240229", "! not a date: expected YYYY-MM-DD"),
        ("date", "2024-02-29T00:00:00", "! not a date: expected YYYY-MM-DD"),
        ("date", "29.02.2024", "! not a date: expected YYYY-MM-DD"),
        ("date", "2024-02-29Z", "! not a date: expected YYYY-MM-DD"),
        ("varchar(4)", "abcd", "abcd"),
        ("varchar(4)", " a ", " a "),
        ("varchar(4)", "abcde", "! 5 bytes do not fit varchar(4)"),
        ("varchar(4)", "éé", "éé"),
        ("varchar(4)", "ééé", "! 6 bytes do not fit varchar(4)"),
        ("varchar(4)", "😀", "😀"),
        ("varchar(3)", "😀", "! 4 bytes do not fit varchar(3)"),
        ("varchar(2)", "\\N", "\\N"),
    ],
)
def test_a_value(column_type: str, value: str, expected: str) -> None:
    assert converted(value, column_type) == expected


@pytest.mark.parametrize(
    ("column_type", "value", "expected"),
    [
        ("timestamptz", "2024-05-06T07:08:09Z", "2024-05-06 07:08:09.000000+00"),
        ("timestamptz", " 2024-05-06 07:08Z\n", "2024-05-06 07:08:00.000000+00"),
        ("timestamptz", "2024-05-06T07:08:09.1-0600", "2024-05-06 13:08:09.100000+00"),
        ("timestamptz", "2024-05-06T00:00:00.123456+05:30", "2024-05-05 18:30:00.123456+00"),
        ("timestamptz", "2024-05-06T00:00:00+00", "2024-05-06 00:00:00.000000+00"),
        ("timestamptz", "0001-01-01T00:00:00Z", "0001-01-01 00:00:00.000000+00"),
        ("timestamptz", "9999-12-31T23:59:59.999999Z", "9999-12-31 23:59:59.999999+00"),
        ("timestamptz", "0001-01-01T00:00:00+01:00", "! outside the years 1 to 9999 in UTC"),
        ("timestamptz", "9999-12-31T23:59:59-01:00", "! outside the years 1 to 9999 in UTC"),
        (
            "timestamptz",
            "2024-05-06T07:08:09",
            "! a time without an offset is ambiguous for timestamptz: declare its `zone`",
        ),
        ("timestamp", "2024-05-06T07:08:09.5", "2024-05-06 07:08:09.500000"),
        ("timestamp", "2024-05-06 07:08", "2024-05-06 07:08:00.000000"),
        (
            "timestamp",
            "2024-05-06T07:08:09Z",
            "! a time with an offset would lose it in a timestamp: use timestamptz",
        ),
    ],
)
def test_a_time(column_type: str, value: str, expected: str) -> None:
    assert converted(value, column_type) == expected


@pytest.mark.parametrize(
    "value",
    [
        "2024-05-06",
        "07:08:09",
        "2024-05-06T07",
        "2024-05-06T07:08:09.1234567Z",
        "2024-05-06T07:08:09,5Z",
        "2024-13-06T07:08:09Z",
        "2024-02-30T07:08:09Z",
        "2024-05-06T24:00:00Z",
        "2024-05-06T23:59:60Z",
        "2024-05-06T07:08:09+24:00",
        "2024-05-06T07:08:09+01:60",
        "2024-05-06T07:08:09+0199",
        "0000-01-01T00:00:00Z",
        "20240506T070809Z",
        "2024-W19-1T00:00:00Z",
        "1714979289",
        "May 6, 2024",
        "\uff12024-05-06T07:08:09Z",
        "2024-05-06T07:08:09 Z",
        "2024-05-06T07:08:09z",
    ],
)
def test_what_is_no_time_is_refused(value: str) -> None:
    assert converted(value, "timestamptz").startswith("! ")


@pytest.mark.parametrize(
    ("split", "value", "expected"),
    [
        ("|", "|a|b|", '["a", "b"]'),
        ("|", "a", '["a"]'),
        ("|", "|", "[]"),
        ("|", "", ""),
        (", ", "a, b,c", '["a", "b,c"]'),
        ("|", 'é"\\|\n', '["é\\"\\\\", "\\n"]'),
        (None, "a|b", '"a|b"'),
        (None, '{"a": 1}', '"{\\"a\\": 1}"'),
    ],
)
def test_super_is_json_of_the_text_or_of_its_pieces(split: str | None, value: str, expected: str) -> None:
    assert converted(value, "super", split) == expected


def test_super_ends_where_a_varchar_does() -> None:
    assert len(converted("x" * 65_533, "super")) == 65_535
    assert converted("x" * 65_534, "super") == "! a list or text in super is limited to 65535 bytes here"
    assert converted("é" * 32_767, "super").startswith("! ")


def test_a_column_keeps_its_places_and_names_each_refusal() -> None:
    texts, refusals = convert_column(["1", "x", "", "3", "y"], parse_type("bigint"))
    assert texts == ["1", "", "", "3", ""]
    assert [refusal.row for refusal in refusals] == [1, 4]


@pytest.mark.parametrize(
    ("column_type", "time_format", "zone", "value", "expected"),
    [
        ("timestamptz", None, "Europe/Berlin", "2024-01-15T12:00:00", "2024-01-15 11:00:00.000000+00"),
        ("timestamptz", None, "Europe/Berlin", "2024-07-15 12:00", "2024-07-15 10:00:00.000000+00"),
        ("timestamptz", None, "Europe/Berlin", "2024-07-15T12:00:00Z", "2024-07-15 12:00:00.000000+00"),
        ("timestamptz", None, "Europe/Berlin", "2024-10-27T02:30:00", "2024-10-27 00:30:00.000000+00"),
        (
            "timestamptz",
            None,
            "Europe/Berlin",
            "2024-03-31T02:30:00",
            "! no clock in Europe/Berlin ever showed it: it lies in an hour that was skipped there",
        ),
        ("timestamptz", None, "+0530", "2024-01-15T12:00:00", "2024-01-15 06:30:00.000000+00"),
        ("timestamptz", None, "-08", "2024-01-15T12:00:00", "2024-01-15 20:00:00.000000+00"),
        ("timestamptz", None, "+01:00", "0001-01-01T00:00:00", "! outside the years 1 to 9999 in UTC"),
        ("timestamptz", "%d/%m/%Y %H:%M %z", None, "05/02/2024 01:02 +0100", "2024-02-05 00:02:00.000000+00"),
        ("timestamptz", "%d/%m/%Y", "+01:00", " 05/02/2024 ", "2024-02-04 23:00:00.000000+00"),
        ("timestamp", "%Y%m%d%H%M", None, "202402050102", "2024-02-05 01:02:00.000000"),
        ("date", "%Y/%m/%d", None, "2024/02/05", "2024-02-05"),
        ("date", "%Y/%m/%d", None, "2024/02/30", "! day is out of range for month"),
        ("timestamptz", "rfc822", None, "Mon, 05 Feb 2024 01:02:03 +0100", "2024-02-05 00:02:03.000000+00"),
        ("timestamptz", "rfc822", None, "5 Feb 24 01:02 EST", "2024-02-05 06:02:00.000000+00"),
        ("timestamptz", None, None, "2024-02-05T01:02:03.1234560Z", "2024-02-05 01:02:03.123456+00"),
        ("timestamptz", None, None, "2024-02-05T01:02:03.100000000-01", "2024-02-05 02:02:03.100000+00"),
        (
            "timestamptz",
            None,
            None,
            "2024-02-05T01:02:03.1234567Z",
            "! finer than a microsecond: `format: iso8601_nanoseconds` leaves out what is",
        ),
        (
            "timestamptz",
            "iso8601_nanoseconds",
            None,
            "2024-02-05T01:02:03.1234567Z",
            "2024-02-05 01:02:03.123456+00",
        ),
        (
            "timestamptz",
            "iso8601_nanoseconds",
            None,
            "2024-02-05T23:59:59.999999999Z",
            "2024-02-05 23:59:59.999999+00",
        ),
        (
            "timestamptz",
            "iso8601_nanoseconds",
            "+01:00",
            "2024-02-05T01:02:03.5",
            "2024-02-05 00:02:03.500000+00",
        ),
        (
            "timestamp",
            "iso8601_nanoseconds",
            None,
            "2024-02-05T01:02:03.123456789",
            "2024-02-05 01:02:03.123456",
        ),
        ("date", NANOSECONDS, None, "2024-02-05T01:02:03.123456789Z", "2024-02-05"),
        ("timestamptz", "rfc822", None, "5 Feb 2024 01:02:03 -0000", "2024-02-05 01:02:03.000000+00"),
        ("timestamptz", "rfc822", "+02:00", "5 Feb 2024 01:02:03", "2024-02-04 23:02:03.000000+00"),
        ("date", "rfc822", None, "Mon, 05 Feb 2024 01:02:03 +0100", "2024-02-05"),
        (
            "timestamptz",
            "rfc822",
            None,
            "30 Feb 2024 01:02:03 GMT",
            "! not a date of RFC 822: day is out of range for month",
        ),
        (
            "timestamptz",
            "rfc822",
            None,
            "5 Feb 2024 01:02:03 CEST",
            "! not a date of RFC 822: expected Tue, 02 Jan 2024 03:04:05 +0100",
        ),
        ("timestamptz", "epoch_seconds", None, "1700000000", "2023-11-14 22:13:20.000000+00"),
        ("timestamptz", "epoch_seconds", None, "-0.5", "1969-12-31 23:59:59.500000+00"),
        ("timestamptz", "epoch_milliseconds", None, "1700000000123", "2023-11-14 22:13:20.123000+00"),
        ("timestamptz", "epoch_milliseconds", None, "1.0001", "! finer than a microsecond"),
        ("timestamptz", "epoch_milliseconds", None, "9" * 20, "! outside the years 1 to 9999 in UTC"),
        (
            "timestamptz",
            "epoch_seconds",
            None,
            "1e9",
            "! not a number of seconds or milliseconds since 1970",
        ),
        ("date", "epoch_seconds", None, "1700000000", "2023-11-14"),
        ("date", "epoch_seconds", "Asia/Tokyo", "1700000000", "2023-11-15"),
    ],
)
def test_a_time_in_the_format_and_the_zone_that_a_column_declares(
    column_type: str, time_format: str | None, zone: str | None, value: str, expected: str
) -> None:
    assert converted(value, column_type, format=time_format, zone=zone) == expected


def test_a_format_that_a_value_does_not_have_is_told() -> None:
    told = converted("2024-02-05", "date", format="%d.%m.%Y")
    assert told == "! time data '2024-02-05' does not match format '%d.%m.%Y'"


@pytest.mark.parametrize("zone", ["Europe/Nowhere", "CEST", "+25:00", "../etc/passwd", ""])
def test_a_zone_that_nobody_knows_is_told(zone: str) -> None:
    with pytest.raises(ValueError, match=r"unknown zone .*write an offset"):
        time_zone(zone)


@pytest.mark.parametrize(
    ("column_type", "value"), [("bigint", " -1 "), ("varchar(4)", "Unassigned"), ("date", "-1")]
)
def test_a_declared_null_is_none(column_type: str, value: str) -> None:
    assert converted(value, column_type, nulls=frozenset({"-1", "Unassigned"})) == ""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('["a", "b"]', '["a", "b"]'),
        ("", ""),
        ('["' + "x" * 65_532 + '"]', "! a list or text in super is limited to 65535 bytes here"),
    ],
)
def test_what_is_json_already_stays_as_it_is(value: str, expected: str) -> None:
    assert converted(value, "super", is_json=True) == expected
