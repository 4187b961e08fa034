"""Reads records of one shape: what the groups of its expression captured, as columns."""

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from xmlift.records.characters import expanded
from xmlift.records.columns import NONE, Columns, NestedRows, repeated
from xmlift.records.fields import Field
from xmlift.records.kinds import of_text, of_texts
from xmlift.records.pattern import SPACE, Pattern, Place, Rest, Unasked
from xmlift.records.unmapped import Unmapped, added
from xmlift.records.wanted import Path, Value, Wanted

_Row = tuple[str, ...]


class _Found(NamedTuple):
    """What some elements hold: how many stand in each of the outer ones, their values, and what is inside them.

    `unasked` has the paths of what nobody asks for, with the elements' numbers; `others` are elements inside that
    are no nested table.
    """

    counts: Sequence[int]
    values: list[Sequence[str]]
    tables: "list[_Found]"
    others: "list[_Found]"
    unasked: list[tuple[str, list[int]]]


class ShapeReader:
    """Takes the values of elements that stand one after the other out of a text."""

    def __init__(self, place: Place, wanted: Wanted, unmapped: Unmapped) -> None:
        pattern = Pattern(place, wanted, unmapped)
        # Whatever is no such element is taken to the end, by the last group: one call finds all the elements.
        self._all = re.compile(f"{SPACE}{pattern.source}|()((?s:.++))").findall
        self._wanted = wanted
        self._unmapped = unmapped
        self._unasked = [
            (group.path, number) for number, group in enumerate(pattern.groups) if isinstance(group, Unasked)
        ]
        self._groups: dict[Path | Rest, int] = {
            group: number for number, group in enumerate(pattern.groups) if not isinstance(group, Unasked)
        }

        def reader(path: Path | Rest, wanted: Wanted) -> ShapeReader | None:
            return ShapeReader(pattern.inside[path], wanted, unmapped) if path in pattern.inside else None

        self._lists = [
            None if value.items is None else reader(value.path, value.items) for value in wanted.values
        ]
        self._tables = [reader(path, below) for path, below in wanted.tables]
        self._rests = [
            (number, rest)
            for group, number in self._groups.items()
            if isinstance(group, Rest) and (rest := reader(group, Wanted(()))) is not None
        ]

    def columns(self, text: str, begins: bool) -> tuple[Columns | None, int]:
        """What the records say, or None where not all of the text is such records; and up to where it is."""
        rows, rest = self._rows(text)
        if rest.strip(" \t\n"):
            return None, len(text) - len(rest)
        found = self._found(rows, (len(rows),))
        nested: list[NestedRows] = []
        unasked: dict[str, set[int]] = {}
        _gather(found, range(len(rows)), None, nested, unasked)
        looked_at = self._unmapped.looked_at(len(rows), begins)
        counts = {
            path: count
            for path, holding in unasked.items()
            if (count := len(holding.intersection(looked_at)))
        }
        return Columns(found.values, tuple(nested), added(NONE, counts)), len(text) - len(rest)

    def _rows(self, text: str) -> tuple[list[_Row], str]:
        """What the groups captured of each element, and the text after them."""
        rows: list[_Row] = self._all(text)
        rest = rows.pop()[-1] if rows and rows[-1][-1] else ""
        return rows, rest

    def _inside(self, texts: Sequence[str]) -> _Found:
        """What the elements hold that stand in each of these texts, and nothing else."""
        rows: list[_Row] = []
        counts = []
        for text in texts:
            inside = self._rows(text)[0] if text else []
            counts.append(len(inside))
            rows += inside
        return self._found(rows, counts)

    def _found(self, rows: list[_Row], counts: Sequence[int]) -> _Found:
        if not rows:
            return _nothing(self._wanted, counts)
        captured = list(zip(*rows, strict=True))
        others = [rest._inside(captured[number]) for number, rest in self._rests]
        values = [
            self._values(value, items, captured, len(rows), others)
            for value, items in zip(self._wanted.values, self._lists, strict=True)
        ]
        tables = [
            reader._inside(captured[self._groups[path]]) if reader else _nothing(below, ())
            for reader, (path, below) in zip(self._tables, self._wanted.tables, strict=True)
        ]
        unasked = [
            (path, [row for row, mark in enumerate(captured[number]) if mark])
            for path, number in self._unasked
        ]
        return _Found(counts, values, tables, others, unasked)

    def _values(
        self,
        value: Value,
        items: "ShapeReader | None",
        captured: list[_Row],
        count: int,
        others: list[_Found],
    ) -> Sequence[str]:
        """A value of each row; what its items hold besides goes to the others."""
        group = self._groups.get(value.path)
        if group is None:
            return ("",) * count
        if items is not None:
            others.append(items._inside(captured[group]))
            return _of_many(value.field, others[-1])
        texts = expanded(captured[group])
        return texts if value.field.kind == "first" else [of_text(value.field, text) for text in texts]


def _of_many(field: Field, found: _Found) -> list[str]:
    counts = found.counts
    while found.tables:
        (found,) = found.tables
        counts = [sum(found.counts[start:end]) for start, end in _bounds(counts)]
    texts, values = found.values[0], found.values[-1] if field.key else ()
    return [of_texts(field, texts[start:end], values[start:end]) for start, end in _bounds(counts)]


def _bounds(counts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Where those begin and end, one after the other, of which there are so many each time."""
    return pairwise([0, *accumulate(counts)])


def _nothing(wanted: Wanted, counts: Sequence[int]) -> _Found:
    tables = [_nothing(below, ()) for _, below in wanted.tables]
    return _Found(counts, [()] * len(wanted.values), tables, [], [])


def _gather(
    found: _Found,
    records: Sequence[int],
    rows: NestedRows | None,
    nested: list[NestedRows],
    unasked: dict[str, set[int]],
) -> None:
    """Put together the nested tables, depth first, and the records that hold what nobody asks for."""
    _note_unasked(found, records, unasked)
    for table in found.tables:
        rows_inside = NestedRows.counted(table.counts, table.values, rows)
        nested.append(rows_inside)
        _gather(table, rows_inside.records, rows_inside, nested, unasked)


def _note_unasked(found: _Found, records: Sequence[int], unasked: dict[str, set[int]]) -> None:
    """The records that hold what nobody asks for, there or in what stands in it and is no nested table."""
    for path, numbers in found.unasked:
        if numbers:
            unasked.setdefault(path, set()).update(records[number] for number in numbers)
    for other in found.others:
        _note_all(other, repeated(records, other.counts), unasked)


def _note_all(found: _Found, records: Sequence[int], unasked: dict[str, set[int]]) -> None:
    _note_unasked(found, records, unasked)
    for inner in found.tables:
        _note_all(inner, repeated(records, inner.counts), unasked)
