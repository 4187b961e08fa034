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
from xmlift.catalogue.cursor import parse_duration
from xmlift.catalogue.deletes import Tombstone
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
    assert (stream.epoch, stream.deletes) == (0, None)


SNAPSHOT = """\
source: shop
base_url: https://shop.example.com
streams:
  prices:
    request: {path: /prices}
    records: /prices/price
    columns: {article: {path: "@no"}, at: {path: at, type: timestamptz}, price: {path: ., required: true}}
"""


@pytest.mark.parametrize(
    "lines",
    [
        "disposition: replace",
        "disposition: replace\n    key: [article]",
        "disposition: replace\n    cursor: {type: watermark, field: at}",
        "disposition: replace\n    children: {notes: {records: note, columns: {text: {path: .}}}}",
        "disposition: scd2\n    key: [article]",
        "disposition: scd2\n    key: [article]\n    cursor: {type: watermark, field: at}",
        "disposition: merge\n    key: [article]\n    deletes: {type: tombstone, path: '@gone'}",
        "disposition: scd2\n    key: [article]\n    deletes: {type: tombstone, path: '@op', equals: D}",
        "disposition: replace\n    epoch: 3",
    ],
)
def test_what_the_dispositions_can_be_combined_with(lines: str) -> None:
    text = f"{SNAPSHOT}    {lines}\n"
    stream = load_source(text.encode(), "shop.yaml").streams["prices"]
    assert stream.disposition == yaml.safe_load(text)["streams"]["prices"]["disposition"]
    assert problems(yaml.safe_load(text)) == []


def test_append_needs_no_slice() -> None:
    text = TEXT.replace(", slice: 1d", "")
    stream = load_source(text.encode(), "ewm.yaml").streams["work_items"]
    assert stream.cursor is not None
    assert (stream.disposition, stream.cursor.slice_time) == ("append", None)


def test_epoch_and_deletes_are_read_as_written() -> None:
    text = f"{SNAPSHOT}    key: [article]\n    epoch: 7\n    deletes: {{type: tombstone, path: '@op', equals: D}}\n"
    stream = load_source(text.encode(), "shop.yaml").streams["prices"]
    assert stream.epoch == 7
    assert stream.deletes == Tombstone(path="@op", equals="D")
    assert stream.identifying_columns == {"article"}
    assert stream.required_columns == {"article", "price"}


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


def test_each_preset_two_recorded_families_and_an_inbox_are_shipped() -> None:
    assert [path.stem for path in SHIPPED] == [
        "doors_next",
        "ecb",
        "etm",
        "ewm",
        "ewm_oslc",
        "oslc",
        "price_lists",
    ]


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("records: /r/i", "records: r/i", "$.streams.work_items.records"),
        ("key: [id]", "ky: [id]", "$.streams.work_items"),
        ("{path: id}", "{pth: id}", "$.streams.work_items.columns.id"),
        ("disposition: append", "disposition: upsert", "$.streams.work_items.disposition"),
        ("source: ewm", "source: EWM", "$.source"),
        ("disposition: append", "epoch: -1", "$.streams.work_items.epoch"),
        ("disposition: append", "deletes: {path: a}", "$.streams.work_items.deletes"),
        ("disposition: append", "deletes: {type: marker, path: a}", "$.streams.work_items.deletes"),
        ("disposition: append", "deletes: {type: second_feed, columns: {}}", "$.streams.work_items.deletes"),
    ],
)
def test_the_schema_finds_what_the_models_find(old: str, new: str, where: str) -> None:
    assert where in problems(yaml.safe_load(TEXT.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("preset: ewm\n", "", "$.streams.items"),  # nobody writes request and records
        ("preset: ewm", "preset: rtc", "$.preset"),
        ("resource: a/b", "resource: 7", "$.streams.items.resource"),
        ("resource: a/b", "resourse: a/b", "$.streams.items"),
    ],
)
def test_the_schema_knows_presets(old: str, new: str, where: str) -> None:
    text = """\
preset: ewm
source: tracker
base_url: https://elm.example.com/ccm
auth: {secret: tracker}
streams:
  items:
    resource: a/b
    where: c='d'
    key: [id]
    cursor: {field: at}
    columns: {id: {path: id}, at: {path: at, type: timestamptz}}
"""
    assert problems(yaml.safe_load(text)) == []
    assert where in problems(yaml.safe_load(text.replace(old, new)))
