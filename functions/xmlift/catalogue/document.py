"""YAML text → `Source`. Ambiguous YAML is refused instead of interpreted.

YAML 1.1 turns `on` into true, `010` into 8 and `2020-01-01` into a date, and lets a key stand twice; each has
cost somebody a night. Here such a scalar has to be quoted, and a key stands once.
"""

import difflib
import re
from collections.abc import Hashable
from typing import Any

import msgspec
import yaml

from xmlift.catalogue.model import Source, Stream, check_base_url
from xmlift.errors import CatalogueError

_AMBIGUOUS = re.compile(
    r"(?i:on|off|yes|no|y|n)"  # booleans of YAML 1.1
    r"|[-+]?0[0-9_]+|0[xob].*|[-+]?[0-9][0-9_]*_[0-9_]*"  # octal, hexadecimal, digits with _
    r"|[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?"  # sexagesimal
    r"|[-+]?\.(?i:inf|nan)"
)


class _StrictLoader(yaml.SafeLoader):
    """A safe loader that knows text, whole numbers, decimals, true, false and null, and nothing else."""


# Dates stay text: only the columns' types decide what a time is.
_StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Hashable, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        if key.value in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key.value!r} stands twice", key.start_mark
            )
        seen.add(key.value)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


def _scalar(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Any:
    if node.style is None and _AMBIGUOUS.fullmatch(node.value):
        raise yaml.constructor.ConstructorError(
            None, None, f"{node.value!r} is ambiguous in YAML: put it in quotes", node.start_mark
        )
    return yaml.SafeLoader.yaml_constructors[node.tag](loader, node)


_StrictLoader.add_constructor("tag:yaml.org,2002:map", _mapping)
for _tag in ("bool", "int", "float", "str"):
    _StrictLoader.add_constructor(f"tag:yaml.org,2002:{_tag}", _scalar)


def load_source(text: bytes, origin: str, base_url: str | None = None) -> Source:
    """Read and check one source's YAML; `base_url`, where given, is the environment's own.

    `origin` (a file or object name) stands in every message. Raises CatalogueError.
    """
    try:
        document = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 (a SafeLoader by inheritance)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{origin}: not readable as YAML: {error}") from error
    if not isinstance(document, dict):
        raise CatalogueError(f"{origin}: the file must be a mapping that starts with `source: <name>`")
    _check_streams(document, origin)
    try:
        source = msgspec.convert(document, Source)
        if base_url is not None:
            check_base_url(base_url)
            source = msgspec.structs.replace(source, base_url=base_url)
    except (msgspec.ValidationError, ValueError) as error:
        raise CatalogueError(f"{origin}: {_readable(error, Source)}") from error
    return source


def _check_streams(document: dict[str, Any], origin: str) -> None:
    """Check each stream by itself first, since only here a message can name the stream it is about."""
    streams = document.get("streams")
    if not isinstance(streams, dict):
        raise CatalogueError(f"{origin}: `streams` must map a stream's name to its request, records, columns")
    for name, stream in streams.items():
        try:
            msgspec.convert(stream, Stream)
        except (msgspec.ValidationError, ValueError) as error:
            where = f"{document.get('source', '?')}.{name}"
            raise CatalogueError(f"{origin}: stream {where}: {_readable(error, Stream)}") from error


_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>[^`]*)`")


def _readable(error: Exception, model: type) -> str:
    """msgspec's message, its path in words, and for an unknown key the known one that is most like it."""
    message = str(error).replace(" - at `$.", " (at `").replace("`$`", "the top")
    message = message + ")" if " (at `" in message else message
    unknown = _UNKNOWN.search(message)
    if unknown is None:
        return message
    known = sorted(_all_keys(msgspec.json.schema(model)))
    near = difflib.get_close_matches(unknown["key"], known, n=1)
    remedy = f"did you mean `{near[0]}`?" if near else "known keys are in terraform/sources/schema.json"
    return f"{message}; {remedy}"


def _all_keys(schema: dict[str, Any]) -> set[str]:
    return {key for part in schema.get("$defs", {}).values() for key in part.get("properties", {})}
