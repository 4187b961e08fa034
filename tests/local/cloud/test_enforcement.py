"""The emulator asks roles as AWS does, where it would not by itself: these tests tell when a new version has moved
what `local/enforcement.py` replaces."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.cloud import Cloud

pytestmark = pytest.mark.cloud

Deploy = Callable[..., str]
Grant = Callable[[str, str], None]
HELLO = """
def handler(event, context):
    print("hello")
    return {}
"""


@pytest.fixture(scope="module")
def role(emulator: Cloud) -> tuple[str, Grant]:
    """A role without any permission, by its ARN, and a way to give it one instead of those that it has."""
    client = emulator.client("iam")
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    arn = client.create_role(RoleName="service", AssumeRolePolicyDocument=trust)["Role"]["Arn"]

    def grant(action: str, resource: str) -> None:
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        client.put_role_policy(
            RoleName="service", PolicyName="permissions", PolicyDocument=json.dumps(document)
        )

    grant("s3:ListAllMyBuckets", "*")
    return arn, grant


@pytest.fixture(scope="module")
def machine(emulator: Cloud, role: tuple[str, Grant], deploy: Deploy) -> str:
    """A state machine that calls a function."""
    function = deploy("greeter", HELLO)
    call = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": f"arn:aws:lambda:us-east-1:000000000000:function:{function}"},
        "End": True,
    }
    made = emulator.client("stepfunctions").create_state_machine(
        name="caller", definition=json.dumps({"StartAt": "Call", "States": {"Call": call}}), roleArn=role[0]
    )
    return str(made["stateMachineArn"])


def ended(emulator: Cloud, execution: str) -> dict[str, Any]:
    states = emulator.client("stepfunctions")
    while (told := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        time.sleep(0.02)  # Step Functions announces nothing
    return dict(told)


def test_a_task_needs_the_permission_of_the_state_machines_role(
    emulator: Cloud, role: tuple[str, Grant], machine: str
) -> None:
    states, (arn, grant) = emulator.client("stepfunctions"), role
    refused = ended(emulator, states.start_execution(stateMachineArn=machine)["executionArn"])
    assert (refused["status"], json.loads(refused["output"])) == (
        "FAILED",
        {
            "Error": "States.Permissions",
            "Cause": f"{arn} is not authorized to perform: lambda:InvokeFunction on resource: "
            "arn:aws:lambda:us-east-1:000000000000:function:greeter",
        },
    )
    grant("lambda:InvokeFunction", "arn:aws:lambda:*:*:function:greeter")
    allowed = ended(emulator, states.start_execution(stateMachineArn=machine)["executionArn"])
    assert allowed["status"] == "SUCCEEDED", allowed


def test_a_rule_starts_only_what_its_role_may_start(
    emulator: Cloud, role: tuple[str, Grant], machine: str
) -> None:
    events, states, (arn, grant) = emulator.client("events"), emulator.client("stepfunctions"), role
    events.put_rule(Name="start", EventPattern=json.dumps({"source": ["tests"]}))
    events.put_targets(Rule="start", Targets=[{"Id": "1", "Arn": machine, "RoleArn": arn}])

    def started(number: int) -> bool:
        entry = {"Source": "tests", "DetailType": "told", "Detail": json.dumps({"number": number})}
        events.put_events(Entries=[entry])
        listed = states.list_executions(stateMachineArn=machine)["executions"]
        told = [states.describe_execution(executionArn=each["executionArn"])["input"] for each in listed]
        return any(json.loads(each).get("detail") == {"number": number} for each in told)

    grant("states:StartExecution", machine + "-of-another")
    assert not started(1)
    grant("states:StartExecution", machine)
    assert started(2)


def test_a_function_without_the_permission_leaves_no_lines(
    emulator: Cloud, role: tuple[str, Grant], deploy: Deploy, invoke: Callable[..., Any]
) -> None:
    functions, logs, (arn, grant) = emulator.client("lambda"), emulator.client("logs"), role
    name = deploy("teller", HELLO)
    functions.update_function_configuration(FunctionName=name, Role=arn)
    grant("logs:CreateLogStream", "*")
    invoke(name)
    groups = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]
    assert groups == []
    grant("logs:*", f"arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/{name}:*")
    invoke(name)
    lines = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    assert "hello" in "".join(each["message"] for each in lines)


@pytest.fixture
def user(emulator: Cloud) -> tuple[Any, Grant]:
    """S3 as a user who may do everything there, and a way to let him do something more."""
    client = emulator.client("iam")
    client.create_user(UserName="reader")
    key = client.create_access_key(UserName="reader")["AccessKey"]

    def grant(action: str, resource: str) -> None:
        statements = [
            {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
            {"Effect": "Allow", "Action": action, "Resource": resource},
        ]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        client.put_user_policy(UserName="reader", PolicyName="permissions", PolicyDocument=document)

    grant("sqs:ListQueues", "*")
    s3 = boto3.client(
        "s3",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        region_name="us-east-1",
        endpoint_url=emulator.emulator_url,
        verify=str(emulator.instance.ca_file),
    )
    return s3, grant


def test_who_may_not_use_the_key_reads_nothing_that_it_encrypts(
    emulator: Cloud, user: tuple[Any, Grant]
) -> None:
    s3, grant = user
    key = emulator.client("kms").create_key()["KeyMetadata"]["Arn"]
    root = emulator.client("s3")
    root.create_bucket(Bucket="locked")
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    root.put_bucket_encryption(
        Bucket="locked", ServerSideEncryptionConfiguration={"Rules": [rule | {"BucketKeyEnabled": True}]}
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket="locked", Key="a", Body=b"a")
    grant("kms:GenerateDataKey", key)
    s3.put_object(Bucket="locked", Key="a", Body=b"a")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.get_object(Bucket="locked", Key="a")
    grant("kms:Decrypt", key)
    assert s3.get_object(Bucket="locked", Key="a")["Body"].read() == b"a"


@pytest.fixture
def calls(emulator: Cloud) -> Iterator[Path]:
    """The file that evaluations are written to, as long as it stands there."""
    path = emulator.instance.folder / "calls.jsonl"
    path.touch()
    yield path
    path.unlink()


def test_what_a_role_is_asked_for_is_written_down(
    emulator: Cloud, role: tuple[str, Grant], machine: str, calls: Path
) -> None:
    states, (_, grant) = emulator.client("stepfunctions"), role
    grant("lambda:InvokeFunction", "*")
    ended(emulator, states.start_execution(stateMachineArn=machine)["executionArn"])
    told = [json.loads(line) for line in calls.read_text().splitlines()]
    assert [each for each in told if each["role"] == "service"] == [
        {
            "role": "service",
            "action": "lambda:InvokeFunction",
            "resource": "arn:aws:lambda:us-east-1:000000000000:function:greeter",
            "context": {},
            "decision": "Allow",
        }
    ]
