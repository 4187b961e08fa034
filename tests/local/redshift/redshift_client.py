"""What the tests of the stand-in say to it."""

import gzip
import json
from collections.abc import Callable, Iterable
from typing import Any

import psycopg2
import pytest
from psycopg2 import extensions

from local.cloud import Cloud

type PgConnection = extensions.connection
type Connect = Callable[..., PgConnection]

DATABASE = "warehouse"


_clients: dict[tuple[int, str], Any] = {}


def aws(cloud: Cloud, service: str) -> Any:
    """A boto3 client, made once: making one takes longer than most tests."""
    key = (id(cloud), service)
    if key not in _clients:
        _clients[key] = cloud.client(service)
    return _clients[key]


def run(connection: PgConnection, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Run a statement; its rows, if it has any."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters or None)
        return cursor.fetchall() if cursor.description else []


def refused(connection: PgConnection, sql: str) -> psycopg2.Error:
    """The error that a statement must end in."""
    with pytest.raises(psycopg2.Error) as caught:
        run(connection, sql)
    return caught.value


def make_role(cloud: Cloud, name: str, *allowed: str) -> str:
    """A role that may do what is named (action, resource, action, resource …) and no more; its ARN."""
    iam = aws(cloud, "iam")
    trust = {"Version": "2012-10-17", "Statement": []}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    statements = [
        {"Effect": "Allow", "Action": action, "Resource": resource}
        for action, resource in zip(allowed[::2], allowed[1::2], strict=True)
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=name, PolicyName="only", PolicyDocument=policy)
    return str(role["Arn"])


def put_csv(cloud: Cloud, key: str, content: str, *, bucket: str = "landing") -> str:
    """A gzipped file in S3; its URL."""
    body = gzip.compress(content.encode())
    aws(cloud, "s3").put_object(Bucket=bucket, Key=key, Body=body)
    return f"s3://{bucket}/{key}"


def put_manifest(cloud: Cloud, key: str, urls: Iterable[str], *, mandatory: bool = True) -> str:
    """A manifest in S3; its URL."""
    entries = [{"url": url, "mandatory": mandatory} for url in urls]
    aws(cloud, "s3").put_object(Bucket="landing", Key=key, Body=json.dumps({"entries": entries}))
    return f"s3://landing/{key}"
