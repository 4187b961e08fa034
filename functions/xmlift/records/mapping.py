"""What is to be taken from a page: where its records stand, and one XPath per field."""

import re
from functools import cached_property
from typing import NamedTuple

from lxml import etree

from xmlift.errors import RecordError

_STEP = re.compile(r"(?:(?P<prefix>[A-Za-z_][\w.-]*):)?(?P<name>[A-Za-z_][\w.-]*)")
_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_TAKEN = {"xml", "xmlns", "xsl"}  # the first two by XML, the last one by the stylesheet made of the fields


class Field(NamedTuple):
    """One value of a record: its name, and an XPath 1.0 expression from the record."""

    name: str
    xpath: str


class Nested(NamedTuple):
    """Records repeated inside a record."""

    name: str
    path: str
    fields: tuple[Field, ...]


class Mapping:
    """Where records stand in a page and what is read from each.

    `records` is an absolute path of names, `/list/group/record` or `/p:root/p:record`, whose prefixes are
    those of `namespaces` and not those that a server happens to use. Raises RecordError where a path, a prefix
    or an expression cannot work, so that a catalogue's mistake is not taken for a page's.
    """

    def __init__(
        self, records: str, fields: tuple[Field, ...], nested: tuple[Nested, ...], namespaces: dict[str, str]
    ) -> None:
        self.records = records
        self.fields = fields
        self.nested = nested
        self.namespaces = namespaces
        self._check_namespaces()
        self.record_tags = tuple(self._tag(step) for step in records[1:].split("/"))
        for field in (*fields, *(field for table in nested for field in table.fields)):
            self.tried(field.xpath)
        for table in nested:
            if not isinstance(self.tried(table.path), list):
                raise RecordError(f"XPath {table.path!r} finds no elements, so no records inside a record")

    def __reduce__(self) -> tuple[type["Mapping"], tuple[object, ...]]:
        """As it was written: what is compiled of it stays in its process."""
        return Mapping, (self.records, self.fields, self.nested, self.namespaces)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and self.__reduce__() == other.__reduce__()

    def __hash__(self) -> int:
        return hash((self.records, self.fields, self.nested, tuple(self.namespaces.items())))

    def _check_namespaces(self) -> None:
        for prefix, uri in self.namespaces.items():
            if not uri or prefix in _TAKEN or not _PREFIX.fullmatch(prefix):
                raise RecordError(
                    f"namespaces: {prefix!r} cannot stand for {uri!r}; write a name of your own (letters, digits) "
                    f"and the namespace's URI, also for what a page has as its default namespace"
                )

    def tried(self, expression: str) -> object:
        """What an expression finds in an empty element: unknown prefixes, functions and variables show here."""
        try:
            return self.compiled(expression)(etree.Element("record"))
        except etree.XPathError as error:
            raise RecordError(f"XPath {expression!r} is not valid: {error}") from error

    def _tag(self, step: str) -> str:
        match = _STEP.fullmatch(step)
        if match is None:
            raise RecordError(
                f"records path {self.records!r}: step {step!r} is not a name; write /list/record, and put "
                f"conditions into the request or a transform"
            )
        if match["prefix"] is None:
            return match["name"]
        if match["prefix"] not in self.namespaces:
            raise RecordError(
                f"records path {self.records!r}: prefix {match['prefix']!r} is not under `namespaces`"
            )
        return f"{{{self.namespaces[match['prefix']]}}}{match['name']}"

    def compiled(self, expression: str) -> etree.XPath:
        """The expression, ready to be evaluated. Raises RecordError that names it."""
        try:
            return etree.XPath(expression, namespaces=self.namespaces, smart_strings=False)
        except etree.XPathSyntaxError as error:
            raise RecordError(f"XPath {expression!r} is not valid: {error}") from error

    @cached_property
    def field_texts(self) -> tuple[etree.XPath, ...]:
        """One expression per field that answers a text: that of the first node found, or an empty one."""
        return tuple(self.compiled(f"string({field.xpath})") for field in self.fields)

    @cached_property
    def nested_texts(self) -> tuple[tuple[etree.XPath, tuple[etree.XPath, ...]], ...]:
        return tuple(
            (
                self.compiled(nested.path),
                tuple(self.compiled(f"string({field.xpath})") for field in nested.fields),
            )
            for nested in self.nested
        )
