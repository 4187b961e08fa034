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

from xmlift.catalogue.column import Child, Column
from xmlift.catalogue.model import Source, check_base_url
from xmlift.catalogue.stream import Stream
from xmlift.catalogue.strict import Name
from xmlift.errors import CatalogueError

_AMBIGUOUS = re.compile(
    r"(?i:on|off|yes|no|y|n)"  # booleans of YAML 1.1
    r"|[-+]?0[0-9_]+|0[xobXOB].*|[-+]?[0-9][0-9_]*_[0-9_]*"  # octal, hexadecimal, digits with _
    r"|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+"  # a number, or only with a sign and a point
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


def _mapping(loader: yaml.SafeLoader, node: yaml.Node) -> dict[Hashable, Any]:
    if not isinstance(node, yaml.MappingNode):
        raise yaml.constructor.ConstructorError(
            None, None, f"expected a mapping, as its tag {node.tag} says", node.start_mark
        )
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(
                None, None, "a key must be a name, not a list or a mapping", key.start_mark
            )
        if key.value in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key.value!r} stands twice", key.start_mark
            )
        seen.add(key.value)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


def _scalar(loader: yaml.SafeLoader, node: yaml.Node) -> Any:
    if not isinstance(node, yaml.ScalarNode):
        raise yaml.constructor.ConstructorError(
            None, None, f"a list or a mapping is not what its tag {node.tag} says", node.start_mark
        )
    if node.style is None and _AMBIGUOUS.fullmatch(node.value):
        raise yaml.constructor.ConstructorError(
            None, None, f"{node.value!r} is ambiguous in YAML: put it in quotes", node.start_mark
        )
    try:
        return yaml.SafeLoader.yaml_constructors[node.tag](loader, node)
    except (ValueError, LookupError) as error:
        raise yaml.constructor.ConstructorError(
            None, None, f"{node.value!r} is not what its tag {node.tag} says", node.start_mark
        ) from error


_StrictLoader.yaml_constructors = {
    tag: yaml.SafeLoader.yaml_constructors[tag]
    for tag in (
        "tag:yaml.org,2002:seq",
        "tag:yaml.org,2002:null",
        None,
    )  # None: what any other tag gets, an error
}
_StrictLoader.add_constructor("tag:yaml.org,2002:map", _mapping)
for _tag in ("bool", "int", "float", "str"):
    _StrictLoader.add_constructor(f"tag:yaml.org,2002:{_tag}", _scalar)


def read_document(text: bytes, origin: str) -> dict[str, Any]:
    """A source's YAML as it is checked: with all that its preset stands for, if it has one.

    `origin` (a file or object name) stands in every message. Raises CatalogueError.
    """
    try:
        document = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 (a SafeLoader by inheritance)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{origin}: not readable as YAML: {error}") from error
    except RecursionError as error:
        raise CatalogueError(f"{origin}: not readable as YAML: nested too deeply") from error
    if not isinstance(document, dict):
        raise CatalogueError(f"{origin}: the file must be a mapping that starts with `source: <name>`")
    if "preset" not in document:
        return document
    from xmlift.catalogue.presets import expand  # noqa: PLC0415 (5 ms of a cold start: who has none does not pay)

    try:
        return expand(document)
    except ValueError as error:
        raise CatalogueError(f"{origin}: {error}") from error


def load_source(text: bytes, origin: str, base_url: str | None = None) -> Source:
    """Read and check one source's YAML; `base_url`, where given, is the environment's own.

    `origin` (a file or object name) stands in every message. Raises CatalogueError.
    """
    document = read_document(text, origin)
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
    """Check from the inside out what stands under a name: the models' own messages cannot tell which one."""
    streams = document.get("streams")
    if not isinstance(streams, dict):
        raise CatalogueError(f"{origin}: `streams` must map a stream's name to its request, records, columns")
    for name, stream in streams.items():
        where = f"{origin}: stream {document.get('source', '?')}.{name}"
        _check(name, Name, where)
        _check_columns(stream, where)
        _check_children(stream, where)
        _check(stream, Stream, where)
        _check_types(stream, where)


