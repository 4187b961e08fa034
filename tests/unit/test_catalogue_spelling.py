"""What a column says of its values' spelling: a mistake is told once, where it is made."""

import pytest

from xmlift.catalogue import load_source, spelling
from xmlift.errors import CatalogueError
from xmlift.tables.types import parse_type


def refusal(column: str, more: str = "", key: str = "[id]") -> str:
    text = f"""
source: shop
base_url: https://host
streams:
  items:
    request: {{ path: /i }}
    records: /r/i
    key: {key}
{more}    columns:
      id: {{ path: id }}
      x: {{ path: x, {column} }}
"""
    with pytest.raises(CatalogueError) as caught:
        load_source(text.encode(), "shop.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("nulls: ['']", "nulls: '': values are compared without spaces around them"),
        ("nulls: [' -1']", "nulls: ' -1': values are compared without spaces around them"),
        ("type: bigint, too_long: cut", "too_long: cut is for texts, and the type is bigint: use varchar(n)"),
        ("too_long: wide", "Invalid enum value 'wide' (at `too_long`); use cut, reject, widen"),
        ("format: '%Y'", "format '%Y' is for times: use type date, timestamp, timestamptz"),
        ("type: date, format: rfc_822", "format 'rfc_822' is none: write strptime's directives"),
        ("type: date, format: '%Q'", "format '%Q' is none: write strptime's directives"),
        ("type: timestamp, format: '%Y %z'", "has an offset, which timestamp would lose: use timestamptz"),
        ("type: timestamp, format: epoch_seconds", "has an offset, which timestamp would lose"),
        ("type: timestamptz, format: '%Y-%m-%d'", "has no offset (%z): declare the times' `zone`, or use"),
        (
            "type: timestamp, zone: '+01:00'",
            "zone '+01:00' places a time without an offset: use type timestamptz",
        ),
        (
            "type: date, format: '%Y%m%d', zone: '+01:00'",
            "places a time without an offset: use type timestamptz",
        ),
        ("type: timestamp, format: '%Y-%m-%d %H:%M %Z'", "%Z names a zone, and shifts no time by it"),
        (
            "type: timestamptz, format: '%Y-%m-%d %H:%M %Z', zone: Europe/Berlin",
            "%Z names a zone, and shifts no time by it: write %z where the values have an offset",
        ),
        ("type: date, format: '%H:%M'", "has no year: a whole date is %Y with %m and %d, or with %j"),
        ("type: date, format: '%Y'", "has no month"),
        ("type: date, format: '%Y-%m'", "has no day"),
        ("type: timestamp, format: '%d.%m. %H:%M'", "has no year"),
        ("type: date, format: '%%Y-%m-%d'", "has no year"),
        ("type: date, format: '%Y-%W'", "%W counts weeks, which strptime passes over"),
        ("type: date, format: '%Y-%U-%d %m'", "%U counts weeks, which strptime passes over"),
        ("type: timestamp, format: '%Y-%m-%d %I:%M'", "%I is half a day's hour: write %p beside it, or %H"),
        ("type: timestamp, format: '%Y-%m-%d %H:%M %p'", "%p says nothing of %H: write %I beside it"),
        ("type: timestamptz, zone: CEST", "unknown zone 'CEST': write an offset (+05:30) or an IANA name"),
        ("type: timestamptz, zone: '+25:00'", "unknown zone '+25:00'"),
    ],
)
def test_a_mistake_is_told_with_its_remedy(column: str, said: str) -> None:
    message = refusal(column)
    assert message.startswith("shop.yaml: stream shop.items: column x: ")
    assert said in message


@pytest.mark.parametrize(
    ("column_type", "time_format"),
    [
        ("date", "%Y-%m-%d"),
        ("date", "%d %b %y"),
        ("date", "%A, %B %d %Y"),
        ("date", "%Y%j"),
        ("date", "%G-W%V-%u"),
        ("timestamp", "%m/%d/%Y %I:%M:%S %p"),
        ("timestamptz", "%Y-%m-%d %H:%M:%S UTC%z"),
        ("timestamp", "100%% %Y-%m-%d"),
        ("date", "%x"),
        ("timestamp", "%c"),
    ],
)
def test_a_format_of_whole_dates_is_taken(column_type: str, time_format: str) -> None:
    spelling.check_time(time_format, None, parse_type(column_type))


@pytest.mark.parametrize("contract", ["freeze", "discard"])
def test_what_may_not_evolve_has_no_column_that_grows(contract: str) -> None:
    assert f"column x: contract {contract} lets no column grow: leave out `too_long: widen`" in refusal(
        "too_long: widen", f"    contract: {contract}\n"
    )


@pytest.mark.parametrize("too_long", ["cut", "widen"])
def test_a_key_is_neither_cut_nor_widened(too_long: str) -> None:
    message = refusal(f"too_long: {too_long}", "", key="[id, x]")
    assert f"key 'x': too_long {too_long} is not for a key, by which rows are told apart" in message


def test_where_there_is_no_database_of_zones_a_name_is_taken_on_trust(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spelling, "available_timezones", set)
    spelling.check_zone("Europe/Nowhere")
    with pytest.raises(ValueError, match="unknown zone"):
        spelling.check_zone("+25:00")
