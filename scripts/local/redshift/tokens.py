"""SQL text as tokens: enough lexing to rewrite Redshift's statements safely, and no grammar."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from local.redshift.errors import RedshiftError, syntax_error

# Redshift, like the PostgreSQL 8.0 it comes from, takes a backslash in an ordinary string as an escape.
_TOKEN = re.compile(
    r"""
      (?P<string>[eE]?'(?:[^'\\]|\\.|'')*')
    | (?P<quoted>"(?:[^"]|"")*")
    | (?P<dollar>\$(?P<tag>[A-Za-z_]\w*)?\$.*?\$(?P=tag)\$ | \$\$.*?\$\$)
    | (?P<parameter>\$\d+)
    | (?P<word>[A-Za-z_\u0080-\U0010ffff][\w$]*)
    | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<operator>::|<=|>=|<>|!=|\|\||[^\s'"])
    """,
    re.VERBOSE | re.DOTALL,
)
_LEAD = re.compile(r"(?:\s+|--[^\n]*)*")
_COMMENT_EDGE = re.compile(r"/\*|\*/")

# PostgreSQL cuts longer names silently, Redshift keeps 127 bytes of them.
_LONGEST_NAME = 63


@dataclass(frozen=True, slots=True)
class Token:
    """One token and the white space and comments before it (`lead`), so that text can be put together again."""

    kind: str
    text: str
    lead: str = ""

    @property
    def word(self) -> str:
        """The keyword or unquoted name in lower case, else an operator's own text, else ''."""
        return self.text.lower() if self.kind in {"word", "operator"} else ""

    @property
    def name(self) -> str:
        """The identifier this token stands for, as Redshift stores it."""
        return self.text[1:-1].replace('""', '"') if self.kind == "quoted" else self.text.lower()


def statements(sql: str) -> list[list[Token]]:
    """Cut `sql` at its semicolons; empty statements disappear. Raises RedshiftError on an open quote."""
    found: list[list[Token]] = [[]]
    position = 0
    while True:
        lead, position = _skip_blank(sql, position)
        if position >= len(sql):
            return [tokens for tokens in found if tokens]
        match = _TOKEN.match(sql, position)
        if match is None:
            raise RedshiftError(
                f'unterminated quoted string at or near "{sql[position : position + 20]}"', "42601"
            )
        position = match.end()
        kind = "dollar" if match.lastgroup == "tag" else str(match.lastgroup)
        if match.group() == ";":
            found.append([])
        else:
            found[-1].append(_fold(Token(kind, match.group(), lead)))


def _skip_blank(sql: str, position: int) -> tuple[str, int]:
    start = position
    while True:
        match = _LEAD.match(sql, position)
        position = match.end() if match else position
        if not sql.startswith("/*", position):
            return sql[start:position], position
        position = _end_of_comment(sql, position)


def _end_of_comment(sql: str, position: int) -> int:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(sql, position):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    raise RedshiftError("unterminated /* comment", "42601")


def _fold(token: Token) -> Token:
    """Quoted names fold to lower case too (enable_case_sensitive_identifier is false), users' names do not."""
    if token.kind not in {"word", "quoted"}:
        return token
    if len(token.name.encode()) > _LONGEST_NAME:
        raise RedshiftError(
            f'the name "{token.name}" is longer than {_LONGEST_NAME} bytes: Redshift takes 127, '
            "this stand-in's PostgreSQL does not",
            "42622",
        )
    if token.kind == "quoted" and not token.text.startswith('"IAM'):
        return replace(token, text=token.text.lower())
    return token


def text(tokens: Iterable[Token]) -> str:
    """The SQL of `tokens`; comments go, since a translated statement no longer needs them."""
    return "".join((" " if token.lead else "") + token.text for token in tokens).strip()


def sql(fragment: str, lead: str = " ") -> Token:
    """A piece of finished PostgreSQL text that stands among tokens."""
    return Token("sql", fragment, lead)


def words(tokens: Sequence[Token], start: int = 0, count: int = 1) -> tuple[str, ...]:
    """`count` words from `start` on, '' where the statement is shorter."""
    return tuple(tokens[i].word if i < len(tokens) else "" for i in range(start, start + count))


def closing(tokens: Sequence[Token], opening: int) -> int:
    """Index of the parenthesis that closes the one at `opening`."""
    depth = 0
    for index in range(opening, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[index].word, 0)
        if depth == 0:
            return index
    raise syntax_error("end of input")


def split_commas(tokens: Sequence[Token]) -> list[list[Token]]:
    """`tokens` cut at the commas that stand outside parentheses."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token.word, 0)
        if token.word == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def outside_parentheses(tokens: Sequence[Token]) -> list[int]:
    """Indexes of the tokens at depth zero."""
    found, depth = [], 0
    for index, token in enumerate(tokens):
        depth -= token.word == ")"
        if depth == 0 and token.word not in {"(", ")"}:
            found.append(index)
        depth += token.word == "("
    return found


def string_value(token: Token) -> str:
    """What a string literal says. Raises RedshiftError if the token is no string."""
    if token.kind != "string":
        raise syntax_error(token.text)
    body = token.text[token.text.index("'") + 1 : -1].replace("''", "'")
    escapes = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'"}
    return re.sub(r"\\(.)", lambda m: escapes.get(m.group(1), m.group(1)), body, flags=re.DOTALL)
