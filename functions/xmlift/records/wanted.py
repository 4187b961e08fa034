"""What is taken of an element by plain paths of names: all that can be read of a record without parsing it."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from xmlift.records.fields import Field, Nested
from xmlift.records.mapping import Mapping
from xmlift.records.sample import UnlearnableError

_STEP = re.compile(r"(?:[A-Za-z_][\w.-]*:)?[A-Za-z_][\w.-]*")
_XML = "http://www.w3.org/XML/1998/namespace"


class Path(NamedTuple):
    """A path of names from a record, as {uri}name each: elements, and at its end perhaps an attribute."""

    elements: tuple[str, ...]
    attribute: str | None = None


class Value(NamedTuple):
    """A field by its place. Of many nodes it is that of their elements, of each of which `items` are taken.

    Items that have no values have one table, in which they go on.
    """

    field: Field
    path: Path
    items: "Wanted | None" = None


class Wanted(NamedTuple):
    """What is taken of an element: values, and by their path the elements of each nested table."""

    values: Sequence[Value]
    tables: "Sequence[tuple[Path, Wanted]]" = ()


def wanted(mapping: Mapping, fields: Sequence[Field], nested: Sequence[Nested]) -> Wanted:
    """What a mapping takes of its records. Raises UnlearnableError where an expression is more than names."""
    tables = []
    for table in nested:
        path = _path(table.path, mapping)
        _check_elements(path, table.path)
        tables.append((path, wanted(mapping, table.fields, table.nested)))
    values = [_value(field, mapping) for field in fields]
    # Parents of such elements may be repeated as they are, unless something else is taken from one of them.
    others = {value.path.elements[:1] for value in values if value.items is None}
    others |= {path.elements[:1] for path, _ in tables if len(path.elements) > 1}
    return Wanted(
        [_from_parents(value) if value.path.elements[:1] not in others else value for value in values], tables
    )


def _from_parents(value: Value) -> Value:
    """A list's elements, found in all elements of their path's first name, and so on."""
    items = value.items
    if items is None:
        return value
    for name in reversed(value.path.elements[1:]):
        items = Wanted((), [(Path((name,)), items)])
    return Value(value.field, Path(value.path.elements[:1]), items)


def _value(field: Field, mapping: Mapping) -> Value:
    path = _path(field.xpath, mapping)
    if field.key:
        _check_elements(path, field.xpath)
        parts = [Field("key", field.key), Field("value", field.value)]
        return Value(field, path, wanted(mapping, parts, ()))
    if field.kind in ("many", "joined") and path.elements:
        item = Value(Field("item", "."), Path((), path.attribute))
        return Value(field, Path(path.elements), Wanted([item]))
    return Value(field, path)


def _check_elements(path: Path, expression: str) -> None:
    if path.attribute is not None or not path.elements:
        raise UnlearnableError(f"{expression} is no path of elements in a record")


def _path(expression: str, mapping: Mapping) -> Path:
    path = plain_path(expression, mapping.namespaces)
    if mapping.local_names and any("}" in name for name in (*path.elements, path.attribute or "")):
        raise UnlearnableError(f"{expression} has a prefix, and other names may be of any namespace")
    return path


def plain_path(expression: str, namespaces: dict[str, str]) -> Path:
    """An XPath that is names alone (`a/p:b/@c`, `.`). Raises UnlearnableError where it is more than that."""
    steps = [step for step in expression.split("/") if step != "."]
    names = [_named(step.removeprefix("@"), namespaces) for step in steps]
    if any(step.startswith("@") for step in steps[:-1]):
        raise UnlearnableError(f"{expression} goes on after an attribute")
    if steps and steps[-1].startswith("@"):
        return Path(tuple(names[:-1]), names[-1])
    return Path(tuple(names))


def _named(step: str, namespaces: dict[str, str]) -> str:
    if _STEP.fullmatch(step) is None:
        raise UnlearnableError(f"{step} is not a name")
    return expanded_name(step, namespaces, default="")


def expanded_name(name: str, scope: dict[str, str], default: str) -> str:
    """A tag's name as {uri}name; `default` is the namespace of names without a prefix."""
    prefix, _, local = name.rpartition(":")
    if not prefix:
        uri = default
    elif prefix == "xml":
        uri = _XML
    elif prefix in scope:
        uri = scope[prefix]
    else:
        raise UnlearnableError(f"{name} has a prefix that is not declared")
    return f"{{{uri}}}{local}" if uri else local
