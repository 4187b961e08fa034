"""The `fields` expression of Reportable REST: which records, and what of them.

    query      = resource "/" element [ "[" condition "]" ] "/" selection
    selection  = field | "(" field { "|" field } ")"
    field      = name [ "/" selection ] | "*"
    condition  = all { "or" all }
    all        = term { "and" term }
    term       = "(" condition ")" | path operator value
    path       = name { "/" name }
    operator   = "=" | "!=" | "<" | "<=" | ">" | ">="
    value      = text in single or double quotes | anything up to "and", "or", ")" or "]"

`parse` and `str` are each other's inverse: `parse(str(query)) == query`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

_NAME = re.compile(r"[A-Za-z_][\w.]*")
_OPERATOR = re.compile(r"\s*(!=|<=|>=|=|<|>)\s*")
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")
# A bare value may hold spaces, so that an offset whose `+` was not escaped is refused as the date that it is.
_BARE = re.compile(r"[^\[\]()'\"]+?(?=\s+(?:and|or)\s|\s*[\])]|\s*$)")
_PLAIN_VALUE = re.compile(r"[\w.:+-]+")


class FieldsError(ValueError):
    """A `fields` expression that cannot be read, or that names what the resource does not have."""


@dataclass(frozen=True, slots=True)
class Field:
    """A name, and what is selected below it; nothing selected means all of its plain fields."""

    name: str
    selection: tuple["Field", ...] = ()

    def __str__(self) -> str:
        return f"{self.name}/{_format(self.selection)}" if self.selection else self.name


@dataclass(frozen=True, slots=True)
class Comparison:
    path: tuple[str, ...]
    operator: str
    value: str

    def __str__(self) -> str:
        return f"{'/'.join(self.path)}{self.operator}{_quote(self.value)}"


@dataclass(frozen=True, slots=True)
class Junction:
    """Two or more conditions joined by one word, `and` or `or`."""

    word: str
    terms: tuple["Condition", ...]

    def __str__(self) -> str:
        return f" {self.word} ".join(f"({t})" if isinstance(t, Junction) else str(t) for t in self.terms)


Condition = Comparison | Junction


@dataclass(frozen=True, slots=True)
class Query:
    resource: str
    element: str
    condition: Condition | None
    selection: tuple[Field, ...]

    def __str__(self) -> str:
        condition = "" if self.condition is None else f"[{self.condition}]"
        return f"{self.resource}/{self.element}{condition}/{_format(self.selection)}"


@lru_cache(maxsize=256)
def parse(text: str) -> Query:
    """Read a `fields` expression. Raises FieldsError with the position of what it could not read."""
    return _Reader(text.strip()).query()


def _format(selection: tuple[Field, ...]) -> str:
    joined = "|".join(map(str, selection))
    return joined if len(selection) == 1 else f"({joined})"


def _quote(value: str) -> str:
    if _PLAIN_VALUE.fullmatch(value):
        return value
    return f'"{value}"' if "'" in value else f"'{value}'"


class _Reader:
    """Recursive descent over the text, one method per rule of the grammar above."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def query(self) -> Query:
        resource = self.name()
        self.expect("/")
        element = self.name()
        condition = None
        if self.take("["):
            condition = self.condition()
            self.expect("]")
        self.expect("/")
        selection = self.selection()
        if self.at != len(self.text):
            raise self.error("nothing more")
        return Query(resource, element, condition, selection)

    def selection(self) -> tuple[Field, ...]:
        if not self.take("("):
            return (self.field(),)
        fields = [self.field()]
        while self.take("|"):
            fields.append(self.field())
        self.expect(")")
        return tuple(fields)

    def field(self) -> Field:
        if self.take("*"):
            return Field("*")
        name = self.name()
        return Field(name, self.selection() if self.take("/") else ())

    def condition(self) -> Condition:
        return self.joined("or", self.all)

    def all(self) -> Condition:
        return self.joined("and", self.term)

    def joined(self, word: str, part: Callable[[], Condition]) -> Condition:
        terms = [part()]
        while self.match(re.compile(rf"\s*\b{word}\b\s*")):
            terms.append(part())
        return terms[0] if len(terms) == 1 else Junction(word, tuple(terms))

    def term(self) -> Condition:
        if self.take("("):
            condition = self.condition()
            self.expect(")")
            return condition
        path = [self.name()]
        while self.take("/"):
            path.append(self.name())
        operator = self.match(_OPERATOR)
        if operator is None:
            raise self.error("a comparison")
        return Comparison(tuple(path), operator[1], self.value())

    def value(self) -> str:
        if quoted := self.match(_QUOTED):
            return quoted[1] if quoted[1] is not None else quoted[2]
        if bare := self.match(_BARE):
            return bare[0].strip()
        raise self.error("a value")

    def name(self) -> str:
        if found := self.match(_NAME):
            return found[0]
        raise self.error("a name")

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        if found := pattern.match(self.text, self.at):
            self.at = found.end()
        return found

    def take(self, mark: str) -> bool:
        """Step over a punctuation mark and the spaces around it, if it is what comes next."""
        return self.match(re.compile(rf"\s*{re.escape(mark)}\s*")) is not None

    def expect(self, mark: str) -> None:
        if not self.take(mark):
            raise self.error(f"'{mark}'")

    def error(self, wanted: str) -> FieldsError:
        return FieldsError(f"expected {wanted} at position {self.at}: ...{self.text[self.at : self.at + 30]}")
