"""The warehouse: what Redshift forgets, keeps for ever, or lets anybody do, unless it is told otherwise."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

import msgspec

from xmlift.migration import MigrateEvent

from ..terraform_roots import BOOTSTRAP, Roots
from .deployment import Deployment, statements_of, step_of

_SNAPSHOT_NAME = re.compile(r"[a-z0-9-]{3,64}")
_UUID = "0a1b2c3d-0000-4000-8000-000000000000"
"""The longest that Scheduler was seen to put in for the id of an execution."""


def unkept_logs(deployment: Deployment) -> Iterator[str]:
    """Redshift makes the groups of its logs, without an end and a key, where they are not there before it is."""
    namespace = deployment.one("aws_redshiftserverless_namespace")
    groups = {each.values["name"]: each.values for each in deployment.all("aws_cloudwatch_log_group")}
    for kind in ("connectionlog", "userlog"):
        if kind not in namespace["log_exports"]:
            yield f"nobody is told of {kind}"
    for kind in namespace["log_exports"]:
        group = groups.get(f"/aws/redshift/{namespace['namespace_name']}/{kind}")
        if group is None or not group["retention_in_days"]:
            yield f"{kind} is kept for ever"
        elif not group["kms_key_id"]:
            yield f"{kind} is not encrypted with our key"


def test_audit_logs_go_to_groups_that_expire(deployment: Deployment) -> None:
    assert not list(unkept_logs(deployment))
    assert list(unkept_logs(deployment.without('group.audit["userlog"]'))) == ["userlog is kept for ever"]
    silent = deployment.with_values("serverless_namespace.main", log_exports=["userlog"])
    assert list(unkept_logs(silent)) == ["nobody is told of connectionlog"]
    open_ = deployment.with_values('group.audit["userlog"]', kms_key_id=None)
    assert list(unkept_logs(open_)) == ["userlog is not encrypted with our key"]


def untaken_snapshots(deployment: Deployment) -> Iterator[str]:
    """Scheduler calls any API as it is told to: what is wrong shows when a snapshot is needed."""
    namespace = deployment.one("aws_redshiftserverless_namespace")
    schedules = [
        each.values for each in deployment.all("aws_scheduler_schedule") if "snapshot" in each.address
    ]
    if not schedules:
        yield "no snapshots are taken"
    for schedule in schedules:
        (target,) = schedule["target"]
        asked = json.loads(target["input"])
        if not target["arn"].endswith(":scheduler:::aws-sdk:redshiftserverless:createSnapshot"):
            yield f"calls {target['arn']}"
        if asked.keys() != {"NamespaceName", "SnapshotName", "RetentionPeriod"}:
            yield f"asks for {sorted(asked)}"
            continue
        if asked["NamespaceName"] != namespace["namespace_name"]:
            yield f"takes snapshots of {asked['NamespaceName']}"
        named = asked["SnapshotName"].replace("<aws.scheduler.execution-id>", _UUID)
        if named == asked["SnapshotName"] or not _SNAPSHOT_NAME.fullmatch(named):
            yield f"the second one cannot be named {asked['SnapshotName']}"
        role = step_of(target["role_arn"])
        allowed = {
            resource
            for statement in deployment.statements(role)
            if statement.allows("redshift-serverless:CreateSnapshot")
            for resource in statement.resources
        }
        if namespace["arn"] not in allowed or not any(arn.endswith(":snapshot/*") for arn in allowed):
            yield f"{role} may not"


def test_snapshots_are_taken_where_data_is_protected(prod: Deployment) -> None:
    assert not list(untaken_snapshots(prod))
    assert list(untaken_snapshots(prod.without("schedule.snapshot"))) == ["no snapshots are taken"]
    address = "aws_scheduler_schedule.snapshot"
    (schedule,) = (each for each in prod.resources.values() if address in each.address)
    (target,) = schedule.values["target"]
    for old, new, told in (
        (
            "-<aws.scheduler.execution-id>",
            "",
            "the second one cannot be named xmlift-prod",
        ),
        (
            "execution-id",
            "scheduled-time",
            "the second one cannot be named xmlift-prod-<aws.scheduler.scheduled-time>",
        ),
        (
            '"RetentionPeriod"',
            '"retentionPeriod"',
            "asks for ['NamespaceName', 'SnapshotName', 'retentionPeriod']",
        ),
    ):
        assert old in target["input"]
        spoilt = prod.with_values(address, target=[target | {"input": target["input"].replace(old, new)}])
        assert list(untaken_snapshots(spoilt)) == [told]
    powerless = prod.with_text(
        'aws_iam_role_policy.this["snapshot"]', "policy", "CreateSnapshot", "GetSnapshot"
    )
    assert list(untaken_snapshots(powerless)) == ["snapshot may not"]


def unbounded_bills(deployment: Deployment) -> Iterator[str]:
    workgroup = deployment.one("aws_redshiftserverless_workgroup")
    if not workgroup["max_capacity"]:
        yield "the workgroup grows as it likes"
    if not any(
        limit.values["breach_action"] == "deactivate" and limit.values["period"] == "daily"
        for limit in deployment.resources.values()
        if limit.type == "aws_redshiftserverless_usage_limit"
    ):
        yield "nothing ends a query that never ends"


def test_the_bill_of_the_warehouse_is_bounded(deployment: Deployment) -> None:
    assert not list(unbounded_bills(deployment))
    assert list(unbounded_bills(deployment.with_values("serverless_workgroup.main", max_capacity=None))) == [
        "the workgroup grows as it likes"
    ]
    for spoilt in (
        deployment.without("usage_limit.compute"),
        deployment.with_values("usage_limit.compute", breach_action="log"),
    ):
        assert list(unbounded_bills(spoilt)) == ["nothing ends a query that never ends"]


def ungranted_users(deployment: Deployment) -> Iterator[str]:
    """A role's database user may nothing until migrate, which is told its name, has granted it something."""
    event = msgspec.json.decode(deployment.one("aws_lambda_invocation")["input"], type=MigrateEvent)
    granted = {event.loader, *event.observers}
    roles = {step: values["role"] for step, values in deployment.functions().items()}
    for step in ("plan", "load", "report"):
        role = roles[step].rpartition("/")[2]
        if role not in granted:
            yield f"{role} is granted nothing"


