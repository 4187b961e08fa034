"""Records element by element, each field by its XPath: slow, and right for whatever has been parsed."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from lxml import etree

from xmlift.records.columns import Columns, NestedRows
from xmlift.records.kinds import elements_at
from xmlift.records.mapping import CompiledTable, Mapping, Table
from xmlift.records.names import are_named
from xmlift.records.unmapped import Unmapped, counted


class Inside(NamedTuple):
    """A nested record: the positions of the nested ones it is in, its own, its fields."""

    parents: tuple[int, ...]
    position: int
    fields: list[str]


class Fields(NamedTuple):
    """A record's own fields, per nested table what is inside it, depth first, and what nobody asks for."""

    own: list[str]
    inside: list[list[Inside]]
    unmapped: Collection[str]


def fields_of(record: etree._Element, mapping: Mapping, unmapped: Unmapped | None) -> Fields:
    """What one record says, and what it has that nobody asks for if that is to be looked at."""
    inside: list[list[Inside]] = [[] for _ in mapping.tables]
    if inside:
        _find_inside(record, mapping.compiled_tables, (), inside)
    seen = unmapped.of(record) if unmapped else ()
    return Fields([read(record) for read in mapping.readers], inside, seen)


def _find_inside(
    element: etree._Element,
    tables: Sequence[CompiledTable],
    parents: tuple[int, ...],
    inside: list[list[Inside]],
) -> None:
    for table in tables:
        for position, child in enumerate(elements_at(table.path, element), start=1):
            fields = [read(child) for read in table.readers]
            inside[table.number].append(Inside(parents, position, fields))
            _find_inside(child, table.nested, (*parents, position), inside)


def in_columns(records: Sequence[Fields], mapping: Mapping) -> Columns:
    """What some records say, in their order."""
    own = _turned((record.own for record in records), len(mapping.fields))
    nested = tuple(_nested_rows(records, table) for table in mapping.tables)
    return Columns(own, nested, counted(record.unmapped for record in records))


def _nested_rows(records: Sequence[Fields], table: Table) -> NestedRows:
    found = [(index, row) for index, record in enumerate(records) for row in record.inside[table.number]]
    return NestedRows(
        [index for index, _ in found],
        [row.position for _, row in found],
        _turned((row.fields for _, row in found), len(table.nested.fields)),
        tuple([row.parents[level] for _, row in found] for level in range(table.depth)),
    )


def _turned(rows: Iterable[list[str]], width: int) -> list[Sequence[str]]:
    """Rows as columns; as many without a single row."""
    return list(zip(*rows, strict=True)) or [()] * width


def is_record(element: etree._Element, mapping: Mapping) -> bool:
    """Whether an element stands where the mapping's records do."""
    tags = [element.tag, *(ancestor.tag for ancestor in element.iterancestors())]
    return are_named(tags[::-1], mapping.record_tags)
