"""An XSLT generated from the columns: libxslt walks the records and writes all fields as one text.

Asking for each field from Python costs a call a field; one transformation of some hundred records costs one
call. Fields and records are parted by noncharacters of Unicode, which no sane document holds; the text also
says how many records it was made of, so that a hostile one is noticed (`None`) and read by XPath instead.
"""

from lxml import etree

from xmlift.records.mapping import Field, Mapping

FIELD, RECORD, NESTED = "\ufdd0", "\ufdd1", "\ufdd2"

_XSL = "http://www.w3.org/1999/XSL/Transform"

Rows = list[list[str]]
NestedRow = tuple[int, int, list[str]]
"""A nested record: the index of its record in the batch, its position there from 1, and its fields."""


class Stylesheet:
    """The compiled stylesheet of one mapping."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._transform = etree.XSLT(_document(mapping), access_control=etree.XSLTAccessControl.DENY_ALL)  # type: ignore[attr-defined]

    def fields(self, tree: etree._ElementTree) -> tuple[Rows, list[list[NestedRow]]] | None:
        """The fields of all records of a tree, and per nested table its rows; None if they cannot be told apart."""
        counts, *records = str(self._transform(tree)).split(RECORD)
        rows: Rows = []
        nested: list[list[NestedRow]] = [[] for _ in self._mapping.nested]
        for index, record in enumerate(records):
            text, *children = record.split(NESTED)
            rows.append(text.split(FIELD))
            position = dict.fromkeys(range(len(nested)), 0)
            for child in children:
                number, *fields = child.split(FIELD)
                table = int(number) if number.isdecimal() else -1
                if not 0 <= table < len(nested):
                    return None
                position[table] += 1
                nested[table].append((index, position[table], fields))
        expected = [str(len(rows)), *(str(len(table)) for table in nested)]
        if counts.split(FIELD) != expected or not self._widths_hold(rows, nested):
            return None
        return rows, nested

    def _widths_hold(self, rows: Rows, nested: list[list[NestedRow]]) -> bool:
        width = len(self._mapping.fields)
        return all(len(row) == width for row in rows) and all(
            len(fields) == len(table.fields)
            for table, children in zip(self._mapping.nested, nested, strict=True)
            for _, _, fields in children
        )


def _document(mapping: Mapping) -> etree._Element:
    root = etree.Element(_xsl("stylesheet"), nsmap={**mapping.namespaces, "xsl": _XSL}, version="1.0")
    etree.SubElement(root, _xsl("output"), method="text", encoding="UTF-8")
    template = etree.SubElement(root, _xsl("template"), match="/")
    _value(template, f"count({mapping.records})")
    for table in mapping.nested:
        _text(template, FIELD)
        _value(template, f"count({mapping.records}/{table.path})")
    record = etree.SubElement(template, _xsl("for-each"), select=mapping.records)
    _text(record, RECORD)
    _fields(record, mapping.fields)
    for number, table in enumerate(mapping.nested):
        child = etree.SubElement(record, _xsl("for-each"), select=table.path)
        _text(child, f"{NESTED}{number}{FIELD}")
        _fields(child, table.fields)
    return root


def _fields(parent: etree._Element, fields: tuple[Field, ...]) -> None:
    for number, field in enumerate(fields):
        if number:
            _text(parent, FIELD)
        _value(parent, field.xpath)


def _value(parent: etree._Element, select: str) -> None:
    etree.SubElement(parent, _xsl("value-of"), select=select)


def _text(parent: etree._Element, text: str) -> None:
    etree.SubElement(parent, _xsl("text")).text = text


def _xsl(name: str) -> str:
    return f"{{{_XSL}}}{name}"
