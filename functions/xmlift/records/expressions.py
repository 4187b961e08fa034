"""XPath 1.0 as its tokens: enough to know which of them are the names that an expression asks for."""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from xmlift.errors import RecordError

TokenKind = Literal["name", "axis", "function", "operator", "sign", "literal", "number"]

_NAME = r"[^\W\d][\w.-]*"
_TOKEN = re.compile(
    r"\s*(?:(?P<literal>\"[^\"]*\"|'[^']*')"
    r"|(?P<number>\d+(?:\.\d*)?|\.\d+)"
    r"|(?P<sign>\.\.|::|//|!=|<=|>=|[()\[\].@,/|+=<>*$-])"
    rf"|(?P<name>{_NAME}(?::(?:{_NAME}|\*))?))"
)
# After one of these, and at the beginning, a name is no operator and `*` is no multiplication (XPath 1.0, 3.7).
_OPENING = frozenset({"@", "::", "(", "[", ",", "/", "//", "|", "+", "-", "=", "!=", "<", "<=", ">", ">="})

_NO_ELEMENTS = {("sign", "@"), ("axis", "attribute"), ("axis", "namespace")} | {
    ("function", name) for name in ("text", "comment", "processing-instruction", "node")
}


class Token(NamedTuple):
    """A token and what it is there; of names also `*` and `prefix:*` are names."""

    kind: TokenKind
    text: str


def tokens(expression: str) -> Iterator[Token]:
    """An expression's tokens. Raises RecordError where something is none."""
    position, end = 0, len(expression.rstrip())
    before: Token | None = None
    while position < end:
        found = _TOKEN.match(expression, position)
        if found is None:
            raise RecordError(f"XPath {expression!r} cannot be read from {expression[position:]!r}")
        position = found.end()
        before = _token(found, before, expression[position:].lstrip())
        yield before


def _token(found: re.Match[str], before: Token | None, rest: str) -> Token:
    text = found[0].strip()
    if found["literal"]:
        return Token("literal", text)
    if found["number"]:
        return Token("number", text)
    if found["sign"] and text != "*":
        return Token("sign", text)
    if before is not None and before.kind != "operator" and before.text not in _OPENING:
        return Token("operator", text)
    if rest.startswith("("):
        return Token("function", text)
    return Token("axis" if rest.startswith("::") else "name", text)


def with_local_names(expression: str) -> str:
    """The expression with each name that has no prefix standing for that name in whatever namespace."""
    return " ".join(
        f"*[local-name()='{text}']" if kind == "name" and not {":", "*"} & set(text) else text
        for kind, text in tokens(expression)
    )


def finds_elements(expression: str) -> bool:
    """Whether a path is one of elements, and not of attributes, texts or comments."""
    depth = 0
    for kind, text in tokens(expression):
        depth += (text in ("[", "(")) - (text in ("]", ")")) if kind == "sign" else 0
        if depth == 0 and ((kind, text) in _NO_ELEMENTS):
            return False
    return True
