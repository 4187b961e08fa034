"""CREATE TABLE and ALTER TABLE: Redshift's column types and attributes in PostgreSQL's words."""

from collections.abc import Sequence
from dataclasses import dataclass

from local.redshift.errors import RedshiftError, syntax_error, unknown_to_stand_in
from local.redshift.tokens import Token, closing, outside_parentheses, split_commas, text, words

_VARCHAR_LIMIT = 65_535
_CHAR_LIMIT = 4_096
_BYTES_TYPES = {"varbyte", "varbinary", "binary"}
_VARCHAR_TYPES = {"varchar", "nvarchar", "text", "character varying"}
_CHAR_TYPES = {"char", "character", "nchar", "bpchar"}
_DECIMAL_TYPES = {"decimal", "numeric"}
_PLAIN_TYPES = {
    "smallint", "int2", "integer", "int", "int4", "bigint", "int8",
    "real", "float4", "float", "float8", "double precision", "boolean", "bool", "date",
    "time", "timetz", "time without time zone", "time with time zone",
    "timestamp", "timestamptz", "timestamp without time zone", "timestamp with time zone",
}  # fmt: skip
_SECOND_WORDS = {"character": "varying", "double": "precision"}
_ATTRIBUTES = {
    "default", "identity", "generated", "encode", "distkey", "sortkey", "collate",
    "not", "null", "unique", "primary", "references", "check", "constraint",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A column's type: PostgreSQL's words for it, and its limit in bytes if it is a VARCHAR."""

    sql: str
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class ResizeColumn:
    """ALTER COLUMN … TYPE VARCHAR(n): never in a transaction, and the byte limit has to be replaced too."""

    table: str
    column: str
    type: ColumnType


@dataclass(frozen=True, slots=True)
class Column:
    """A column's definition: its PostgreSQL text and what ALTER TABLE wants to know of it."""

    sql: str
    not_null: bool
    default: bool


def column_type(tokens: Sequence[Token], at: int) -> tuple[ColumnType, int]:
    """The type that starts at `at`, and the index after it. Raises RedshiftError for what Redshift lacks."""
    if at >= len(tokens):
        raise syntax_error("end of input")
    name, at = _type_name(tokens, at)
    arguments: list[str] = []
    if words(tokens, at) == ("(",):
        end = closing(tokens, at)
        arguments = [text(part).lower() for part in split_commas(tokens[at + 1 : end])]
        at = end + 1
    if name in {"timestamp", "time"}:
        name, at = _time_zone(name, tokens, at)
    return _column_type(name, arguments), at


def _type_name(tokens: Sequence[Token], at: int) -> tuple[str, int]:
    name = tokens[at].name
    if _SECOND_WORDS.get(name) in words(tokens, at + 1):
        return f"{name} {_SECOND_WORDS[name]}", at + 2
    return name, at + 1


def _time_zone(name: str, tokens: Sequence[Token], at: int) -> tuple[str, int]:
    zone = words(tokens, at, 3)
    if zone[0] in {"with", "without"} and zone[1:] == ("time", "zone"):
        return f"{name} {' '.join(zone)}", at + 3
    return name, at


def _column_type(name: str, arguments: list[str]) -> ColumnType:
    if name in _VARCHAR_TYPES:
        return _varchar(
            256 if not arguments or name == "text" else _length(arguments, _VARCHAR_LIMIT, "varchar")
        )
    if name in _CHAR_TYPES:
        default = 256 if name == "bpchar" else 1
        return ColumnType(f"char({_length(arguments, _CHAR_LIMIT, 'char') if arguments else default})")
    if name in _DECIMAL_TYPES:
        return ColumnType(f"numeric({','.join(_precision(arguments))})")
    if name == "super":
        return ColumnType("jsonb")
    if name in _BYTES_TYPES:
        return ColumnType("bytea")
    if name in _PLAIN_TYPES and not arguments:
        return ColumnType(name)
    raise RedshiftError(f'type "{name}" does not exist in Redshift', "42704")


def _varchar(limit: int) -> ColumnType:
    return ColumnType(f"varchar({limit})", limit)


def _length(arguments: list[str], limit: int, name: str) -> int:
    length = limit if arguments == ["max"] else int(arguments[0]) if arguments[0].isdigit() else 0
    if length < 1:
        raise RedshiftError(f"length for type {name} must be at least 1", "22023")
    if length > limit:
        raise RedshiftError(f"length for type {name} cannot exceed {limit}", "22023")
    return length


def _precision(arguments: list[str]) -> list[str]:
    arguments = arguments or ["18", "0"]
    if not arguments[0].isdigit() or not 1 <= int(arguments[0]) <= 38:
        raise RedshiftError(f"DECIMAL precision {arguments[0]} must be between 1 and 38", "22023")
    return arguments


def bytes_constraint(column: str, limit: int) -> str:
    """The constraint that counts a VARCHAR's bytes; the name carries the limit into the error."""
    quoted = column.replace('"', '""')
    return f'CONSTRAINT "{f"bytes_{limit}_{quoted}"[:60]}" CHECK (octet_length("{quoted}") <= {limit})'


def column(tokens: Sequence[Token]) -> Column:
    """One column definition."""
    name = tokens[0].name
    kind, at = column_type(tokens, 1)
    parts = [tokens[0].text, kind.sql]
    if kind.bytes is not None:
        parts.append(bytes_constraint(name, kind.bytes))
    not_null = default = False
    while at < len(tokens):
        attribute, at = _attribute(tokens, at)
        not_null = not_null or attribute == "NOT NULL"
        default = default or attribute.startswith(("DEFAULT", "GENERATED"))
        parts.append(attribute)
    return Column(" ".join(part for part in parts if part), not_null, default)


def _attribute(tokens: Sequence[Token], at: int) -> tuple[str, int]:  # noqa: PLR0911 - one line per attribute
    match words(tokens, at, 2):
        case "default", _:
            end = next(
                (i for i in range(at + 1, len(tokens)) if tokens[i].word in _ATTRIBUTES - {"null"}),
                len(tokens),
            )
            end = max(end, at + 2)
            return "DEFAULT " + text(tokens[at + 1 : end]), end
        case "identity", _:
            return _identity("ALWAYS", tokens, at + 1)
        case "generated", "by":
            return _identity("BY DEFAULT", tokens, at + 5)
        case "encode", _:
            return "", at + 2
        case (("distkey" | "sortkey"), _):
            return "", at + 1
        case "not", "null":
            return "NOT NULL", at + 2
        case "primary", "key":
            return "NOT NULL", at + 2
        case (("null" | "unique"), _):
            return "", at + 1
        case "references", _:
            rest = [i for i in range(at + 1, len(tokens)) if tokens[i].word in _ATTRIBUTES]
            return "", rest[0] if rest else len(tokens)
        case "check", _:
            raise RedshiftError("CHECK constraints not supported", "0A000")
        case "collate", _:
            raise unknown_to_stand_in("COLLATE")
    raise syntax_error(tokens[at].text)


def _identity(kind: str, tokens: Sequence[Token], at: int) -> tuple[str, int]:
    if words(tokens, at) != ("(",):
        raise syntax_error(tokens[at].text if at < len(tokens) else "end of input")
    end = closing(tokens, at)
    seed, step = (text(part) for part in split_commas(tokens[at + 1 : end]))
    return f"GENERATED {kind} AS IDENTITY (START WITH {seed} INCREMENT BY {step} MINVALUE {seed})", end + 1


def create_table(tokens: list[Token]) -> str:
    """CREATE [TEMP] TABLE without distribution, sort keys, encodings and unenforced keys."""
    at = [token.word for token in tokens].index("table") + 1
    if words(tokens, at, 3) == ("if", "not", "exists"):
        at += 3
    while words(tokens, at + 1) == (".",):
        at += 2
    head, rest = tokens[: at + 1], tokens[at + 1 :]
    body = ""
    if words(rest) == ("(",):
        end = closing(rest, 0)
        body, rest = _body(rest[1:end]), rest[end + 1 :]
    return " ".join(part for part in (text(head), body, _table_attributes(rest)) if part)


def _body(tokens: Sequence[Token]) -> str:
    elements = split_commas(tokens)
    if all(len(element) == 1 for element in elements):  # the names of CREATE TABLE … AS
        return f"({text(tokens)})"
    keys: set[str] = set()
    definitions = []
    for element in elements:
        definition = _element(element, keys)
        if definition:
            definitions.append(definition)
    definitions += [f'NOT NULL "{key}"' for key in sorted(keys)]
    return f"({', '.join(definitions)})"


def _element(element: list[Token], keys: set[str]) -> str:
    start = 2 if words(element) == ("constraint",) else 0
    match words(element, start, 2):
        case "like", _:
            return _like(element)
        case "primary", "key":
            opening = start + 2
            listed = split_commas(element[opening + 1 : closing(element, opening)])
            keys.update(key[0].name for key in listed)
            return ""
        case ("unique", "(") | ("foreign", "key"):
            return ""
        case "check", _:
            raise RedshiftError("CHECK constraints not supported", "0A000")
    return column(element).sql


def _like(element: list[Token]) -> str:
    """LIKE inherits NOT NULL (and here the byte limits), and defaults only if asked."""
    end = next((i for i, t in enumerate(element) if t.word in {"including", "excluding"}), len(element))
    if any(t.word not in {"including", "excluding", "defaults"} for t in element[end:]):
        raise syntax_error(element[end].text)
    return f"{text(element)} INCLUDING CONSTRAINTS"


def _table_attributes(tokens: list[Token]) -> str:
    """What follows a table's columns: drops its storage, keeps AS SELECT."""
    at = 0
    while at < len(tokens) and tokens[at].word != "as":
        match words(tokens, at, 2):
            case ("backup", "yes" | "no") | ("diststyle", _) | ("encode", "auto") | ("sortkey", "auto"):
                at += 2
            case ("distkey" | "sortkey", "("):
                at = closing(tokens, at + 1) + 1
            case ("compound" | "interleaved", "sortkey"):
                at += 1
            case _:
                raise syntax_error(tokens[at].text)
    return text(tokens[at:])


def alter_table(tokens: list[Token]) -> str | ResizeColumn:
    """ALTER TABLE: one action a statement, and only what Redshift can change."""
    at = 2
    while words(tokens, at + 1) == (".",):
        at += 2
    table, action = text(tokens[2 : at + 1]), tokens[at + 1 :]
    head = text(tokens[: at + 1])
    commas = [i for i in outside_parentheses(action) if action[i].word == ","]
    if commas:
        raise syntax_error(",")
    match words(action, 0, 2):
        case "add", _:
            return _add(head, action)
        case "alter", ("distkey" | "diststyle" | "sortkey" | "compound" | "encode"):
            return _nothing(head)
        case "alter", _:
            return _alter_column(head, table, action)
        case ("drop" | "rename", _) | ("owner", "to"):
            if words(action, 1, 2) == ("column", "if") or words(action, 1) == ("if",):
                raise syntax_error("IF")
            return f"{head} {text(action)}"
        case "append", "from":
            raise unknown_to_stand_in("ALTER TABLE APPEND")
    raise syntax_error(action[0].text if action else "end of input")


def _nothing(head: str) -> str:
    """A change of storage or of an unenforced key: answered as done, changing nothing."""
    return f"{head} RESET (fillfactor)"


def _add(head: str, action: list[Token]) -> str:
    if words(action, 1)[0] in {"constraint", "primary", "unique", "foreign"}:
        return _nothing(head)
    definition = action[2:] if words(action, 1) == ("column",) else action[1:]
    if words(definition, 0, 2) == ("if", "not"):
        raise syntax_error("NOT")
    added = column(definition)
    if added.not_null and not added.default:
        raise RedshiftError(
            "ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression"
        )
    return f"{head} ADD COLUMN {added.sql}"


def _alter_column(head: str, table: str, action: list[Token]) -> str | ResizeColumn:
    at = 2 if words(action, 1) == ("column",) else 1
    match words(action, at + 1, 2):
        case "encode", _:
            return _nothing(head)
        case "type", _:
            kind, end = column_type(action, at + 2)
            if words(action, end) == ("using",):
                raise RedshiftError("ALTER TABLE ALTER COLUMN does not support USING expression")
            return ResizeColumn(table, action[at].name, kind)
        case (("set" | "drop"), what):
            raise RedshiftError(
                f"ALTER COLUMN SET/DROP {'NOT NULL' if what == 'not' else what.upper()} is not supported"
            )
    raise syntax_error(action[at + 1].text if at + 1 < len(action) else "end of input")
