"""The shape of a stream's records, learned from those that the parser has read, and the fast way to read others.

A server writes all records by the same code: after some of them the names, the order and the spelling of their
tags are known, and one regular expression takes the values out of whole records. That is several times as fast
as a parser and a stylesheet (docs/performance.md). What the expression does not match, the parser reads, and
the shape learns from it; a property test holds what both make of the same pages together.
"""

import re
from collections.abc import Sequence
from copy import deepcopy

from xmlift.records.characters import expanded, text_of
from xmlift.records.columns import Columns, NestedRows
from xmlift.records.mapping import Field, Mapping
from xmlift.records.names import is_named
from xmlift.records.pattern import SPACE, Path, Pattern, expanded_name, plain_path
from xmlift.records.sample import Element, UnlearnableError, learn

MOST_LESSONS = 8
"""A lesson takes as long as parsing two or three pieces."""

MOST_MISSES = 20
"""More pieces that did not fit than that, each without one that did: the records have no one shape."""

RESTING_PIECES = 1000
"""After so many the shape is tried again: a warm function outlives a release of the server."""

_LARGEST = 4 * 1024 * 1024
"""Bytes of a piece. The parser refuses texts of 10 MB, and what it refuses must not pass here."""

_Row = tuple[str, ...]
_Tables = Sequence[tuple[Path, Sequence[Path]]]


class Shape:
    """What is known of records whose tag is spelled `record`; `scope` are the namespaces around them by prefix."""

    def __init__(self, mapping: Mapping, record: str, scope: dict[str, str]) -> None:
        self._record = Element(record)
        self._tag = mapping.record_tags[-1]
        self._scope = scope
        self._reader: _Reader | None = None
        self._lessons = MOST_LESSONS
        self._misses = 0
        self._fits = 0
        """Where the records begin in the last piece that are not of the shape."""
        if not mapping.is_plain:
            self._lessons = 0
            return
        try:
            self._fields = _paths(mapping.fields, mapping.namespaces)
            self._tables = [
                (_element_path(table.path, mapping.namespaces), _paths(table.fields, mapping.namespaces))
                for table in mapping.nested
            ]
        except UnlearnableError:
            self._lessons = 0

    def learn(self, piece: bytes) -> None:
        """Learn from the last piece, which the parser has read, as long as there is something to expect of it."""
        if not self._lessons or len(piece) > _LARGEST:
            return
        self._lessons -= 1
        record = deepcopy(self._record)
        try:
            learn(text_of(piece)[self._fits :], record)
            self._check_name(record)
            self._reader = _Reader(record, self._scope, self._fields, self._tables)
        except (UnlearnableError, ValueError):
            return  # this piece is no sample; what was known before stays true
        self._record = record

    def _check_name(self, record: Element) -> None:
        """Raise UnlearnableError for elements of the records' spelling that are of another namespace."""
        scope = self._scope | record.declarations
        if not is_named(expanded_name(record.name, scope, scope.get("", "")), self._tag):
            raise UnlearnableError(f"{record.name} is not {self._tag}")

    def columns(self, piece: bytes) -> Columns | None:
        """What the records of a piece say; None where they are not all of the shape."""
        self._fits = 0
        if self._reader is None or len(piece) > _LARGEST:
            return None
        if self._misses > MOST_MISSES:
            self._misses += 1
            if self._misses < MOST_MISSES + RESTING_PIECES:
                return None
            self._misses, self._lessons = MOST_MISSES, max(1, self._lessons)
        columns = self._columns(self._reader, piece)
        # Each piece that fits makes up for one that does not: trying costs a sixth of what fitting saves.
        self._misses = max(0, self._misses + (1 if columns is None else -1))
        return columns

    def _columns(self, reader: "_Reader", piece: bytes) -> Columns | None:
        try:
            columns, self._fits = reader.columns(text_of(piece))
        except ValueError:
            return None
        return columns


def _paths(fields: Sequence[Field], namespaces: dict[str, str]) -> list[Path]:
    return [plain_path(field.xpath, namespaces) for field in fields]


def _element_path(expression: str, namespaces: dict[str, str]) -> Path:
    path = plain_path(expression, namespaces)
    if path.attribute is not None or not path.elements:
        raise UnlearnableError(f"{expression} is no path of elements in a record")
    return path


class _Reader:
    """Takes the values of records that stand one after the other out of a text."""

    def __init__(
        self, element: Element, scope: dict[str, str], fields: Sequence[Path], tables: _Tables = ()
    ) -> None:
        pattern = Pattern(element, scope, fields, [path for path, _ in tables])
        self._match = re.compile(SPACE + pattern.source).match
        groups = {path: number for number, path in enumerate(pattern.groups)}
        self._fields = [groups.get(path) for path in fields]
        self._tables = [
            (groups.get(path), _Reader(*pattern.inside[path], below) if path in pattern.inside else None)
            for path, below in tables
        ]
        self._widths = [len(below) for _, below in tables]

    def columns(self, text: str) -> tuple[Columns | None, int]:
        """What the records say, or None where not all of the text is such records; and up to where it is."""
        rows, end = self._rows(text)
        if text[end:].strip(" \t\n"):
            return None, end
        captured = list(zip(*rows, strict=True))
        nested = (
            reader._nested(captured[group])
            if reader and group is not None
            else NestedRows([], [], _none(width))
            for (group, reader), width in zip(self._tables, self._widths, strict=True)
        )
        return Columns(self._values(captured, len(rows)), tuple(nested)), end

    def _rows(self, text: str) -> tuple[list[_Row], int]:
        rows, position = [], 0
        while found := self._match(text, position):
            rows.append(found.groups(""))
            position = found.end()
        return rows, position

    def _values(self, captured: list[_Row], count: int) -> list[Sequence[str]]:
        absent = ("",) * count
        return [absent if group is None else expanded(captured[group]) for group in self._fields]

    def _nested(self, texts: Sequence[str]) -> NestedRows:
        """The nested records in the text that each record has of them."""
        rows: list[_Row] = []
        counts = []
        for text in texts:
            inside = self._rows(text)[0] if text else []
            counts.append(len(inside))
            rows += inside
        columns = self._values(list(zip(*rows, strict=True)), len(rows)) if rows else _none(len(self._fields))
        return NestedRows.counted(counts, columns)


def _none(width: int) -> list[Sequence[str]]:
    return [()] * width
