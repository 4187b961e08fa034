"""Names: their lengths, what makes them unique, and the partition in ARNs."""

import json
from collections.abc import Iterator

from .deployment import Deployment

LONGEST = {
    "aws_iam_role": ("name", 64),
    "aws_s3_bucket": ("bucket", 63),
    "aws_scheduler_schedule": ("name", 64),
    "aws_scheduler_schedule_group": ("name", 64),
    "aws_lambda_function": ("function_name", 64),
    "aws_sfn_state_machine": ("name", 80),
    "aws_cloudwatch_log_group": ("name", 512),
    "aws_sns_topic": ("name", 256),
    "aws_secretsmanager_secret": ("name", 512),
    "aws_redshiftserverless_namespace": ("namespace_name", 64),
    "aws_redshiftserverless_workgroup": ("workgroup_name", 64),
    "aws_s3_object": ("key", 1024),
    "aws_xray_sampling_rule": ("rule_name", 32),
}


def long_names(deployment: Deployment) -> Iterator[str]:
    for kind, (attribute, longest) in LONGEST.items():
        for resource in [each for each in deployment.resources.values() if each.type == kind]:
            if len(resource.values[attribute]) > longest:
                yield f"{resource.address}: {len(resource.values[attribute])} characters, {longest} allowed"


def test_names_are_short_enough(deployment: Deployment) -> None:
    assert not list(long_names(deployment))
    assert set(LONGEST) - {"aws_xray_sampling_rule"} <= {each.type for each in deployment.resources.values()}
    assert len(list(long_names(deployment.with_values('schedule.source["ecb"]', name="e" * 65)))) == 1


def shared_bucket_names(deployment: Deployment) -> Iterator[str]:
    """Bucket names are unique in the world: ours end in the account."""
    (account,) = {
        resource.split(":")[4]
        for statement in deployment.statements("schedule")
        for resource in statement.resources
    }
    for bucket in deployment.all("aws_s3_bucket"):
        if not bucket.values["bucket"].endswith(f"-{account}"):
            yield bucket.values["bucket"]


def test_bucket_names_hold_the_account(deployment: Deployment) -> None:
    assert not list(shared_bucket_names(deployment))
    assert list(shared_bucket_names(deployment.with_values("aws_s3_bucket.this", bucket="xmlift-landing")))


def foreign_partitions(deployment: Deployment, partition: str) -> Iterator[str]:
    for resource in deployment.resources.values():
        for part in json.dumps(resource.values).split("arn:")[1:]:
            if part.split(":", 1)[0] != partition:
                yield f"{resource.address}: arn:{part[:60]}"


def test_arns_are_neutral_of_the_partition(china: Deployment) -> None:
    assert not list(foreign_partitions(china, "aws-cn"))
    hard_coded = china.with_definition(
        lambda definition: definition["States"]["Plan"].update(Resource="arn:aws:states:::lambda:invoke")
    )
    (violation,) = foreign_partitions(hard_coded, "aws-cn")
    assert violation.startswith(
        "module.platform.module.workflow.aws_sfn_state_machine.pipeline: arn:aws:states"
    )
