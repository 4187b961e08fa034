"""A query made ready to run over work items: its condition as a test, its selection as a renderer.

Both are built once per query from closures over the resource's shape, so that a page of five hundred work
items is a matter of milliseconds.
"""

import operator
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import reduce
from typing import Any

from local.endpoint.fields import Comparison, Condition, Field, FieldsError
from local.endpoint.markup import escaped
from local.endpoint.workitem import Kind, Many, One, Record, Shape, jazz_time

Test = Callable[[Record], bool]
Render = Callable[[Any], str]

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class DateValueError(ValueError):
    """A value compared with a time that is not `yyyy-MM-ddTHH:mm:ss.SSSZ`, offset without colon."""


def compile_condition(condition: Condition | None, shape: Shape) -> Test:
    """The condition as a test of one record. Raises FieldsError or DateValueError."""
    if condition is None:
        return lambda record: True
    if isinstance(condition, Comparison):
        return _compile_comparison(condition, shape)
    tests = [compile_condition(term, shape) for term in condition.terms]
    # Two by two: a window asks each work item this, and a generator for each would take most of the time.
    return reduce(_and if condition.word == "and" else _or, tests)


def _and(left: Test, right: Test) -> Test:
    return lambda record: left(record) and right(record)


def _or(left: Test, right: Test) -> Test:
    return lambda record: left(record) or right(record)


def _compile_comparison(comparison: Comparison, shape: Shape) -> Test:
    *above, name = comparison.path
    for step in above:
        shape = _nested(step, shape).fields
    kind = shape.get(name)
    if not isinstance(kind, Kind):
        raise FieldsError(f"{'/'.join(comparison.path)} cannot be compared")
    compare = _OPERATORS[comparison.operator]
    wanted = _typed(comparison, kind)
    if not above:
        return lambda record: (value := record[name]) is not None and compare(value, wanted)
    return lambda record: any(
        (value := inner[name]) is not None and compare(value, wanted) for inner in _descend(record, above)
    )


def _nested(name: str, shape: Shape) -> One | Many:
    found = shape.get(name)
    if found is None or isinstance(found, Kind):
        raise FieldsError(f"unknown field {name}")
    return found


def _descend(record: Record, path: list[str]) -> Iterable[Record]:
    """The records at a path of nested ones: a repeated record matches if any of its siblings does."""
    found = [record]
    for step in path:
        below = [inner[step] for inner in found]
        found = [
            one for value in below for one in (value if isinstance(value, list) else [value] if value else [])
        ]
    return found


def _typed(comparison: Comparison, kind: Kind) -> Any:
    text = comparison.value
    match kind:
        case Kind.TIME:
            if not _TIMESTAMP.fullmatch(text):
                raise DateValueError(text)
            try:
                return datetime.fromisoformat(text)
            except ValueError as error:
                raise DateValueError(text) from error
        case Kind.INTEGER:
            if not re.fullmatch(r"-?\d+", text):
                raise FieldsError(f"{'/'.join(comparison.path)} is an integer, not '{text}'")
            return int(text)
        case Kind.BOOLEAN:
            return text == "true"
        case Kind.TAGS:
            raise FieldsError(f"{'/'.join(comparison.path)} cannot be compared")
        case Kind.TEXT:
            return text


def compile_selection(name: str, selection: tuple[Field, ...], shape: Shape) -> Render:
    """A renderer of one record as the element `name`, in the shape's order whatever the selection's."""
    parts = _parts(selection, shape)
    opening, closing = f"<{name}>", f"</{name}>"

    def render(record: Record) -> str:
        return opening + "".join([part(record[key]) for key, part in parts]) + closing

    return render


def _parts(selection: tuple[Field, ...], shape: Shape) -> list[tuple[str, Render]]:
    chosen: dict[str, tuple[Field, ...]] = {}
    for field in selection:
        if field.name == "*":
            chosen |= {name: () for name, kind in shape.items() if isinstance(kind, Kind)}
        elif field.name not in shape:
            raise FieldsError(f"unknown field {field.name}")
        elif isinstance(shape[field.name], Kind):
            chosen[field.name] = field.selection
        else:
            chosen[field.name] = chosen.get(field.name, ()) + (field.selection or (Field("*"),))
    return [(name, _element(name, chosen[name], kind)) for name, kind in shape.items() if name in chosen]


def _element(name: str, below: tuple[Field, ...], kind: Kind | One | Many) -> Render:
    if isinstance(kind, Kind):
        if below:
            raise FieldsError(f"{name} has no fields below it")
        return _value_element(name, _TEXTS[kind])
    render = compile_selection(name, below, kind.fields)
    if isinstance(kind, Many):
        return lambda records: "".join(map(render, records))
    empty = f"<{name}></{name}>"
    return lambda record: empty if record is None else render(record)


def _value_element(name: str, text: Callable[[Any], str]) -> Render:
    opening, closing, empty = f"<{name}>", f"</{name}>", f"<{name}></{name}>"
    return lambda value: empty if value is None else opening + text(value) + closing


def _tags(tags: list[str]) -> str:
    return escaped(f"|{'|'.join(tags)}|") if tags else ""


_TEXTS: dict[Kind, Callable[[Any], str]] = {
    Kind.TEXT: escaped,
    Kind.INTEGER: str,
    Kind.BOOLEAN: lambda value: "true" if value else "false",
    Kind.TIME: jazz_time,
    Kind.TAGS: _tags,
}
