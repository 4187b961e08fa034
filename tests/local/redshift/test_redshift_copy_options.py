"""COPY's options: each is understood or refused, none is passed over."""

import pytest

from local.redshift.copy_command import Copy, parse_copy
from local.redshift.errors import RedshiftError
from local.redshift.tokens import statements

ROLE = "IAM_ROLE 'arn:aws:iam::0:role/r'"


def parsed(options: str, target: str = 's.t (a, "B")') -> Copy:
    (tokens,) = statements(f"COPY {target} FROM 's3://bucket/key' {options}")
    return parse_copy(tokens)


def test_everything_a_load_says() -> None:
    copy = parsed(
        f"{ROLE} MANIFEST FORMAT AS CSV GZIP DELIMITER AS '|' QUOTE AS '%' IGNOREHEADER 1 NULL AS '' BLANKSASNULL "
        "DATEFORMAT 'auto' TIMEFORMAT AS 'auto' ROUNDEC COMPUPDATE OFF STATUPDATE OFF MAXERROR 0 REGION 'us-east-1'"
    )
    assert copy == Copy(
        "s.t", ["a", "b"], "s3://bucket/key", role="arn:aws:iam::0:role/r", manifest=True, csv=True, gzip=True,
        delimiter="|", quote="%", skip_lines=1, null_as="", blanks_as_null=True, round_decimals=True,
        region="us-east-1",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "null"), [("", "\\N"), ("EMPTYASNULL", ""), ("NULL '-'", "-"), ("NULL AS '\\\\N'", "\\N")]
)
def test_null(options: str, null: str) -> None:
    assert parsed(f"{ROLE} CSV {options}").null_as == null


def test_without_columns() -> None:
    assert parsed(f"{ROLE} CSV", "t").columns == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("CSV", "needs IAM_ROLE"),
        (ROLE, "COPY without CSV"),
        (f"{ROLE} CSV TRUNCATECOLUMNS", "COPY option TRUNCATECOLUMNS"),
        (f"{ROLE} CSV ACCEPTINVCHARS", "COPY option ACCEPTINVCHARS"),
        (f"{ROLE} FORMAT AS PARQUET", "COPY option FORMAT"),
        (f"{ROLE} CSV ESCAPE", "CSV is not compatible with ESCAPE"),
        (f"{ROLE} CSV TIMEFORMAT 'AUTO'", "TIMEFORMAT other than 'auto'"),
        (f"{ROLE} CSV DATEFORMAT 'YYYY'", "DATEFORMAT other than 'auto'"),
        (f"{ROLE} CSV MAXERROR 1", "MAXERROR other than 0"),
        (f"{ROLE} CSV MAXERROR x", 'syntax error at or near "x"'),
        (f"{ROLE} CSV DELIMITER", "syntax error at end of input"),
        ("IAM_ROLE default CSV", 'syntax error at or near "default"'),
    ],
)
def test_refused(options: str, message: str) -> None:
    with pytest.raises(RedshiftError) as caught:
        parsed(options)
    assert message in caught.value.message


@pytest.mark.parametrize("source", ["STDIN", "'/etc/passwd'", "'dynamodb://t'"])
def test_only_s3(source: str) -> None:
    (tokens,) = statements(f"COPY t FROM {source} {ROLE} CSV")
    with pytest.raises(RedshiftError):
        parse_copy(tokens)
