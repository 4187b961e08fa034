"""What an environment stands on: the policies of those who deploy it, as IAM reads them."""

import json
import warnings
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from .aws.deployment import Deployment, Statement, statements_of
from .terraform_roots import BOOTSTRAP, Roots

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


def _policy_of(bootstrap: Deployment, role: str) -> str:
    (policy,) = (
        str(each.values["policy"])
        for each in bootstrap.all("aws_iam_role_policy")
        if each.address.endswith(f'["{role}"]')
    )
    return policy


def ceiling(bootstrap: Deployment) -> list[str]:
    """The actions that the boundary of an environment's roles leaves them."""
    (boundary,) = (
        each.values["policy"]
        for each in bootstrap.all("aws_iam_policy")
        if each.address.endswith('["workload"]')
    )
    return [action for statement in statements_of(boundary) for action in statement.actions]


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
    "rule", [findings, too_long, what_reads_secrets, what_makes_free_roles, what_plan_lacks]
)
def test_who_deploys_may_do_what_it_takes_and_no_more(
    rule: Callable[[Deployment], Iterator[str]], bootstrap: Deployment
) -> None:
    assert list(rule(bootstrap)) == []


def test_a_spoilt_policy_is_noticed(bootstrap: Deployment) -> None:
    long = bootstrap.with_statement("plan", "s3:GetObject", "arn:aws:s3:::" + 11_000 * "x")
    assert list(too_long(long))
    wrong = bootstrap.with_statement("plan", "s3:FetchObject", "*")
    assert list(findings(wrong))
    free = bootstrap.with_statement("apply", "iam:Put*", "*")
    assert list(what_makes_free_roles(free))
    curious = bootstrap.with_statement("plan", "secretsmanager:*", "*")
    assert list(what_reads_secrets(curious))


def test_plan_may_have_a_definition_validated(bootstrap: Deployment) -> None:
    assert not list(what_plan_lacks(bootstrap))
    blind = bootstrap.with_text(
        'aws_iam_role_policy.this["plan"]',
        "policy",
        "states:ValidateStateMachineDefinition",
        "states:TestState",
    )
    assert list(what_plan_lacks(blind)) == ["plan: states:ValidateStateMachineDefinition"]


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
