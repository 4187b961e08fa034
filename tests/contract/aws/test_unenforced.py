"""What the local cloud cannot ask of a role is asked here: each permission is taken from a plan, and missed."""

import json
from collections.abc import Callable, Iterator
from importlib import import_module

from tests.permissions.policies import Mutant, grants_of, mutants_of
from tests.permissions.unenforced import Unenforced, all_unenforced

from .deployment import Deployment, Resource, Statement, step_of
from .test_functions import NETWORK_INTERFACES

Rule = Callable[[Deployment], Iterator[str]]


def rule_of(entry: Unenforced) -> Rule:
    module, _, name = entry.rule.partition(".")
    rule: Rule = getattr(import_module(f"{__package__}.{module}"), name)
    return rule


def code_that_may_attach(deployment: Deployment) -> Iterator[str]:
    """Network interfaces are the service's business: the code, which holds the same role, is denied each action."""
    for step, function in deployment.functions().items():
        denied = {
            action
            for statement in deployment.statements(step)
            if statement.effect == "Deny" and _is_for_the_code(statement, function["function_name"])
            for action in statement.actions
        }
        if function["vpc_config"] and (left := NETWORK_INTERFACES - denied):
            yield f"{step}: its code may {sorted(left)}"


def _is_for_the_code(statement: Statement, function: str) -> bool:
    arn = statement.condition.get("ArnEquals", {}).get("lambda:SourceFunctionArn", "")
    return str(arn).endswith(f":function:{function}")


def copies_from_nowhere(deployment: Deployment) -> Iterator[str]:
    """COPY is given no region: Redshift asks where the bucket is, and what is in it."""
    granted = {action for statement in deployment.statements("copy") for action in statement.actions}
    if missing := {"s3:GetBucketLocation", "s3:ListBucket"} - granted:
        yield f"copy: lacks {sorted(missing)}"


def unreadable_schedules(deployment: Deployment) -> Iterator[str]:
    """Scheduler decrypts what a schedule passes in the name of the role that the schedule has."""
    for schedule in deployment.all("aws_scheduler_schedule"):
        role = step_of(schedule.values["target"][0]["role_arn"])
        granted = {action for statement in deployment.statements(role) for action in statement.actions}
        if schedule.values["kms_key_arn"] and "kms:Decrypt" not in granted:
            yield f"{schedule.values['name']}: {role} may not decrypt what it passes"


def policies(deployment: Deployment) -> dict[str, Resource]:
    """The policy of each role, by the role's name."""
    return {each.values["role"]: each for each in deployment.all("aws_iam_role_policy")}


def entry_for(mutant: Mutant) -> Unenforced | None:
    return next((entry for entry in all_unenforced() if entry.excuses(mutant)), None)


def unnoticed(deployment: Deployment) -> Iterator[str]:
    """What may be taken away without that the rule which is named for it objects."""
    before = {entry.rule: set(rule_of(entry)(deployment)) for entry in all_unenforced()}
    for role, resource in policies(deployment).items():
        policy = json.loads(resource.values["policy"])
        for mutant in mutants_of(role, policy):
            if entry := entry_for(mutant):
                spoilt = deployment.with_values(resource.address, policy=json.dumps(mutant.of(policy)))
                if not set(rule_of(entry)(spoilt)) - before[entry.rule]:
                    yield f"{mutant}: {entry.rule} does not object"


def test_what_the_local_cloud_cannot_ask_is_asked_here(prod: Deployment) -> None:
    """The other environments have prod's statements, or fewer."""
    assert list(unnoticed(prod)) == []
    for entry in all_unenforced():
        assert any(
            entry.excuses(mutant)
            for role, resource in policies(prod).items()
            for mutant in mutants_of(role, json.loads(resource.values["policy"]))
        ), f"{entry.statement}: there is no such statement"


def untried(deployment: Deployment, local: Deployment) -> Iterator[str]:
    """What is granted elsewhere and not in the local environment, so that nobody ever misses it there."""
    tried = {grant for role in policies(local) for grant in statements(local, role)}
    for role in policies(deployment):
        for step, sid, action in sorted(statements(deployment, role) - tried):
            if entry_for(Mutant(f"xmlift-{step}", sid, action)) is None:
                yield f"{step}: {sid} allows {action}"


def statements(deployment: Deployment, role: str) -> set[tuple[str, str, str]]:
    policy = json.loads(policies(deployment)[role].values["policy"])
    return {(step_of(role), grant.sid, grant.action) for grant in grants_of(role, policy)}


def test_what_is_granted_elsewhere_is_tried_locally_or_named(
    dev: Deployment, prod: Deployment, local: Deployment
) -> None:
    assert [*untried(dev, local), *untried(prod, local)] == []
    more = prod.with_statement("load", "sqs:SendMessage", "arn:aws:sqs:eu-central-1:111122223333:a-queue")
    assert list(untried(more, local)) == ["load: More allows sqs:SendMessage"]
