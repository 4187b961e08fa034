"""Small answers read as a whole tree: those that come before the pages, or instead of one."""

import hashlib
import re
from typing import BinaryIO

from lxml import etree

from xmlift.errors import SourceError
from xmlift.source.answer import Answer
from xmlift.source.walk import Captured

_MOST_BYTES = 16 * 1024 * 1024
_CHUNK = 1024 * 1024
_LONGEST_TAG = 256
_FAULT = re.compile(r"(?i)(?<!de)fault|error|exception")
_MOST_WORDS = 300
_NAMES = 10


def whole_tree(answer: Answer) -> etree._Element | None:
    """The answer's root; None where it is too large to be held at once, or not well-formed."""
    if answer.size > _MOST_BYTES:
        return None
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    answer.body.seek(0)
    try:
        return etree.fromstring(answer.body.read(), parser)
    except etree.XMLSyntaxError:
        return None


def captured_values(captured: Captured, root: etree._Element | None) -> dict[str, str]:
    """What the first call's answer says. Raises SourceError that names the value that is not there."""
    if root is None:
        raise SourceError(
            f"the answer to the first call (request.bootstrap) is not well-formed XML of at most "
            f"{_MOST_BYTES} bytes"
        )
    values = {name: str(xpath(root)).strip() for name, xpath in captured.xpaths.items()}
    for name, value in values.items():
        if not value:
            raise SourceError(
                f"the answer to the first call has no {name}: request.bootstrap.values.{name} "
                f"{captured.xpaths[name].path} finds nothing; {_said(root)}"
            )
    return values


def _said(root: etree._Element) -> str:
    """What an answer says of a fault, else what stands there by name: the rest may be the id of a session."""
    faults = [element for element in root.iter("*") if _FAULT.search(_name(element))]
    if faults:
        words = " ".join(" ".join(str(text) for text in faults[0].itertext()).split())
        return f"it says: {words[:_MOST_WORDS] or '(nothing)'}"
    there = [*dict.fromkeys(_name(element) for element in root.iter("*"))]
    more = " …" if len(there) > _NAMES else ""
    return f"what stands there: {', '.join(there[:_NAMES])}{more}. Correct its XPath"


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname


def records_hash(body: BinaryIO, tag: str) -> str:
    """A hash of a page from its first record on: what stands before it (a time, say) may differ each time.

    `tag` is a record's local name. The body is read to its end, and set back to its beginning.
    """
    first = re.compile(rb"<(?:[^\s<>/:]+:)?" + re.escape(tag.encode()) + rb"[\s/>]")
    digest, head, begun = hashlib.sha256(), b"", False
    while chunk := body.read(_CHUNK):
        if begun:
            digest.update(chunk)
            continue
        head = head[-_LONGEST_TAG:] + chunk
        if found := first.search(head):
            digest.update(head[found.start() :])
            begun = True
    body.seek(0)
    return f"records {digest.hexdigest()}" if begun else ""
