"""The Data API beside the real emulator: an operator's cursor over it, whose statements are whose, and who may."""

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import psycopg2
import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud
from local.servers import url
from operate.data_api import Connection

from .redshift_client import DATABASE, aws

pytestmark = pytest.mark.cloud

USER = "clerk"


@pytest.fixture
def warehouse_connection(cloud: Cloud, warehouse: dict[str, Any]) -> Connection:
    """As the account's root, who is a superuser here."""
    return Connection(aws(cloud, "redshift-data"), "xmlift-test", DATABASE)


@pytest.fixture
def analyst(cloud: Cloud, warehouse: dict[str, Any]) -> Iterator[Any]:
    """The client of a user who may do the one and the other."""
    iam = aws(cloud, "iam")
    iam.create_user(UserName=USER)
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1")
    endpoint = url(cloud.state.ports, "warehouse_control")
    yield session.client("redshift-data", endpoint_url=endpoint, verify=str(cloud.instance.ca_file))
    iam.delete_access_key(UserName=USER, AccessKeyId=key["AccessKeyId"])
    iam.put_user_policy(UserName=USER, PolicyName="may", PolicyDocument=_allowed())
    iam.delete_user_policy(UserName=USER, PolicyName="may")
    iam.delete_user(UserName=USER)


def _allowed(*actions: str) -> str:
    statement = {"Effect": "Allow", "Action": [*actions, "sts:GetCallerIdentity"], "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_an_answer_of_several_pages_is_read_whole(warehouse_connection: Connection) -> None:
    cursor = warehouse_connection.cursor()
    cursor.execute("SELECT n, n / 2.0 AS half FROM generate_series(1, 1201) AS n ORDER BY n")
    rows = cursor.fetchall()
    assert (len(rows), cursor.rowcount, rows[-1][0], str(rows[-1][1])[:5]) == (1201, 1201, 1201, "600.5")


def test_statements_of_one_call_are_one_transaction(warehouse_connection: Connection) -> None:
    cursor = warehouse_connection.cursor()
    with pytest.raises(psycopg2.errors.UndefinedTable):
        cursor.execute("CREATE TABLE half (n INT); SELECT 1 FROM nowhere")
    cursor.execute("SELECT tablename FROM pg_tables WHERE tablename = 'half'")
    assert cursor.fetchall() == []


def test_a_statement_that_is_cancelled_ends(cloud: Cloud, warehouse: dict[str, Any]) -> None:
    client = aws(cloud, "redshift-data")
    statement = client.execute_statement(
        Sql="SELECT pg_sleep(60)", WorkgroupName="xmlift-test", Database=DATABASE
    )["Id"]
    assert _until(client, statement, "STARTED", "FAILED") == "STARTED"
    assert client.cancel_statement(Id=statement)["Status"]
    assert _until(client, statement, "ABORTED", "FINISHED") == "ABORTED"


def test_a_user_needs_both_permissions_and_then_has_the_rights_of_a_database_user(
    cloud: Cloud, analyst: Any
) -> None:
    iam = aws(cloud, "iam")
    both = ("redshift-data:ExecuteStatement", "redshift-serverless:GetCredentials")
    for lacking in both:
        others = [action for action in both if action != lacking]
        iam.put_user_policy(UserName=USER, PolicyName="may", PolicyDocument=_allowed(*others))
        with pytest.raises(ClientError, match=lacking):
            analyst.execute_statement(Sql="SELECT 1", WorkgroupName="xmlift-test", Database=DATABASE)
    iam.put_user_policy(UserName=USER, PolicyName="may", PolicyDocument=_allowed("redshift-data:*", both[1]))
    cursor = Connection(analyst, "xmlift-test", DATABASE).cursor()
    cursor.execute("SELECT current_user AS who")
    assert cursor.fetchall() == [(f"IAM:{USER}",)]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute("CREATE SCHEMA theirs")


def test_a_statement_is_its_callers_own(cloud: Cloud, analyst: Any) -> None:
    aws(cloud, "iam").put_user_policy(
        UserName=USER, PolicyName="may", PolicyDocument=_allowed("redshift-data:*")
    )
    statement = aws(cloud, "redshift-data").execute_statement(
        Sql="SELECT 1", WorkgroupName="xmlift-test", Database=DATABASE
    )["Id"]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        analyst.get_statement_result(Id=statement)


def _until(client: Any, statement: str, *statuses: str) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if (status := str(client.describe_statement(Id=statement)["Status"])) in statuses:
            return status
        time.sleep(0.05)
    pytest.fail(f"the statement is none of {statuses}")
