"""The query syntax of OSLC, as far as this endpoint has it: comparisons joined by `and`.

where      = comparison { " and " comparison }
comparison = name operator value
operator   = "=" | "!=" | "<" | "<=" | ">" | ">="
value      = '"' text '"' [ "^^" type ] | number
prefixes   = prefix "=<" uri ">" { "," … }
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_COMPARISON = re.compile(
    r'\s*(?P<name>\w+:\w+)\s*(?P<operator>!=|<=|>=|=|<|>)\s*(?:"(?P<text>[^"]*)"(?:\^\^\w+:\w+)?|(?P<number>-?\d+))\s*'
)
_PREFIX = re.compile(r"\s*(\w+)=<([^>]*)>\s*")


class WhereError(ValueError):
    """A query that cannot be read, or names what is not there."""


@dataclass(frozen=True)
class Comparison:
    name: str
    operator: str
    value: str


def parse_where(text: str) -> list[Comparison]:
    """The comparisons that all have to hold. Raises WhereError."""
    found: list[Comparison] = []
    at = 0
    while at < len(text):
        match = _COMPARISON.match(text, at)
        if match is None:
            raise WhereError(f"expected a comparison at position {at}: {text[at : at + 40]}")
        value = match["text"] if match["text"] is not None else match["number"]
        found.append(Comparison(match["name"], match["operator"], value))
        at = match.end()
        if at < len(text):
            if not text.startswith("and ", at):
                raise WhereError(f"expected `and` at position {at}: {text[at : at + 40]}")
            at += len("and ")
    return found


def parse_prefixes(text: str) -> dict[str, str]:
    """Prefixes and their namespaces. Raises WhereError."""
    if not text:
        return {}
    parts = [_PREFIX.fullmatch(part) for part in text.split(",")]
    if not all(parts):
        raise WhereError(f"oslc.prefix is written as cq=<http://…>, not {text}")
    return {part[1]: part[2] for part in parts if part}


def holds(comparison: Comparison, value: Any) -> bool:
    """Whether a value compares so; times by their instant, numbers as numbers. Raises WhereError."""
    wanted: Any = comparison.value
    if isinstance(value, datetime):
        wanted = _moment(comparison.value)
    elif isinstance(value, int):
        wanted = int(comparison.value)
    return {
        "=": value == wanted,
        "!=": value != wanted,
        "<": value < wanted,
        "<=": value <= wanted,
        ">": value > wanted,
        ">=": value >= wanted,
    }[comparison.operator]


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise WhereError(f"{text} is not a time") from error
    if moment.tzinfo is None:
        raise WhereError(f"{text} has no offset")
    return moment
