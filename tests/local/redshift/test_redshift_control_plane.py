"""The API beside the real emulator: resources, the managed password, credentials and who may have them."""

import io
import json
import zipfile
from typing import Any

import boto3
import psycopg2
import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud
from local.servers import url

from .redshift_client import DATABASE, Connect, aws, make_role, run

pytestmark = pytest.mark.cloud


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def redshift_as(cloud: Cloud, key: str, secret: str, token: str | None = None) -> Any:
    session = boto3.Session(
        aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token, region_name="us-east-1"
    )
    endpoint = url(cloud.state.ports, "warehouse_control")
    return session.client("redshift-serverless", endpoint_url=endpoint, verify=str(cloud.instance.ca_file))


def test_a_namespace_reads_back_as_terraform_expects(warehouse: dict[str, Any]) -> None:
    namespace = warehouse["namespace"]
    assert namespace["status"] == "AVAILABLE"
    assert namespace["dbName"] == DATABASE
    assert namespace["kmsKeyId"] == "AWS_OWNED_KMS_KEY"
    assert namespace["iamRoles"] == [f"IamRole(applyStatus=in-sync, iamRoleArn={warehouse['copy_role']})"]


def test_a_workgroup_reads_back_as_terraform_expects(cloud: Cloud, warehouse: dict[str, Any]) -> None:
    workgroup = aws(cloud, "redshift-serverless").get_workgroup(workgroupName="xmlift-test")["workgroup"]
    assert workgroup["endpoint"] == {
        "address": "127.0.0.1",
        "port": cloud.state.ports["warehouse"],
        "vpcEndpoints": [],
    }
    assert len(workgroup["configParameters"]) == 9
    assert workgroup == warehouse["workgroup"]


def test_the_managed_password_is_a_secret_that_opens_the_database(
    cloud: Cloud, warehouse: dict[str, Any], client: Connect
) -> None:
    arn = warehouse["namespace"]["adminPasswordSecretArn"]
    secret = aws(cloud, "secretsmanager").get_secret_value(SecretId=arn)
    assert secret["Name"] == "redshift!xmlift-test-xmlift_admin"
    known = json.loads(secret["SecretString"])
    connection = client(known["username"], known["password"])
    assert run(connection, "SELECT current_user, current_database()") == [("xmlift_admin", DATABASE)]


def test_the_managed_password_is_encrypted_with_the_key_that_is_asked_for(
    cloud: Cloud, warehouse: dict[str, Any]
) -> None:
    redshift, secrets = aws(cloud, "redshift-serverless"), aws(cloud, "secretsmanager")
    key = aws(cloud, "kms").create_key()["KeyMetadata"]["Arn"]
    made = redshift.create_namespace(
        namespaceName="locked", manageAdminPassword=True, adminPasswordSecretKmsKeyId=key
    )["namespace"]
    told = secrets.describe_secret(SecretId=made["adminPasswordSecretArn"])
    redshift.delete_namespace(namespaceName="locked")
    assert told["KmsKeyId"] == made["adminPasswordSecretKmsKeyId"] == key


def test_the_life_of_a_namespace(cloud: Cloud, warehouse: dict[str, Any]) -> None:
    redshift = aws(cloud, "redshift-serverless")
    made = redshift.create_namespace(
        namespaceName="passing", dbName="passing", manageAdminPassword=True, tags=[{"key": "a", "value": "b"}]
    )["namespace"]
    redshift.create_workgroup(namespaceName="passing", workgroupName="passing", baseCapacity=8)
    workgroup = redshift.update_workgroup(workgroupName="passing", baseCapacity=16)["workgroup"]
    assert workgroup["baseCapacity"] == 16
    limit = redshift.create_usage_limit(
        resourceArn=workgroup["workgroupArn"], usageType="serverless-compute", amount=8, period="daily"
    )["usageLimit"]
    redshift.update_usage_limit(usageLimitId=limit["usageLimitId"], amount=9, breachAction="deactivate")
    read = redshift.get_usage_limit(usageLimitId=limit["usageLimitId"])["usageLimit"]
    assert (read["amount"], read["breachAction"]) == (9, "deactivate")
    redshift.tag_resource(resourceArn=made["namespaceArn"], tags=[{"key": "c", "value": "d"}])
    redshift.untag_resource(resourceArn=made["namespaceArn"], tagKeys=["a"])
    tags = redshift.list_tags_for_resource(resourceArn=made["namespaceArn"])["tags"]
    assert tags == [{"key": "c", "value": "d"}]
    redshift.put_resource_policy(resourceArn=made["namespaceArn"], policy="{}")
    policy = redshift.get_resource_policy(resourceArn=made["namespaceArn"])["resourcePolicy"]
    assert policy == {"resourceArn": made["namespaceArn"], "policy": "{}"}
    redshift.delete_resource_policy(resourceArn=made["namespaceArn"])

    with pytest.raises(ClientError) as refused:
        redshift.delete_namespace(namespaceName="passing")
    assert code(refused) == "ConflictException"
    redshift.delete_usage_limit(usageLimitId=limit["usageLimitId"])
    redshift.delete_workgroup(workgroupName="passing")
    redshift.delete_namespace(namespaceName="passing")
    with pytest.raises(ClientError) as gone:
        redshift.get_namespace(namespaceName="passing")
    assert code(gone) == "ResourceNotFoundException"
    with pytest.raises(ClientError) as deleted:
        aws(cloud, "secretsmanager").get_secret_value(SecretId=made["adminPasswordSecretArn"])
    assert code(deleted) == "ResourceNotFoundException"
    names = {known["namespaceName"] for known in redshift.list_namespaces()["namespaces"]}
    assert names == {"xmlift-test"}


