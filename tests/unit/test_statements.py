"""The SQL of loading: Redshift's grammar reads it, names cannot break out of it, versions compare as tuples do."""

import re
import sqlite3
from collections import Counter
from datetime import UTC, datetime
from functools import cache

import pytest
import sqlfluff
from hypothesis import given
from hypothesis import strategies as st

from xmlift.warehouse import absent, duplicates, history, left_out, readings
from xmlift.warehouse import statements as sql
from xmlift.warehouse.migrations import (
    BOOTSTRAP,
    MIGRATIONS,
    create_user,
    database_user,
    grants,
    no_longer,
)
from xmlift.warehouse.statements import Table
from xmlift.windows import Interval

HOSTILE = 'x"; DROP TABLE t; --'
ASKED = Interval(datetime(2020, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
LINEAGE = ("_deleted", "_partition", "_run", "_window", "_part", "_page", "_row", "_read_at", "_parsed_at")


def table(name: str = "work_items", id_name: str = "id", schema: str = "ewm") -> Table:
    own = ((id_name, "BIGINT"), ("summary", "VARCHAR(64)"), ("modified", "TIMESTAMPTZ"))
    lineage = tuple((column, "VARCHAR(64)") for column in LINEAGE)
    version = ("modified", "_read_at", "_parsed_at")
    return Table(schema, name, own + lineage, (id_name,), version, frozenset({id_name}))


def child(parent: Table) -> Table:
    columns = ((f"_parent_{parent.key[0]}", "BIGINT"), ("_position", "INTEGER"), ("text", "SUPER"))
    lineage = tuple((column, "VARCHAR(64)") for column in LINEAGE)
    key = (columns[0][0],)
    return Table(parent.schema, f"{parent.name}__c", columns + lineage, key, ("_read_at",), frozenset(key))


def all_statements(name: str, id_name: str, schema: str) -> dict[str, str]:
    """Every statement that a load makes, with its parameters filled in."""
    own = table(name, id_name, schema)
    below = child(own)
    hashed = own._replace(columns=(*own.columns, ("_hash", "VARCHAR(16)")))
    versions = hashed._replace(keeps_history=True)
    partitions = ["-", name]
    made = {
        "create_mutex": sql.create_mutex(schema, name),
        "lock": sql.lock(schema, name),
        "create_table": sql.create_table(own),
        "create_child": sql.create_table(below),
        "add_column": sql.add_column(own, id_name, "DECIMAL(18,6)"),
        "widen_column": sql.widen_column(own, id_name, "VARCHAR(128)"),
        "create_stage": sql.create_stage(own),
        "copy": sql.copy(own, own.names, f"s3://bucket/load/{name}.manifest", "arn:aws:iam::1:role/it's"),
        "count_by_part": sql.count_by_part(own),
        "count_by_window": sql.count_by_window(own.stage),
        "count_doubled": duplicates.count_doubled(own, own.key),
        "pick_losers": duplicates.pick_losers(own, (*sql.WINDOW, *own.key)),
        "delete_losers": duplicates.delete_losers(own),
        "delete_stale": sql.delete_stale(own),
        "count_met": sql.count_met(own),
        "merge": sql.merge(own),
        "insert_from": sql.insert_from(own, own.stage),
        "delete_children": sql.delete_children(below, own),
        "count_replaced_children": sql.count_replaced_children(below, own),
        "insert_children": sql.insert_children(below, own.stage),
        "count_children": sql.count_children(below, own.stage),
        "add_stage_column": sql.add_stage_column(own, id_name),
        "count_partitions": sql.count_partitions(below, own),
        "delete_all": sql.delete_all(own),
        "create_decided": readings.create_decided(own),
        "insert_decided": readings.insert_decided(own).replace("VALUES %s", "VALUES ('a', 'b'), ('c', 'd')"),
        "pick_current": readings.pick_current(own),
        "pick_removed": readings.pick_removed(own),
        "count_removed": readings.count_removed(own),
        "count_removed_children": readings.count_removed_children(below, own),
        "delete_removed": readings.delete_removed(below, own),
        "delete_unchanged": sql.delete_unchanged(hashed, 3),
        "count_met_unchanged": sql.count_met(hashed, 3),
        "pick_seen": absent.pick_seen(own),
        "pick_missing": absent.pick_missing(own, partitions),
        "pick_missing_of_time": absent.pick_missing(own, partitions, absent.Asked(id_name, ASKED)),
        "mark_older_of_windows": absent.mark_older(own, absent.Asked("_window", ASKED)),
        "count_missing": absent.count_missing(own),
        "mark_missing": absent.mark_missing(own),
        "mark_missing_hashed": absent.mark_missing(hashed),
        "count_missing_children": absent.count_missing_children(below, own),
        "delete_missing_children": absent.delete_missing_children(below, own),
        "mark_older": absent.mark_older(hashed),
        "delete_children_of_marked": absent.delete_children_of_marked(below, own),
        "drop_stage_column": left_out.drop_stage_column(own, id_name),
        "add_wide_stage_column": left_out.add_stage_column(own, id_name, "VARCHAR(99)"),
        "count_values": left_out.count_values(own, id_name),
        "count_long": left_out.count_long(own, id_name, 10),
        "leave_out_long": left_out.leave_out_long(own, id_name, 10),
        "tell_apart": left_out.tell_apart(hashed, hashed, id_name),
        "tell_parent_apart": left_out.tell_apart(below, hashed, id_name, 10),
        "create_history_table": sql.create_table(versions),
        "pick_touched": history.pick_touched(versions),
        "pick_history": history.pick_history(versions),
        "count_fresh": history.count_fresh(versions),
        "count_before": history.count_before(versions),
        "count_kept": history.count_kept(versions),
        "delete_touched": history.delete_touched(versions),
        "insert_history": history.insert_history(versions),
        "doubled_keys": sql.doubled_keys(schema, name, own.key),
    }
    return {key: text.replace("%s", "'p'") for key, text in made.items()}


PLAIN = all_statements("work_items", "id", "ewm")
NASTY = all_statements(HOSTILE, "order \\ 'é", 'sch"ema')


@cache
def shape(statement: str) -> tuple[str, ...]:
    """How Redshift's grammar reads it: the kinds of its statements. Fails where it cannot."""
    tree = sqlfluff.parse(statement, dialect="redshift")
    kinds: list[str] = []

    def walk(node: object) -> None:
        if isinstance(node, list):
            for item in node:
                walk(item)
        elif isinstance(node, dict):
            for key, below in node.items():
                if key == "statement":
                    kinds.append(next(iter(below)) if isinstance(below, dict) else str(below))
                walk(below)

    walk(tree)
    return tuple(kinds)


@pytest.mark.parametrize("name", list(PLAIN))
def test_redshifts_grammar_reads_each_statement_as_one(name: str) -> None:
    plain, nasty = shape(PLAIN[name]), shape(NASTY[name])
    assert len(plain) == 1
    assert nasty == plain, "a hostile name stays a name"


@pytest.mark.parametrize("name", list(PLAIN))
def test_a_statement_uses_only_what_redshift_knows(name: str) -> None:
    bare = re.sub(r"'(?:[^']|'')*'", "''", PLAIN[name])
    assert not re.search(r"\)\s*(=|<|>|<=|>=)\s*\(", bare), "rows are never compared as rows"
    assert ";" not in bare
    assert "RETURNING" not in bare
    assert "ON CONFLICT" not in bare
    assert "QUALIFY" not in bare
    assert "DISTINCT FROM" not in bare
    assert not re.search(r"DELETE FROM \S+ USING\s*\(", bare), "no subquery in USING"
    if name == "merge":
        assert re.search(r"WHEN MATCHED THEN", bare), "no condition in WHEN MATCHED"
        assert re.search(r'USING "stage_work_items"\nON', bare), "no subquery in USING"
        assert "SELECT" not in bare


@pytest.mark.parametrize(
    "statement", [*BOOTSTRAP, *(text for step in MIGRATIONS for text in step.statements)]
)
def test_redshifts_grammar_reads_the_migrations(statement: str) -> None:
    assert len(shape(statement)) == 1


def test_redshifts_grammar_reads_the_grants_and_users() -> None:
    user = database_user("xmlift-dev-load")
    assert user == "IAMR:xmlift-dev-load"
    assert create_user(user) == 'CREATE USER "IAMR:xmlift-dev-load" PASSWORD DISABLE'
    granted = grants(["ewm", HOSTILE], user, ["IAMR:plan", "IAMR:report"], ["IAMR:analysts", "dashboards"])
    for statement in (create_user(user), no_longer("dashboards"), *granted):
        # Redshift grants default privileges to roles too; sqlfluff's grammar knows users and groups only.
        known = (
            statement.replace("TO ROLE", "TO GROUP") if statement.startswith("ALTER DEFAULT") else statement
        )
        assert len(shape(known)) == 1, statement


def test_migrations_go_forward_by_one() -> None:
    assert [step.version for step in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (sql.identifier("a"), '"a"'),
        (sql.identifier('a"b'), '"a""b"'),
        (sql.literal("it's"), "'it''s'"),
        (sql.literal("a\\b"), "'a\\\\b'"),
        (sql.literal("\\' OR 1=1 --"), "'\\\\'' OR 1=1 --'"),
        (sql.column_list(["a", 'b"']), '"a", "b"""'),
        (sql.column_list(["a", "b"], "t"), 't."a", t."b"'),
        (sql.mutex("ewm", "work_items"), '"ewm"."work_items__mutex"'),
        (sql.lock("ewm", "work_items"), 'LOCK "ewm"."work_items__mutex"'),
        (table().qualified, '"ewm"."work_items"'),
        (sql.create_stage(table()), 'CREATE TEMP TABLE "stage_work_items" (LIKE "ewm"."work_items")'),
        (
            sql.copy(table(), ("id", "summary"), "s3://b/m", "arn:r"),
            'COPY "stage_work_items" ("id", "summary")\n'
            "FROM 's3://b/m'\nIAM_ROLE 'arn:r'\n"
            "MANIFEST FORMAT AS CSV GZIP NULL AS ''\n"
            "DATEFORMAT 'auto' TIMEFORMAT 'auto' COMPUPDATE OFF",
        ),
        (
            sql.merge(Table("s", "t", (("k", "BIGINT"), ("v", "BIGINT")), ("k",), (), frozenset())),
            'MERGE INTO "s"."t" USING "stage_t"\n'
            'ON "s"."t"."k" = "stage_t"."k"\n'
            'WHEN MATCHED THEN UPDATE SET "v" = "stage_t"."v"\n'
            'WHEN NOT MATCHED THEN INSERT ("k", "v")\n'
            'VALUES ("stage_t"."k", "stage_t"."v")',
        ),
        (
            sql.create_table(Table("s", "t", (("k", "BIGINT"), ("v", "SUPER")), (), (), frozenset({"k"}))),
            'CREATE TABLE IF NOT EXISTS "s"."t" (\n  "k" BIGINT NOT NULL,\n  "v" SUPER\n)',
        ),
    ],
)
def test_the_text_of(made: str, expected: str) -> None:
    assert made == expected


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1))
def test_no_name_leaves_its_quotes(name: str) -> None:
    database = sqlite3.connect(":memory:")
    database.execute(f"CREATE TABLE t ({sql.identifier(name)} INTEGER)")
    ((_, found, *_),) = database.execute("PRAGMA table_info(t)")
    assert found == name


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_no_text_leaves_its_quotes(text: str) -> None:
    made = sql.literal(text)
    inner = made[1:-1]
    assert made[0] == made[-1] == "'"
    # As Redshift reads it: a backslash takes the next character as it is, two quotes are one.
    assert re.sub(r"\\(.)|''", lambda match: match[1] or "'", inner, flags=re.DOTALL) == text
    assert re.fullmatch(r"(?:[^'\\]|''|\\.)*", inner, re.DOTALL)


