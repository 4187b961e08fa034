"""Presets: what is the same for all sources of one product, filled in before a source is checked.

A source that says `preset: ewm` writes only what is its own. What the preset adds is a document's own syntax, so
that `scripts/lift.py validate --expanded` can show it; whatever the author writes wins, and a null takes away what
the preset would have written. An expanded document has no preset any more.
"""

from collections.abc import Mapping
from typing import Any

from xmlift.catalogue import rational

Document = dict[str, Any]

PRESETS: Mapping[str, rational.Preset] = {
    "ewm": rational.EWM,
    "doors_next": rational.DOORS_NEXT,
    "etm": rational.ETM,
    "oslc": rational.OSLC,
}


def expand(document: Document) -> Document:
    """The document without its preset, and with all that it stands for. Documents without one are as they are.

    Raises ValueError that names stream and key. What is no preset's affair is left to the models to refuse.
    """
    if "preset" not in document:
        return document
    name = document["preset"]
    preset = PRESETS.get(name) if isinstance(name, str) else None
    if preset is None:
        raise ValueError(f"preset {name!r} is not known: use {', '.join(PRESETS)}")
    rest = {key: value for key, value in document.items() if key != "preset"}
    expanded: Document = merged(preset.source, rest)
    expanded = {key: expanded[key] for key in [*rest, *expanded] if key in expanded}  # as the author has them
    streams = document.get("streams")
    if isinstance(streams, dict):
        where = f"stream {document.get('source', '?')}"
        namespaces = expanded.get("namespaces")
        known = namespaces if isinstance(namespaces, dict) else {}
        expanded["streams"] = {
            key: _stream(preset, stream, known, f"{where}.{key}: preset {name}")
            for key, stream in streams.items()
        }
    return expanded


def _stream(preset: rational.Preset, stream: Any, namespaces: dict[str, str], where: str) -> Any:
    if not isinstance(stream, dict):
        return stream
    own = {key: value for key, value in stream.items() if key not in preset.keys}
    try:
        given = rational.Given(stream, {key: _word(stream, key) for key in preset.keys}, namespaces)
        return merged(preset.stream(given), own)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _word(stream: Document, key: str) -> str:
    """A key that is the preset's own, an empty text where it is not written."""
    value = stream.get(key, "")
    if not isinstance(value, str) or (key in stream and not value.strip()):
        raise ValueError(f"`{key}` is a text that is not empty, not {value!r}")
    return value


def merged(given: Any, own: Any) -> Any:
    """What the preset gives below what the author writes: mappings are joined, all else is the author's.

    Two mappings of different `type` have nothing in common, and the author's stands alone.
    """
    if not isinstance(given, dict) or not isinstance(own, dict):
        return own
    if {"type"} <= given.keys() & own.keys() and given["type"] != own["type"]:
        return own
    joined = {**given, **{key: merged(given.get(key), value) for key, value in own.items()}}
    return {key: value for key, value in joined.items() if value is not None or key not in given}
