"""COPY from the emulator's S3 into the real thing: values, atomicity, authorisation, what is said of failures."""

import gzip
from decimal import Decimal
from typing import Any

import pytest

from local.cloud import Cloud

from .redshift_client import Connect, PgConnection, aws, put_csv, put_manifest, refused, run

pytestmark = pytest.mark.cloud

OPTIONS = "FORMAT AS CSV GZIP NULL AS '' DATEFORMAT 'auto' TIMEFORMAT 'auto' COMPUPDATE OFF STATUPDATE OFF"
FAILED = "Load into table 't' failed.  Check 'sys_load_error_detail' system table for details."


@pytest.fixture
def table(client: Connect) -> PgConnection:
    """A connection, with an empty table `s.t`."""
    connection = client()
    run(connection, "DROP SCHEMA IF EXISTS s CASCADE")
    run(connection, "CREATE SCHEMA s")
    columns = "id BIGINT NOT NULL, name VARCHAR(8), amount DECIMAL(10, 2), at TIMESTAMPTZ, tags SUPER"
    run(connection, f"CREATE TABLE s.t ({columns})")
    return connection


@pytest.fixture
def role(warehouse: dict[str, Any]) -> str:
    return f"IAM_ROLE '{warehouse['copy_role']}'"


def test_values(cloud: Cloud, table: PgConnection, role: str) -> None:
    first = put_csv(cloud, "a.csv.gz", '1,"a,""ä\n",1.239,2026-11-22T10:00:00.123456Z,"{""k"": [1]}"\n')
    second = put_csv(cloud, "b.csv.gz", '2,,,,\n3,"","2","2026-11-22 10:00:00+02",[]\n')
    manifest = put_manifest(cloud, "manifest", [first, second])
    run(table, f"COPY s.t (id, name, amount, at, tags) FROM '{manifest}' {role} MANIFEST {OPTIONS}")
    assert "Load into table 't' completed, 3 record(s) loaded successfully." in table.notices[-1]
    assert run(table, "SELECT pg_last_copy_count()") == [(3,)]
    rows = run(table, "SELECT id, name, amount, at AT TIME ZONE 'UTC', tags FROM s.t ORDER BY id")
    assert [str(row[3]) for row in rows] == ["2026-11-22 10:00:00.123456", "None", "2026-11-22 08:00:00"]
    assert [(*row[:3], row[4]) for row in rows] == [
        (1, 'a,"ä\n', Decimal("1.23"), {"k": [1]}),
        (2, None, None, None),
        (3, None, Decimal("2.00"), []),  # quotes do not keep an empty field from being NULL
    ]


def test_decimals_are_cut_unless_roundec(cloud: Cloud, table: PgConnection, role: str) -> None:
    url = put_csv(cloud, "decimals.csv.gz", "1,1.239\n2,-1.239\n")
    run(table, f"COPY s.t (id, amount) FROM '{url}' {role} {OPTIONS}")
    assert run(table, "SELECT amount FROM s.t ORDER BY id") == [(Decimal("1.23"),), (Decimal("-1.23"),)]
    run(table, "DELETE FROM s.t")
    run(table, f"COPY s.t (id, amount) FROM '{url}' {role} {OPTIONS} ROUNDEC")
    assert run(table, "SELECT amount FROM s.t ORDER BY id") == [(Decimal("1.24"),), (Decimal("-1.24"),)]


def test_header_delimiter_quote_blanks_and_several_members(
    cloud: Cloud, table: PgConnection, role: str
) -> None:
    body = b"".join(gzip.compress(part) for part in (b"id|na", b"me\n1|%a%%|%\n", b"2|  \n3|\n"))
    aws(cloud, "s3").put_object(Bucket="landing", Key="odd.csv.gz", Body=body)
    options = "CSV GZIP DELIMITER '|' QUOTE '%' IGNOREHEADER 1 BLANKSASNULL ROUNDEC"
    run(table, f"COPY s.t (id, name) FROM 's3://landing/odd.csv.gz' {role} {options}")
    assert run(table, "SELECT id, name FROM s.t ORDER BY id") == [(1, "a%|"), (2, None), (3, "")]