def test_a_snapshot_brings_back_what_there_was(
    cloud: Cloud, warehouse: dict[str, Any], client: Connect
) -> None:
    redshift = aws(cloud, "redshift-serverless")
    names = {"namespaceName": "xmlift-test", "workgroupName": "xmlift-test", "snapshotName": "before"}
    connection = client()
    run(connection, "CREATE SCHEMA kept")
    run(connection, "CREATE TABLE kept.items (id INTEGER)")
    run(connection, "INSERT INTO kept.items VALUES (7)")
    made = redshift.create_snapshot(namespaceName="xmlift-test", snapshotName="before", retentionPeriod=35)[
        "snapshot"
    ]
    assert (made["status"], made["snapshotRetentionPeriod"]) == ("AVAILABLE", 35)
    assert made["namespaceArn"] == warehouse["namespace"]["namespaceArn"]
    run(client(), "DELETE FROM kept.items")
    run(client(), "CREATE TABLE kept.later (id INTEGER)")

    restored = redshift.restore_from_snapshot(**names)
    assert restored["namespace"]["namespaceId"] == warehouse["namespace"]["namespaceId"]
    assert run(client(), "SELECT id FROM kept.items") == [(7,)]
    with pytest.raises(psycopg2.errors.UndefinedTable):
        run(client(), "SELECT * FROM kept.later")
    run(client(), "DROP SCHEMA kept CASCADE")

    with pytest.raises(ClientError) as twice:
        redshift.create_snapshot(namespaceName="xmlift-test", snapshotName="before")
    assert code(twice) == "ConflictException"
    listed = redshift.list_snapshots(namespaceName="xmlift-test")["snapshots"]
    assert [snapshot["snapshotName"] for snapshot in listed] == ["before"]
    redshift.delete_snapshot(snapshotName="before")
    with pytest.raises(ClientError) as gone:
        redshift.restore_from_snapshot(**names)
    assert code(gone) == "ResourceNotFoundException"


def test_credentials_are_several_and_for_a_while(cloud: Cloud, client: Connect) -> None:
    redshift = aws(cloud, "redshift-serverless")
    given = [
        redshift.get_credentials(workgroupName="xmlift-test", dbName=DATABASE, durationSeconds=seconds)
        for seconds in (900, 3600)
    ]
    assert {answer["dbUser"] for answer in given} == {"IAM:root"}
    lasting = (given[1]["expiration"] - given[0]["expiration"]).total_seconds()
    assert lasting == pytest.approx(2700, abs=30)
    for answer in given:
        assert run(client(answer["dbUser"], answer["dbPassword"]), "SELECT 1") == [(1,)]
    for seconds in (899, 3601):
        with pytest.raises(ClientError) as refused:
            redshift.get_credentials(workgroupName="xmlift-test", durationSeconds=seconds)
        assert code(refused) == "ValidationException"


def test_credentials_are_for_their_database(cloud: Cloud, client: Connect) -> None:
    given = aws(cloud, "redshift-serverless").get_credentials(workgroupName="xmlift-test", dbName="other")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        client(given["dbUser"], given["dbPassword"])


