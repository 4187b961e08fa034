"""A page as a stream of batches: cut and transformed where that is possible, by parser events elsewhere.

Both ways yield the same fields (a property test holds them together); the second one is about half as fast
and reads everything: self-closing records, values of changing parents, tags that look alike in comments.
"""

import io
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from lxml import etree

from xmlift.errors import RecordError
from xmlift.records.cutter import PIECE_BYTES, Cutter, Head, event_parser, innermost, secure_parser
from xmlift.records.mapping import Mapping
from xmlift.records.stylesheet import NestedRow, Rows, Stylesheet

_EVENT_BATCH = 500

NestedRows = list[NestedRow]


class Batch(NamedTuple):
    """Some records of a page, in its order. `first_row` is the number of the first one in the page, from 1."""

    first_row: int
    rows: Rows
    nested: tuple[NestedRows, ...]


class Page:
    """One page being read: iterate it for its batches; afterwards `root` is what stood around the records.

    From the first batch on `head_root` is what stands before them, where they could be cut.
    """

    def __init__(self, body: BinaryIO, mapping: Mapping, stylesheet: Stylesheet, record_limit: int) -> None:
        self._body = body
        self._mapping = mapping
        self._stylesheet = stylesheet
        self._record_limit = record_limit
        self._rows = 0
        self.root: etree._Element | None = None
        self.head_root: etree._Element | None = None

    def __iter__(self) -> Iterator[Batch]:
        try:
            yield from self._cut()
        except etree.XMLSyntaxError as error:
            raise RecordError(_why_not_well_formed(error)) from error
        assert self.root is not None
        self._check_root(self.root)

    @property
    def records(self) -> int:
        """How many records were read so far."""
        return self._rows

    def _cut(self) -> Iterator[Batch]:
        cutter = Cutter(self._body, self._mapping.record_tags, self._record_limit)
        head = cutter.head
        if head is None:
            self._check_start(cutter.rest)
            yield from self._by_events(cutter.rest)
            return
        around = head.before
        self.head_root = etree.fromstring(around + head.closing, secure_parser())
        _refuse_doctype(self.head_root)
        while (piece := cutter.next_piece()) is not None:
            tree = None if cutter.leaves_parent(piece) else _parsed(head, piece)
            if tree is None:
                yield from self._by_events(around + piece + cutter.rest)
                return
            yield self._batch_of(tree)
            around += self._siblings(tree, head)
            if len(around) > self._record_limit:
                raise RecordError(
                    f"more than {self._record_limit} bytes stand between the records of one page"
                )
        if cutter.is_odd:
            yield from self._by_events(around + cutter.rest)
            return
        # The closing tags have to be there: a page cut off at a record's end is refused here.
        self.root = etree.fromstring(around + cutter.rest, secure_parser())
        last = self._batch_of(etree.ElementTree(self.root))
        if last.rows:
            yield last

    def _siblings(self, tree: etree._ElementTree, head: Head) -> bytes:
        """What stands between records and is not one (a link to the next page, say), to be kept."""
        *parents, record = self._mapping.record_tags
        children = list(innermost(tree.getroot(), len(parents)))[head.siblings :]
        others = (child for child in children if child.tag != record)
        return b"".join(etree.tostring(child, encoding="ascii", with_tail=False) for child in others)

    def _batch_of(self, tree: etree._ElementTree) -> Batch:
        found = self._stylesheet.fields(tree)
        if found is None:
            records = tree.getroot().iter(self._mapping.record_tags[-1])
            return self._batch([self._fields(record) for record in records if self._is_record(record)])
        rows, nested = found
        return self._numbered(rows, tuple(nested))

    def _by_events(self, start: bytes) -> Iterator[Batch]:
        """Read on with a parser that reports each record's end; `start` holds the head and what was cut off."""
        parser = event_parser("end", self._mapping.record_tags[-1])
        found: list[tuple[list[str], list[NestedRows]]] = []
        done: etree._Element | None = None
        pending = io.BytesIO(start)
        kept = 0
        # In small pieces also what is at hand: libxml2 refuses to be fed 10 MB at a time.
        while data := pending.read(PIECE_BYTES) or self._body.read(PIECE_BYTES):
            parser.feed(data)
            kept += len(data)
            for _, element in parser.read_events():
                assert isinstance(element, etree._Element)
                if not self._is_record(element):
                    continue
                kept = 0
                _refuse_doctype(element)
                found.append(self._fields(element))
                # The record just read may still be in the parser's hands: the one before it is not.
                _discard(done)
                done = element
                if len(found) == _EVENT_BATCH:
                    yield self._batch(found)
                    found = []
            # Only records are taken out of the parser's hands: without them memory follows the page.
            if kept > self._record_limit:
                raise RecordError(
                    f"more than {self._record_limit} bytes without the end of a record {self._mapping.records}: "
                    "check that path, ask for less beside the records, or raise limits.record_megabytes"
                )
        root = parser.close()
        assert isinstance(root, etree._Element)
        _refuse_doctype(root)
        _discard(done)
        if found:
            yield self._batch(found)
        self.root = root

    def _is_record(self, element: etree._Element) -> bool:
        tags = [element.tag, *(ancestor.tag for ancestor in element.iterancestors())]
        return tuple(reversed(tags)) == self._mapping.record_tags

    def _fields(self, record: etree._Element) -> tuple[list[str], list[NestedRows]]:
        nested: list[NestedRows] = []
        for children, texts in self._mapping.nested_texts:
            elements = children(record)
            assert isinstance(elements, list)
            rows: NestedRows = []
            for number, child in enumerate(elements, start=1):
                assert isinstance(child, etree._Element)
                rows.append((0, number, [str(text(child)) for text in texts]))
            nested.append(rows)
        return [str(text(record)) for text in self._mapping.field_texts], nested

    def _batch(self, found: list[tuple[list[str], list[NestedRows]]]) -> Batch:
        nested: tuple[NestedRows, ...] = tuple([] for _ in self._mapping.nested)
        for index, (_, tables) in enumerate(found):
            for table, children in zip(nested, tables, strict=True):
                table.extend((index, position, fields) for _, position, fields in children)
        return self._numbered([row for row, _ in found], nested)

    def _numbered(self, rows: Rows, nested: tuple[NestedRows, ...]) -> Batch:
        batch = Batch(self._rows + 1, rows, nested)
        self._rows += len(rows)
        return batch

    def _check_start(self, start: bytes) -> None:
        """Refuse another root by its first bytes, and with the words that it has there."""
        parser = etree.XMLPullParser(
            ("start",), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
        )
        parser.feed(start)
        for _, root in parser.read_events():
            assert isinstance(root, etree._Element)
            _refuse_doctype(root)
            self._check_root(root)
            return

    def _check_root(self, root: etree._Element) -> None:
        expected = self._mapping.record_tags[0]
        if root.tag != expected:
            words = " ".join(" ".join(str(text) for text in root.itertext()).split())[:300]
            raise RecordError(
                f"the answer's root element is {root.tag}, expected {expected}; it says: {words or '(nothing)'}"
            )


