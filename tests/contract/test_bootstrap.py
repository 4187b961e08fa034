"""What an environment stands on: the policies of those who deploy it, as IAM reads them."""

import json
import re
import warnings
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from .aws.deployment import Deployment, Statement, statements_of
from .terraform_roots import BOOTSTRAP, TERRAFORM, Roots

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # parliament's own: pkg_resources, escape sequences in its regexes
    from parliament import analyze_policy_string

_MOST_CHARACTERS = {"aws_iam_role_policy": 10_240, "aws_iam_policy": 6_144}
"""Without white space, as IAM counts them."""

# Ceilings and lists of what an account has stand on "*" by their nature, with the reason beside each in Terraform;
# IAM's own examples compare a boundary's ARN as text.
_ACCEPTED = {"RESOURCE_STAR", "MISMATCHED_TYPE_BUT_USABLE"}


@pytest.fixture(scope="module")
def bootstrap(roots: Roots) -> Deployment:
    plans = roots.plans(BOOTSTRAP)
    return Deployment.of_plan(plans["makes_what_an_environment_stands_on"], at_least=15)


def findings(bootstrap: Deployment) -> Iterator[str]:
    for kind in _MOST_CHARACTERS:
        for policy in bootstrap.all(kind):
            document = json.loads(policy.values["policy"])
            # All of a service on our names: what of it has other resources is not allowed, as it should be.
            document["Statement"] = [each for each in document["Statement"] if not _is_service_wide(each)]
            for finding in analyze_policy_string(json.dumps(document)).findings:
                if finding.issue not in _ACCEPTED:
                    yield f"{policy.address}: {finding.issue} {finding.detail}"


def _is_service_wide(statement: dict[str, Any]) -> bool:
    return str(statement.get("Action", "")).endswith(":*")


def too_long(bootstrap: Deployment) -> Iterator[str]:
    for kind, most in _MOST_CHARACTERS.items():
        for policy in bootstrap.all(kind):
            length = len(json.dumps(json.loads(policy.values["policy"]), separators=(",", ":")))
            if length > most:
                yield f"{policy.address}: {length} characters, {most} at most"


def what_reads_secrets(bootstrap: Deployment) -> Iterator[str]:
    for policy in bootstrap.all("aws_iam_role_policy"):
        for statement in statements_of(policy.values["policy"]):
            if _allows(statement, "secretsmanager:GetSecretValue"):
                yield policy.address


def what_makes_free_roles(bootstrap: Deployment) -> Iterator[str]:
    """By what whoever deploys could become anybody: a role, or its permissions, without the boundary."""
    for policy in bootstrap.all("aws_iam_role_policy"):
        for statement in statements_of(policy.values["policy"]):
            for action in ("iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"):
                if _allows(statement, action) and not _is_bounded(statement):
                    yield f"{policy.address}: {action}"


def what_plan_lacks(bootstrap: Deployment) -> Iterator[str]:
    """The provider lets AWS look at a state machine's definition while it plans."""
    statements = statements_of(_policy_of(bootstrap, "plan"))
    if not any(_allows(statement, "states:ValidateStateMachineDefinition") for statement in statements):
        yield "plan: states:ValidateStateMachineDefinition"
    through = json.dumps([each.condition for each in statements if _allows(each, "kms:Decrypt")])
    for service in ("lambda", "s3", "scheduler", "states"):
        if f'"{service}.eu-central-1.amazonaws.com"' not in through:
            yield f"plan: kms:Decrypt through {service}"


# What a service asks of the caller, besides the action that was called.
_ASKED_BESIDES = {
    "redshift-serverless:CreateNamespace": [
        (
            f"secretsmanager:{action}",
            "arn:aws:secretsmanager:eu-central-1:111122223333:secret:redshift!xmlift-dev-admin-x",
        )
        for action in (
            "CreateSecret",
            "DeleteSecret",
            "DescribeSecret",
            "GetRandomPassword",
            "RotateSecret",
            "TagResource",
            "UpdateSecret",
        )
    ],
    "ec2:CreateVpcEndpoint": [("route53:AssociateVPCWithHostedZone", "arn:aws:route53:::hostedzone/Z1")],
    "ec2:DeleteSecurityGroup": [
        (f"ec2:{action}", "arn:aws:ec2:eu-central-1:111122223333:network-interface/eni-1")
        for action in ("DeleteNetworkInterface", "DescribeNetworkInterfaces", "DetachNetworkInterface")
    ],
    "sns:Subscribe": [("sns:SetSubscriptionAttributes", "*"), ("sns:Unsubscribe", "*")],
}


