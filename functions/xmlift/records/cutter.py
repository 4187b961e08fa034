"""Cuts a page between records, so that it is read in pieces of some hundred kilobytes, whole records each.

A cut is looked for as bytes (`</record>`), which is fast and may be wrong: such bytes can stand in a CDATA
section, in a comment or in a nested record of the same name. A wrong cut leaves something open, so that the
piece, wrapped in the page's own head and its closing tags, is not well-formed. Whoever parses the piece then
gives it back (`rest`) and lets the event parser read on. A cut that parses is a right one.
"""

import re
from typing import BinaryIO, Literal, NamedTuple

from lxml import etree

from xmlift.errors import RecordError
from xmlift.records.names import are_named

PIECE_BYTES = 256 * 1024
"""Of half as many bytes a page takes 6% longer, since each column of each piece is looked at several times."""
_HEAD_LIMIT = 1024 * 1024
_HEAD_STEP = 4 * 1024
"""Most heads are shorter; to parse all of a first piece for them takes a fifth of the time of a page of 1 MB."""


class Head(NamedTuple):
    """What stands before the first record, verbatim, and what would close it there."""

    before: bytes
    closing: bytes
    record: bytes
    above: tuple[int, ...]
    """How many children each element around the records' parent has there, the root first."""
    siblings: int
    """How many children the records' parent has before the first record."""
    scope: tuple[tuple[str, str], ...]
    """The namespaces that hold around the records: prefix (empty for the default one) and URI."""
    is_utf8: bool


def secure_parser() -> etree.XMLParser:
    """A parser that follows nothing, expands nothing and forgives nothing."""
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=False
    )


def event_parser(event: Literal["start", "end"], tag: str) -> etree.XMLPullParser:
    """As `secure_parser`, fed piece by piece, and reporting one event of one tag."""
    return etree.XMLPullParser(
        (event,), tag=tag, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )


def find_head(start: bytes, record_tags: tuple[str, ...]) -> Head | None:
    """The head of a page from its first bytes, or None where its records cannot be cut as bytes.

    None also stands for "not seen yet": with more bytes the answer may be another one.
    """
    parser = event_parser("start", record_tags[-1])
    for fed in range(0, len(start), _HEAD_STEP):
        try:
            parser.feed(start[fed : fed + _HEAD_STEP])
        except etree.XMLSyntaxError:
            return None
        for _, element in parser.read_events():
            assert isinstance(element, etree._Element)
            ancestors = [*reversed(list(element.iterancestors())), element]
            if are_named([ancestor.tag for ancestor in ancestors], record_tags):
                return _head_before(start, [_spelled(ancestor) for ancestor in ancestors])
    return None


def _head_before(start: bytes, spelled: list[bytes]) -> Head | None:
    *parents, record = spelled
    closing = b"".join(b"</" + name + b">" for name in reversed(parents))
    for match in re.finditer(b"<" + re.escape(record) + rb"(?=[\s/>])[^<]*", start):
        if match[0].rstrip().endswith(b"/>"):
            return None  # a record without an end tag: nothing to cut at
        before = start[: match.start()]
        try:
            root = etree.fromstring(before + closing, secure_parser())
        except etree.XMLSyntaxError:
            continue  # inside a comment or the like
        # Well-formed with these closing tags: exactly these elements are open where the head ends.
        around = innermost(root, len(parents))
        scope = tuple((prefix or "", uri) for prefix, uri in around.nsmap.items())
        return Head(before, closing, record, above(root, len(parents)), len(around), scope, _is_utf8(root))
    return None


def _is_utf8(root: etree._Element) -> bool:
    return (root.getroottree().docinfo.encoding or "utf-8").lower() == "utf-8"


def innermost(root: etree._Element, depth: int) -> etree._Element:
    """The element open at that depth where a head ended: each is the last child of the one above."""
    element = root
    for _ in range(depth - 1):
        element = element[-1]
    return element


def above(root: etree._Element, depth: int) -> tuple[int, ...]:
    """How many children each element above that depth has: the root, its last child, and so on downwards."""
    counts = []
    element = root
    for _ in range(depth - 1):
        counts.append(len(element))
        element = element[-1]
    return tuple(counts)


def _spelled(element: etree._Element) -> bytes:
    name = etree.QName(element).localname
    return f"{element.prefix}:{name}".encode() if element.prefix else name.encode()


class Cutter:
    """Reads a page piece by piece. After the last piece, `rest` holds what follows the last record."""

    def __init__(self, body: BinaryIO, record_tags: tuple[str, ...], record_limit: int) -> None:
        self._body = body
        self._limit = record_limit
        self.rest = b""
        self.head: Head | None = None
        while self.head is None and len(self.rest) < _HEAD_LIMIT and self._fill(PIECE_BYTES):
            self.head = find_head(self.rest, record_tags)
        if self.head is not None:
            self.rest = self.rest[len(self.head.before) :]
            self._end = re.compile(b"</" + re.escape(self.head.record) + rb"\s*>")

    def _fill(self, size: int) -> bool:
        read = self._body.read(size)
        self.rest += read
        return bool(read)

    def next_piece(self) -> bytes | None:
        """The next whole records; None where no further record ends, because the page does or `is_odd`.

        Raises RecordError for a record beyond the limit.
        """
        filled = len(self.rest) >= PIECE_BYTES or self._fill(PIECE_BYTES)
        end = self._last_end()
        while end is None and filled:
            if len(self.rest) > self._limit:
                if self.is_odd:
                    return None
                raise RecordError(
                    f"a record is larger than {self._limit} bytes; raise limits.record_megabytes if that is right"
                )
            filled = self._fill(max(PIECE_BYTES, len(self.rest)))
            end = self._last_end()
        if end is None:
            return None
        piece, self.rest = self.rest[:end], self.rest[end:]
        return piece

    def _last_end(self) -> int | None:
        assert self.head is not None
        start = len(self.rest)
        while (start := self.rest.rfind(b"</" + self.head.record, 0, start)) >= 0:
            if match := self._end.match(self.rest, start):
                return match.end()
        return None

    @property
    def is_odd(self) -> bool:
        """Whether records without end tags wait in the rest, more of them than one."""
        return self.head is not None and self.rest.count(b"<" + self.head.record) > 1
