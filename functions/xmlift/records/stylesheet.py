"""An XSLT generated from the columns: libxslt walks the records and writes all fields as one text.

Asking for each field from Python costs a call a field; one transformation of some hundred records costs one
call. Every value is followed by a control character that hardly any document holds. The text begins with how
many records there are and how many stand inside each, so that a value that holds it is noticed (`None`): there
are more of them than these numbers say. Such records are read by XPath instead.
"""

from collections.abc import Sequence

from lxml import etree

from xmlift.records.columns import Columns, NestedRows
from xmlift.records.mapping import Field, Mapping

# Of the controls of Latin-1, which keep a text at a byte a character, one that Windows-1252 gives no meaning.
END = "\x90"

_XSL = "http://www.w3.org/1999/XSL/Transform"


class Stylesheet:
    """The compiled stylesheet of one mapping."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._transform = etree.XSLT(_document(mapping), access_control=etree.XSLTAccessControl.DENY_ALL)  # type: ignore[attr-defined]

    def columns(self, tree: etree._ElementTree) -> Columns | None:
        """What all records of a tree say; None where the values cannot be told apart."""
        values = str(self._transform(tree)).split(END)
        tables = self._mapping.nested
        records = int(values[0])
        start = 1 + records * len(tables)
        inside = [
            [int(count) for count in values[first : first + records]]
            for first in range(1, start, records or 1)
        ] or [[] for _ in tables]
        shapes = [
            (records, len(self._mapping.fields)),
            *((sum(counts), len(table.fields)) for counts, table in zip(inside, tables, strict=True)),
        ]
        if len(values) != start + sum(rows * width for rows, width in shapes) + 1:
            return None
        parts: list[list[Sequence[str]]] = []
        for rows, width in shapes:
            end = start + rows * width
            parts.append([values[start + column : end : width] for column in range(width)])
            start = end
        fields, *below = parts
        nested = (NestedRows.counted(counts, columns) for counts, columns in zip(inside, below, strict=True))
        return Columns(fields, tuple(nested))


def _document(mapping: Mapping) -> etree._Element:
    root = etree.Element(_xsl("stylesheet"), nsmap={**mapping.namespaces, "xsl": _XSL}, version="1.0")
    etree.SubElement(root, _xsl("output"), method="text", encoding="UTF-8")
    template = etree.SubElement(root, _xsl("template"), match="/")
    _value(template, f"count({mapping.records})")
    for table in mapping.nested:
        _value(_each(template, mapping.records), f"count({table.path})")
    _fields(_each(template, mapping.records), mapping.fields)
    for table in mapping.nested:
        _fields(_each(_each(template, mapping.records), table.path), table.fields)
    return root


def _each(parent: etree._Element, select: str) -> etree._Element:
    return etree.SubElement(parent, _xsl("for-each"), select=select)


def _fields(parent: etree._Element, fields: tuple[Field, ...]) -> None:
    for field in fields:
        _value(parent, field.xpath)


def _value(parent: etree._Element, select: str) -> None:
    etree.SubElement(parent, _xsl("value-of"), select=select)
    etree.SubElement(parent, _xsl("text")).text = END


def _xsl(name: str) -> str:
    return f"{{{_XSL}}}{name}"
