"""Policies: what IAM refuses, what it silently ignores, and what would grant more than was meant.

Each rule yields what it objects to; each test shows that our environments give no cause, and a spoilt one does.
"""

import re
import warnings
from collections.abc import Iterator

from .deployment import Deployment, endpoint_statements, statements_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # parliament's own: pkg_resources, escape sequences in its regexes
    from parliament import analyze_policy_string
    from parliament.finding import Finding

NETWORK_INTERFACES = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}
TRACES = {
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
LOG_DELIVERY = {
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
}


def lint_findings(deployment: Deployment) -> Iterator[str]:
    for policy in deployment.all("aws_iam_role_policy"):
        for finding in analyze_policy_string(policy.values["policy"]).findings:
            if not _is_known(finding):
                yield f"{policy.values['role']}: {finding.issue} {finding.detail}"


def _is_known(finding: Finding) -> bool:
    """What parliament objects to and AWS does not."""
    detail = str(finding.detail)
    if finding.issue == "RESOURCE_STAR":  # Lambda checks these on "*" before it creates a function in a VPC
        return set(finding.detail) <= NETWORK_INTERFACES
    if finding.issue == "UNKNOWN_CONDITION_FOR_ACTION":  # set on every call that a function's role makes
        return "lambda:SourceFunctionArn" in detail
    if finding.issue == "RESOURCE_MISMATCH":  # the ARN of an express execution, of which there is none here
        return "states:DescribeExecution" in detail and ":express:" in detail
    return False


def test_policies_are_clean_under_parliament(deployment: Deployment) -> None:
    assert not list(lint_findings(deployment))
    mistyped = deployment.with_text(
        'aws_iam_role_policy.this["plan"]', "policy", "s3:ListBucket", "s3:ListObjects"
    )
    assert "UNKNOWN_ACTION" in next(lint_findings(mistyped))
    bucket_for_objects = deployment.with_statement("plan", "s3:GetObject", "arn:aws:s3:::a-bucket")
    assert "RESOURCE_MISMATCH" in next(lint_findings(bucket_for_objects))


def unexplained_wildcards(deployment: Deployment) -> Iterator[str]:
    demanded_by_aws = NETWORK_INTERFACES | TRACES | LOG_DELIVERY
    for role in deployment.roles():
        for statement in deployment.statements(role):
            if any("*" in action for action in statement.actions):
                yield f"{role}: {statement.sid} allows {statement.actions}"
            if "*" in statement.resources and not set(statement.actions) <= demanded_by_aws:
                yield f"{role}: {statement.sid} allows {statement.actions} on everything"


def test_star_stands_only_where_aws_demands_it(deployment: Deployment) -> None:
    assert not list(unexplained_wildcards(deployment))
    any_topic = deployment.with_statement("pipeline", "sns:Publish", "*")
    assert list(unexplained_wildcards(any_topic)) == ["pipeline: More allows ['sns:Publish'] on everything"]
    any_action = deployment.with_statement("plan", "s3:*", "arn:aws:s3:::a-bucket")
    assert list(unexplained_wildcards(any_action)) == ["plan: More allows ['s3:*']"]


def open_principals(deployment: Deployment) -> Iterator[str]:
    """An endpoint's policy names `*`, and a gateway's knows no other: there the account has to be a condition."""
    trust = [(role, statement) for role in deployment.roles() for statement in deployment.trust(role)]
    buckets = [
        (each.values["bucket"], statement)
        for each in deployment.all("aws_s3_bucket_policy")
        for statement in statements_of(each.values["policy"])
    ]
    endpoints = [
        (each.address, statement)
        for each in deployment.all("aws_vpc_endpoint")
        for statement in endpoint_statements(each)
        if "aws:PrincipalAccount" not in statement.condition.get("StringEquals", {})
    ]
    for owner, statement in trust + buckets + endpoints:
        if statement.effect == "Allow" and any("*" in names for names in statement.principals.values()):
            yield f"{owner}: {statement.sid or 'a statement'} is for everybody"


def test_no_wildcard_principals(deployment: Deployment) -> None:
    assert not list(open_principals(deployment))
    allowing = deployment.with_text('aws_s3_bucket_policy.this["landing"]', "policy", '"Deny"', '"Allow"')
    assert len(list(open_principals(allowing))) == 2
    any_account = deployment.with_text(
        "aws_vpc_endpoint.s3", "policy", "aws:PrincipalAccount", "aws:SourceVpc"
    )
    assert list(open_principals(any_account)) == [
        'module.platform.module.network.aws_vpc_endpoint.s3["main"]: LandingBucketOnly is for everybody'
    ]
    default = deployment.with_values('aws_vpc_endpoint.interface["secretsmanager"]', policy=None)
    assert len(list(open_principals(default))) == 1
    trusting = deployment.with_text(
        'aws_iam_role.this["load"]', "assume_role_policy", "lambda.amazonaws.com", "*"
    )
    assert len(list(open_principals(trusting))) == 1


# Where each step writes; whatever lies elsewhere is another step's word, such as a work list or a report.
WRITTEN = {
    "plan": {"runs/*"},
    "extract": {"landing/*", "raw/*", "runs/*/failures/*"},
    "load": {"load/*", "runs/*/failures/*"},
    "report": {"runs/*"},
}


def other_writes(deployment: Deployment) -> Iterator[str]:
    for role in deployment.roles():
        written = {
            resource.split(":::", 1)[-1].partition("/")[2]
            for statement in deployment.statements(role)
            if statement.allows("s3:PutObject")
            for resource in statement.resources
        }
        if written != WRITTEN.get(role, set()):
            yield f"{role}: writes {sorted(written)}"


def test_each_step_writes_its_own_prefixes(deployment: Deployment) -> None:
    assert not list(other_writes(deployment))
    landing = deployment.resources['module.platform.module.landing.aws_s3_bucket.this["landing"]'].values
    reports = deployment.with_statement(
        "load", "s3:PutObject", f"arn:aws:s3:::{landing['bucket']}/runs/*/report.json"
    )
    assert len(list(other_writes(reports))) == 1
    silent = deployment.with_text(
        'aws_iam_role_policy.this["load"]', "policy", "/runs/*/failures/*", "/load/*"
    )
    assert list(other_writes(silent)) == ["load: writes ['load/*']"]


def oversized_policies(deployment: Deployment) -> Iterator[str]:
    """IAM counts the inline policies of a role together, without white space."""
    for role in deployment.roles():
        length = sum(
            len(re.sub(r"\s", "", policy.values["policy"]))
            for policy in deployment.all("aws_iam_role_policy")
            if policy.values["role"].endswith(f"-{role}")
        )
        if length > 10_240:
            yield f"{role}: {length} characters of inline policies"


def test_inline_policies_fit(deployment: Deployment) -> None:
    assert not list(oversized_policies(deployment))
    long = deployment.with_text(
        'aws_iam_role_policy.this["load"]', "policy", "/load/*", "/load/" + "x" * 10_240 + "/*"
    )
    assert len(list(oversized_policies(long))) == 1


def passed_roles(deployment: Deployment) -> Iterator[str]:
    for role in deployment.roles():
        for statement in deployment.statements(role):
            if statement.allows("iam:PassRole") and not any(
                "iam:PassedToService" in keys for keys in statement.condition.values()
            ):
                yield f"{role}: {statement.sid} passes roles to any service"


def test_roles_are_passed_to_named_services_only(deployment: Deployment) -> None:
    assert not list(passed_roles(deployment))
    passing = deployment.with_statement("schedule", "iam:PassRole", "arn:aws:iam::111122223333:role/a-role")
    assert list(passed_roles(passing)) == ["schedule: More passes roles to any service"]


def plain_http(deployment: Deployment) -> Iterator[str]:
    """A bucket without a policy that refuses it answers over plain HTTP."""
    refusing = {
        each.values["bucket"]
        for each in deployment.all("aws_s3_bucket_policy")
        for statement in statements_of(each.values["policy"])
        if statement.effect == "Deny"
        and statement.actions == ["s3:*"]
        and statement.condition == {"Bool": {"aws:SecureTransport": "false"}}
        and any(resource.endswith("/*") for resource in statement.resources)
    }
    if len(refusing) != len(deployment.all("aws_s3_bucket")):
        yield f"only {sorted(refusing)} refuse plain HTTP"


def test_buckets_refuse_plain_http(deployment: Deployment) -> None:
    assert not list(plain_http(deployment))
    assert list(plain_http(deployment.without('aws_s3_bucket_policy.this["landing"]')))
    typing_error = deployment.with_text(
        'bucket_policy.this["landing"]', "policy", "SecureTransport", "SecureTransfer"
    )
    assert list(plain_http(typing_error))
