"""The gate of `make grammar`: what it takes for one kind, and what it lets through."""

import pytest

from .gate import unread
from .recording import kind


def test_statements_that_differ_in_names_and_values_are_of_one_kind() -> None:
    assert kind('SELECT "a" FROM "s"."t"\n  WHERE id = 7 AND name = \'it\'\'s\'') == (
        "SELECT ? FROM ?.? WHERE id = ? AND name = ?"
    )
    assert kind("INSERT INTO t VALUES (1, 'a'), (2, 'b')") == kind("INSERT INTO t VALUES (3, 'c')")
    assert kind("DELETE FROM t WHERE a = 1") != kind("DELETE FROM t WHERE b = 1")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING",
        "DELETE FROM t RETURNING a",
        "SELECT '{}'::jsonb -> 'a'",
        "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DO NOTHING",
    ],
)
def test_what_postgresql_alone_takes_is_refused(statement: str) -> None:
    (fault,) = unread([statement])
    assert fault.startswith(statement)


def test_what_redshift_takes_is_let_through() -> None:
    taken = [
        "LOCK xmlift.migrations",
        'REVOKE ROLE xmlift_reader FROM "IAMR:analysts"',
        'ALTER DEFAULT PRIVILEGES FOR USER "IAMR:l" IN SCHEMA "s" GRANT SELECT ON TABLES TO ROLE xmlift_reader',
        "COPY \"stage\" (\"id\") FROM 's3://b/m' IAM_ROLE 'arn:r' MANIFEST FORMAT AS CSV GZIP COMPUPDATE OFF",
        "SET statement_timeout TO 5000",
    ]
    assert list(unread(taken)) == []