def what_apply_lacks(bootstrap: Deployment) -> Iterator[str]:
    """What services do in the name of who applies, and cannot where the policy or the boundary lacks it."""
    statements = statements_of(_policy_of(bootstrap, "apply"))
    boundary = statements_of(_boundary_of(bootstrap, "deployment"))
    for called, asked in _ASKED_BESIDES.items():
        for action, resource in asked:
            for place, told in (("apply", statements), ("the boundary", boundary)):
                if not any(_allows(each, action) and _names(each, resource) for each in told):
                    yield f"{called}: {place} lacks {action}"


def _names(statement: Statement, resource: str) -> bool:
    return any(fnmatchcase(resource, named) for named in statement.resources)


def whose_keys_are_free(bootstrap: Deployment) -> Iterator[str]:
    """What would make the keys of the state and the packages, or one of somebody else, an environment's."""
    denied = [each for each in statements_of(_boundary_of(bootstrap, "deployment")) if each.effect == "Deny"]
    for action in ("DisableKey", "PutKeyPolicy", "ScheduleKeyDeletion", "TagResource", "UntagResource"):
        by_name = [each for each in denied if f"kms:{action}" in each.actions and not each.condition]
        if not any(len(each.resources) == len(bootstrap.all("aws_kms_key")) for each in by_name):
            yield f"kms:{action} of a key of the bootstrap"
        if not any(
            f"kms:{action}" in each.actions
            and each.condition.get("StringNotEquals") == {"aws:ResourceTag/managed_by": "terraform"}
            for each in denied
        ):
            yield f"kms:{action} of a key of others"


def _policy_of(bootstrap: Deployment, role: str) -> str:
    (policy,) = (
        str(each.values["policy"])
        for each in bootstrap.all("aws_iam_role_policy")
        if each.address.endswith(f'["{role}"]')
    )
    return policy


def ceiling(bootstrap: Deployment) -> list[str]:
    """The actions that the boundary of an environment's roles leaves them."""
    boundary = _boundary_of(bootstrap, "workload")
    return [action for statement in statements_of(boundary) for action in statement.actions]


def _boundary_of(bootstrap: Deployment, whose: str) -> str:
    (boundary,) = (
        str(each.values["policy"])
        for each in bootstrap.all("aws_iam_policy")
        if each.address.endswith(f'["{whose}"]')
    )
    return boundary


def granted(environment: Deployment) -> set[str]:
    """The actions that its roles are allowed in their own policies."""
    return {
        action
        for role in environment.roles()
        for statement in environment.statements(role)
        if statement.effect == "Allow"
        for action in statement.actions
    }


def beside_the_ceiling(bootstrap: Deployment, *environments: Deployment) -> Iterator[str]:
    """What a role is granted for nothing, and what the boundary leaves to roles that nobody has made."""
    needed = {action for environment in environments for action in granted(environment)}
    left = set(ceiling(bootstrap))
    yield from (f"{action} is granted, and cut off" for action in sorted(needed - left))
    yield from (f"{action} is left, and nobody's" for action in sorted(left - needed))


def _allows(statement: Statement, action: str) -> bool:
    return statement.effect == "Allow" and any(fnmatchcase(action, allowed) for allowed in statement.actions)


def _is_bounded(statement: Statement) -> bool:
    return "iam:PermissionsBoundary" in json.dumps(statement.condition)


@pytest.mark.parametrize(
    "rule",
    [
        findings,
        too_long,
        what_apply_lacks,
        what_makes_free_roles,
        what_plan_lacks,
        what_reads_secrets,
        whose_keys_are_free,
    ],
)
def test_who_deploys_may_do_what_it_takes_and_no_more(
    rule: Callable[[Deployment], Iterator[str]], bootstrap: Deployment
) -> None:
    assert list(rule(bootstrap)) == []


