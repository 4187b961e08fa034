"""What the dialect makes of Redshift's statements, and what it refuses, without a server."""

import pytest

from local.redshift.dialect import Plain, Truncate, translate
from local.redshift.errors import RedshiftError
from local.redshift.tables import ResizeColumn
from local.redshift.tokens import statements, string_value, text


def translated(sql: str) -> str:
    (tokens,) = statements(sql)
    action = translate(tokens)
    assert isinstance(action, Plain | Truncate)
    return action.sql


def refusal(sql: str) -> str:
    (tokens,) = statements(sql)
    with pytest.raises(RedshiftError) as caught:
        translate(tokens)
    return caught.value.message


@pytest.mark.parametrize(
    ("redshift", "postgresql"),
    [
        ("SELECT SYSDATE", "SELECT pg_catalog.sysdate()"),
        ("SELECT t.sysdate FROM t", "SELECT t.sysdate FROM t"),
        ("SELECT NVL(a, 1)", "SELECT coalesce(a, 1)"),
        ("SELECT '{}'::super", "SELECT '{}'::jsonb"),
        ('SELECT "Id" FROM "T"', 'SELECT "id" FROM "t"'),
        ("SELECT 1 -- a ; comment\n + /* one /* in */ another ; */ 2", "SELECT 1 + 2"),
        ("SELECT 'it''s; \\' all'", "SELECT 'it''s; \\' all'"),
        ("BEGIN ISOLATION LEVEL SERIALIZABLE", "BEGIN"),
        ("BEGIN READ ONLY", "BEGIN READ ONLY"),
        ("SET query_group TO 'x'", "SET redshift.query_group TO 'x'"),
        ('GRANT ROLE loader TO "IAMR:Load"', 'GRANT loader TO "IAMR:Load"'),
        ("GRANT SELECT ON ALL TABLES IN SCHEMA s TO ROLE r", "GRANT SELECT ON ALL TABLES IN SCHEMA s TO r"),
        (
            'ALTER DEFAULT PRIVILEGES FOR USER "IAMR:x" IN SCHEMA s GRANT SELECT ON TABLES TO ROLE r',
            'ALTER DEFAULT PRIVILEGES FOR USER "IAMR:x" IN SCHEMA s GRANT SELECT ON TABLES TO r',
        ),
        ('CREATE USER "IAMR:x" PASSWORD DISABLE', 'CREATE USER "IAMR:x"'),
        ("CREATE TABLE t (LIKE s.t)", "CREATE TABLE t (LIKE s.t INCLUDING CONSTRAINTS)"),
        (
            "CREATE TABLE t (LIKE s.t INCLUDING DEFAULTS) DISTSTYLE EVEN",
            "CREATE TABLE t (LIKE s.t INCLUDING DEFAULTS INCLUDING CONSTRAINTS)",
        ),
        (
            "CREATE TEMP TABLE t DISTKEY(a) SORTKEY(a, b) AS SELECT 1 AS a, 2 AS b",
            "CREATE TEMP TABLE t AS SELECT 1 AS a, 2 AS b",
        ),
        (
            "CREATE TABLE t (a INT ENCODE az64 NOT NULL, b SUPER, PRIMARY KEY (a, b), UNIQUE (b)) "
            "BACKUP NO DISTSTYLE KEY DISTKEY (a) COMPOUND SORTKEY (a) ENCODE AUTO",
            'CREATE TABLE t (a int NOT NULL, b jsonb, NOT NULL "a", NOT NULL "b")',
        ),
        (
            "CREATE TABLE t (a BIGINT IDENTITY(1, 1), b DECIMAL DEFAULT 0 NOT NULL, c TIMESTAMP WITH TIME ZONE)",
            "CREATE TABLE t (a bigint GENERATED ALWAYS AS IDENTITY (START WITH 1 INCREMENT BY 1 MINVALUE 1), "
            "b numeric(18,0) DEFAULT 0 NOT NULL, c timestamp with time zone)",
        ),
        ("ALTER TABLE s.t ADD COLUMN a INT ENCODE zstd", "ALTER TABLE s.t ADD COLUMN a int"),
        ("ALTER TABLE t ADD PRIMARY KEY (a)", "ALTER TABLE t RESET (fillfactor)"),
    ],
)
def test_translation(redshift: str, postgresql: str) -> None:
    assert translated(redshift) == postgresql