def test_a_user_needs_the_permission(cloud: Cloud, warehouse: dict[str, Any], client: Connect) -> None:
    iam = aws(cloud, "iam")
    iam.create_user(UserName="analyst")
    key = iam.create_access_key(UserName="analyst")["AccessKey"]
    redshift = redshift_as(cloud, key["AccessKeyId"], key["SecretAccessKey"])
    with pytest.raises(ClientError) as denied:
        redshift.get_credentials(workgroupName="xmlift-test")
    assert code(denied) == "AccessDeniedException"
    arn = warehouse["workgroup"]["workgroupArn"]
    assert (
        f"user/analyst is not authorized to perform: redshift-serverless:GetCredentials on resource: {arn}"
        in str(denied.value)
    )
    statement = {"Effect": "Allow", "Action": "redshift-serverless:GetCredentials", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="analyst", PolicyName="credentials", PolicyDocument=policy)
    given = redshift.get_credentials(workgroupName="xmlift-test")
    assert given["dbUser"] == "IAM:analyst"
    connection = client(given["dbUser"], given["dbPassword"])
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        run(connection, "CREATE SCHEMA mine")
    with pytest.raises(ClientError) as still_denied:
        redshift.delete_workgroup(workgroupName="xmlift-test")
    assert code(still_denied) == "AccessDeniedException"


@pytest.mark.parametrize("key", ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE"])
@pytest.mark.usefixtures("warehouse")
def test_unknown_keys_are_refused(cloud: Cloud, key: str) -> None:
    with pytest.raises(ClientError) as refused:
        redshift_as(cloud, key, "secret").get_credentials(workgroupName="xmlift-test")
    assert code(refused) == "UnrecognizedClientException"


@pytest.mark.usefixtures("warehouse")
def test_a_wrong_signature_is_refused(cloud: Cloud) -> None:
    iam = aws(cloud, "iam")
    iam.create_user(UserName="forged")
    key = iam.create_access_key(UserName="forged")["AccessKey"]["AccessKeyId"]
    with pytest.raises(ClientError) as refused:
        redshift_as(cloud, key, "another secret").get_credentials(workgroupName="xmlift-test")
    assert code(refused) == "InvalidSignatureException"


def test_a_session_is_known_by_its_role(cloud: Cloud, warehouse: dict[str, Any]) -> None:
    """As of a workflow, which has taken a role on: asked is what the role may do."""
    arn = warehouse["workgroup"]["workgroupArn"]
    iam, trust = aws(cloud, "iam"), {"AWS": "arn:aws:iam::000000000000:root"}
    role = make_role(cloud, "deployer", "redshift-serverless:GetCredentials", arn)
    statement = {"Effect": "Allow", "Principal": trust, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.update_assume_role_policy(RoleName="deployer", PolicyDocument=policy)
    given = aws(cloud, "sts").assume_role(RoleArn=role, RoleSessionName="job")["Credentials"]
    redshift = redshift_as(cloud, given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    assert redshift.get_credentials(workgroupName="xmlift-test")["dbUser"] == "IAMR:deployer"
    with pytest.raises(ClientError) as denied:
        redshift.delete_namespace(namespaceName="xmlift-test")
    assert "assumed-role/deployer/job is not authorized" in str(denied.value)


FUNCTION = """
import os

def handler(event, context):
    return [os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")]
"""


@pytest.fixture(scope="module")
def function_role(cloud: Cloud, warehouse: dict[str, Any]) -> str:
    """A deployed function, with a version behind an alias, whose role may ask for credentials."""
    action, resource = "redshift-serverless:GetCredentials", warehouse["workgroup"]["workgroupArn"]
    role = make_role(cloud, "xmlift-test-load", action, resource)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("handler.py", FUNCTION)
    functions = aws(cloud, "lambda")
    functions.create_function(
        FunctionName="load",
        Runtime="python3.13",
        Handler="handler.handler",
        Role=role,
        Code={"ZipFile": archive.getvalue()},
        Publish=True,
    )
    functions.create_alias(FunctionName="load", Name="live", FunctionVersion="1")
    return role


@pytest.mark.parametrize("name", ["load", "load:live"])
def test_a_function_is_known_by_its_role(
    cloud: Cloud, function_role: str, warehouse: dict[str, Any], client: Connect, name: str
) -> None:
    """Private to the emulator: this tells when a new version hands out credentials in another way."""
    answer = aws(cloud, "lambda").invoke(FunctionName=name, Payload=b"null")
    key, secret, token = json.loads(answer["Payload"].read())
    redshift = redshift_as(cloud, key, secret, token)
    given = redshift.get_credentials(workgroupName="xmlift-test", dbName=DATABASE)
    assert given["dbUser"] == "IAMR:xmlift-test-load"
    connection = client(given["dbUser"], given["dbPassword"])
    assert run(connection, "SELECT current_user") == [("IAMR:xmlift-test-load",)]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        run(connection, "CREATE TABLE t (a INT)")
    with pytest.raises(ClientError) as denied:
        redshift.delete_namespace(namespaceName="xmlift-test")
    assert f"assumed-role/{function_role.rpartition('/')[2]}/load is not authorized" in str(denied.value)
    with pytest.raises(ClientError) as unsigned:
        redshift_as(cloud, key, "guessed", token).get_credentials(workgroupName="xmlift-test")
    assert code(unsigned) == "InvalidSignatureException"
