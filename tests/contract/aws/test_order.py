"""Order: what has to exist before something else is made, or AWS refuses it, or it fails by chance."""

import re
from collections.abc import Iterator, Mapping

import pytest

from ..terraform_roots import TERRAFORM, Roots
from .deployment import Deployment

# AWS tests a role when it creates what uses it; a schedule may fire as soon as it exists; code that goes live
# before its tables are changed fails in whatever execution is under way.
NEEDED = {
    "function.aws_lambda_function.main": (
        "iam.aws_iam_role_policy.this",
        "network.aws_vpc_endpoint.s3",
        "function.aws_cloudwatch_log_group.main",
        "aws_lambda_invocation.migrate",
    ),
    "migrate.aws_lambda_function.main": (
        "iam.aws_iam_role_policy.this",
        "network.aws_vpc_endpoint.s3",
        "migrate.aws_cloudwatch_log_group.main",
    ),
    "workflow.aws_sfn_state_machine.pipeline": (
        "iam.aws_iam_role_policy.this",
        "function.aws_lambda_alias.live",
        "workflow.aws_cloudwatch_log_group.pipeline",
    ),
    "workflow.aws_scheduler_schedule.source": (
        "aws_lambda_invocation.migrate",
        "workflow.aws_sfn_alias.live",
        "iam.aws_iam_role_policy.this",
        "landing.aws_s3_object.catalogue",
    ),
    "aws_lambda_invocation.migrate": (
        "warehouse.aws_redshiftserverless_workgroup.main",
        "network.aws_vpc_endpoint.interface",
        "network.aws_vpc_security_group_ingress_rule.warehouse_from_functions",
        "migrate.aws_lambda_alias.live",
    ),
    "warehouse.aws_redshiftserverless_namespace.main": ("iam.aws_iam_role_policy.copy",),
    "landing.aws_s3_object.catalogue": (
        "landing.aws_s3_bucket_versioning.this",
        "landing.aws_s3_bucket_server_side_encryption_configuration.this",
    ),
}
Order = Mapping[str, set[str]]


@pytest.fixture(scope="module")
def order(roots: Roots) -> Order:
    return roots.order("environments/dev")


def full(address: str) -> str:
    module, _, rest = address.partition(".")
    return (
        f"module.platform.{address}"
        if module.startswith("aws_")
        else f"module.platform.module.{module}.{rest}"
    )


def earlier(order: Order, address: str) -> set[str]:
    """Everything that is made before a resource."""
    found: set[str] = set()
    waiting = [address]
    while waiting:
        new = order.get(waiting.pop(), set()) - found
        found |= new
        waiting.extend(new)
    return found


def wrong_order(order: Order) -> Iterator[str]:
    for later, needed in NEEDED.items():
        made = earlier(order, full(later))
        yield from (f"{later} does not wait for {address}" for address in needed if full(address) not in made)


def test_what_is_needed_is_made_first(order: Order) -> None:
    assert not list(wrong_order(order))
    migrated = full("aws_lambda_invocation.migrate")
    eager = {later: waits - {migrated} for later, waits in order.items()}
    for address in ("function.aws_lambda_function.main", "workflow.aws_scheduler_schedule.source"):
        assert f"{address} does not wait for aws_lambda_invocation.migrate" in wrong_order(eager)


def unrepeated_migrations(deployment: Deployment) -> Iterator[str]:
    """An invocation is made once, and again when a trigger changes: another code, another warehouse."""
    namespace = deployment.one("aws_redshiftserverless_namespace")["namespace_id"]
    code = deployment.functions()["migrate"]["source_code_hash"]
    triggers = set(deployment.one("aws_lambda_invocation")["triggers"].values())
    for what, value in (("a replaced warehouse", namespace), ("another code", code)):
        if value not in triggers:
            yield f"{what} is not migrated"


def test_another_warehouse_and_another_code_are_migrated(deployment: Deployment) -> None:
    assert not list(unrepeated_migrations(deployment))
    replaced = deployment.with_values("serverless_namespace.main", namespace_id="another")
    assert list(unrepeated_migrations(replaced)) == ["a replaced warehouse is not migrated"]
    changed = deployment.with_values("migrate.aws_lambda_function", source_code_hash="another")
    assert list(unrepeated_migrations(changed)) == ["another code is not migrated"]


ONE_AT_A_TIME = (
    "warehouse.aws_redshiftserverless_namespace.main",
    "warehouse.aws_redshiftserverless_workgroup.main",
)


def made_twice(order: Order, early: set[str]) -> Iterator[str]:
    """What is created before it is destroyed passes that on to all it waits for; AWS takes no two of a name."""
    for address in order:
        if address.partition('["')[0].rsplit(".module.", 1)[-1] in early:
            needed = earlier(order, address)
            yield from (f"{address}: {one}" for one in ONE_AT_A_TIME if full(one) in needed)


def created_before_destroyed() -> set[str]:
    """Resources of modules, as module.type.name, that say so."""
    found = set()
    for file in (TERRAFORM / "modules").rglob("*.tf"):
        for block in re.split(r"^(?=resource )", file.read_text(), flags=re.MULTILINE):
            named = re.match(r'resource "(\w+)" "(\w+)"', block)
            if named and re.search(r"create_before_destroy\s*= true", block):
                found.add(f"{file.parent.name}.{named[1]}.{named[2]}")
    return found


def test_the_warehouse_can_be_replaced(order: Order) -> None:
    early = created_before_destroyed()
    assert early
    assert not list(made_twice(order, early))
    spoilt = set(made_twice(order, early | {"function.aws_s3_object.package"}))
    assert len(spoilt) == len(ONE_AT_A_TIME)