versions = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=4)


@given(versions)
def test_versions_compare_as_tuples_do(pairs: list[tuple[int, int]]) -> None:
    names = [f"v{number}" for number in range(len(pairs))]
    columns = ", ".join(f'"{name}"' for name in names)
    database = sqlite3.connect(":memory:")
    for relation, values in (("a", [one for one, _ in pairs]), ("b", [other for _, other in pairs])):
        database.execute(f"CREATE TABLE {relation} ({columns})")
        database.execute(f"INSERT INTO {relation} VALUES ({', '.join('?' * len(values))})", values)
    (found,) = database.execute(f"SELECT {sql._not_older(names, 'a', 'b')} FROM a, b").fetchone()
    assert bool(found) == (tuple(one for one, _ in pairs) >= tuple(other for _, other in pairs))


def test_what_is_stale_is_what_the_target_has_as_new_or_newer() -> None:
    assert sql.delete_stale(table()).startswith(
        'DELETE FROM "stage_work_items" USING "ewm"."work_items" AS target\n'
        'WHERE "stage_work_items"."id" = target."id"\n'
        'AND (target."modified" > "stage_work_items"."modified" OR ('
    )


bits = st.integers(0, 1)
# Mostly ties: what decides then is the page, the row in it and the part.
ranked = st.tuples(bits, *[st.just(0) | bits] * 3, bits, bits, bits)


