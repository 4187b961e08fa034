"""A regular expression for records of one shape, and which of its groups holds which value.

It is strict: every tag in what it matches is one that was seen, in the order that was seen. Between such tags
and in their attributes stands text; where that is text of XML (characters.py), what it matches is well-formed and
means what a parser would have made of it. Of all else (a comment, a CDATA section, a tag never seen) it matches
nothing.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from xmlift.records.sample import Attribute, Element, UnlearnableError

SPACE = r"[ \t\n]*+"

# Possessive throughout (`*+`, `?+`): what does not match is given up at once. What stands in a text or in an
# attribute is checked once for a whole piece (characters.py), in a third of the time that it takes here.
_TEXT = "[^<]*+"
_VALUES = {'"': r'[^<"\t\n]*+', "'": r"[^<'\t\n]*+"}
_STEP = re.compile(r"(?:[A-Za-z_][\w.-]*:)?[A-Za-z_][\w.-]*")
_XML = "http://www.w3.org/XML/1998/namespace"


class Path(NamedTuple):
    """A path of names from a record, as {uri}name each: elements, and at its end perhaps an attribute."""

    elements: tuple[str, ...]
    attribute: str | None = None


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


class Pattern:
    """The expression for one element. Raises UnlearnableError where a value has no one place in it.

    `source` is its text, `groups` the values that it captures in this order: of an element's text, of an
    attribute, or (`tables`) all nested records as they stand. `inside` has each table's element that was seen,
    and the namespaces around it.
    """

    def __init__(
        self, element: Element, scope: dict[str, str], values: Sequence[Path], tables: Sequence[Path] = ()
    ) -> None:
        self._values = frozenset(values)
        self._tables = frozenset(table.elements for table in tables)
        self.groups: list[Path] = []
        self.inside: dict[Path, tuple[Element, dict[str, str]]] = {}
        self.source = self._element(element, (), scope)

    def _element(self, element: Element, path: tuple[str, ...], scope: dict[str, str]) -> str:
        scope = scope | element.declarations
        name = re.escape(element.name)
        start = f"<{name}{self._attributes(element, path, scope)}"
        ways = [f"{SPACE}/>"] if element.is_empty else []
        if element.is_open:
            content = self._children(element, path, scope) if element.children else self._text(path)
            ways.insert(0, f">{content}</{name}{SPACE}>")
        return f"{start}(?:{'|'.join(ways)})"

    def _text(self, path: tuple[str, ...]) -> str:
        return self._captured(Path(path), _TEXT)

    def _captured(self, path: Path, value: str) -> str:
        if path not in self._values:
            return value
        self.groups.append(path)
        return f"({value})"

    def _attributes(self, element: Element, path: tuple[str, ...], scope: dict[str, str]) -> str:
        names = [
            attribute.name
            if attribute.declares is not None
            else expanded_name(attribute.name, scope, default="")
            for attribute in element.ordered_attributes
        ]
        _refuse_doubles(element, names)
        return "".join(
            self._attribute(attribute, Path(path, name))
            for attribute, name in zip(element.ordered_attributes, names, strict=True)
        )

    def _attribute(self, attribute: Attribute, path: Path) -> str:
        quote = attribute.quote
        start = rf"[ \t\n]++{re.escape(attribute.name)}={quote}"
        if attribute.declares is not None:  # another one, or none, would give the names another meaning
            return start + re.escape(attribute.declares) + quote
        return f"(?:{start}{self._captured(path, _VALUES[quote])}{quote})?+"

    def _children(self, element: Element, path: tuple[str, ...], scope: dict[str, str]) -> str:
        if Path(path) in self._values:
            raise UnlearnableError(f"the text of {element.name} is spread over elements")
        children = element.ordered
        scopes = [scope | child.declarations for child in children]
        names = [
            expanded_name(child.name, known, known.get("", ""))
            for child, known in zip(children, scopes, strict=True)
        ]
        _refuse_doubles(element, names)
        space = SPACE if element.has_space else ""
        found = [
            self._child(child, (*path, name), scope, child.name in element.repeated, space)
            for child, name in zip(children, names, strict=True)
        ]
        return space + "".join(found)

    def _child(
        self, child: Element, path: tuple[str, ...], scope: dict[str, str], is_repeated: bool, space: str
    ) -> str:
        if path in self._tables:
            return self._table(child, path, scope, space)
        text = f"(?:{self._element(child, path, scope)}{space})"
        if not is_repeated:
            return f"{text}?+"
        inside = [value for value in self.groups if value.elements[: len(path)] == path]
        if any(value != Path(path) for value in inside) or self._has_tables_below(path):
            raise UnlearnableError(f"{child.name} is repeated, and a value is taken from one of them")
        # Of several, the first one's text counts; empty values stand for NULL, so the first one may be empty.
        return f"(?:{text}{self._uncaptured(child, scope, space)})?+"

    def _uncaptured(self, child: Element, scope: dict[str, str], space: str) -> str:
        return f"(?:{Pattern(child, scope, ()).source}{space})*+"

    def _has_tables_below(self, path: tuple[str, ...]) -> bool:
        return any(table[: len(path)] == path for table in self._tables)

    def _table(self, child: Element, path: tuple[str, ...], scope: dict[str, str], space: str) -> str:
        if any(value.elements[: len(path)] == path for value in self._values) or any(
            len(table) > len(path) and table[: len(path)] == path for table in self._tables
        ):
            raise UnlearnableError(f"{child.name} is a nested record, and a value is taken from it besides")
        self.inside[Path(path)] = (child, scope)
        self.groups.append(Path(path))
        return f"({self._uncaptured(child, scope, space)})"


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


def _refuse_doubles(element: Element, names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise UnlearnableError(f"{element.name} has one name in two spellings")
