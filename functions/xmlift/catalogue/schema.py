"""The JSON Schema of a source's YAML: terraform/sources/schema.json, by which editors complete and check it.

It says what types and keys there are. What the models check among several keys (that the key is one of the
columns, say) only `load_source` knows.
"""

import json
from typing import Any

import msgspec

from xmlift.catalogue.model import Source


def source_schema() -> dict[str, Any]:
    """The schema, in JSON Schema 2020-12."""
    schema = msgspec.json.schema(Source)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A source of xmlift",
        "description": "One endpoint, and the streams read from it into Redshift.",
        **schema,
        "$defs": {name: _described(part) for name, part in sorted(schema["$defs"].items())},
    }


def schema_text() -> str:
    """The schema as it stands in terraform/sources/schema.json."""
    return json.dumps(source_schema(), indent=2, ensure_ascii=False) + "\n"


def _described(part: dict[str, Any]) -> dict[str, Any]:
    """A model's schema, its description on one line: editors show it in a tooltip."""
    return {**part, "description": " ".join(part.get("description", "").split())}
