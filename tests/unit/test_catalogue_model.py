"""What a catalogue means once it is read, and the schema that editors check it by."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from xmlift.catalogue import load_source
from xmlift.catalogue.model import parse_duration
from xmlift.catalogue.schema import schema_text, source_schema

SOURCES = Path(__file__).parents[2] / "terraform" / "sources"
SHIPPED = sorted(SOURCES.glob("*.yaml"))
TEXT = """\
source: ewm
base_url: https://elm.example.com/ccm
streams:
  work_items:
    request: {path: /rpt, query: {q: "modified>{window.from} and modified<{window.to}", size: 500}}
    records: /r/i
    key: [id]
    columns: {id: {path: id}, at: {path: at, type: timestamptz}, must: {path: x, required: true}}
    cursor: {type: watermark, field: at, overlap: 10m, slice: 1d, start: "2024-01-01T01:00:00+01:00"}
    disposition: append
"""


def test_defaults_and_what_is_derived() -> None:
    source = load_source(TEXT.encode(), "ewm.yaml")
    stream = source.streams["work_items"]
    assert stream.cursor is not None
    assert stream.cursor.start_time == datetime(2024, 1, 1, tzinfo=UTC)
    assert stream.cursor.overlap_time == timedelta(minutes=10)
    assert stream.cursor.slice_time == timedelta(days=1)
    assert stream.cursor.resolution_time == timedelta(microseconds=1)
    assert stream.is_bounded
    assert stream.required_columns == {"id", "at", "must"}
    assert stream.columns["id"].type == "varchar(256)"
    assert source.secret is None
    assert source.limits.attempts == 5


def test_an_environment_may_name_its_own_server() -> None:
    assert (
        load_source(TEXT.encode(), "f", base_url="https://127.0.0.1:1/x").base_url == "https://127.0.0.1:1/x"
    )
    assert load_source(TEXT.encode(), "f").base_url == "https://elm.example.com/ccm"


@pytest.mark.parametrize("placeholder", ["{window.from}", "{window.to}"])
def test_a_request_with_one_bound_is_not_bounded(placeholder: str) -> None:
    text = TEXT.replace("append", "merge").replace(placeholder, "2020")
    assert not load_source(text.encode(), "f").streams["work_items"].is_bounded


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", timedelta(0)),
        ("1us", timedelta(microseconds=1)),
        ("500ms", timedelta(milliseconds=500)),
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("24h", timedelta(days=1)),
        ("30d", timedelta(days=30)),
    ],
)
def test_a_length_of_time(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "5", "m", "5 m", "5M", "1.5h", "-5m", "5m ", "1h30m", "1234567s", "٣m", "PT5M"]
)
def test_anything_else_is_no_length_of_time(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"is not a length of time: write a number and us, ms, s, m, h or d \(5m\)"
    ):
        parse_duration(text)


@given(st.integers(0, 999_999), st.sampled_from(["us", "ms", "s", "m", "h", "d"]))
def test_lengths_of_time_grow_with_number_and_unit(number: int, unit: str) -> None:
    assert parse_duration(f"{number}{unit}") == number * parse_duration(f"1{unit}")


def test_the_published_schema_is_the_models() -> None:
    assert (SOURCES / "schema.json").read_text() == schema_text(), (
        "terraform/sources/schema.json is stale: write `xmlift.catalogue.schema.schema_text()` to it"
    )


def test_the_schema_is_one_and_says_what_each_part_is() -> None:
    schema = source_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for name, part in schema["$defs"].items():
        assert part["title"] == name
        assert len(part["description"]) > 10
        assert part["additionalProperties"] is False
    assert json.loads(schema_text()) == schema


def problems(document: Any) -> list[str]:
    return [
        error.json_path for error in jsonschema.Draft202012Validator(source_schema()).iter_errors(document)
    ]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_a_shipped_source_is_valid_and_names_its_schema(path: Path) -> None:
    assert problems(yaml.safe_load(path.read_text())) == []
    assert path.read_text().startswith("# yaml-language-server: $schema=schema.json\n")


def test_three_sources_are_shipped() -> None:
    assert [path.stem for path in SHIPPED] == ["ecb", "ewm", "ewm_oslc"]


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("records: /r/i", "records: r/i", "$.streams.work_items.records"),
        ("key: [id]", "ky: [id]", "$.streams.work_items"),
        ("{path: id}", "{pth: id}", "$.streams.work_items.columns.id"),
        ("disposition: append", "disposition: replace", "$.streams.work_items.disposition"),
        ("source: ewm", "source: EWM", "$.source"),
    ],
)
def test_the_schema_finds_what_the_models_find(old: str, new: str, where: str) -> None:
    assert where in problems(yaml.safe_load(TEXT.replace(old, new)))
