"""What is to be taken from a page: where its records stand, and one XPath per field."""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from lxml import etree

from xmlift.errors import RecordError
from xmlift.records.expressions import finds_elements, with_local_names
from xmlift.records.fields import Field, Nested
from xmlift.records.kinds import Reader, reader

_STEP = re.compile(r"(?:(?P<prefix>[A-Za-z_][\w.-]*):)?(?P<name>[A-Za-z_][\w.-]*)")
_PREFIX = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_XML = "http://www.w3.org/XML/1998/namespace"
_TAKEN = {"xml", "xmlns", "xsl"}  # the first two by XML, the last one by the stylesheet made of the fields


class Table(NamedTuple):
    """A nested table by its place: `number` among all of them, depth first; None as `parent` for the record.

    `depth` is how many nested records its own are in.
    """

    number: int
    parent: int | None
    depth: int
    nested: Nested


class CompiledTable(NamedTuple):
    """A nested table with its path and its fields ready to be evaluated."""

    number: int
    path: etree.XPath
    readers: tuple[Reader, ...]
    nested: tuple["CompiledTable", ...]


class Mapping:
    """Where records stand in a page and what is read from each.

    `records` is an absolute path of names, `/list/group/record` or `/p:root/p:record`, whose prefixes are
    those of `namespaces` and not those that a server happens to use. With `local_names` a name without a prefix,
    there and in all expressions, stands for that name in any namespace, or none.

    Raises RecordError where a path, a prefix or an expression cannot work, so that a catalogue's mistake is not
    taken for a page's.
    """

    def __init__(
        self,
        records: str,
        fields: tuple[Field, ...],
        nested: tuple[Nested, ...],
        namespaces: dict[str, str],
        local_names: bool = False,
        looks_at_all: bool = False,
    ) -> None:
        self.records = records
        self.fields = fields
        self.nested = nested
        self.namespaces = namespaces
        self.local_names = local_names
        self.looks_at_all = looks_at_all
        self._check_namespaces()
        self.record_tags = tuple(self._tag(step) for step in records[1:].split("/"))
        self.tables = tuple(_flat(nested))
        for field in (*fields, *(field for table in self.tables for field in table.nested.fields)):
            self._check_field(field)
        for table in self.tables:
            self._check_finds_elements(table.nested.path, "records inside a record")

    @property
    def _written(self) -> tuple[object, ...]:
        return self.records, self.fields, self.nested, self.namespaces, self.local_names, self.looks_at_all

    def __reduce__(self) -> tuple[type["Mapping"], tuple[object, ...]]:
        """As it was written: what is compiled of it stays in its process."""
        return Mapping, self._written

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and self._written == other._written

    def __hash__(self) -> int:
        return hash((self.records, self.fields, self.nested, self.local_names, self.looks_at_all))

    def _check_namespaces(self) -> None:
        for prefix, uri in self.namespaces.items():
            if not uri or prefix in _TAKEN or not _PREFIX.fullmatch(prefix):
                raise RecordError(
                    f"namespaces: {prefix!r} cannot stand for {uri!r}; write a name of your own (letters, digits) "
                    f"and the namespace's URI, also for what a page has as its default namespace"
                )

    def _check_field(self, field: Field) -> None:
        self.tried(field.xpath)
        if field.kind in ("pairs", "pair_lists"):
            self._check_finds_elements(field.xpath, "keys and values")
            self.tried(field.key)
            self.tried(field.value)

    def _check_finds_elements(self, path: str, wanted: str) -> None:
        if not isinstance(self.tried(path), list) or not finds_elements(path):
            raise RecordError(f"XPath {path!r} finds no elements, so no {wanted}")

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
            return f"{{*}}{match['name']}" if self.local_names else match["name"]
        if match["prefix"] not in self.namespaces:
            raise RecordError(
                f"records path {self.records!r}: prefix {match['prefix']!r} is not under `namespaces`"
            )
        return f"{{{self.namespaces[match['prefix']]}}}{match['name']}"

    def name_of(self, written: str) -> str:
        """A name in an expression as {uri}name; with `local_names` the name alone."""
        prefix, _, local = written.rpartition(":")
        uri = _XML if prefix == "xml" else self.namespaces.get(prefix, "")
        return f"{{{uri}}}{local}" if uri and not self.local_names else local

    def shown(self, name: str) -> str:
        """An element's or attribute's {uri}name as an expression would have it."""
        uri, _, local = name.removeprefix("{").rpartition("}")
        if not uri or self.local_names:
            return local
        prefixes = (prefix for prefix, known in self.namespaces.items() if known == uri)
        return f"{prefix}:{local}" if (prefix := next(prefixes, "xml" if uri == _XML else "")) else name

    def asked(self, expression: str) -> str:
        """The expression as it has to be asked."""
        return with_local_names(expression) if self.local_names else expression

    def compiled(self, expression: str) -> etree.XPath:
        """The expression, ready to be evaluated. Raises RecordError that names it."""
        try:
            return etree.XPath(self.asked(expression), namespaces=self.namespaces, smart_strings=False)
        except etree.XPathSyntaxError as error:
            raise RecordError(f"XPath {expression!r} is not valid: {error}") from error

    def reader(self, field: Field) -> Reader:
        """What reads a field of an element, by XPath."""
        return reader(field, self.compiled)

    @cached_property
    def records_path(self) -> etree.XPath:
        """What finds all records of a page."""
        return self.compiled(self.records)

    @cached_property
    def readers(self) -> tuple[Reader, ...]:
        """What reads each field of a record."""
        return tuple(map(self.reader, self.fields))

    @cached_property
    def compiled_tables(self) -> tuple[CompiledTable, ...]:
        """The tables right inside the record, each with those inside it."""
        numbers = iter(self.tables)
        return tuple(self._compiled_table(nested, numbers) for nested in self.nested)

    def _compiled_table(self, nested: Nested, numbers: Iterator[Table]) -> CompiledTable:
        return CompiledTable(
            next(numbers).number,
            self.compiled(nested.path),
            tuple(map(self.reader, nested.fields)),
            tuple(self._compiled_table(inner, numbers) for inner in nested.nested),
        )


def _flat(nested: tuple[Nested, ...], parent: Table | None = None, start: int = 0) -> Iterator[Table]:
    """The tables depth first, in the order in which they are declared."""
    number = start
    for one in nested:
        outer, depth = (parent.number, parent.depth + 1) if parent else (None, 0)
        table = Table(number, outer, depth, one)
        below = tuple(_flat(one.nested, table, number + 1))
        yield from (table, *below)
        number += 1 + len(below)
