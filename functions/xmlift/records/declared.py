"""Which elements and attributes of a record its mapping asks for, read from the expressions themselves.

An element that an expression ends at is taken whole: what stands inside it is part of its value, its attributes are
not. Where an expression searches (`//`, `*`, an axis other than child and attribute), all below that place counts
as asked for: so that what is reported as never asked for surely is not.
"""

from typing import NamedTuple

from xmlift.records.expressions import Token, tokens
from xmlift.records.fields import Field, Nested
from xmlift.records.mapping import Mapping


class Declared:
    """An element of a record, or the record itself, and what is asked for of it; `names` are those of its path."""

    def __init__(self, parent: "Declared | None" = None, names: tuple[str, ...] = ()) -> None:
        self.parent = parent
        self.names = names
        self.children: dict[str, Declared] = {}
        self.attributes: set[str] = set()
        self.is_whole = False
        self.has_any_attribute = False

    def child(self, name: str) -> "Declared":
        """The element of that name in this one, asked for from now on."""
        return self.children.setdefault(name, Declared(self, (*self.names, name)))

    def search(self) -> None:
        """Ask for whatever stands in it, and for all of its attributes."""
        self.is_whole = self.has_any_attribute = True


def declared(mapping: Mapping) -> Declared:
    """What a mapping asks for of its records."""
    record = Declared()
    _Asking(mapping).ask(record, mapping.fields, mapping.nested)
    return record


class _Asking:
    """Takes down what the fields and the nested tables of a mapping ask for."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping

    def ask(self, element: Declared, fields: tuple[Field, ...], nested: tuple[Nested, ...]) -> None:
        for field in fields:
            if not field.key:
                self._ends(field.xpath, element, is_whole=True)
                continue
            for row in self._ends(field.xpath, element):
                self._ends(field.key, row, is_whole=True)
                self._ends(field.value, row, is_whole=True)
        for table in nested:
            for row in self._ends(table.path, element):
                self.ask(row, table.fields, table.nested)

    def _ends(self, expression: str, element: Declared, *, is_whole: bool = False) -> list[Declared]:
        """The elements that an expression ends at, asked for from there on; `is_whole` with what they hold."""
        walk = _Walk(self._mapping, element, is_whole=is_whole)
        for token in tokens(expression):
            walk.take(token)
        walk.finish()
        return walk.ends


class _Step(NamedTuple):
    """Where a path begins and where it has come to; None is outside of the record, or in no one place."""

    start: Declared | None
    at: Declared | None
    has_begun: bool


class _Walk:
    """Follows the tokens of one expression through the elements that it names."""

    def __init__(self, mapping: Mapping, start: Declared, *, is_whole: bool) -> None:
        self._mapping = mapping
        self._is_whole = is_whole
        self._outer: list[_Step] = []
        self._predicates = 0
        self._axis = "child"
        self._start: Declared | None = start
        self._at: Declared | None = start
        self._has_begun = False
        self.ends: list[Declared] = []

    def take(self, token: Token) -> None:
        """Go on by a token."""
        match token.kind, token.text:
            case "sign", "[" | "(" as bracket:
                self._open(bracket)
            case "sign", "]" | ")" as bracket:
                self._close(bracket)
            case ("operator", _) | ("sign", ("|" | "," | "=" | "!=" | "<" | "<=" | ">" | ">=" | "+" | "-")):
                self.finish()
            case "sign", "//":
                self._search()
            case "sign", "/" if not self._has_begun:
                self._go(None)  # from the root of the page
            case "sign", ".":
                self._has_begun = True
            case "sign", "..":
                self._go(self._at and self._at.parent)
            case "sign", "@":
                self._axis = "attribute"
            case "axis", axis:
                self._axis = axis
            case "name", name:
                self._step(name)
            case "function", "text" | "node" if self._at is not None:
                self._at.is_whole = True
                self._go(None)

    def finish(self) -> None:
        """End the path that was begun; another one begins where it did."""
        if self._has_begun and self._at is not None:
            self._at.is_whole |= self._is_whole or self._predicates > 0
            if not self._predicates:
                self.ends.append(self._at)
        self._begin(self._start)

    def _begin(self, start: Declared | None) -> None:
        self._start = self._at = start
        self._has_begun = False
        self._axis = "child"

    def _go(self, to: Declared | None) -> None:
        self._at = to
        self._has_begun = True

    def _open(self, bracket: str) -> None:
        self._outer.append(_Step(self._start, self._at, self._has_begun))
        self._predicates += bracket == "["
        self._begin(self._at if bracket == "[" else self._start)

    def _close(self, bracket: str) -> None:
        self.finish()
        self._predicates -= bracket == "]"
        self._start, self._at, self._has_begun = self._outer.pop()

    def _search(self) -> None:
        if self._at is not None and self._has_begun:
            self._at.search()
        self._go(None)

    def _step(self, name: str) -> None:
        axis, self._axis = self._axis, "child"
        at = self._at
        self._has_begun = True
        if at is None or axis == "self":
            return
        if axis == "attribute":
            at.has_any_attribute |= name.endswith("*")
            at.attributes.add(self._mapping.name_of(name))
            self._at = None
        elif axis == "child" and not name.endswith("*"):
            self._at = at.child(self._mapping.name_of(name))
        else:
            at.search()
            self._at = None