def _check_children(table: Any, where: str) -> None:
    for name, child in _entries(table, "children"):
        inside = f"{where}: child {name}"
        _check(name, Name, inside)
        _check_columns(child, inside)
        _check_children(child, inside)
        _check(child, Child, inside)


def _check_types(stream: dict[str, Any], where: str) -> None:
    """Where there is one way so far, msgspec lets its `type` be left out: a second way would need it."""
    for key in ("cursor", "deletes"):
        if stream.get(key) is not None and "type" not in stream[key]:
            raise CatalogueError(f"{where}: Object missing required field `type` (at `{key}`)")


def _check_columns(table: Any, where: str) -> None:
    for name, column in _entries(table, "columns"):
        _check(name, Name, f"{where}: column {name}")
        _check(column, Column, f"{where}: column {name}")


def _entries(table: Any, key: str) -> list[tuple[Any, Any]]:
    """What stands under a key by name; nothing where it is no mapping, which the check around it says."""
    entries = table.get(key) if isinstance(table, dict) else None
    return list(entries.items()) if isinstance(entries, dict) else []


def _check(value: Any, model: Any, where: str) -> None:
    try:
        msgspec.convert(value, model)
    except (msgspec.ValidationError, ValueError) as error:
        raise CatalogueError(f"{where}: {_readable(error, model)}") from error


_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>[^`]*)`")
_NO_CHOICE = re.compile(r"Invalid (?:enum )?value .* \(at `(?P<path>[^`]*)`\)")
_NAME_PATTERN = re.compile(r"Expected `str` matching regex '\^\[a-z\]\(.*?\$'")
_PATTERN = re.compile(r"Expected `str` matching regex '.*' (?P<place>\(at `(.*\.)?(?P<key>[a-z_]+)`\))")
_WANTED = {
    "keep_raw": "a number of days from 1d to 9999d, such as 30d",
    "path": "a path below base_url that begins with /, such as /rpt/items",
    "records": "the absolute path of a record with one / before its first name, such as /list/record",
    "transform": "<module>.<function> in lower case, such as ecb.daily_rates",
}
"""What to write where a pattern says it to machines alone, by key."""


def _readable(error: Exception, model: Any) -> str:
    """msgspec's message with its path in words, and what it does not say: the name most like it, the choices."""
    message = str(error).replace(" - at `$.", " (at `").replace(" - at `$`", "").replace("`$`", "the top")
    message = message + ")" if " (at `" in message else message
    message = _NAME_PATTERN.sub("Expected a name of lower case letters, digits and single _ between", message)
    if (pattern := _PATTERN.search(message)) and pattern["key"] in _WANTED:
        return f"Expected {_WANTED[pattern['key']]} {pattern['place']}"
    if unknown := _UNKNOWN.search(message):
        known = sorted(_all_keys(msgspec.json.schema(model)))
        near = difflib.get_close_matches(unknown["key"], known, n=1)
        remedy = f"did you mean `{near[0]}`?" if near else "known keys are in terraform/sources/schema.json"
        return f"{message}; {remedy}"
    if no_choice := _NO_CHOICE.fullmatch(message):
        return f"{message}; use {', '.join(_choices(msgspec.json.schema(model), no_choice['path']))}"
    return message


def _all_keys(schema: dict[str, Any]) -> set[str]:
    return {key for part in schema.get("$defs", {}).values() for key in part.get("properties", {})}


def _choices(schema: dict[str, Any], path: str) -> list[str]:
    """The values that a JSON Schema allows at a path of keys."""
    parts = [schema]
    for key in path.split("."):
        below = [_referred(schema, part).get("properties", {}).get(key, {}) for part in parts]
        parts = [choice for part in below for choice in _alternatives(part)]
    return sorted({value for part in parts for value in part.get("enum", ())})


def _alternatives(part: dict[str, Any]) -> list[dict[str, Any]]:
    """What may stand there, also where it is one of several or nothing."""
    return [one for choice in part["anyOf"] for one in _alternatives(choice)] if "anyOf" in part else [part]


def _referred(schema: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    name = part.get("$ref", "").removeprefix("#/$defs/")
    found: dict[str, Any] = schema["$defs"][name] if name else part
    return found