@given(st.sets(st.tuples(*[st.just(0)] * 4, bits, bits, bits) | ranked, max_size=6))
def test_the_winner_of_a_key_is_the_newest_then_the_last_read(rows: set[tuple[int, ...]]) -> None:
    """The window function run by SQLite against Python's maximum; a window of its own tells each row."""
    read = ("id", "modified", "_read_at", "_parsed_at", "_page", "_row", "_part")
    names = (*read, *sql.WINDOW)
    columns = tuple((name, "BIGINT") for name in names)
    own = Table("main", "t", columns, ("id",), ("modified", "_read_at", "_parsed_at"), frozenset())
    database = sqlite3.connect(":memory:")
    database.execute(f"CREATE TABLE {own.stage} ({sql.column_list(names)})")
    staged = [(*row, number, 0, 0) for number, row in enumerate(rows)]
    database.executemany(f"INSERT INTO {own.stage} VALUES ({', '.join('?' * len(names))})", staged)
    database.execute(duplicates.pick_losers(own, own.key))
    ((doubled,),) = database.execute(duplicates.count_doubled(own, own.key))
    assert doubled == sum(count > 1 for count in Counter(key for key, *_ in rows).values())
    # SQLite knows no DELETE … USING: what it would take out is left out here.
    database.execute(
        f"DELETE FROM {own.stage} WHERE EXISTS (SELECT 1 FROM {own.losers} AS loser "
        f"WHERE {sql.same(sql.RECORD, own.stage, 'loser')})"
    )
    found = sorted(database.execute(f"SELECT {sql.column_list(read)} FROM {own.stage}"))
    assert found == sorted({row[0]: row for row in sorted(rows)}.values())
