"""Roles: who may take them on, and what only one of them may do."""

import json
from collections.abc import Iterator
from pathlib import Path

import yaml

from .deployment import Deployment, step_of

SOURCES = Path(__file__).resolve().parents[3] / "terraform" / "sources"
FUNCTIONS = {"plan", "extract", "load", "report", "migrate"}
TRUSTED = {step: {"lambda.amazonaws.com"} for step in FUNCTIONS} | {
    "copy": {"redshift.amazonaws.com", "redshift-serverless.amazonaws.com"},
    "pipeline": {"states.amazonaws.com"},
    "schedule": {"scheduler.amazonaws.com"},
    "inbox": {"events.amazonaws.com"},
    "snapshot": {"scheduler.amazonaws.com"},
}
NOT_EVERYWHERE = {"snapshot"}


def wrong_trust(deployment: Deployment) -> Iterator[str]:
    for role in deployment.roles():
        (statement,) = deployment.trust(role)
        trusted = set(statement.principals.get("Service", []))
        if statement.actions != ["sts:AssumeRole"] or trusted != TRUSTED[role]:
            yield f"{role}: trusts {sorted(trusted)}"


def test_each_role_trusts_its_service(deployment: Deployment) -> None:
    assert set(deployment.roles()) | NOT_EVERYWHERE == set(TRUSTED)
    assert not list(wrong_trust(deployment))
    ec2 = deployment.with_text(
        'aws_iam_role.this["load"]', "assume_role_policy", "lambda.amazonaws.com", "ec2.amazonaws.com"
    )
    assert list(wrong_trust(ec2)) == ["load: trusts ['ec2.amazonaws.com']"]


def unbound_services(deployment: Deployment) -> Iterator[str]:
    """Scheduler and Step Functions work for every account: the trust says for which of ours they may."""
    group = deployment.one("aws_scheduler_schedule_group")["name"]
    machine = f":stateMachine:{deployment.one('aws_sfn_state_machine')['name']}"
    # The state machine itself, a version or alias of it, and what a distributed Map runs in its name.
    sources = {
        "schedule": {f":schedule-group/{group}"},
        "pipeline": {machine, f"{machine}:*", f"{machine}/*"},
    }
    for role, expected in sources.items():
        (statement,) = deployment.trust(role)
        named = {
            f":{arn.split(':', 5)[5]}"
            for keys in statement.condition.values()
            for arn in _listed(keys.get("aws:SourceArn", []))
        }
        if named != expected:
            yield f"{role}: its trust names {sorted(named)}, not {sorted(expected)}"
        if "aws:SourceAccount" not in statement.condition.get("StringEquals", {}):
            yield f"{role}: its trust names no account"


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_trust_is_bound_to_what_is_ours(deployment: Deployment) -> None:
    assert not list(unbound_services(deployment))
    # Scheduler sends the group's ARN: a trust that names the schedule's never matches.
    schedule = deployment.with_text(
        'aws_iam_role.this["schedule"]', "assume_role_policy", ":schedule-group/", ":schedule/"
    )
    assert len(list(unbound_services(schedule))) == 1
    # The children of a distributed Map run as stateMachine:NAME/LABEL, which NAME:* does not match.
    childless = deployment.with_text(
        'aws_iam_role.this["pipeline"]', "assume_role_policy", '-pipeline/*"', '-pipeline:*"'
    )
    assert len(list(unbound_services(childless))) == 1
    anybody = deployment.with_text(
        'aws_iam_role.this["pipeline"]', "assume_role_policy", "aws:SourceAccount", "aws:PrincipalAccount"
    )
    assert list(unbound_services(anybody)) == ["pipeline: its trust names no account"]


