"""A page as a stream of batches: cut into pieces where that is possible, by parser events elsewhere.

Both ways yield the same fields (a property test holds them together); the second one is several times as slow
and reads everything: self-closing records, values of changing parents, tags that look alike in comments.
"""

import io
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from lxml import etree

from xmlift.errors import RecordError
from xmlift.records import by_xpath
from xmlift.records.columns import Columns
from xmlift.records.cutter import PIECE_BYTES, Cutter, Head, event_parser, secure_parser
from xmlift.records.lifting import Batch, Lifter, LiftHere, Sent
from xmlift.records.mapping import Mapping
from xmlift.records.names import is_named
from xmlift.records.pieces import PieceReader

# An element, a comment or a CDATA section that the page ends in.
_CUT_SHORT = frozenset(
    {
        etree.ErrorTypes.ERR_TAG_NOT_FINISHED,
        etree.ErrorTypes.ERR_COMMENT_NOT_FINISHED,
        etree.ErrorTypes.ERR_CDATA_NOT_FINISHED,
    }
)
_EVENT_BATCH = 500


class Page[Rows]:
    """One page being read: iterate it for its rows, each time after the number of the first one's record, from 1.

    Afterwards `root` is what stood around the records. `head_root` is what stood before them, as soon as the first
    rows are there; None where it was not told apart.
    """

    def __init__(
        self, body: BinaryIO, mapping: Mapping, pieces: PieceReader, lifter: Lifter[Rows], record_limit: int
    ) -> None:
        self._body = body
        self._mapping = mapping
        self._pieces = pieces
        self._lifter = lifter
        self._record_limit = record_limit
        self._rows = 0
        self._has_begun = False
        self.head_root: etree._Element | None = None
        self.root: etree._Element | None = None

    def __iter__(self) -> Iterator[tuple[int, Rows]]:
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

    def _cut(self) -> Iterator[tuple[int, Rows]]:
        cutter = Cutter(self._body, self._mapping.record_tags, self._record_limit)
        head = cutter.head
        if head is None:
            self._check_start(cutter.rest)
            yield from self._by_events(cutter.rest)
            return
        self.head_root = etree.fromstring(head.before + head.closing, secure_parser())
        _refuse_doctype(self.head_root)
        waiting: deque[Sent[Rows]] = deque()
        try:
            yield from self._by_pieces(cutter, head, waiting)
        finally:
            for sent in waiting:  # however the page ends: nothing of it meets the next
                with suppress(Exception):  # a page that fails says why itself
                    sent.answer()

    def _by_pieces(
        self, cutter: Cutter, head: Head, waiting: deque[Sent[Rows]]
    ) -> Iterator[tuple[int, Rows]]:
        around = head.before
        while self._send(cutter, head, waiting):
            sent = waiting.popleft()
            lifted = sent.answer()
            if lifted is None:
                later = b"".join(other.piece for other in waiting)
                yield from self._by_events(around + sent.piece + later + cutter.rest)
                return
            yield self._numbered(lifted.rows, lifted.records)
            around += lifted.between
            if len(around) > self._record_limit:
                raise RecordError(
                    f"more than {self._record_limit} bytes stand between the records of one page"
                )
            del sent, lifted  # not beside the next one, which may be as large
        if cutter.is_odd:
            yield from self._by_events(around + cutter.rest)
            return
        # The closing tags have to be there: a page cut off at a record's end is refused here.
        self.root = etree.fromstring(around + cutter.rest, secure_parser())
        last = self._pieces.parsed(self.root, begins=not self._has_begun)
        if last.fields[0]:
            yield self._lifted(last)

    def _send(self, cutter: Cutter, head: Head, waiting: deque[Sent[Rows]]) -> bool:
        """Send as many pieces as may be on their way; False once there is none any more."""
        ahead = self._lifter.ahead
        # Large records are not held by the dozen.
        while (
            len(waiting) <= ahead
            and sum(len(sent.piece) for sent in waiting) <= ahead * 2 * PIECE_BYTES
            and (piece := cutter.next_piece()) is not None
        ):
            waiting.append(self._lifter.send(head, piece, begins=not self._has_begun))
            self._has_begun = True
        return bool(waiting)

    def _by_events(self, start: bytes) -> Iterator[tuple[int, Rows]]:
        """Read on with a parser that reports each record's end; `start` holds the head and what was cut off."""
        parser = event_parser("end", self._mapping.record_tags[-1])
        unmapped = self._pieces.unmapped
        found: list[by_xpath.Fields] = []
        done: etree._Element | None = None
        pending = io.BytesIO(start)
        kept = 0
        # In small pieces also what is at hand: libxml2 refuses to be fed 10 MB at a time.
        while data := pending.read(PIECE_BYTES) or self._body.read(PIECE_BYTES):
            parser.feed(data)
            kept += len(data)
            for _, element in parser.read_events():
                assert isinstance(element, etree._Element)
                if not by_xpath.is_record(element, self._mapping):
                    continue
                kept = 0
                _refuse_doctype(element)
                is_looked_at = unmapped.looks_at(len(found), begins=not self._rows)
                found.append(by_xpath.fields_of(element, self._mapping, unmapped if is_looked_at else None))
                # The record just read may still be in the parser's hands: the one before it is not.
                _discard(done)
                done = element
                if len(found) == _EVENT_BATCH:
                    yield self._lifted(by_xpath.in_columns(found, self._mapping))
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
            yield self._lifted(by_xpath.in_columns(found, self._mapping))
        self.root = root

    def _lifted(self, columns: Columns) -> tuple[int, Rows]:
        batch = Batch(*columns)
        return self._numbered(self._lifter.lift(batch), batch.records)

    def _numbered(self, rows: Rows, records: int) -> tuple[int, Rows]:
        first_row = self._rows + 1
        self._rows += records
        return first_row, rows

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
        if not is_named(root.tag, expected):
            words = " ".join(" ".join(str(text) for text in root.itertext()).split())[:300]
            raise RecordError(
                f"the answer's root element is {root.tag}, expected {expected.removeprefix('{*}')}; "
                f"it says: {words or '(nothing)'}"
            )


def read_page(body: BinaryIO, mapping: Mapping, pieces: PieceReader, record_limit: int) -> Page[Batch]:
    """Read a page's records as a stream of batches. `record_limit` bounds the bytes of one record.

    Iterating raises RecordError where the page is empty, not well-formed, cut short (a truncated page is
    refused even where it ends between two records), carries a DOCTYPE, or has another root element.
    """
    return Page(body, mapping, pieces, LiftHere(pieces, lambda batch: batch), record_limit)


def _discard(element: etree._Element | None) -> None:
    parent = None if element is None else element.getparent()
    if element is not None and parent is not None:
        parent.remove(element)


def _refuse_doctype(element: etree._Element) -> None:
    if element.getroottree().docinfo.internalDTD is not None:
        raise RecordError(
            "the answer carries a DOCTYPE, which is refused: entities can be made to explode. Ask the endpoint's "
            "owner to leave it out; if it is no page of the records at all, correct base_url or request.path"
        )


def _why_not_well_formed(error: etree.XMLSyntaxError) -> str:
    if getattr(error, "code", None) in _CUT_SHORT:  # lxml-stubs does not know it
        return (
            f"the answer is cut short: {error.msg}. What is missing nobody can repair: if it comes again, ask for "
            "smaller pages, or the endpoint's owner"
        )
    return (
        f"the answer is empty, cut short or not well-formed XML: {error.msg}. Ask the endpoint's owner, or set "
        f"`repair: true` on the stream to have pages mended and counted"
    )
