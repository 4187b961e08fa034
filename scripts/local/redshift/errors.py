"""Errors as Redshift words them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

BYTES_CONSTRAINT = re.compile(r"bytes_(\d+)_(.*)")


class RedshiftError(Exception):
    """A statement that Redshift refuses: its message, SQLSTATE and detail as a client sees them."""

    def __init__(self, message: str, sqlstate: str = "0A000", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.sqlstate = sqlstate
        self.detail = detail

    def fields(self, severity: str = "ERROR") -> dict[str, str]:
        """The fields of an ErrorResponse."""
        fields = {"S": severity, "C": self.sqlstate, "M": self.message}
        return fields | ({"D": self.detail} if self.detail else {})


def syntax_error(near: str) -> RedshiftError:
    """What Redshift says of a word that its grammar does not know there."""
    where = "end of input" if near == "end of input" else f'or near "{near}"'
    return RedshiftError(f"syntax error at {where}", "42601")


def unknown_to_stand_in(what: str) -> RedshiftError:
    """Redshift has it, the stand-in does not: say so instead of doing something else."""
    return RedshiftError(f"{what} is not available in the local Redshift stand-in", "0A000")


@dataclass(frozen=True, slots=True)
class TooLong:
    """A value that broke the byte limit of a VARCHAR column."""

    column: str
    limit: int


def too_long(fields: Mapping[str, str]) -> TooLong | None:
    """The column and limit if a PostgreSQL error came from a VARCHAR's byte limit."""
    match = BYTES_CONSTRAINT.fullmatch(fields.get("n", ""))
    if fields.get("C") != "23514" or match is None:
        return None
    return TooLong(match.group(2), int(match.group(1)))


def as_redshift(fields: dict[str, str]) -> dict[str, str]:
    """A PostgreSQL error's fields in Redshift's words where a client is known to look at them."""
    code, message = fields.get("C", ""), fields.get("M", "")
    limit = too_long(fields)
    if limit is not None:
        return _reworded(fields, f"value too long for type character varying({limit.limit})", "22001")
    if code == "40001":
        # Redshift sends no 40001: clients have to look for the number in the text.
        detail = f"Serializable isolation violation on table - {fields.get('t', '0')}: {message}"
        return _reworded(fields, "1023", "XX000", detail)
    if message.startswith("could not open relation with OID"):
        return _reworded(fields, "1018", "XX000", "Relation does not exist")
    if code == "21000" and message.startswith("MERGE command"):
        return _reworded(fields, "Found multiple matches to update the same tuple.", "XX000")
    return fields


def _reworded(fields: dict[str, str], message: str, sqlstate: str, detail: str = "") -> dict[str, str]:
    kept = {key: fields[key] for key in ("S", "V") if key in fields}
    return kept | {"C": sqlstate, "M": message} | ({"D": detail} if detail else {})
