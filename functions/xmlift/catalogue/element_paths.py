"""Which elements an XPath reads: what a server that answers only what it is asked for has to be asked for."""

import re
from collections.abc import Iterator
from typing import NamedTuple

ElementPath = tuple[str, ...]
"""Names of elements from the record down, with the prefixes that the XPath gives them."""

_TOKEN = re.compile(
    r"\s*(?:(?P<literal>'[^']*'|\"[^\"]*\")|(?P<number>\d+(\.\d*)?|\.\d+)"
    r"|(?P<name>[^\W\d][\w.-]*(:(?!:)[^\W\d][\w.-]*)?)|(?P<mark>//|\.\.|::|!=|<=|>=|[/.@*\[\]()|,=<>+$-]))\s*"
)
_OPERATORS = frozenset({"and", "or", "div", "mod"})
_NODE_TESTS = frozenset({"text", "node", "comment", "processing-instruction"})
_ENDS = frozenset({"]", ")", ","})


class _Token(NamedTuple):
    kind: str
    text: str


def element_paths(xpath: str) -> list[ElementPath]:
    """The elements whose texts, attributes or mere presence an expression reads, each once, in its order.

    Raises ValueError for what cannot be told by looking: `//`, `*`, axes, and what lies outside the record.
    """
    reader = _Reader(xpath)
    found = reader.expression(())
    if reader.tokens:
        raise ValueError(f"{xpath!r}: nothing was expected at {reader.tokens[0].text!r}")
    return list(dict.fromkeys(found))


class _Reader:
    """Recursive descent over an expression's tokens, as far as it takes to find its paths."""

    def __init__(self, xpath: str) -> None:
        self._xpath = xpath
        self.tokens = list(_tokens(xpath))

    def expression(self, above: ElementPath) -> list[ElementPath]:
        """Paths up to the end, or to what closes the brackets around."""
        found: list[ElementPath] = []
        follows_operand = False
        while self.tokens and self.tokens[0].text not in _ENDS:
            token = self.tokens[0]
            # XPath's own rule: behind an operand `and` is an operator, else it is an element's name.
            if follows_operand and (token.text in _OPERATORS or token.text == "*"):
                self.tokens.pop(0)
                follows_operand = False
            elif token.kind in ("literal", "number"):
                self.tokens.pop(0)
                follows_operand = True
            elif token.kind == "name" or token.text in ("/", "//", ".", "..", "@", "*", "$"):
                found += self._operand(above)
                follows_operand = True
            elif token.text == "(":
                found += self._brackets(above)
                follows_operand = True
            else:
                self.tokens.pop(0)
                follows_operand = False
        return found

    def _operand(self, above: ElementPath) -> list[ElementPath]:
        name, following = self.tokens[0], self.tokens[1].text if len(self.tokens) > 1 else ""
        if name.kind == "name" and following == "(" and name.text not in _NODE_TESTS:
            self.tokens.pop(0)
            return self._brackets(above)
        return self._path(above)

    def _brackets(self, above: ElementPath) -> list[ElementPath]:
        """A function's arguments, or an expression in brackets."""
        found: list[ElementPath] = []
        while self._take("(", ","):
            found += self.expression(above)
        if not self._take(")"):
            raise ValueError(f"{self._xpath!r}: a bracket is not closed")
        if self.tokens and self.tokens[0].text in ("[", "/", "//"):
            raise ValueError(f"{self._xpath!r}: it cannot be told what a path behind a bracket starts from")
        return found

    def _path(self, above: ElementPath) -> list[ElementPath]:
        found: list[ElementPath] = []
        here = above
        while True:
            here = self._step(here)
            while self._take("["):
                found += self.expression(here)
                if not self._take("]"):
                    raise ValueError(f"{self._xpath!r}: a bracket is not closed")
            if not self._take("/"):
                return [*found, here] if here else found

    def _step(self, here: ElementPath) -> ElementPath:
        token = self.tokens.pop(0) if self.tokens else _Token("mark", "")
        if token.text == ".":
            return here
        if token.text == ".." and here:
            return here[:-1]
        if token.text == "@" and self.tokens:
            self.tokens.pop(0)
            return here
        if token.text in _NODE_TESTS and self._take("("):
            self._take(")")
            return here
        if token.kind != "name" or (self.tokens and self.tokens[0].text == "::"):
            raise ValueError(f"{self._xpath!r}: it cannot be told which elements {token.text!r} stands for")
        return (*here, token.text)

    def _take(self, *marks: str) -> bool:
        if self.tokens and self.tokens[0].kind == "mark" and self.tokens[0].text in marks:
            self.tokens.pop(0)
            return True
        return False


def _tokens(xpath: str) -> Iterator[_Token]:
    at = 0
    while at < len(xpath):
        match = _TOKEN.match(xpath, at)
        if match is None or match.lastgroup is None:
            raise ValueError(f"{xpath!r}: {xpath[at:]!r} cannot be read")
        at = match.end()
        kind = next(name for name in ("literal", "number", "name", "mark") if match[name] is not None)
        yield _Token(kind, match[kind])