def test_every_account_has_a_state_of_its_own() -> None:
    """The bootstrap's folder is one for all accounts: a command without `-state` would change the first one's."""
    documents = [path.read_text() for path in (TERRAFORM.parent / "docs").glob("*.md")]
    commands = re.findall(r"^ *terraform apply .*-var environment=.*$", "\n".join(documents), re.MULTILINE)
    assert commands
    for command in commands:
        state, environment = re.findall(r"-state=(\w+)\.tfstate|-var environment=(\w+)", command)
        assert state[0] == environment[1]


def test_a_spoilt_policy_is_noticed(bootstrap: Deployment) -> None:
    long = bootstrap.with_statement("plan", "s3:GetObject", "arn:aws:s3:::" + 11_000 * "x")
    assert list(too_long(long))
    wrong = bootstrap.with_statement("plan", "s3:FetchObject", "*")
    assert list(findings(wrong))
    free = bootstrap.with_statement("apply", "iam:Put*", "*")
    assert list(what_makes_free_roles(free))
    curious = bootstrap.with_statement("plan", "secretsmanager:*", "*")
    assert list(what_reads_secrets(curious))


def test_what_services_ask_of_who_applies_is_granted(bootstrap: Deployment) -> None:
    apply, boundary = 'aws_iam_role_policy.this["apply"]', 'aws_iam_policy.boundary["deployment"]'
    for address, old, new, missing in (
        (
            apply,
            "secret:redshift!",
            "secret:rds!",
            "redshift-serverless:CreateNamespace: apply lacks secretsmanager:CreateSecret",
        ),
        (
            boundary,
            "route53:AssociateVPC",
            "route53:DisassociateVPC",
            "ec2:CreateVpcEndpoint: the boundary lacks route53:AssociateVPCWithHostedZone",
        ),
        (
            apply,
            "ec2:DetachNetwork",
            "ec2:AttachNetwork",
            "ec2:DeleteSecurityGroup: apply lacks ec2:DetachNetworkInterface",
        ),
        (apply, "sns:Unsub", "sns:Sub", "sns:Subscribe: apply lacks sns:Unsubscribe"),
    ):
        assert missing in list(what_apply_lacks(bootstrap.with_text(address, "policy", old, new)))


def test_keys_of_others_are_not_to_be_seized(bootstrap: Deployment) -> None:
    boundary = 'aws_iam_policy.boundary["deployment"]'
    by_name = bootstrap.with_text(boundary, "policy", "kms:PutKeyPolicy", "kms:GetKeyPolicy")
    assert list(whose_keys_are_free(by_name)) == [
        "kms:PutKeyPolicy of a key of the bootstrap",
        "kms:PutKeyPolicy of a key of others",
    ]
    by_tag = bootstrap.with_text(
        boundary, "policy", "aws:ResourceTag/managed_by", "aws:RequestTag/managed_by"
    )
    assert len(list(whose_keys_are_free(by_tag))) == 5


def test_plan_may_have_a_definition_validated(bootstrap: Deployment) -> None:
    assert not list(what_plan_lacks(bootstrap))
    blind = bootstrap.with_text(
        'aws_iam_role_policy.this["plan"]',
        "policy",
        "states:ValidateStateMachineDefinition",
        "states:TestState",
    )
    assert list(what_plan_lacks(blind)) == ["plan: states:ValidateStateMachineDefinition"]
    deaf = bootstrap.with_text('aws_iam_role_policy.this["plan"]', "policy", "scheduler.eu-", "events.eu-")
    assert list(what_plan_lacks(deaf)) == ["plan: kms:Decrypt through scheduler"]


def test_the_boundary_leaves_what_roles_are_granted_and_nothing_else(
    bootstrap: Deployment, dev: Deployment, prod: Deployment
) -> None:
    assert list(beside_the_ceiling(bootstrap, dev, prod)) == []
    address = 'aws_iam_policy.boundary["workload"]'
    low = bootstrap.with_text(address, "policy", '"sns:Publish"', '"sns:Subscribe"')
    assert list(beside_the_ceiling(low, dev, prod)) == [
        "sns:Publish is granted, and cut off",
        "sns:Subscribe is left, and nobody's",
    ]
