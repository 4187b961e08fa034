"""The shape of a stream's records, learned from those that the parser has read, and the fast way to read others.

A server writes all records by the same code: after some of them the names, the order and the spelling of their
tags are known, and one regular expression takes the values out of whole records. That is several times as fast
as a parser and a stylesheet (docs/performance.md). What the expression does not match, the parser reads, and
the shape learns from it; a property test holds what both make of the same pages together.
"""

from copy import deepcopy

from xmlift.records.characters import text_of
from xmlift.records.columns import Columns
from xmlift.records.mapping import Mapping
from xmlift.records.names import is_named
from xmlift.records.pattern import Place
from xmlift.records.sample import Element, UnlearnableError, learn
from xmlift.records.shape_reader import ShapeReader
from xmlift.records.unmapped import Unmapped
from xmlift.records.wanted import expanded_name, wanted

MOST_LESSONS = 8
"""A lesson takes as long as parsing two or three pieces."""

MOST_MISSES = 20
"""More pieces that did not fit than that, each without one that did: the records have no one shape."""

RESTING_PIECES = 1000
"""After so many the shape is tried again: a warm function outlives a release of the server."""

_LARGEST = 4 * 1024 * 1024
"""Bytes of a piece. The parser refuses texts of 10 MB, and what it refuses must not pass here."""


class Shape:
    """What is known of records whose tag is spelled `record`; `scope` are the namespaces around them by prefix."""

    def __init__(self, mapping: Mapping, unmapped: Unmapped, record: str, scope: dict[str, str]) -> None:
        self._record = Element(record)
        self._tag = mapping.record_tags[-1]
        self._scope = scope
        self._unmapped = unmapped
        self._reader: ShapeReader | None = None
        self._lessons = MOST_LESSONS
        self._misses = 0
        self._fits = 0
        """Where the records begin in the last piece that are not of the shape."""
        try:
            self._wanted = wanted(mapping, mapping.fields, mapping.nested)
        except UnlearnableError:
            self._lessons = 0

    @property
    def is_new(self) -> bool:
        """Whether nobody has tried yet to teach anything."""
        return self._lessons == MOST_LESSONS and self._reader is None

    def learn(self, piece: bytes) -> None:
        """Learn from records that the parser has read, as long as there is something to expect of it.

        They are the last piece, of which it is known up to where they fit, or some before any was tried.
        """
        if not self._lessons or len(piece) > _LARGEST:
            return
        self._lessons -= 1
        record = deepcopy(self._record)
        try:
            learn(text_of(piece)[self._fits :], record)
            self._check_name(record)
            place = Place(record, self._scope, self._unmapped.declared)
            self._reader = ShapeReader(place, self._wanted, self._unmapped)
        except (UnlearnableError, ValueError):
            return  # this piece is no sample; what was known before stays true
        self._record = record

    def _check_name(self, record: Element) -> None:
        """Raise UnlearnableError for elements of the records' spelling that are of another namespace."""
        scope = self._scope | record.declarations
        if not is_named(expanded_name(record.name, scope, scope.get("", "")), self._tag):
            raise UnlearnableError(f"{record.name} is not {self._tag}")

    def columns(self, piece: bytes, begins: bool = True) -> Columns | None:
        """What the records of a piece say; None where they are not all of the shape.

        `begins`: its page begins with them.
        """
        self._fits = 0
        if self._reader is None or len(piece) > _LARGEST:
            return None
        if self._misses > MOST_MISSES:
            self._misses += 1
            if self._misses < MOST_MISSES + RESTING_PIECES:
                return None
            self._misses, self._lessons = MOST_MISSES, max(1, self._lessons)
        columns = self._columns(self._reader, piece, begins)
        # Each piece that fits makes up for one that does not: trying costs a sixth of what fitting saves.
        self._misses = max(0, self._misses + (1 if columns is None else -1))
        return columns

    def _columns(self, reader: ShapeReader, piece: bytes, begins: bool) -> Columns | None:
        try:
            columns, self._fits = reader.columns(text_of(piece), begins)
        except ValueError:
            return None
        return columns
