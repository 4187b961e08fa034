"""COPY … FROM 's3://…': its options, and an error for each that the stand-in would otherwise ignore."""

from dataclasses import dataclass

from local.redshift.errors import RedshiftError, syntax_error, unknown_to_stand_in
from local.redshift.tokens import Token, closing, split_commas, string_value, text, words


@dataclass(slots=True)
class Copy:
    """A COPY from S3. `url` names a manifest, or the prefix of the data files."""

    table: str
    columns: list[str]
    url: str
    role: str = ""
    manifest: bool = False
    csv: bool = False
    gzip: bool = False
    delimiter: str = ","
    quote: str = '"'
    skip_lines: int = 0
    null_as: str = "\\N"
    blanks_as_null: bool = False
    round_decimals: bool = False
    region: str = ""


def parse_copy(tokens: list[Token]) -> Copy:
    """COPY table [(columns)] FROM 's3://…' options. Raises RedshiftError."""
    outside = [token.word for token in tokens]
    if "from" not in outside:
        raise syntax_error("end of input")
    source = outside.index("from")
    target = tokens[1:source]
    if source + 1 >= len(tokens) or tokens[source + 1].kind != "string":
        raise syntax_error(tokens[source + 1].text if source + 1 < len(tokens) else "end of input")
    url = string_value(tokens[source + 1])
    if not url.startswith("s3://"):
        raise unknown_to_stand_in(f"COPY FROM '{url}'")
    copy = Copy(*_target(target), url)
    at = source + 2
    while at < len(tokens):
        at = _option(copy, tokens, at)
    return _checked(copy)


def _target(tokens: list[Token]) -> tuple[str, list[str]]:
    opening = next((i for i, token in enumerate(tokens) if token.word == "("), len(tokens))
    if opening == len(tokens):
        return text(tokens), []
    end = closing(tokens, opening)
    return text(tokens[:opening]), [part[0].name for part in split_commas(tokens[opening + 1 : end])]


def _option(copy: Copy, tokens: list[Token], at: int) -> int:  # noqa: PLR0912 - one line per option
    """Read the option at `at` into `copy`; answers the index after it."""
    value = at + 2 if words(tokens, at + 1) == ("as",) else at + 1
    match words(tokens, at, 2):
        case "iam_role", _:
            copy.role = _string(tokens, value)
        case "manifest", _:
            copy.manifest, value = True, at
        case "format", "csv":
            copy.csv, value = True, at + 1
        case "format", "as" if words(tokens, at + 2) == ("csv",):
            copy.csv = True
        case "csv", _:
            copy.csv, value = True, at
        case "gzip", _:
            copy.gzip, value = True, at
        case "delimiter", _:
            copy.delimiter = _string(tokens, value)
        case "quote", _:
            copy.quote = _string(tokens, value)
        case "ignoreheader", _:
            copy.skip_lines = _integer(tokens, value)
        case "emptyasnull", _:
            copy.null_as, value = "", at
        case "blanksasnull", _:
            copy.blanks_as_null, value = True, at
        case "null", _:
            copy.null_as = _string(tokens, value)
        case (("dateformat" | "timeformat"), _):
            _require(_string(tokens, value) == "auto", f"{tokens[at].text.upper()} other than 'auto'")
        case "roundec", _:
            copy.round_decimals, value = True, at
        case (("compupdate" | "statupdate"), ("off" | "false" | "on" | "true" | "preset")):
            value = at + 1
        case (("compupdate" | "statupdate"), _):
            value = at
        case "maxerror", _:
            _require(_integer(tokens, value) == 0, "MAXERROR other than 0")
        case "region", _:
            copy.region = _string(tokens, value)
        case (("escape" | "removequotes" | "fixedwidth"), _):
            raise RedshiftError(f"CSV is not compatible with {tokens[at].text.upper()}", "42601")
        case word, _:
            raise unknown_to_stand_in(f"COPY option {word.upper() or tokens[at].text}")
    return value + 1


def _checked(copy: Copy) -> Copy:
    _require(copy.csv, "COPY without CSV")
    _require(
        len(copy.delimiter) == 1 and len(copy.quote) == 1, "a delimiter or quote of more than one character"
    )
    if not copy.role:
        raise RedshiftError("COPY needs IAM_ROLE: no authorization was given", "42601")
    return copy


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise unknown_to_stand_in(otherwise)


def _string(tokens: list[Token], at: int) -> str:
    if at >= len(tokens):
        raise syntax_error("end of input")
    return string_value(tokens[at])


def _integer(tokens: list[Token], at: int) -> int:
    if at >= len(tokens) or not tokens[at].text.isdigit():
        raise syntax_error(tokens[at].text if at < len(tokens) else "end of input")
    return int(tokens[at].text)
