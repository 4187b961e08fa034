"""Connections: which faults are tried again, and that no statement outlives its deadline."""

from typing import Any

import psycopg2
import pytest
from botocore.exceptions import ClientError

from xmlift.errors import WarehouseError
from xmlift.warehouse import connection
from xmlift.warehouse.connection import temporary_credentials


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
