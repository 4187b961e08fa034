"""What records look like as text: which elements and attributes stand in which order, learned from samples.

A sample is text that a parser has found to be well-formed, and the tags in it are read plainly. What cannot be
told by names and order alone (comments, CDATA sections, one name in two places, namespaces declared in some
records only) is no sample: Unlearnable.
"""

import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

_TAG = re.compile(
    r"<(?P<end>/?)(?P<name>[^\s<>/!?=\"']+)"
    r"(?P<attributes>(?:[ \t\n]+[^\s<>/=\"']+=(?:\"[^\"<]*\"|'[^'<]*'))*+)[ \t\n]*(?P<empty>/?)>"
    r"|(?P<text>[^<]+)"
)
_ATTRIBUTE = re.compile(r"([^\s=]+)=(\"[^\"]*\"|'[^']*')")
_SPACE = " \t\n"

SAMPLE_RECORDS = 20
"""Reading tags one by one takes as long as parsing them ten times."""


class UnlearnableError(Exception):
    """Records that names and order do not describe."""


class Attribute(NamedTuple):
    """An attribute as it is spelled: its name and its quote. A namespace's declaration keeps its value, too."""

    name: str
    quote: str
    declares: str | None


class Element:
    """An element as it was seen: what may stand in it, and in which order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.children: dict[str, Element] = {}
        self.repeated: set[str] = set()
        self.has_space = self.is_empty = self.is_open = False
        self._after: dict[str, set[str]] = {}
        self._attributes_after: dict[Attribute, set[Attribute]] = {}
        self._declared: set[Attribute] | None = None

    @property
    def ordered(self) -> list["Element"]:
        """The children in the order in which they were seen. Raises UnlearnableError where there is none."""
        return [self.children[name] for name in _in_order(self._after)]

    @property
    def ordered_attributes(self) -> list[Attribute]:
        """As `ordered`."""
        return _in_order(self._attributes_after)

    @property
    def declarations(self) -> dict[str, str]:
        """The namespaces that the element declares, by prefix; an empty one is the default namespace's."""
        return {
            attribute.name.partition(":")[2]: attribute.declares
            for attribute in self._attributes_after
            if attribute.declares is not None
        }

    def see(self, tag: re.Match[str]) -> None:
        """Learn from one start tag of such an element."""
        found = [_attribute(name, value) for name, value in _ATTRIBUTE.findall(tag["attributes"])]
        declared = {attribute for attribute in found if attribute.declares is not None}
        if self._declared not in (None, declared):
            raise UnlearnableError(f"{self.name} declares other namespaces than before")
        self._declared = declared
        _note_order(self._attributes_after, found)
        self.is_empty |= bool(tag["empty"])
        self.is_open |= not tag["empty"]

    def hold(self, names: list[str]) -> None:
        """Learn which children one such element had, in order."""
        runs = [name for index, name in enumerate(names) if not index or names[index - 1] != name]
        if len(set(runs)) != len(runs):
            raise UnlearnableError(f"{self.name} has one name in two places")
        if len(runs) != len(names):
            self.repeated.update(name for name in runs if names.count(name) > 1)
        _note_order(self._after, runs)


def _attribute(name: str, value: str) -> Attribute:
    if name == "xml:id":
        raise UnlearnableError("xml:id has rules of its own")
    if name != "xmlns" and not name.startswith("xmlns:"):
        return Attribute(name, value[0], None)
    if re.search("[&\\s]", value):
        raise UnlearnableError(f"{name} has a value that is not the namespace as it is spelled")
    return Attribute(name, value[0], value[1:-1])


def _note_order[Name](after: dict[Name, set[Name]], names: list[Name]) -> None:
    for index, name in enumerate(names):
        after.setdefault(name, set()).update(names[index - 1 : index] if index else ())


def _in_order[Name](after: dict[Name, set[Name]]) -> list[Name]:
    try:
        return list(TopologicalSorter(after).static_order())
    except CycleError as error:
        raise UnlearnableError("elements or attributes have no one order") from error


def learn(text: str, record: Element) -> None:
    """Learn from the first records of a text, which stand one after the other, nothing but spaces between them.

    Raises UnlearnableError; what `record` has learned by then is of no use.
    """
    tags = _tags(text)
    learned = 0
    for tag in tags:
        if tag["text"] is None:
            if tag["end"] or tag["name"] != record.name:
                raise UnlearnableError(f"{tag[0]} where a record is expected")
            _learn_element(tag, tags, record)
            learned += 1
            if learned == SAMPLE_RECORDS:
                return
        elif tag["text"].strip(_SPACE):
            raise UnlearnableError("text between records")


def _learn_element(start: re.Match[str], tags: Iterator[re.Match[str]], element: Element) -> None:
    element.see(start)
    if start["empty"]:
        return
    names: list[str] = []
    for tag in tags:
        if tag["text"] is not None:
            element.has_space |= not tag["text"].strip(_SPACE)
        elif tag["end"]:
            break
        else:
            names.append(tag["name"])
            child = element.children.setdefault(tag["name"], Element(tag["name"]))
            _learn_element(tag, tags, child)
    element.hold(names)


def _tags(text: str) -> Iterator[re.Match[str]]:
    position = 0
    while position < len(text):
        tag = _TAG.match(text, position)
        if tag is None:
            raise UnlearnableError(f"no plain tag at {text[position : position + 20]!r}")
        yield tag
        position = tag.end()
