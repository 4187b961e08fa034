"""Redshift's SQL for PostgreSQL: what to run for a statement, or the error Redshift would give."""

from dataclasses import dataclass, replace

from local.redshift.copy_command import Copy, parse_copy
from local.redshift.errors import RedshiftError, syntax_error, unknown_to_stand_in
from local.redshift.tables import ResizeColumn, alter_table, create_table
from local.redshift.tokens import Token, outside_parentheses, sql, text, words


@dataclass(frozen=True, slots=True)
class Plain:
    """A statement that PostgreSQL runs as it stands here."""

    sql: str


@dataclass(frozen=True, slots=True)
class Truncate:
    """TRUNCATE, which commits the transaction it stands in."""

    sql: str


type Action = Plain | Truncate | Copy | ResizeColumn

# Settings that PostgreSQL does not know: kept, so that SET and SHOW agree, and without effect.
_SETTINGS = {
    "query_group", "enable_result_cache_for_session", "wlm_query_slot_count", "analyze_threshold_percent",
    "enable_case_sensitive_identifier", "enable_numeric_rounding", "json_parse_truncate_strings",
    "json_parse_dedup_attributes", "default_geometry_encoding", "describe_field_name_in_uppercase",
}  # fmt: skip
_CREATE = {"table", "temp", "temporary", "local", "view", "or", "schema", "user", "role", "group", "database"}
_REFUSED = {"savepoint", "release", "listen", "notify", "unlisten", "do", "reindex", "cluster", "load"}
_UNAVAILABLE = {"unload", "call"}
_QUERIES = {"select", "insert", "update", "delete", "with"}


def translate(tokens: list[Token]) -> Action:
    """What to do for one statement. Raises RedshiftError where Redshift would refuse it."""
    tokens = [_rewritten(tokens, index) for index in range(len(tokens))]
    first, second = words(tokens, 0, 2)
    if first in _REFUSED or (first == "rollback" and "to" in (t.word for t in tokens)):
        raise RedshiftError(f'SQL command "{text(tokens)}" not supported.')
    if first in _UNAVAILABLE:
        raise unknown_to_stand_in(first.upper())
    if first == "copy":
        return parse_copy(tokens)
    if first == "truncate":
        return Truncate(text(tokens))
    if (first, second) == ("alter", "table"):
        action = alter_table(tokens)
        return Plain(action) if isinstance(action, str) else action
    return Plain(_plain(first, second, tokens))


def _plain(first: str, second: str, tokens: list[Token]) -> str:  # noqa: PLR0911 - one line per statement
    match first:
        case "create":
            return _create(second, tokens)
        case "merge":
            return _merge(tokens)
        case "grant" | "revoke" | "alter":
            return _without_role_words(tokens)
        case "begin" | "start":
            # Every isolation level may be named, and none but the database's own has an effect.
            return "BEGIN READ ONLY" if words(tokens, len(tokens) - 2, 2) == ("read", "only") else "BEGIN"
        case "lock":
            return _lock(tokens)
        case "set" | "show" | "reset":
            return _setting(tokens)
    if first in _QUERIES:
        _check_query(first, tokens)
    return text(tokens)


def _rewritten(tokens: list[Token], index: int) -> Token:
    """Words whose meaning does not depend on the statement."""
    token = tokens[index]
    before = tokens[index - 1].word if index else ""
    after = words(tokens, index + 1)[0]
    if token.word == "sysdate" and after != "(" and before != ".":
        return replace(token, kind="sql", text="pg_catalog.sysdate()")
    if token.word == "nvl" and after == "(":
        return replace(token, text="coalesce")
    if token.word == "json_serialize" and after == "(":  # PostgreSQL's grammar has one of its own
        return replace(token, text="pg_catalog.json_serialize")
    if token.word == "super" and before in {"::", "as"}:
        return replace(token, text="jsonb")
    if (
        token.word == "max"
        and before == "("
        and after == ")"
        and index > 1
        and "varchar" in tokens[index - 2].word
    ):
        return replace(token, text="65535")
    return token


def _create(second: str, tokens: list[Token]) -> str:
    if second not in _CREATE:
        raise RedshiftError(f'SQL command "{text(tokens)}" not supported on Redshift tables.')
    if "table" in words(tokens, 1, 3):
        return create_table(tokens)
    if second == "user":
        return _create_user(tokens)
    return text(tokens)


