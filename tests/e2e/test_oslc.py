"""EWM over OSLC-CM: namespaces, and values in the rdf:resource attributes of empty elements."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from lxml import etree

pytestmark = pytest.mark.cloud

Rows = list[dict[str, Any]]
TYPED: dict[str, Callable[[str], Any]] = {
    "bigint": int,
    "integer": int,
    "boolean": lambda text: text == "true",
    "timestamptz": datetime.fromisoformat,
}


def value(record: Any, column: dict[str, str], namespaces: dict[str, str]) -> Any:
    """What XPath, and no code of ours, finds at a column's path."""
    found = record.xpath(f"string({column['path']})", namespaces=namespaces)
    return TYPED.get(column["type"], str)(found) if found else None


def test_every_stream_equals_its_recorded_response(
    recorded: Callable[[str], Path],
    catalogue: Callable[[str], str],
    first: Callable[[str], dict[str, Any]],
    query: Callable[..., Rows],
) -> None:
    folder = recorded("ewm_oslc_cm")
    source = yaml.safe_load(catalogue("ewm_oslc"))
    report = first("ewm_oslc")
    assert report["status"] == "succeeded", report["message"]
    assert {stream["stream"] for stream in report["streams"]} == set(source["streams"])
    for name, stream in source["streams"].items():
        tree = etree.parse(folder / Path(stream["request"]["path"]).name)
        wanted = [
            {
                column: value(record, given, source["namespaces"])
                for column, given in stream["columns"].items()
            }
            for record in tree.xpath(stream["records"], namespaces=source["namespaces"])
        ]
        assert wanted, f"{name}: the recorded response has no records"
        rows = query(f"SELECT {', '.join(stream['columns'])} FROM ewm_oslc.{name}")
        assert sorted(rows, key=repr) == sorted(wanted, key=repr), name
