"""A regular expression for records of one shape, and which of its groups holds which value.

It is strict: every tag in what it matches is one that was seen, in the order that was seen. Between such tags
and in their attributes stands text; where that is text of XML (characters.py), what it matches is well-formed and
means what a parser would have made of it. Of all else (a comment, a CDATA section, a tag never seen) it matches
nothing.
"""

import re
from typing import NamedTuple

from xmlift.records.declared import Declared
from xmlift.records.sample import Attribute, Element, UnlearnableError
from xmlift.records.unmapped import Unmapped
from xmlift.records.wanted import Path, Wanted, expanded_name

SPACE = r"[ \t\n]*+"

# Possessive throughout (`*+`, `?+`): what does not match is given up at once. What stands in a text or in an
# attribute is checked once for a whole piece (characters.py), in a third of the time that it takes here.
_TEXT = "[^<]*+"
_VALUES = {'"': r'[^<"\t\n]*+', "'": r"[^<'\t\n]*+"}


class Unasked(NamedTuple):
    """What a group holds a character of, if it is there: nobody asks for it."""

    path: str


class Rest(NamedTuple):
    """All but the first of some elements, of which the first one's text counts."""

    elements: tuple[str, ...]


class Place(NamedTuple):
    """An element as it was seen, the namespaces around it, what is asked for of it; None: nothing is told there."""

    element: Element
    scope: dict[str, str]
    asked: Declared | None


class Pattern:
    """The expression for one element. Raises UnlearnableError where a value has no one place in it.

    `source` is its text, `groups` what it captures in this order: an element's text or an attribute, all elements
    of a list or a nested table as they stand, what nobody asks for. `inside` has the elements of such runs.
    """

    def __init__(self, place: Place, wanted: Wanted, unmapped: Unmapped) -> None:
        self._unmapped = unmapped
        self._values = frozenset(value.path for value in wanted.values if value.items is None)
        lists = [value.path for value in wanted.values if value.items is not None]
        self._tables = frozenset(path.elements for path in (*lists, *(path for path, _ in wanted.tables)))
        self.groups: list[Path | Rest | Unasked] = []
        self.inside: dict[Path | Rest, Place] = {}
        self.source = self._element(place, ())

    def _element(self, place: Place, path: tuple[str, ...]) -> str:
        element = place.element
        place = place._replace(scope=place.scope | element.declarations)
        name = re.escape(element.name)
        start = f"<{name}{self._attributes(place, path)}"
        ways = [f"{SPACE}/>"] if element.is_empty else []
        if element.is_open:
            content = self._children(place, path) if element.children else self._text(path)
            ways.insert(0, f">{content}</{name}{SPACE}>")
        return f"{start}(?:{'|'.join(ways)})"

    def _text(self, path: tuple[str, ...]) -> str:
        return self._captured(Path(path), _TEXT)

    def _captured(self, path: Path, value: str) -> str:
        if path not in self._values:
            return value
        self.groups.append(path)
        return f"({value})"

    def _attributes(self, place: Place, path: tuple[str, ...]) -> str:
        attributes = place.element.ordered_attributes
        names = [
            attribute.name
            if attribute.declares is not None
            else self._unmapped.key(expanded_name(attribute.name, place.scope, default=""))
            for attribute in attributes
        ]
        _refuse_doubles(place.element, names)
        return "".join(
            self._attribute(attribute, Path(path, name), place)
            for attribute, name in zip(attributes, names, strict=True)
        )

    def _attribute(self, attribute: Attribute, path: Path, place: Place) -> str:
        quote = attribute.quote
        start = rf"[ \t\n]++{re.escape(attribute.name)}="
        if attribute.declares is not None:  # another one, or none, would give the names another meaning
            return f"{start}{quote}{re.escape(attribute.declares)}{quote}"
        asked, name = place.asked, path.attribute or ""
        if asked is not None and not asked.has_any_attribute and name not in asked.attributes:
            opening = self._unasked(self._unmapped.path(asked.names, "@", name), quote)
        else:
            opening = quote
        return f"(?:{start}{opening}{self._captured(path, _VALUES[quote])}{quote})?+"

    def _unasked(self, path: str, character: str) -> str:
        self.groups.append(Unasked(path))
        return f"({character})"

    def _children(self, place: Place, path: tuple[str, ...]) -> str:
        element = place.element
        if Path(path) in self._values:
            raise UnlearnableError(f"the text of {element.name} is spread over elements")
        children = element.ordered
        scopes = [place.scope | child.declarations for child in children]
        names = [
            expanded_name(child.name, known, known.get("", ""))
            for child, known in zip(children, scopes, strict=True)
        ]
        _refuse_doubles(element, [self._unmapped.key(name) for name in names])
        space = SPACE if element.has_space else ""
        found = [
            self._child(child, path, name, place, space) for child, name in zip(children, names, strict=True)
        ]
        return space + "".join(found)

    def _child(self, child: Element, above: tuple[str, ...], name: str, place: Place, space: str) -> str:
        key = self._unmapped.key(name)
        path = (*above, key)
        around = None if place.asked is None or place.asked.is_whole else place.asked
        asked = around.children.get(key) if around else None
        here = Place(child, place.scope, asked)
        if path in self._tables:
            return self._table(here, path, space)
        first = len(self.groups)
        mark = ""
        if around is not None and asked is None:
            mark = self._unasked(self._unmapped.path(around.names, "", name), "<")
        source = self._element(here, path)
        text = f"(?:{mark + source[1:] if mark else source}{space})"
        if child.name not in place.element.repeated:
            return f"{text}?+"
        return f"(?:{text}{self._others(here, path, space, self.groups[first + bool(mark) :])})?+"

    def _others(
        self, here: Place, path: tuple[str, ...], space: str, inside: list[Path | Rest | Unasked]
    ) -> str:
        """The elements after the first one: that one's text counts, and of all of them what nobody asks for."""
        # Empty values stand for NULL, so the first one may be empty.
        taken = [group for group in inside if not isinstance(group, Unasked) and group != Path(path)]
        if taken or self._has_tables_below(path):
            raise UnlearnableError(f"{here.element.name} is repeated, and a value is taken from one of them")
        source = self._uncaptured(here, space)
        if len(inside) == inside.count(Path(path)):
            return source
        self.groups.append(Rest(path))
        self.inside[Rest(path)] = here
        return f"({source})"

    def _uncaptured(self, place: Place, space: str) -> str:
        source = Pattern(place._replace(asked=None), Wanted(()), self._unmapped).source
        return f"(?:{source}{space})*+"

    def _has_tables_below(self, path: tuple[str, ...]) -> bool:
        return any(table[: len(path)] == path for table in self._tables)

    def _table(self, here: Place, path: tuple[str, ...], space: str) -> str:
        if any(value.elements[: len(path)] == path for value in self._values) or any(
            len(table) > len(path) and table[: len(path)] == path for table in self._tables
        ):
            raise UnlearnableError(
                f"{here.element.name} is a nested record, and a value is taken from it besides"
            )
        self.inside[Path(path)] = here
        self.groups.append(Path(path))
        return f"({self._uncaptured(here, space)})"


def _refuse_doubles(element: Element, names: list[str]) -> None:
    if len(set(names)) < len(names):
        raise UnlearnableError(f"{element.name} has one name in two spellings")
