"""A bucket's policy that asks for conditional writes, on the local cloud."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud

KEEP = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:PutObject",
    "Resource": "arn:aws:s3:::kept/*",
    "Condition": {"Null": {"s3:if-none-match": "true"}},
}
WRITE = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::kept/*"}


def policy(statement: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_a_writing_that_does_not_ask_for_a_free_key_is_refused(emulator: Cloud) -> None:
    emulator.client("s3").create_bucket(Bucket="kept")
    emulator.client("s3").put_bucket_policy(Bucket="kept", Policy=policy(KEEP))
    iam = emulator.client("iam")
    iam.create_user(UserName="writer")
    iam.put_user_policy(UserName="writer", PolicyName="write", PolicyDocument=policy(WRITE))
    key = iam.create_access_key(UserName="writer")["AccessKey"]
    s3 = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1").client(
        "s3", endpoint_url=emulator.emulator_url, verify=str(emulator.instance.ca_file)
    )
    s3.put_object(Bucket="kept", Key="a", Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket="kept", Key="a", Body=b"2", IfNoneMatch="*")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket="kept", Key="a", Body=b"2")