def _create_user(tokens: list[Token]) -> str:
    """CREATE USER name PASSWORD DISABLE: a user without a password, as those of IAM are."""
    rest = [token.word for token in tokens[3:] if token.word != "with"]
    if rest[:1] != ["password"]:
        raise RedshiftError("CREATE USER must have a PASSWORD clause", "42601")
    if rest[1:2] != ["disable"]:
        raise unknown_to_stand_in("CREATE USER with a password of its own")
    return text(tokens[:3])


def _without_role_words(tokens: list[Token]) -> str:
    """GRANT … TO ROLE x, GRANT ROLE x TO y: PostgreSQL has one kind of role and no word for it here."""
    before = ["", *(token.word for token in tokens)]
    return text(
        t
        for i, t in enumerate(tokens)
        if t.word != "role" or before[i] not in {"grant", "revoke", "to", "from", ","}
    )


def _lock(tokens: list[Token]) -> str:
    for token in tokens:
        if token.word in {"in", "nowait", "only"}:
            raise syntax_error(token.text)
    return text(tokens)


def _setting(tokens: list[Token]) -> str:
    at = 2 if words(tokens, 1)[0] in {"session", "local"} else 1
    if words(tokens, at)[0] in _SETTINGS:
        tokens = [*tokens[:at], sql(f"redshift.{tokens[at].name}"), *tokens[at + 1 :]]
    return text(tokens)


def _merge(tokens: list[Token]) -> str:
    """MERGE INTO table USING table [[AS] alias] ON … WHEN MATCHED … WHEN NOT MATCHED …, and no more."""
    outside = outside_parentheses(tokens)
    at = {tokens[i].word: i for i in reversed(outside)}
    for required in ("using", "on", "when"):
        if required not in at:
            raise (
                unknown_to_stand_in("MERGE … REMOVE DUPLICATES")
                if "remove" in at
                else syntax_error("end of input")
            )
    end = 3
    while words(tokens, end) == (".",):
        end += 2
    if end != at["using"]:  # the target takes no alias
        raise syntax_error(tokens[end].text)
    if words(tokens, at["using"] + 1) == ("(",):
        raise RedshiftError("Source view/subquery in Merge statement is not supported.")
    _check_branches([tokens[i] for i in outside if i >= at["when"]])
    return text(tokens)


def _check_branches(tokens: list[Token]) -> None:
    starts = [i for i, token in enumerate(tokens) if token.word == "when"]
    branches = []
    for start in starts:
        end = next((i for i in range(start, len(tokens)) if tokens[i].word == "then"), len(tokens))
        branches.append(tuple(token.word for token in tokens[start:end]))
        wrong = next((t for t in tokens[start:end] if t.word in {"and", "by"}), None)
        if wrong is not None:
            raise syntax_error(wrong.text)
        if words(tokens, end + 1, 2) == ("do", "nothing"):
            raise syntax_error(tokens[end + 1].text)
    if len(branches) == 1:
        raise RedshiftError("MERGE statement with a single WHEN clause is not enabled.")
    if branches != [("when", "matched"), ("when", "not", "matched")]:
        raise syntax_error("WHEN")
    _refuse_returning(tokens)


def _check_query(first: str, tokens: list[Token]) -> None:
    outside = [tokens[i] for i in outside_parentheses(tokens)]
    if first == "with":
        nested = next((t for t in outside if t.word in {"insert", "merge"}), None)
        if nested is not None:
            raise syntax_error(nested.text)
    _refuse_returning(outside)
    for index, token in enumerate(tokens):
        following = words(tokens, index + 1, 2)
        match token.word, following[0]:
            case "on", "conflict":
                raise syntax_error(token.text)
            case "distinct", "on":
                raise RedshiftError("SELECT DISTINCT ON is not supported")
            case "filter", "(" if following[1] == "where" and index and tokens[index - 1].word == ")":
                raise syntax_error("(")
            case "qualify", _ if index and closing_or_word(tokens[index - 1]):
                raise unknown_to_stand_in("QUALIFY")


def closing_or_word(token: Token) -> bool:
    """Whether a clause may start after this token."""
    return token.word == ")" or token.kind in {"word", "quoted", "number", "string"}


def _refuse_returning(tokens: list[Token]) -> None:
    found = next((t for t in tokens if t.word == "returning"), None)
    if found is not None:
        raise syntax_error(found.text)
