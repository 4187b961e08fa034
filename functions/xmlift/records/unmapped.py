"""What stands in records and no expression asks for: seen, not mapped.

A count says how many of the records looked at hold such an element or attribute at least once, by its path from the
record. Of an element that nobody asks for, what stands inside it is not told; attributes are told of the elements
that are asked for, or on the way to such. Declarations of namespaces are no attributes.

Looked at are the first records of each page, and of every batch of them the first one and each hundredth after it:
to go through all takes as long as to parse them. With `looks_at_all` a mapping has each one looked at.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from itertools import chain

from lxml import etree

from xmlift.records import mapping as mappings
from xmlift.records.declared import Declared, declared

FIRST = 10
ONE_IN = 100
MOST_NAMES = 50
_LONGEST_NAME = 200

Counts = dict[str, int]
Seen = tuple[tuple[str, ...], str, str]
"""The names of the elements around it, a mark (@ of an attribute), its own name."""


def added(counts: Mapping[str, int], more: Mapping[str, int]) -> Counts:
    """Two counts as one. Of more paths than MOST_NAMES the first ones in alphabetical order are kept.

    So those that are kept are counted in full, in whatever portions and order they come.
    """
    total = dict(counts)
    for name, count in more.items():
        total[name] = total.get(name, 0) + count
    return {name: total[name] for name in sorted(total)[:MOST_NAMES]}


def counted(found: Iterable[Iterable[str]]) -> Counts:
    """How many records hold what, of what each of them holds."""
    return added({}, Counter(chain.from_iterable(found)))


class Unmapped:
    """Finds what no expression of a mapping asks for."""

    def __init__(self, mapping: "mappings.Mapping") -> None:
        self._mapping = mapping
        self.declared = declared(mapping)

    def looks_at(self, row: int, begins: bool) -> bool:
        """Whether a record is looked at: its number in the batch, from 0, and whether the page begins with that."""
        return row % ONE_IN == 0 or (begins and row < FIRST) or self._mapping.looks_at_all

    def looked_at(self, count: int, begins: bool) -> Collection[int]:
        """Which records are looked at of a batch of so many."""
        if self._mapping.looks_at_all:
            return range(count)
        return {*range(0, count, ONE_IN), *range(min(FIRST, count) if begins else 0)}

    def of(self, record: etree._Element) -> set[str]:
        """What one record holds."""
        found: list[Seen] = []
        self._look(record, self.declared, found)
        return {self.path(*seen) for seen in found}

    def _look(self, element: etree._Element, asked: Declared, found: list[Seen]) -> None:
        if not asked.has_any_attribute:
            for name in map(str, element.attrib):
                if self.key(name) not in asked.attributes:
                    found.append((asked.names, "@", name))
        if asked.is_whole:
            return
        for child in element.iterchildren("*"):
            below = asked.children.get(self.key(child.tag))
            if below is None:
                found.append((asked.names, "", child.tag))
            else:
                self._look(child, below, found)

    def key(self, name: str) -> str:
        """A {uri}name as it is declared."""
        return name.rpartition("}")[2] if self._mapping.local_names else name

    def path(self, names: tuple[str, ...], mark: str, name: str) -> str:
        """The path that is shown."""
        steps = [*map(self._mapping.shown, names), mark + self._mapping.shown(name)]
        return "/".join(steps)[:_LONGEST_NAME]
