"""What an operator asks for is held against plan's rules before anything is started."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.backfill import asked, is_nothing_read
from operate.errors import OperatorError
from operate.inputs import as_options, check, parse_time
from xmlift.catalogue import load_source

NOW = datetime(2026, 11, 22, tzinfo=UTC)
CATALOGUE = b"""
source: tracker
base_url: https://tracker.example.com
streams:
  tickets:
    request: {path: /tickets, query: {since: "{window.from}", until: "{window.to}"}}
    records: /tickets/ticket
    cursor: {type: watermark, field: changed, slice: 1d, start: "2026-01-01T00:00:00Z"}
    key: [id]
    columns: {id: {path: "@id"}, changed: {path: changed, type: timestamptz}}
  states:
    request: {path: /states}
    records: /states/state
    key: [id]
    columns: {id: {path: "@id"}}
"""


def refused(**changes: Any) -> str:
    """What check says to an input with these changes; empty if nothing."""
    source = load_source(CATALOGUE, "tracker.yaml")
    deployment: Any = SimpleNamespace(catalogue=lambda name: source)
    try:
        check(deployment, {"source": "tracker", "catalogue": "c.yaml", **changes}, NOW)
    except OperatorError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-01", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-01-01T06:00:00Z", datetime(2026, 1, 1, 6, tzinfo=UTC)),
        ("2026-01-01T06:00:00+02:00", datetime(2026, 1, 1, 4, tzinfo=UTC)),
        ("2026-01-01 06:00:00.000001-05:30", datetime(2026, 1, 1, 11, 30, 0, 1, UTC)),
    ],
)
def test_times_are_days_or_have_an_offset(text: str, time: datetime) -> None:
    assert parse_time(text, "--from") == time


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-01-01T06:00:00", "does not say in which time zone"),
        ("20260101", "does not say in which time zone"),
        ("2026-02-30", "is not a time"),
        ("yesterday", "is not a time"),
        ("", "is not a time"),
        ("0001-01-01T00:00:00+14:00", "is not a time"),
    ],
)
def test_other_times_are_refused_with_the_remedy(text: str, why: str) -> None:
    with pytest.raises(OperatorError, match=why) as refusal:
        parse_time(text, "--from")
    assert str(refusal.value).startswith("--from ")
    assert "2026-01-01T06:00:00+02:00" in str(refusal.value)


instants = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 (hypothesis adds the zone)
    max_value=datetime(9000, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(instants, st.integers(-14 * 60, 14 * 60))
def test_an_instant_is_the_same_in_every_offset(time: datetime, minutes: int) -> None:
    shown = time.astimezone(timezone(timedelta(minutes=minutes))).isoformat()
    parsed = parse_time(shown, "--to")
    assert parsed == time
    assert parsed.tzinfo == UTC


@given(st.text())
def test_any_text_is_a_time_or_refused(text: str) -> None:
    with suppress(OperatorError):
        assert parse_time(text, "--to").tzinfo == UTC


def test_a_range_becomes_the_executions_input() -> None:
    assert asked("2026-01-01", "2026-02-01T00:00:00+01:00", ["tickets"], reread=True) == {
        "from": "2026-01-01T00:00:00+00:00",
        "to": "2026-01-31T23:00:00+00:00",
        "streams": ["tickets"],
        "reread": True,
    }
    # What differs in nothing from the schedule's is left out.
    assert asked(None, None, [], reread=True) == {"reread": True}


@pytest.mark.parametrize(
    ("windows", "nothing"), [([[0]], True), ([[0, 0], [0]], True), ([[0, 1]], False), ([[0], [3]], False)]
)
def test_a_range_that_is_loaded_already_is_known_by_its_reports(
    windows: list[list[int]], nothing: bool
) -> None:
    reports = [{"streams": [{"windows": count} for count in counts]} for counts in windows]
    assert is_nothing_read(reports) is nothing


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ("2026-02-01", "2026-01-01", "the range is empty"),
        ("2026-01-01T01:00:00+01:00", "2026-01-01", "the range is empty"),
        ("2026-01-01", None, "give --from and --to"),
        (None, "2026-01-01", "--reread"),
        (None, None, "--reread"),
    ],
)
def test_a_range_has_two_ends_in_their_order(start: str | None, end: str | None, words: str) -> None:
    with pytest.raises(OperatorError, match=words):
        asked(start, end, [], reread=False)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"streams": ["nix"]}, "no stream 'nix'; it has tickets, states"),
        ({"streams": ["nix"], "replay": True}, "no stream 'nix'; it has tickets, states"),
        ({"from": "2026-01-01T00:00:00Z"}, "leave out --from and --to, or"),
        ({"from": "2027-01-01T00:00:00Z", "streams": ["tickets"]}, "lies after"),
        ({"replay": True, "reread": True}, "leave out --from, --to and --reread"),
    ],
)
def test_what_plan_would_refuse_is_refused_before(changes: dict[str, Any], words: str) -> None:
    assert words in refused(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"replay": True},
        {"reread": True},
        {"from": "2020-01-01T00:00:00Z", "to": "2030-01-01T00:00:00Z", "streams": ["tickets"]},
        {"concurrent": True},
    ],
)
def test_what_can_be_done_is_not_refused(changes: dict[str, Any]) -> None:
    assert refused(**changes) == ""


def test_plans_words_name_options() -> None:
    assert as_options("leave out `from` and `to`, or name others in `streams`") == (
        "leave out --from and --to, or name others in --stream"
    )
