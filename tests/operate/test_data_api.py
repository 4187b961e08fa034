"""The warehouse by the Data API: what is asked for, and how its answers read."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from botocore.exceptions import ClientError

from operate.data_api import Connection, error_of, rendered, statements

Answers = Callable[..., dict[str, Any]]


class Client:
    """The Data API: statements need two looks; answers come page by page."""

    def __init__(self, pages: list[dict[str, Any]], ended: dict[str, Any] | None = None) -> None:
        self.pages = pages
        self.ended = {"Id": "one", "Status": "FINISHED", "HasResultSet": bool(pages)} | (ended or {})
        self.told = [{"Status": "SUBMITTED"}, {"Status": "STARTED"}, self.ended]
        self.asked: list[Any] = []

    def execute_statement(self, **given: Any) -> dict[str, Any]:
        self.asked.append(given)
        return {"Id": "one"}

    def batch_execute_statement(self, **given: Any) -> dict[str, Any]:
        self.asked.append(given)
        return {"Id": "one"}

    def describe_statement(self, Id: str) -> dict[str, Any]:  # noqa: N803 (boto3's)
        assert Id == "one"
        return self.told.pop(0)

    def get_statement_result(self, Id: str, NextToken: str = "0") -> dict[str, Any]:  # noqa: N803
        self.asked.append((Id, NextToken))
        return self.pages[int(NextToken)]

    def cancel_statement(self, Id: str) -> None:  # noqa: N803
        self.asked.append(("cancel", Id))


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("operate.data_api.time.sleep", lambda _: None)


def page(
    rows: list[list[dict[str, Any]]], columns: list[tuple[str, str]], following: str = ""
) -> dict[str, Any]:
    metadata = [{"name": name, "typeName": kind} for name, kind in columns]
    answer = {"ColumnMetadata": metadata, "Records": rows, "TotalNumRows": 2}
    return answer | ({"NextToken": following} if following else {})


def test_an_answer_has_the_types_that_psycopg2_gives() -> None:
    columns = [
        ("name", "varchar"), ("count", "int8"), ("price", "numeric"), ("at", "timestamptz"), ("day", "date"),
        ("is_new", "bool"), ("nothing", "varchar"),
    ]  # fmt: skip
    row = [
        {"stringValue": "Zürich"}, {"longValue": 7}, {"stringValue": "1.50"},
        {"stringValue": "2026-01-02 03:04:05.678+00"}, {"stringValue": "2026-01-02"}, {"booleanValue": True},
        {"isNull": True},
    ]  # fmt: skip
    client = Client([page([row], columns)])
    cursor = Connection(client, "xmlift-dev", "xmlift").cursor()
    cursor.execute("SELECT 1")
    assert client.asked[0] == {"Sql": "SELECT 1", "WorkgroupName": "xmlift-dev", "Database": "xmlift"}
    assert cursor.fetchall() == [
        (
            "Zürich", 7, Decimal("1.50"), datetime(2026, 1, 2, 3, 4, 5, 678000, UTC), date(2026, 1, 2), True, None,
        )
    ]  # fmt: skip
    assert [column.name for column in cursor.description or ()] == [name for name, _ in columns]


def test_no_more_pages_are_fetched_than_rows_are_asked_for() -> None:
    client = Client(
        [page([[{"longValue": n}]], [("n", "int4")], following) for n, following in ((1, "1"), (2, ""))]
    )
    cursor = Connection(client, "w", "d").cursor()
    cursor.execute("SELECT n FROM t")
    assert (cursor.fetchmany(1), client.asked[1:]) == ([(1,)], [("one", "0")])
    assert (cursor.fetchone(), cursor.fetchone()) == ((2,), None)
    assert (client.asked[1:], cursor.rowcount) == ([("one", "0"), ("one", "1")], 2)


def test_statements_of_one_call_are_one_transaction_and_the_last_one_answers() -> None:
    ended = {"SubStatements": [{"Id": "one:1"}, {"Id": "one:2", "HasResultSet": True}]}
    client = Client([page([[{"longValue": 2}]], [("n", "int4")])], ended)
    cursor = Connection(client, "w", "d").cursor()
    cursor.execute("CREATE TEMP TABLE t (n INT); SELECT 2 AS n;")
    assert client.asked[0]["Sqls"] == ["CREATE TEMP TABLE t (n INT)", "SELECT 2 AS n"]
    assert (client.asked[1], cursor.fetchall()) == (("one:2", "0"), [(2,)])


@pytest.mark.parametrize("statement", ["BEGIN", "commit;", "SELECT 1; ROLLBACK", "-- now\n/* ; */ begin"])
def test_a_transaction_over_several_calls_is_refused_before_anything_runs(statement: str) -> None:
    client = Client([])
    with pytest.raises(psycopg2.NotSupportedError, match="given in one call are one transaction"):
        Connection(client, "w", "d").cursor().execute(statement)
    assert client.asked == []


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ('ERROR: relation "xmlift.ledger" does not exist', psycopg2.errors.UndefinedTable),
        ('ERROR: column "x" does not exist', psycopg2.errors.UndefinedColumn),
        ("ERROR: permission denied for schema ewm", psycopg2.errors.InsufficientPrivilege),
        ("ERROR: division by zero", psycopg2.DatabaseError),
    ],
)
def test_what_fails_is_told_as_psycopg2_tells_it(words: str, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=words):
        Connection(Client([], {"Status": "FAILED", "Error": words}), "w", "d").cursor().execute("SELECT 1")


@pytest.mark.parametrize(
    ("code", "kind"),
    [("AccessDeniedException", ClientError), ("ValidationException", psycopg2.OperationalError)],
)
def test_a_caller_who_is_refused_is_not_told_of_a_silent_warehouse(code: str, kind: type[Exception]) -> None:
    class Refusing(Client):
        def execute_statement(self, **given: Any) -> dict[str, Any]:
            raise ClientError({"Error": {"Code": code}}, "ExecuteStatement")

    with pytest.raises(kind):
        Connection(Refusing([]), "w", "d").cursor().execute("SELECT 1")


def test_what_somebody_else_cancelled_is_told_as_cancelled() -> None:
    with pytest.raises(psycopg2.errors.QueryCanceled):
        Connection(Client([], {"Status": "ABORTED"}), "w", "d").cursor().execute("SELECT 1")


def test_an_interruption_cancels_the_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client([])

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("operate.data_api.time.sleep", interrupted)
    with pytest.raises(psycopg2.errors.QueryCanceled):
        Connection(client, "w", "d").cursor().execute("SELECT 1")
    assert client.asked[-1] == ("cancel", "one")


@pytest.mark.parametrize(
    ("query", "values", "text"),
    [
        ("SELECT '50 %'", None, "SELECT '50 %'"),
        ("a = %s AND b IN %s LIMIT %s", ["it's", ("x", "ü"), 5], "a = 'it''s' AND b IN ('x', 'ü') LIMIT 5"),
        ("a = %(a)s OR %(a)s = '' -- 50 %%", {"a": "x"}, "a = 'x' OR 'x' = '' -- 50 %"),
        ("a = %s", ["\\"], "a = '\\\\'"),  # which Redshift, too, takes for an escape
        ("at < %s", [datetime(2026, 1, 2, tzinfo=UTC)], "at < '2026-01-02T00:00:00+00:00'::timestamptz"),
    ],
)
def test_values_become_literals(query: str, values: Any, text: str) -> None:
    assert rendered(query, values) == text


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("SELECT 1", ["SELECT 1"]),
        (" SELECT ';' ; ;SELECT \";\" -- ; \n, 2;", ["SELECT ';'", 'SELECT ";" -- ; \n, 2']),
        ("SELECT 'it''s; \\'; '; SELECT /* ; */ 2", ["SELECT 'it''s; \\'; '", "SELECT /* ; */ 2"]),
        (";;", []),
        ("SELECT 1; -- that is all", ["SELECT 1"]),
        ("/* none; */ -- at all", []),
        ("-- one;\nSELECT 1; SELECT 2", ["-- one;\nSELECT 1", "SELECT 2"]),
        ("SELECT $$a;b$$, $x$;$$;$x$; SELECT a$b;", ["SELECT $$a;b$$, $x$;$$;$x$", "SELECT a$b"]),
    ],
)
def test_statements_are_cut_at_their_semicolons(text: str, pieces: list[str]) -> None:
    assert statements(text) == pieces


def test_the_words_of_an_error_are_kept() -> None:
    assert str(error_of('ERROR: syntax error at or near "selct"')) == 'ERROR: syntax error at or near "selct"'