def read_page(body: BinaryIO, mapping: Mapping, stylesheet: Stylesheet, record_limit: int) -> Page:
    """Read a page's records as a stream. `record_limit` bounds the bytes of one record.

    Iterating raises RecordError where the page is empty, not well-formed, cut short (a truncated page is
    refused even where it ends between two records), carries a DOCTYPE, or has another root element.
    """
    return Page(body, mapping, stylesheet, record_limit)


def _parsed(head: Head, piece: bytes) -> etree._ElementTree | None:
    try:
        return etree.ElementTree(etree.fromstring(head.before + piece + head.closing, secure_parser()))
    except etree.XMLSyntaxError:
        return None


def _discard(element: etree._Element | None) -> None:
    parent = None if element is None else element.getparent()
    if element is not None and parent is not None:
        parent.remove(element)


def _refuse_doctype(element: etree._Element) -> None:
    if element.getroottree().docinfo.internalDTD is not None:
        raise RecordError("the answer carries a DOCTYPE, which is refused: entities can be made to explode")


def _why_not_well_formed(error: etree.XMLSyntaxError) -> str:
    return (
        f"the answer is empty, cut short or not well-formed XML: {error.msg}. Ask the endpoint's owner, or set "
        f"`repair: true` on the stream to have pages mended and counted"
    )