@pytest.mark.parametrize(
    ("redshift", "message"),
    [
        ("ALTER TABLE t ADD COLUMN a INT, ADD COLUMN b INT", 'syntax error at or near ","'),
        ("ALTER TABLE t ADD COLUMN IF NOT EXISTS a INT", 'syntax error at or near "NOT"'),
        (
            "ALTER TABLE t ADD COLUMN a INT NOT NULL",
            "ALTER TABLE ADD COLUMN defined as NOT NULL must have a non-null default expression",
        ),
        ("ALTER TABLE t ALTER COLUMN a SET DEFAULT 1", "ALTER COLUMN SET/DROP DEFAULT is not supported"),
        (
            "ALTER TABLE t ALTER COLUMN a TYPE VARCHAR(9) USING a::VARCHAR",
            "ALTER TABLE ALTER COLUMN does not support USING expression",
        ),
        ("CREATE TABLE t (a VARCHAR(65536))", "length for type varchar cannot exceed 65535"),
        ("CREATE TABLE t (a DECIMAL(39, 2))", "DECIMAL precision 39 must be between 1 and 38"),
        ("CREATE TABLE t (a JSONB)", 'type "jsonb" does not exist in Redshift'),
        ("CREATE TABLE t (a SERIAL)", 'type "serial" does not exist in Redshift'),
        ("CREATE TABLE t (a INT[])", 'syntax error at or near "["'),
        ("CREATE TABLE t (a INT CHECK (a > 0))", "CHECK constraints not supported"),
        ("CREATE TABLE t (a INT) TABLESPACE x", 'syntax error at or near "TABLESPACE"'),
        (
            "CREATE INDEX i ON t (a)",
            'SQL command "CREATE INDEX i ON t (a)" not supported on Redshift tables.',
        ),
        (
            "CREATE UNLOGGED TABLE t (a INT)",
            'SQL command "CREATE UNLOGGED TABLE t (a INT)" not supported on Redshift tables.',
        ),
        ("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", 'syntax error at or near "ON"'),
        ("INSERT INTO t VALUES (1) RETURNING a", 'syntax error at or near "RETURNING"'),
        ("DELETE FROM t RETURNING a", 'syntax error at or near "RETURNING"'),
        ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", 'syntax error at or near "INSERT"'),
        ("SELECT DISTINCT ON (a) a FROM t", "SELECT DISTINCT ON is not supported"),
        ("SELECT COUNT(*) FILTER (WHERE a) FROM t", 'syntax error at or near "("'),
        ("SAVEPOINT x", 'SQL command "SAVEPOINT x" not supported.'),
        ("LOCK t IN SHARE MODE", 'syntax error at or near "IN"'),
        ("UNLOAD ('SELECT 1') TO 's3://b/k'", "UNLOAD is not available in the local Redshift stand-in"),
        ("CREATE USER x PASSWORD 'y'", "CREATE USER with a password of its own is not available"),
        ("SELECT 'open", "unterminated quoted string"),
        ("SELECT 1 /* open", "unterminated /* comment"),
    ],
)
def test_refusal(redshift: str, message: str) -> None:
    with pytest.raises(RedshiftError) as caught:
        for tokens in statements(redshift):
            translate(tokens)
    assert caught.value.message.startswith(message)


MATCHED = "WHEN MATCHED THEN UPDATE SET a = s.a"
NOT_MATCHED = "WHEN NOT MATCHED THEN INSERT (id, a) VALUES (s.id, s.a)"


@pytest.mark.parametrize(
    "merge",
    [
        f"MERGE INTO x.t USING s ON x.t.id = s.id {MATCHED} {NOT_MATCHED}",
        f"MERGE INTO t USING x.stage AS s ON t.id = s.id AND t.p = s.p {MATCHED} {NOT_MATCHED}",
        f"MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN DELETE {NOT_MATCHED}",
    ],
)
def test_merge_that_redshift_knows(merge: str) -> None:
    assert translated(merge) == merge


@pytest.mark.parametrize(
    ("merge", "message"),
    [
        (f"MERGE INTO t USING s ON t.id = s.id WHEN MATCHED AND t.a THEN DELETE {NOT_MATCHED}", '"AND"'),
        (
            f"MERGE INTO t USING (SELECT 1 id) s ON t.id = s.id {MATCHED} {NOT_MATCHED}",
            "Source view/subquery",
        ),
        (f"MERGE INTO t AS x USING s ON x.id = s.id {MATCHED} {NOT_MATCHED}", '"AS"'),
        (f"MERGE INTO t USING s ON t.id = s.id {MATCHED}", "single WHEN clause"),
        (f"MERGE INTO t USING s ON t.id = s.id {NOT_MATCHED} {MATCHED}", "syntax error"),
        (f"MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN DO NOTHING {NOT_MATCHED}", '"DO"'),
        (f"MERGE INTO t USING s ON t.id = s.id {MATCHED} WHEN NOT MATCHED BY SOURCE THEN DELETE", '"BY"'),
        (f"MERGE INTO t USING s ON t.id = s.id {MATCHED} {NOT_MATCHED} RETURNING *", '"RETURNING"'),
    ],
)
def test_merge_that_redshift_refuses(merge: str, message: str) -> None:
    assert message in refusal(merge)


def test_resize_is_told_apart() -> None:
    (tokens,) = statements("ALTER TABLE s.t ALTER COLUMN a TYPE VARCHAR(MAX)")
    action = translate(tokens)
    assert isinstance(action, ResizeColumn)
    assert (action.table, action.column, action.type.bytes) == ("s.t", "a", 65535)


def test_names_that_postgresql_would_cut_are_refused() -> None:
    with pytest.raises(RedshiftError, match="longer than 63 bytes"):
        statements(f'SELECT 1 AS "{"ä" * 32}"')


def test_statements_are_cut_at_semicolons_outside_quotes_only() -> None:
    cut = [text(tokens) for tokens in statements("""SELECT ';'; ; SELECT ";"; SELECT $$;$$, $x$;$x$""")]
    assert cut == ["SELECT ';'", 'SELECT ";"', "SELECT $$;$$, $x$;$x$"]


@pytest.mark.parametrize(
    ("literal", "value"), [("'a''b'", "a'b"), (r"'\\N'", r"\N"), (r"'\t'", "\t"), (r"E'\''", "'")]
)
def test_string_values(literal: str, value: str) -> None:
    ((token,),) = statements(literal)
    assert string_value(token) == value