def test_a_prefix_names_all_files_under_it(cloud: Cloud, table: PgConnection, role: str) -> None:
    for name in ("p/1.csv.gz", "p/2.csv.gz"):
        put_csv(cloud, name, "1,x\n")
    run(table, f"COPY s.t (id, name) FROM 's3://landing/p/' {role} {OPTIONS}")
    assert run(table, "SELECT COUNT(*) FROM s.t") == [(2,)]
    missing = refused(table, f"COPY s.t (id) FROM 's3://landing/none/' {role} {OPTIONS}")
    assert "The specified S3 prefix 'none/' does not exist" in str(missing)


@pytest.mark.parametrize(
    ("line", "column", "value", "code", "reason"),
    [
        ("x,a,1,,", "id", "x", 1207, "Invalid value: invalid input syntax for type bigint"),
        ("1,äääää,1,,", "name", "1,äääää,1,,", 1204, "String length exceeds DDL length"),
        ("1,123456789,1,,", "name", "123456789", 1204, "String length exceeds DDL length"),
        ("1,a,123456789.1,,", "amount", "", 1204, "Value out of range"),
        ("1,a,y,,", "amount", "y", 1209, "Invalid value"),
        ("1,a,1,yesterday-ish,", "at", "yesterday-ish", 1206, "Invalid timestamp format"),
        ("1,a,1,,{", "tags", "{", 1224, "Invalid value"),
        (",a,1,,", "id", "", 1213, "Missing data for not-null field"),
        ("1,a,1", "at", "1,a,1", 1203, "Delimiter not found"),
        ("1,a,1,,,", "", "1,a,1,,,", 1202, "Extra column(s) found"),
    ],
)
@pytest.mark.parametrize("rounding", ["ROUNDEC", ""])
def test_a_bad_line_fails_everything_and_is_described(  # noqa: PLR0917
    cloud: Cloud,
    table: PgConnection,
    client: Connect,
    role: str,
    line: str,
    column: str,
    value: str,
    code: int,
    reason: str,
    rounding: str,
) -> None:
    good = put_csv(cloud, "good.csv.gz", "1,a,1,,\n")
    bad = put_csv(cloud, "bad.csv.gz", f"1,a,1,,\n{line}\n")
    manifest = put_manifest(cloud, "manifest", [good, bad])
    run(table, "BEGIN")
    copy = f"COPY s.t (id, name, amount, at, tags) FROM '{manifest}' {role} MANIFEST {OPTIONS} {rounding}"
    error = refused(table, copy)
    assert (error.pgcode, str(error).strip()) == ("XX000", FAILED)
    run(table, "ROLLBACK")
    assert run(table, "SELECT COUNT(*) FROM s.t") == [(0,)]
    (detail,) = run(
        client(),
        "SELECT file_name, line_number, column_name, raw_field_value, error_code, error_message "
        "FROM sys_load_error_detail ORDER BY query_id DESC LIMIT 1",
    )
    assert detail[0] == bad
    assert detail[1] == 2
    if value:
        assert (detail[2], detail[3]) == (column, value)
    assert detail[4] == code
    assert detail[5].startswith(reason)


def test_outside_a_transaction_nothing_stays_of_a_failed_copy(
    cloud: Cloud, table: PgConnection, role: str
) -> None:
    urls = [put_csv(cloud, "1.csv.gz", "1,a\n"), put_csv(cloud, "2.csv.gz", "x,a\n")]
    manifest = put_manifest(cloud, "manifest", urls)
    assert FAILED in str(refused(table, f"COPY s.t (id, name) FROM '{manifest}' {role} MANIFEST {OPTIONS}"))
    assert run(table, "SELECT COUNT(*) FROM s.t") == [(0,)]


def test_a_file_that_is_no_gzip_or_is_cut_short(cloud: Cloud, table: PgConnection, role: str) -> None:
    for body in (b"1,a\n", gzip.compress(b"1,a\n" * 1000)[:-9]):
        aws(cloud, "s3").put_object(Bucket="landing", Key="broken", Body=body)
        manifest = put_manifest(cloud, "manifest", ["s3://landing/broken"])
        run(table, "BEGIN")
        assert FAILED in str(
            refused(table, f"COPY s.t (id, name) FROM '{manifest}' {role} MANIFEST {OPTIONS}")
        )
        assert "current transaction is aborted" in str(refused(table, "SELECT 1"))
        run(table, "ROLLBACK")
    said = run(table, "SELECT error_message FROM sys_load_error_detail ORDER BY query_id DESC LIMIT 2")
    assert all("cannot be unpacked" in message for (message,) in said)


