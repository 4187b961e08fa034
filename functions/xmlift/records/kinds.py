"""What a field's value is made of the nodes that its XPath finds: the slow way, and right for whatever is parsed.

A value is always a text, and an empty one stands for NULL: a list without anything in it is none.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from json.encoder import encode_basestring
from typing import cast
from xml.sax.saxutils import escape

from lxml import etree

from xmlift.errors import RecordError
from xmlift.records.fields import Field

Reader = Callable[[etree._Element], str]
"""A field's value in an element."""

Compile = Callable[[str], etree.XPath]

# Of XHTML, those that do not end a word; whatever else there is parts one word from the next.
_WITHIN_WORDS = re.compile(
    "a|abbr|acronym|b|bdi|bdo|big|cite|code|data|del|dfn|em|font|i|ins|kbd|label|mark|q|s|samp|small|span|strike|"
    "strong|sub|sup|time|tt|u|var|wbr",
    re.IGNORECASE,
)

# As it stands, a reader of XML takes it for a line's end.
_RETURN = {"\r": "&#13;"}

_STRING = etree.XPath("string(.)", smart_strings=False)


def reader(field: Field, compiled: Compile) -> Reader:
    """What reads a field of an element."""
    if field.kind == "first":
        return cast(Reader, compiled(f"string({field.xpath})"))
    nodes = compiled(field.xpath)
    if not isinstance(nodes(etree.Element("record")), list):
        nodes = compiled(f"string({field.xpath})")  # a number as XPath writes it
    if field.kind in ("text", "markup"):
        made = words if field.kind == "text" else markup
        return lambda element: _first(nodes, element, made)
    if not field.key:
        return lambda element: of_texts(field, [_text(node) for node in _found(nodes, element)])
    key, value = compiled(f"string({field.key})"), compiled(f"string({field.value})")

    def pairs(element: etree._Element) -> str:
        found = elements_at(nodes, element)
        return of_texts(field, [str(key(node)) for node in found], [str(value(node)) for node in found])

    return pairs


def elements_at(path: etree.XPath, element: etree._Element) -> list[etree._Element]:
    """The elements that a path finds. Raises RecordError where it finds what is none."""
    found = path(element)
    if not isinstance(found, list) or not all(isinstance(node, etree._Element) for node in found):
        raise RecordError(f"XPath {path.path!r} finds attributes or texts where elements are needed")
    return cast(list[etree._Element], found)


def of_text(field: Field, text: str) -> str:
    """What a field makes of its only node, which is a text or holds nothing else."""
    match field.kind:
        case "first":
            return text
        case "text":
            return words(text)
        case "markup":
            return markup(text)
        case _:
            return of_texts(field, [text])


def of_texts(field: Field, texts: Sequence[str], values: Sequence[str] = ()) -> str:
    """What a field of many nodes makes of their texts; of pairs these are the keys, and there are their values."""
    match field.kind:
        case "many":
            return json_list(texts)
        case "joined":
            return field.separator.join(filter(None, texts))
        case "pairs":
            return _json_object(texts, values)
        case kind:
            assert kind == "pair_lists"
            return _json_lists(texts, values)


def _found(nodes: etree.XPath, element: etree._Element) -> Sequence[object]:
    found = nodes(element)
    return found if isinstance(found, list) else [found]


def _first(nodes: etree.XPath, element: etree._Element, made: Callable[[object], str]) -> str:
    found = _found(nodes, element)
    return made(found[0]) if found else ""


def _text(node: object) -> str:
    """A node's text as XPath has it: of an element all texts inside, of an attribute its value."""
    return str(_STRING(node)) if isinstance(node, etree._Element) else str(node)


def json_list(values: Sequence[str]) -> str:
    """The values that are not empty as a JSON array; an empty text where there is none."""
    texts = [encode_basestring(value) for value in values if value]
    return f"[{', '.join(texts)}]" if texts else ""


def _json_object(keys: Sequence[str], values: Sequence[str]) -> str:
    """A JSON object of the pairs of which neither is empty. Of one key the first value counts."""
    pairs: dict[str, str] = {}
    for key, value in zip(keys, values, strict=True):
        if key and value:
            pairs.setdefault(key, value)
    return _object({key: encode_basestring(value) for key, value in pairs.items()})


def _json_lists(keys: Sequence[str], values: Sequence[str]) -> str:
    """As `_json_object`, with the list of all values of a key."""
    lists: dict[str, list[str]] = {}
    for key, value in zip(keys, values, strict=True):
        if key and value:
            lists.setdefault(key, []).append(value)
    return _object({key: json_list(found) for key, found in lists.items()})


def _object(texts: dict[str, str]) -> str:
    pairs = [f"{encode_basestring(key)}: {text}" for key, text in texts.items()]
    return f"{{{', '.join(pairs)}}}" if pairs else ""


def words(node: object) -> str:
    """The words of embedded XHTML, one space between each: paragraphs, cells and line breaks part words."""
    texts = "".join(_texts(node)) if isinstance(node, etree._Element) else str(node)
    return " ".join(texts.split())


def _texts(element: etree._Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        if isinstance(child.tag, str):
            gap = "" if _WITHIN_WORDS.fullmatch(etree.QName(child).localname) else " "
            yield gap
            yield from _texts(child)
            yield gap
        yield child.tail or ""


def markup(node: object) -> str:
    """What stands inside an element, as XML that is well-formed by itself: the namespaces it uses are declared."""
    if not isinstance(node, etree._Element):
        return escape(str(node), _RETURN)
    return escape(node.text or "", _RETURN) + "".join(map(_standing_alone, node))


def _standing_alone(child: etree._Element) -> str:
    """A child and the text after it, with the declarations that stood further out and that it needs."""
    alone = deepcopy(child)
    if isinstance(alone.tag, str):
        etree.cleanup_namespaces(alone)
    return etree.tostring(alone, encoding="unicode", with_tail=True)
