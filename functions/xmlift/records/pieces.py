"""Reads pieces of a page, whole records each: by their shape, else parsed and by stylesheet, else by XPath."""

import re
from itertools import islice
from typing import NamedTuple

from lxml import etree

from xmlift.records import by_xpath
from xmlift.records.columns import Columns
from xmlift.records.cutter import Head, above, innermost, secure_parser
from xmlift.records.kinds import elements_at
from xmlift.records.mapping import Mapping
from xmlift.records.names import is_named
from xmlift.records.sample import SAMPLE_RECORDS
from xmlift.records.shape import Shape
from xmlift.records.stylesheet import Stylesheet
from xmlift.records.unmapped import Unmapped, counted

_MOST_SHAPES = 16


class Piece(NamedTuple):
    """What a piece's records say, and what stood between them and is none (a link to the next page, say)."""

    columns: Columns
    between: bytes


class PieceReader:
    """Reads the pieces of a stream's pages. What it knows of the records' shape outlasts a page."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._stylesheet = Stylesheet(mapping)
        self.unmapped = Unmapped(mapping)
        self._shapes: dict[tuple[bytes, tuple[tuple[str, str], ...]], Shape] = {}

    def read(self, head: Head, piece: bytes, begins: bool) -> Piece | None:
        """What a piece says; None where it was cut wrongly, or the records' parent ends in it.

        `begins`: the page's records begin with it.
        """
        shape = self._shape(head) if head.is_utf8 else None
        if shape and shape.is_new:
            _introduce(shape, head, piece)
        columns = shape.columns(piece, begins) if shape else None
        if columns is not None:
            return Piece(columns, b"")
        try:
            root = etree.fromstring(head.before + piece + head.closing, secure_parser())
        except etree.XMLSyntaxError:
            return None
        if above(root, len(self._mapping.record_tags) - 1) != head.above:
            return None  # the head no longer tells the ancestors
        if shape:
            shape.learn(piece)
        return Piece(self.parsed(root, begins), self._between(root, head))

    def _shape(self, head: Head) -> Shape:
        key = (head.record, head.scope)
        if key not in self._shapes:
            if len(self._shapes) == _MOST_SHAPES:  # namespaces that differ by page
                self._shapes.pop(next(iter(self._shapes)))
            self._shapes[key] = Shape(self._mapping, self.unmapped, head.record.decode(), dict(head.scope))
        return self._shapes[key]

    def parsed(self, root: etree._Element, begins: bool) -> Columns:
        """What the records of a parsed piece say; `begins` as above."""
        mapping, unmapped = self._mapping, self.unmapped
        columns = self._stylesheet.columns(root.getroottree())
        records = elements_at(mapping.records_path, root)
        if columns is not None:
            looked_at = unmapped.looked_at(len(records), begins)
            return columns._replace(unmapped=counted(unmapped.of(records[row]) for row in looked_at))
        found = [
            by_xpath.fields_of(record, mapping, unmapped if unmapped.looks_at(row, begins) else None)
            for row, record in enumerate(records)
        ]
        return by_xpath.in_columns(found, mapping)

    def _between(self, root: etree._Element, head: Head) -> bytes:
        *parents, record = self._mapping.record_tags
        children = list(innermost(root, len(parents)))[head.siblings :]
        others = (child for child in children if not is_named(child.tag, record))
        return b"".join(etree.tostring(child, encoding="ascii", with_tail=False) for child in others)


def _introduce(shape: Shape, head: Head, piece: bytes) -> None:
    """Let a shape learn of the first records alone: not all of the piece has to be parsed then."""
    *_, end = islice(re.finditer(b"</" + re.escape(head.record) + rb"\s*>", piece), SAMPLE_RECORDS)
    if end.end() == len(piece):
        return  # a small one is parsed as a whole
    sample = piece[: end.end()]
    try:
        etree.fromstring(head.before + sample + head.closing, secure_parser())
    except etree.XMLSyntaxError:
        return
    shape.learn(sample)
