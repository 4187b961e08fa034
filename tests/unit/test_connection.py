"""Connections: which faults are tried again, and that no statement outlives its deadline."""

from pathlib import Path
from typing import Any

import psycopg2
import pytest
from botocore.exceptions import ClientError

from xmlift.errors import WarehouseError
from xmlift.warehouse import connection
from xmlift.warehouse.connection import Address, Credentials, TimeUpError, Warehouse, temporary_credentials

from .warehouse_stand_in import LOADER, StandIn


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (psycopg2.InternalError("1023\nDETAIL:  Serializable isolation violation on table - 1"), True),
        (psycopg2.InternalError("ERROR:  1018\nDETAIL:  Relation does not exist"), True),
        (
            psycopg2.InternalError("x: could not complete because of conflict with concurrent transaction"),
            True,
        ),
        (psycopg2.OperationalError("server closed the connection unexpectedly"), True),
        (psycopg2.InterfaceError("connection already closed"), True),
        (psycopg2.InternalError("S3ServiceException:Please slow down.,Status 503,Error SlowDown"), True),
        (psycopg2.InternalError("S3ServiceException:Access Denied,Status 403,Error AccessDenied"), False),
        (
            psycopg2.InternalError(
                "Problem reading manifest file - S3ServiceException:Please reduce your request rate.,Status 503,"
                "Error SlowDown"
            ),
            True,
        ),
        (
            psycopg2.InternalError(
                "Problem reading manifest file - S3ServiceException:Access Denied,Status 403,Error AccessDenied"
            ),
            False,
        ),
        (psycopg2.DataError("value too long for type character varying(1023)"), False),
        (psycopg2.InternalError("Load into table 't1018' failed"), False),
        (psycopg2.errors.QueryCanceled("canceling statement due to statement timeout"), False),
        (psycopg2.ProgrammingError('relation "x" does not exist'), False),
    ],
)
def test_what_may_pass_is_tried_again(error: psycopg2.Error, passes: bool) -> None:
    assert connection._may_pass(error) is passes


def test_credentials_that_are_refused_name_the_workgroup_and_the_permission() -> None:
    class Client:
        def get_credentials(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetCredentials")

    with pytest.raises(WarehouseError, match=r"workgroup wg: .*redshift-serverless:GetCredentials on it"):
        temporary_credentials(Client(), "wg", "db")()


CLOSED = Address("127.0.0.1", 1, "db", Path("/no/such/ca.pem"))


def test_a_warehouse_that_does_not_answer_is_tried_several_times_with_pauses_between() -> None:
    pauses: list[float] = []
    warehouse = Warehouse(CLOSED, lambda: Credentials("u", "hunter2"), "test", sleep=pauses.append)
    with pytest.raises(WarehouseError, match=r"no connection to 127.0.0.1:1/db in 8 tries") as caught:
        warehouse.connect()
    assert len(pauses) == 8
    assert "hunter2" not in str(caught.value)


def test_nobody_is_waited_for_beyond_the_deadline() -> None:
    pauses: list[float] = []
    warehouse = Warehouse(CLOSED, lambda: Credentials("u", "p"), "test", sleep=pauses.append)
    with pytest.raises(WarehouseError, match=r"in 1 tries"):
        warehouse.connect(deadline=0)
    assert pauses == []
    with pytest.raises(TimeUpError):
        warehouse.transaction(lambda _: None, seconds=0)


def lost(stand_in: StandIn, how: str, error: type[psycopg2.Error]) -> list[int]:
    """Run a work that loses its session the first time; the sessions that it ran in."""
    sessions: list[int] = []

    def work(cursor: Any) -> None:
        sessions.append(cursor.connection.info.backend_pid)
        if len(sessions) == 1:
            cursor.connection.close()
            raise error("no message from the libpq")

    getattr(stand_in.warehouse(LOADER), how)(work, 60)
    return sessions


@pytest.mark.parametrize("how", ["transaction", "autocommit"])
@pytest.mark.parametrize(
    "error", [psycopg2.DatabaseError, psycopg2.InterfaceError, psycopg2.OperationalError]
)
def test_a_lost_session_is_known_by_itself_whatever_error_it_was_lost_with(
    stand_in: StandIn, how: str, error: type[psycopg2.Error]
) -> None:
    first, second = lost(stand_in, how, error)
    assert first != second


def test_a_statement_gets_what_is_left_and_the_next_one_too(stand_in: StandIn) -> None:
    limits: list[str] = []

    def work(cursor: Any) -> None:
        for seconds in (5, 500):
            with cursor.each_within(seconds):
                cursor.execute("SHOW statement_timeout")
                limits.append(cursor.fetchone()[0])
        cursor.execute("SHOW statement_timeout")
        limits.append(cursor.fetchone()[0])

    stand_in.warehouse(LOADER).transaction(work)
    assert limits == ["5s", "500s", "0"]
