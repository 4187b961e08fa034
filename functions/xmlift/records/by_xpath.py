"""Records element by element, each field by its XPath: slow, and right for whatever has been parsed."""

from collections.abc import Iterable, Sequence

from lxml import etree

from xmlift.records.columns import Columns, NestedRows
from xmlift.records.mapping import Mapping

Fields = tuple[list[str], list[list[list[str]]]]
"""A record's own fields, and per nested table the fields of each record inside it."""


def fields_of(record: etree._Element, mapping: Mapping) -> Fields:
    """What one record says."""
    nested = []
    for children, texts in mapping.nested_texts:
        elements = children(record)
        assert isinstance(elements, list)
        rows = []
        for child in elements:
            assert isinstance(child, etree._Element)
            rows.append([str(text(child)) for text in texts])
        nested.append(rows)
    return [str(text(record)) for text in mapping.field_texts], nested


def in_columns(records: Sequence[Fields], mapping: Mapping) -> Columns:
    """What some records say, in their order."""
    tables = []
    for number, table in enumerate(mapping.nested):
        inside = [nested[number] for _, nested in records]
        columns = _turned((row for rows in inside for row in rows), len(table.fields))
        tables.append(NestedRows.counted([len(rows) for rows in inside], columns))
    return Columns(_turned((own for own, _ in records), len(mapping.fields)), tuple(tables))


def _turned(rows: Iterable[list[str]], width: int) -> list[Sequence[str]]:
    """Rows as columns; as many without a single row."""
    return list(zip(*rows, strict=True)) or [()] * width


def is_record(element: etree._Element, mapping: Mapping) -> bool:
    """Whether an element stands where the mapping's records do."""
    tags = [element.tag, *(ancestor.tag for ancestor in element.iterancestors())]
    return tuple(reversed(tags)) == mapping.record_tags
