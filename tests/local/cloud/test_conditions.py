"""Conditions of policies, on the local cloud, that ask for what ministack itself does not know."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud

ACCOUNT = "000000000000"
Statement = dict[str, object]


def policy(*statements: Statement) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def user(emulator: Cloud, name: str, *statements: Statement) -> boto3.Session:
    iam = emulator.client("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=policy(*statements))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1")


def reached(emulator: Cloud) -> dict[str, str]:
    return {"endpoint_url": emulator.emulator_url, "verify": str(emulator.instance.ca_file)}


def test_a_writing_that_does_not_ask_for_a_free_key_is_refused(emulator: Cloud) -> None:
    statement = {"Action": "s3:PutObject", "Resource": "arn:aws:s3:::kept/*"}
    condition = {"Null": {"s3:if-none-match": "true"}}
    keep = {"Effect": "Deny", "Principal": "*", "Condition": condition, **statement}
    emulator.client("s3").create_bucket(Bucket="kept")
    emulator.client("s3").put_bucket_policy(Bucket="kept", Policy=policy(keep))
    s3 = user(emulator, "writer", {"Effect": "Allow", **statement}).client("s3", **reached(emulator))
    s3.put_object(Bucket="kept", Key="a", Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket="kept", Key="a", Body=b"2", IfNoneMatch="*")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket="kept", Key="a", Body=b"2")


def test_a_role_is_made_and_changed_within_its_boundary_alone(emulator: Cloud) -> None:
    everything = policy({"Effect": "Allow", "Action": "*", "Resource": "*"})
    root = emulator.client("iam")
    boundary = root.create_policy(PolicyName="boundary", PolicyDocument=everything)["Policy"]["Arn"]
    condition = {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    actions = ["iam:CreateRole", "iam:PutRolePolicy"]
    bounded = {"Effect": "Allow", "Action": actions, "Resource": "*", "Condition": condition}
    iam = user(emulator, "maker", bounded).client("iam", **reached(emulator))
    trust = policy(
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.create_role(RoleName="free", AssumeRolePolicyDocument=trust)
    iam.create_role(RoleName="bounded", AssumeRolePolicyDocument=trust, PermissionsBoundary=boundary)
    iam.put_role_policy(RoleName="bounded", PolicyName="may", PolicyDocument=everything)
    root.create_role(RoleName="free", AssumeRolePolicyDocument=trust)
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.put_role_policy(RoleName="free", PolicyName="may", PolicyDocument=everything)


def test_a_key_is_known_by_its_tags(emulator: Cloud) -> None:
    ours, theirs = (
        emulator.client("kms").create_key(Tags=[{"TagKey": "owner", "TagValue": owner}])["KeyMetadata"]["Arn"]
        for owner in ("us", "them")
    )
    condition = {"StringEquals": {"aws:ResourceTag/owner": "us"}}
    statement = {"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*", "Condition": condition}
    kms = user(emulator, "encrypter", statement).client("kms", **reached(emulator))
    assert kms.encrypt(KeyId=ours, Plaintext=b"1")["CiphertextBlob"]
    with pytest.raises(ClientError, match="AccessDenied"):
        kms.encrypt(KeyId=theirs, Plaintext=b"1")


def test_a_session_of_another_account_is_known_by_its_role(emulator: Cloud) -> None:
    """A bucket lets some roles of the other account in, and no others."""
    emulator.client("s3").create_bucket(Bucket="shared")
    emulator.client("s3").put_object(Bucket="shared", Key="a", Body=b"1")
    read = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::shared/*"}
    roles = {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/deploy-*"}}
    let_in = {**read, "Principal": {"AWS": "arn:aws:iam::444455556666:root"}, "Condition": roles}
    emulator.client("s3").put_bucket_policy(Bucket="shared", Policy=policy(let_in))
    there = boto3.Session("444455556666", "local", region_name="us-east-1")
    principal = {"AWS": "arn:aws:iam::444455556666:root"}
    trust = policy({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})

    def reads_as(name: str) -> bytes:
        iam = there.client("iam", **reached(emulator))
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
        iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=policy(read))
        sts = there.client("sts", **reached(emulator))
        given = sts.assume_role(RoleArn=arn, RoleSessionName="job")["Credentials"]
        session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        s3 = session.client("s3", region_name="us-east-1", **reached(emulator))
        return bytes(s3.get_object(Bucket="shared", Key="a")["Body"].read())

    assert reads_as("deploy-plan") == b"1"
    with pytest.raises(ClientError, match="AccessDenied"):
        reads_as("somebody")


def test_rules_and_aliases_have_the_names_that_they_have_on_aws(emulator: Cloud) -> None:
    key = emulator.client("kms").create_key()["KeyMetadata"]["KeyId"]
    session = user(
        emulator,
        "namer",
        {
            "Effect": "Allow",
            "Action": "events:PutRule",
            "Resource": f"arn:aws:events:us-east-1:{ACCOUNT}:rule/ours-*",
        },
        {
            "Effect": "Allow",
            "Action": "kms:CreateAlias",
            "Resource": f"arn:aws:kms:us-east-1:{ACCOUNT}:alias/ours",
        },
    )
    events, kms = (session.client(service, **reached(emulator)) for service in ("events", "kms"))
    pattern = '{"source": ["aws.s3"]}'
    assert events.put_rule(Name="ours-one", EventPattern=pattern)["RuleArn"]
    with pytest.raises(ClientError, match="AccessDenied"):
        events.put_rule(Name="theirs", EventPattern=pattern)
    kms.create_alias(AliasName="alias/ours", TargetKeyId=key)
    with pytest.raises(ClientError, match="AccessDenied"):
        kms.create_alias(AliasName="alias/theirs", TargetKeyId=key)
