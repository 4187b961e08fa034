"""An XSLT generated from the columns: libxslt walks the records and writes all fields as one text.

Asking for each field from Python costs a call a field; one transformation of some hundred records costs one
call. Every value is followed by a control character that hardly any document holds. The text begins with how
many records there are and how many stand inside each, so that a value that holds it is noticed (`None`): there
are more of them than these numbers say. Such records are read by XPath instead. A value of many nodes is a text of
the same kind inside: how many they are, and each followed by another such character. What XSLT cannot write as
text (embedded markup) is asked for field by field.
"""

from collections.abc import Sequence
from typing import NamedTuple

from lxml import etree

from xmlift.records.columns import Columns, NestedRows
from xmlift.records.fields import Field
from xmlift.records.kinds import Reader, elements_at, of_texts
from xmlift.records.mapping import Mapping

# Of the controls of Latin-1, which keep a text at a byte a character, those that Windows-1252 gives no meaning.
END = "\x90"
ITEM = "\x8f"

_XSL = "http://www.w3.org/1999/XSL/Transform"
_OF_ELEMENTS = ("text", "markup")


class _Rows(NamedTuple):
    """Where rows are found (the records' path, then that of each nested table on the way), and their fields."""

    paths: tuple[str, ...]
    fields: tuple[Field, ...]
    readers: tuple[Reader | None, ...]
    """Of the fields that the transformation does not write."""

    finders: tuple[etree.XPath, ...]

    def elements(self, tree: etree._ElementTree) -> list[etree._Element]:
        """The rows' elements, in their order."""
        found = [tree.getroot()]
        for path in self.finders:
            found = [element for outer in found for element in elements_at(path, outer)]
        return found

    @property
    def written(self) -> list[Field]:
        return [field for field, read in zip(self.fields, self.readers, strict=True) if read is None]


class Stylesheet:
    """The compiled stylesheet of one mapping."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._records = _rows(mapping, (mapping.records,), mapping.fields)
        self._tables: list[_Rows] = []
        for table in mapping.tables:
            above = self._records if table.parent is None else self._tables[table.parent]
            self._tables.append(_rows(mapping, (*above.paths, table.nested.path), table.nested.fields))
        self._transform = etree.XSLT(self._document(), access_control=etree.XSLTAccessControl.DENY_ALL)  # type: ignore[attr-defined]

    def columns(self, tree: etree._ElementTree) -> Columns | None:
        """What all records of a tree say; None where the values cannot be told apart."""
        values = str(self._transform(tree)).split(END)
        counts = [int(values[0])]
        inside: list[list[int]] = []
        start = 1
        for table in self._mapping.tables:
            end = start + counts[0 if table.parent is None else table.parent + 1]
            inside.append([int(count) for count in values[start:end]])
            counts.append(sum(inside[-1]))
            start = end
        parts = [self._records, *self._tables]
        widths = [len(rows.written) for rows in parts]
        if len(values) != start + sum(map(int.__mul__, counts, widths)) + 1:
            return None
        found: list[list[Sequence[str]]] = []
        for rows, count, width in zip(parts, counts, widths, strict=True):
            end = start + count * width
            columns = _columns(rows, [values[start + column : end : width] for column in range(width)], tree)
            if columns is None:
                return None
            found.append(columns)
            start = end
        fields, *below = found
        nested: list[NestedRows] = []
        for table, rows_inside, columns in zip(self._mapping.tables, inside, below, strict=True):
            parent = None if table.parent is None else nested[table.parent]
            nested.append(NestedRows.counted(rows_inside, columns, parent))
        return Columns(fields, tuple(nested))

    def _document(self) -> etree._Element:
        root = xsl_stylesheet(self._mapping.namespaces)
        template = xsl_element(root, "template", match="/")
        _value(template, f"count({self._mapping.records})")
        for table in self._tables:
            *above, path = table.paths
            _value(_each(template, above), f"count({path})")
        for rows in (self._records, *self._tables):
            each = _each(template, rows.paths)
            for field in rows.written:
                self._write(each, field)
        for element in root.iter(f"{{{_XSL}}}*"):
            if (select := element.get("select")) is not None:
                element.set("select", self._mapping.asked(select))
        return root

    def _write(self, parent: etree._Element, field: Field) -> None:
        if field.kind == "first":
            _value(parent, field.xpath)
            return
        if not isinstance(self._mapping.tried(field.xpath), list):
            _value(parent, "1", ITEM)
            _value(parent, field.xpath, ITEM)
        else:
            _value(parent, f"count({field.xpath})", ITEM)
            node = _each(parent, [field.xpath])
            for xpath in (field.key, field.value) if field.key else (".",):
                _value(node, xpath, ITEM)
        xsl_element(parent, "text").text = END


def _rows(mapping: Mapping, paths: tuple[str, ...], fields: tuple[Field, ...]) -> _Rows:
    readers = tuple(mapping.reader(field) if field.kind in _OF_ELEMENTS else None for field in fields)
    return _Rows(paths, fields, readers, tuple(map(mapping.compiled, paths)))


def _columns(rows: _Rows, written: list[list[str]], tree: etree._ElementTree) -> list[Sequence[str]] | None:
    """The columns of rows; None where the items of a value cannot be told apart."""
    elements = rows.elements(tree) if any(rows.readers) else []
    texts = iter(written)
    columns: list[Sequence[str]] = []
    for field, read in zip(rows.fields, rows.readers, strict=True):
        if read is not None:
            columns.append([read(element) for element in elements])
        elif field.kind == "first":
            columns.append(next(texts))
        elif (values := _of_many(field, next(texts))) is not None:
            columns.append(values)
        else:
            return None
    return columns


def _of_many(field: Field, texts: list[str]) -> list[str] | None:
    """The values of a field of many nodes; None where there are more items than a text says."""
    each = 2 if field.key else 1
    values = []
    for text in texts:
        count, *items, _ = text.split(ITEM)
        if len(items) != each * int(count):
            return None
        values.append(of_texts(field, items[::each], items[1::2] if field.key else []))
    return values


def _each(parent: etree._Element, paths: Sequence[str]) -> etree._Element:
    for path in paths:
        parent = xsl_element(parent, "for-each", select=path)
    return parent


def _value(parent: etree._Element, select: str, end: str = END) -> None:
    xsl_element(parent, "value-of", select=select)
    xsl_element(parent, "text").text = end


def xsl_stylesheet(namespaces: dict[str, str]) -> etree._Element:
    """An empty stylesheet that writes text."""
    root = etree.Element(f"{{{_XSL}}}stylesheet", nsmap={**namespaces, "xsl": _XSL}, version="1.0")
    xsl_element(root, "output", method="text", encoding="UTF-8")
    return root


def xsl_element(parent: etree._Element, name: str, **attributes: str) -> etree._Element:
    """An element of XSLT in another one."""
    return etree.SubElement(parent, f"{{{_XSL}}}{name}", attributes)
