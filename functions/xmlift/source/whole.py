"""Small answers read as a whole tree: those that come before the pages, or instead of one."""

import hashlib
import re
from typing import BinaryIO

from lxml import etree

from xmlift.errors import SourceError
from xmlift.source.session import Answer
from xmlift.source.walk import Captured

_MOST_BYTES = 16 * 1024 * 1024
_CHUNK = 1024 * 1024
_LONGEST_TAG = 256


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
            words = " ".join(" ".join(str(text) for text in root.itertext()).split())[:300]
            raise SourceError(
                f"the answer to the first call has no {name}: request.bootstrap.values.{name} "
                f"{captured.xpaths[name].path} finds nothing; it says: {words or '(nothing)'}"
            )
    return values


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