def test_invalid_utf8(cloud: Cloud, table: PgConnection, role: str) -> None:
    aws(cloud, "s3").put_object(Bucket="landing", Key="latin", Body=gzip.compress("1,ä\n".encode("latin-1")))
    manifest = put_manifest(cloud, "manifest", ["s3://landing/latin"])
    assert FAILED in str(refused(table, f"COPY s.t (id, name) FROM '{manifest}' {role} MANIFEST {OPTIONS}"))
    assert run(table, "SELECT error_code FROM sys_load_error_detail ORDER BY query_id DESC LIMIT 1") == [
        (1220,)
    ]


def test_missing_files(cloud: Cloud, table: PgConnection, role: str) -> None:
    there = put_csv(cloud, "there.csv.gz", "1,a\n")
    urls = [there, "s3://landing/missing.csv.gz"]
    manifest = put_manifest(cloud, "manifest", urls)
    copy = f"COPY s.t (id, name) FROM '{manifest}' {role} MANIFEST {OPTIONS}"
    error = str(refused(table, copy))
    assert "S3ServiceException:The specified key does not exist.,Status 404,Error NoSuchKey" in error
    assert "s3://landing/missing.csv.gz" in error
    assert run(table, "SELECT COUNT(*) FROM s.t") == [(0,)]
    put_manifest(cloud, "manifest", urls, mandatory=False)
    run(table, copy)
    assert run(table, "SELECT COUNT(*), pg_last_copy_count() FROM s.t") == [(1, 1)]
    history = (
        "SELECT status, loaded_rows, source_file_count FROM sys_load_history ORDER BY query_id DESC LIMIT 2"
    )
    assert run(table, history) == [("completed", 1, 1), ("failed", 0, 1)]


def test_the_role_must_be_the_namespaces_and_may_read(cloud: Cloud, table: PgConnection, role: str) -> None:
    put_csv(cloud, "there.csv.gz", "1,a\n")
    foreign = "IAM_ROLE 'arn:aws:iam::000000000000:role/x'"
    error = str(refused(table, f"COPY s.t (id) FROM 's3://landing/there.csv.gz' {foreign} {OPTIONS}"))
    assert "Not authorized to get credentials of role" in error
    aws(cloud, "s3").create_bucket(Bucket="elsewhere")
    url = put_csv(cloud, "there.csv.gz", "1,a\n", bucket="elsewhere")
    manifest = put_manifest(cloud, "manifest", [url])
    error = str(refused(table, f"COPY s.t (id, name) FROM '{manifest}' {role} MANIFEST {OPTIONS}"))
    assert "S3ServiceException:Access Denied,Status 403,Error AccessDenied" in error
    assert "lacks s3:GetObject on arn:aws:s3:::elsewhere/there.csv.gz" in error


@pytest.mark.parametrize(
    "content", ["not json", "[]", '{"entries": [{}]}', '{"entries": [{"url": "/etc/passwd"}]}']
)
def test_a_wrong_manifest(cloud: Cloud, table: PgConnection, role: str, content: str) -> None:
    aws(cloud, "s3").put_object(Bucket="landing", Key="manifest", Body=content)
    error = refused(table, f"COPY s.t (id) FROM 's3://landing/manifest' {role} MANIFEST {OPTIONS}")
    assert "Problem reading manifest file" in str(error)


def test_a_missing_table_or_column(cloud: Cloud, table: PgConnection, role: str) -> None:
    url = put_csv(cloud, "there.csv.gz", "1\n")
    assert refused(table, f"COPY s.none (id) FROM '{url}' {role} {OPTIONS}").pgcode == "42P01"
    assert refused(table, f"COPY s.t (none) FROM '{url}' {role} {OPTIONS}").pgcode == "42703"


def test_into_a_temporary_table_in_a_transaction(cloud: Cloud, table: PgConnection, role: str) -> None:
    manifest = put_manifest(cloud, "manifest", [put_csv(cloud, "there.csv.gz", "1,a,1.5,,\n")])
    run(table, "BEGIN")
    run(table, "CREATE TEMP TABLE stage (LIKE s.t)")
    run(table, f"COPY stage (id, name, amount, at, tags) FROM '{manifest}' {role} MANIFEST {OPTIONS}")
    run(table, "INSERT INTO s.t SELECT * FROM stage")
    run(table, "COMMIT")
    assert run(table, "SELECT id, amount FROM s.t") == [(1, Decimal("1.50"))]
