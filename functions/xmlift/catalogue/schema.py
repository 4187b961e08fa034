"""The JSON Schema of a source's YAML: terraform/sources/schema.json, by which editors complete and check it.

It says what types and keys there are. What the models check among several keys (that the key is one of the
columns, say) only `load_source` knows.
"""

import json
from typing import Any

import msgspec

from xmlift.catalogue.model import Source
from xmlift.catalogue.presets import PRESETS

# What a preset writes, so that a source which has one may leave it out, by model.
_PRESET_WRITES = {
    "Stream": {"records"},
    "Request": {"path"},
    "JazzFormLogin": {"type"},
    "ApplicationPasswordLogin": {"type"},
    "Watermark": {"type"},
    "SecondFeed": {"request", "records"},
}
_PRESET_KEYS = {
    "resource": "what is read: workitem/workItem (ewm), resources (doors_next), testcase (etm), a path (oslc)",
    "where": "a condition in the server's own syntax, beside that of the cursor",
    "project": "the project area that is read, where it is not that of `for_each`",
    "version": "of OSLC: '2.0', or '1.0' for OSLC-CM",
}


def source_schema() -> dict[str, Any]:
    """The schema, in JSON Schema 2020-12."""
    schema = msgspec.json.schema(Source)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A source of xmlift",
        "description": "One endpoint, and the streams read from it into Redshift.",
        **schema,
        "$defs": {
            name: _described(_without_presets(name, part)) for name, part in sorted(schema["$defs"].items())
        },
        "if": {"not": {"required": ["preset"]}},
        "then": _STRICT,
    }


# Without a preset nothing writes what is left out, and its keys are unknown.
_STRICT = {
    "properties": {
        "auth": {"required": ["type"]},
        "streams": {
            "additionalProperties": {
                "required": ["records"],
                "anyOf": [{"required": ["request"]}, {"required": ["inbox"]}],
                "properties": {
                    "request": {"required": ["path"]},
                    "cursor": {"if": {"type": "object"}, "then": {"required": ["type"]}},
                    "deletes": {
                        "if": {"required": ["type"], "properties": {"type": {"const": "second_feed"}}},
                        "then": {"required": ["request", "records"]},
                    },
                    **dict.fromkeys(_PRESET_KEYS, False),
                },
            }
        },
    }
}


def schema_text() -> str:
    """The schema as it stands in terraform/sources/schema.json."""
    return json.dumps(source_schema(), indent=2, ensure_ascii=False) + "\n"


def _described(part: dict[str, Any]) -> dict[str, Any]:
    """A model's schema, its description on one line: editors show it in a tooltip."""
    return {**part, "description": " ".join(part.get("description", "").split())}


def _without_presets(name: str, part: dict[str, Any]) -> dict[str, Any]:
    """A model's schema for sources with a preset, too, which the models never see."""
    required = [key for key in part.get("required", []) if key not in _PRESET_WRITES.get(name, ())]
    properties = dict(part.get("properties", {}))
    if name == "Source":
        properties["preset"] = {"enum": list(PRESETS), "description": "a product that the source is one of"}
    if name == "Stream":
        properties |= {key: {"type": "string", "description": text} for key, text in _PRESET_KEYS.items()}
    return {**part, "properties": properties, "required": required}