def test_database_users_are_granted_what_they_need(deployment: Deployment) -> None:
    assert not list(ungranted_users(deployment))
    plan = f"{deployment.one('aws_redshiftserverless_namespace')['namespace_name']}-plan"
    forgotten = deployment.with_text("aws_lambda_invocation.migrate", "input", f'"{plan}",', "")
    assert list(ungranted_users(forgotten)) == [f"{plan} is granted nothing"]


def deletable(bootstrap: Deployment) -> set[str]:
    """What whoever deploys may delete, whatever else their policies say."""
    (boundary,) = (
        each.values["policy"]
        for each in bootstrap.all("aws_iam_policy")
        if "deployment" in each.values["name"]
    )
    denied = [
        (action, resource)
        for statement in statements_of(boundary)
        if statement.effect == "Deny" and not statement.condition
        for action in statement.actions
        for resource in statement.resources
    ]
    bucket = "arn:aws:s3:::xmlift-dev-landing-111122223333"
    redshift = "arn:aws:redshift-serverless:eu-central-1:111122223333"
    wanted = {
        "redshift-serverless:DeleteNamespace": f"{redshift}:namespace/n",
        "redshift-serverless:DeleteSnapshot": f"{redshift}:snapshot/s",
        "redshift-serverless:RestoreFromSnapshot": f"{redshift}:namespace/n",
        "kms:ScheduleKeyDeletion": "arn:aws:kms:eu-central-1:111122223333:key/k",
        "s3:DeleteBucket": bucket,
        "s3:DeleteObjectVersion": f"{bucket}/landing/ewm/part.csv.gz",
    }
    return {
        action
        for action, resource in wanted.items()
        if not any(fnmatchcase(action, known) and fnmatchcase(resource, arn) for known, arn in denied)
    }


def test_who_deploys_may_not_delete_what_is_protected(roots: Roots) -> None:
    plans = roots.plans(BOOTSTRAP)
    protected = Deployment.of_plan(plans["nobody_who_deploys_deletes_what_holds_data"], at_least=15)
    free = Deployment.of_plan(plans["dev_is_destroyed_and_applied_again"], at_least=15)
    assert deletable(protected) == set()
    assert "redshift-serverless:DeleteNamespace" in deletable(free)
    spoilt = protected.with_text(
        'aws_iam_policy.boundary["deployment"]', "policy", "redshift-serverless:DeleteSnapshot", "none:Such"
    )
    assert deletable(spoilt) == {"redshift-serverless:DeleteSnapshot"}
