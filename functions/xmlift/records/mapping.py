"""What is to be taken from a page: where its records stand, and one XPath per field."""

import re
from functools import cached_property
from typing import NamedTuple

from lxml import etree

from xmlift.errors import RecordError

_STEP = re.compile(r"(?:(?P<prefix>[A-Za-z_][\w.-]*):)?(?P<name>[A-Za-z_][\w.-]*)")


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

    `records` is an absolute path of names, `/root/group/record` or `/p:root/p:record`, whose prefixes are
    those of `namespaces` and not those that a server happens to use. Raises RecordError where a path or an
    expression cannot be read.
    """

    def __init__(
        self, records: str, fields: tuple[Field, ...], nested: tuple[Nested, ...], namespaces: dict[str, str]
    ) -> None:
        self.records = records
        self.fields = fields
        self.nested = nested
        self.namespaces = namespaces
        self.record_tags = tuple(self._tag(step) for step in records[1:].split("/"))
        for expression in (*(field.xpath for field in fields), *self._nested_expressions()):
            self.compiled(expression)

    def _nested_expressions(self) -> list[str]:
        return [x for nested in self.nested for x in (nested.path, *(field.xpath for field in nested.fields))]

    def _tag(self, step: str) -> str:
        match = _STEP.fullmatch(step)
        if match is None:
            raise RecordError(
                f"records path {self.records!r}: step {step!r} is not a name; write /root/record, and put "
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
