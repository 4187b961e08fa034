"""A page without a record: is it an empty answer, or is the records' path not that of the page?

A path that matches nothing reads as "no records" for ever. What stands in the page instead tells: a name much
like the one expected is a mistake; any other is only counted, since a feed without entries has a title, too.
"""

import difflib
from collections import Counter

from lxml import etree

from xmlift.errors import RecordError
from xmlift.records.mapping import Mapping

_ALIKE = 0.8
_NAMES = 5


def unmatched_names(root: etree._Element, mapping: Mapping) -> dict[str, int]:
    """What stands where the records' path ends to match, by name; the most frequent names only.

    Raises RecordError where a name is nearly the one expected: of other letters' case, of another namespace,
    or spelled much alike.
    """
    parents, expected = [root], ""
    for expected in mapping.record_tags[1:]:
        below = [child for parent in parents for child in parent.iterchildren(expected)]
        if not below:
            break
        parents = below
    children = [child for parent in parents for child in parent.iterchildren("*")]
    names = Counter(child.tag for child in children)
    records = {child.tag for child in children if not _is_number(child)}
    for name, count in names.most_common():
        if name in records and _is_near(name, expected):
            raise RecordError(
                f"records path {mapping.records!r} matches nothing, but the page has {count} × {name} where "
                f"{expected.removeprefix('{*}')} is expected: correct `records`, or its prefix under `namespaces`"
            )
    return dict(names.most_common(_NAMES))


def _is_number(element: etree._Element) -> bool:
    """Servers tell how many there are by nearly the name of what they count."""
    return not len(element) and not element.attrib and (element.text or "").strip().isdecimal()


def _is_near(name: str, expected: str) -> bool:
    found, wanted = (etree.QName(tag).localname.lower() for tag in (name, expected))
    return found == wanted or difflib.SequenceMatcher(None, found, wanted).ratio() >= _ALIKE