def unusable_copy_role(deployment: Deployment) -> Iterator[str]:
    namespace = deployment.one("aws_redshiftserverless_namespace")
    functions = deployment.functions()
    used = functions["load"]["environment"][0]["variables"]["XMLIFT_COPY_ROLE_ARN"]
    for what, role in (("load uses", used), ("the default is", namespace["default_iam_role_arn"])):
        if role not in namespace["iam_roles"]:
            yield f"{what} {role}, the namespace has {namespace['iam_roles']}"
        if step_of(role) != "copy":
            yield f"{what} {role}, which is not the role that reads the landing bucket"


def test_copy_role_is_one_of_the_namespace(deployment: Deployment) -> None:
    assert not list(unusable_copy_role(deployment))
    assert (
        len(list(unusable_copy_role(deployment.with_values("serverless_namespace.main", iam_roles=[])))) == 2
    )


def readers_of_secrets(deployment: Deployment) -> dict[str, set[str]]:
    """Which roles may read which secret, by its name without what Secrets Manager adds."""
    found: dict[str, set[str]] = {}
    for role in deployment.roles():
        for statement in deployment.statements(role):
            if statement.allows("secretsmanager:GetSecretValue"):
                for resource in statement.resources:
                    name = resource.rsplit(":", 1)[-1].rsplit("-", 1)[0]
                    found.setdefault(name, set()).add(role)
    return found


def misread_secrets(deployment: Deployment) -> Iterator[str]:
    environment = deployment.functions()["extract"]["environment"][0]["variables"]
    catalogues = [
        each.values["source"] for each in deployment.all("aws_s3_object") if "catalogue" in each.address
    ]
    named = {
        environment["XMLIFT_SECRET_PREFIX"] + login["secret"]
        for path in catalogues
        if (login := yaml.safe_load((SOURCES / Path(path).name).read_text()).get("auth", {})).get("secret")
    }
    existing = {each.values["name"] for each in deployment.all("aws_secretsmanager_secret")}
    readers = readers_of_secrets(deployment)
    yield from (f"{name} does not exist" for name in named - existing)
    yield from (f"{name} is named by no catalogue" for name in existing - named)
    for name in named:
        if readers.get(name) != {"extract"}:
            yield f"{name} is read by {sorted(readers.get(name, set()))}"
    for name, roles in readers.items():
        if name.startswith("redshift!") and roles != {"migrate"}:
            yield f"{name} is read by {sorted(roles)}"


def test_secrets_exist_and_only_extract_reads_them(deployment: Deployment) -> None:
    assert not list(misread_secrets(deployment))
    missing = deployment.with_values("aws_secretsmanager_secret.source", name="xmlift/elsewhere/ewm")
    assert len(list(misread_secrets(missing))) == len(deployment.all("aws_secretsmanager_secret")) + 1
    secret = deployment.all("aws_secretsmanager_secret")[0].values["name"]
    nosy = deployment.with_statement(
        "load",
        "secretsmanager:GetSecretValue",
        f"arn:aws:secretsmanager:eu-central-1:1:secret:{secret}-??????",
    )
    assert list(misread_secrets(nosy)) == [f"{secret} is read by ['extract', 'load']"]


def unstable_database_users(deployment: Deployment) -> Iterator[str]:
    """Redshift names a database user after the role: `IAMR:<role>`. What the loader owns goes with its name."""
    invocation = json.loads(deployment.one("aws_lambda_invocation")["input"])
    functions = deployment.functions()
    prefix = functions["load"]["function_name"].removesuffix("-load")
    for granted, step in [
        (invocation["loader"], "load"),
        *zip(invocation["observers"], ("plan", "report"), strict=True),
    ]:
        used = functions[step]["role"].rsplit("/", 1)[-1]
        if not granted == used == f"{prefix}-{step}":
            yield f"migrate grants to {granted}, {step} runs as {used}"


def test_database_users_have_fixed_names(deployment: Deployment) -> None:
    assert not list(unstable_database_users(deployment))
    renamed = deployment.with_text(
        'function["load"].aws_lambda_function.main', "role", "-load", "-load-20260101"
    )
    assert len(list(unstable_database_users(renamed))) == 1
