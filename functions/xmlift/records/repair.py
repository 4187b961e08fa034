"""The repair path, for endpoints that do not send well-formed XML: switched on per stream, never silent.

Where control bytes are all that is wrong, they alone are left out. Elsewhere Beautiful Soup (over libxml2's
recovery) closes what was left open and drops what cannot be XML: a bare `&`, crossed tags. That alters data, so the
caller counts the pages that went this way and reports what was wrong with them. What it must not alter is how many
records there are: recovery stops at some faults and leaves out the rest of the page, or takes a record for a part
of the one before.
"""

import re
from typing import BinaryIO, NamedTuple

from bs4 import BeautifulSoup
from lxml import etree

from xmlift.errors import RecordError
from xmlift.records.cutter import secure_parser
from xmlift.records.mapping import Mapping
from xmlift.records.names import are_named

MOST_BYTES = 8 * 1024 * 1024
"""Mending holds a page as trees of Python objects, a hundred times its size."""

# In encodings of two bytes a character nothing is well-formed without its zeros, so that none of it is lost.
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r"))
_ROOT = re.compile(rb"<([A-Za-z_][\w.:-]*)")
_NO_TAGS = re.compile(rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>", re.DOTALL)


class Repaired(NamedTuple):
    """A well-formed page, and what was wrong with the one that came; None where nothing was."""

    page: bytes
    fault: str | None


def repaired(body: BinaryIO, mapping: Mapping) -> Repaired:
    """Mend a page where it needs it.

    Raises RecordError for a page of more than MOST_BYTES, for one that does not end with its root's closing tag (it
    was cut short, and mending it would pass for an answer with fewer records), and for one whose records get
    lost on the way.
    """
    page = body.read(MOST_BYTES + 1)
    if len(page) > MOST_BYTES:
        raise RecordError(
            f"the page is larger than {MOST_BYTES} bytes, which is too much for a stream with `repair: true`: ask "
            "for smaller pages (a page size in request.query, a shorter cursor slice), or switch repair off"
        )
    try:
        etree.fromstring(page, secure_parser())
    except etree.XMLSyntaxError as error:
        if (cleaned := _without_controls(page)) is not None:
            return cleaned
        tags = _NO_TAGS.sub(b"", page)
        if not _closes_root(tags):
            raise RecordError(
                "the answer is cut short: its root is not closed, so it is not repaired"
            ) from error
        mended: bytes = BeautifulSoup(page, "xml").encode("utf-8")
        written, kept = _records_written(tags, mapping), _records_kept(_parsed(mended), mapping)
        if kept != written:
            raise RecordError(
                f"the answer cannot be repaired without losing records: of {written} elements named as the "
                f"records are, {kept} are where they belong after it. What is wrong with the page: {error.msg}"
            ) from error
        return Repaired(mended, error.msg)
    return Repaired(page, None)


def _without_controls(page: bytes) -> Repaired | None:
    """The page without the control bytes that no XML holds; None where that is not all that is wrong with it."""
    cleaned = page.translate(None, _CONTROLS)
    count = len(page) - len(cleaned)
    if not count:
        return None
    try:
        etree.fromstring(cleaned, secure_parser())
    except etree.XMLSyntaxError:
        return None
    return Repaired(cleaned, f"{count} control bytes, which XML does not have, are left out")


def _closes_root(tags: bytes) -> bool:
    root = _ROOT.search(tags)
    if root is None:
        return False
    name = re.escape(root[1])
    opened = re.findall(rb"<" + name + rb"(?=[\s>])(?![^<>]*/>)", tags)
    closed = re.findall(rb"</" + name + rb"\s*>", tags)
    return len(closed) >= len(opened) and re.search(rb"</" + name + rb"\s*>\s*\Z", tags) is not None


def _records_written(tags: bytes, mapping: Mapping) -> int:
    """How many tags of the broken page start an element of the records' name, whatever their prefix."""
    name = re.escape(etree.QName(mapping.record_tags[-1]).localname.encode())
    return len(re.findall(rb"<(?:[\w.-]+:)?" + name + rb"(?=[\s/>])", tags))


def _parsed(mended: bytes) -> etree._Element:
    try:
        return etree.fromstring(mended, secure_parser())
    except etree.XMLSyntaxError as error:
        raise RecordError(f"the answer is not well-formed XML even when repaired: {error.msg}") from error


def _records_kept(root: etree._Element, mapping: Mapping) -> int:
    """How many elements of the records' name are records, or parents on the way to records."""
    count = 0
    for element in root.iter(mapping.record_tags[-1]):
        path = [element.tag, *(ancestor.tag for ancestor in element.iterancestors())]
        count += are_named(path[::-1], mapping.record_tags[: len(path)])
    return count
