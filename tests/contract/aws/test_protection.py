"""Data protection: a key that is not used, or not by who needs it; buckets that serve strangers, untold."""

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase

from .deployment import Deployment, Resource, Statement, Values, statements_of

# Of what is kept, where its key stands.
ENCRYPTED = {
    "aws_cloudwatch_log_group": ["kms_key_id"],
    "aws_lambda_function": ["kms_key_arn"],
    "aws_redshiftserverless_namespace": ["kms_key_id", "admin_password_secret_kms_key_id"],
    "aws_scheduler_schedule": ["kms_key_arn"],
    "aws_secretsmanager_secret": ["kms_key_id"],
    "aws_sns_topic": ["kms_master_key_id"],
    "aws_sqs_queue": ["kms_master_key_id"],
}

# What a call makes the service do with the key, in the name of the role that calls.
READS, WRITES = "kms:Decrypt", "kms:GenerateDataKey"
USES = {
    "s3:GetObject": {("s3", READS)},
    "s3:GetObjectVersion": {("s3", READS)},
    "s3:PutObject": {("s3", WRITES)},
    "secretsmanager:GetSecretValue": {("secretsmanager", READS)},
    "sns:Publish": {("sns", READS), ("sns", WRITES)},
    "states:DescribeExecution": {("states", READS)},
}


def key_arn(deployment: Deployment) -> str:
    key = deployment.one("aws_kms_key")["key_id"]
    (arn,) = {
        resource
        for statement in deployment.statements("load")
        if READS in statement.actions
        for resource in statement.resources
    }
    assert arn.endswith(f":key/{key}")
    return arn


def bucket_of(deployment: Deployment, role: str) -> Values:
    return deployment.resources[f'module.platform.module.landing.aws_s3_bucket.this["{role}"]'].values


def encryption_of(rule: Resource) -> tuple[str, str | None]:
    (given,) = rule.values["rule"]
    (default,) = given["apply_server_side_encryption_by_default"]
    return default["sse_algorithm"], default["kms_master_key_id"]


def unencrypted(deployment: Deployment) -> Iterator[str]:
    key = key_arn(deployment)
    for kind, attributes in ENCRYPTED.items():
        for each in deployment.all(kind):
            yield from (
                f"{each.address}: {attribute}" for attribute in attributes if each.values[attribute] != key
            )
    machine = deployment.one("aws_sfn_state_machine")
    if [each["kms_key_id"] for each in machine["encryption_configuration"]] != [key]:
        yield "the state machine"
    logs = bucket_of(deployment, "logs")["bucket"]
    for rule in deployment.all("aws_s3_bucket_server_side_encryption_configuration"):
        # S3 delivers access logs to no bucket with a key of ours.
        expected = ("AES256", None) if rule.values["bucket"] == logs else ("aws:kms", key)
        if encryption_of(rule) != expected:
            yield f"{rule.address}: {encryption_of(rule)[0]}"


def test_what_is_kept_is_encrypted_with_the_key(deployment: Deployment) -> None:
    assert not list(unencrypted(deployment))
    clear = deployment.with_values("aws_sns_topic.failures", kms_master_key_id=None)
    assert list(unencrypted(clear)) == [
        "module.platform.module.workflow.aws_sns_topic.failures: kms_master_key_id"
    ]
    owned = deployment.with_values("aws_sfn_state_machine.pipeline", encryption_configuration=[])
    assert list(unencrypted(owned)) == ["the state machine"]
    address = 'aws_s3_bucket_server_side_encryption_configuration.this["logs"]'
    default = {"sse_algorithm": "aws:kms", "kms_master_key_id": key_arn(deployment)}
    undelivered = deployment.with_values(
        address, rule=[{"apply_server_side_encryption_by_default": [default], "bucket_key_enabled": True}]
    )
    assert list(unencrypted(undelivered)) == [f"module.platform.module.landing.{address}: aws:kms"]


def through(statement: Statement) -> list[str]:
    """Services that a statement lets use the key; `*` where it says none."""
    via = statement.condition.get("StringEquals", {}).get("kms:ViaService", [])
    return [service.split(".")[0] for service in ([via] if isinstance(via, str) else via)] or ["*"]


def wrong_uses(deployment: Deployment) -> Iterator[str]:
    for role in deployment.roles():
        statements = [each for each in deployment.statements(role) if each.effect == "Allow"]
        needed = {use for each in statements for action in each.actions for use in USES.get(action, ())}
        granted = {
            (service, action)
            for each in statements
            if not any("EncryptionContext" in key for keys in each.condition.values() for key in keys)
            for action in each.actions
            if action.startswith("kms:")
            for service in through(each)
        }
        for service, action in sorted(needed):
            if not {(service, action), ("*", action)} & granted:
                yield f"{role}: no {action} through {service}"
        for service, action in sorted(granted):
            if service != "*" and (service, action) not in needed and (service, READS) not in needed:
                yield f"{role}: {action} through {service} without need"


def test_roles_may_use_the_key_for_what_they_read_and_write(deployment: Deployment) -> None:
    assert not list(wrong_uses(deployment))
    blind = deployment.with_text(
        'aws_iam_role_policy.this["load"]', "policy", '"kms:Decrypt",', '"kms:DescribeKey",'
    )
    assert list(wrong_uses(blind)) == ["load: no kms:Decrypt through s3"]
    curious = deployment.with_text('aws_iam_role_policy.this["load"]', "policy", '["s3.', '["sqs.x","s3.')
    assert list(wrong_uses(curious)) == [
        "load: kms:Decrypt through sqs without need",
        "load: kms:GenerateDataKey through sqs without need",
    ]


def undecryptable(deployment: Deployment) -> Iterator[str]:
    """Lambda and Scheduler decrypt what is passed on in the name of the role that they take on."""
    contexts = {
        step: ("kms:EncryptionContext:aws:lambda:FunctionArn", f":function:{function['function_name']}")
        for step, function in deployment.functions().items()
    } | {"schedule": ("kms:EncryptionContext:aws:scheduler:schedule:arn", "/*")}
    for role, (context, end) in contexts.items():
        if not any(
            str(keys.get(context, "")).endswith(end)
            for statement in deployment.statements(role)
            if statement.allows(READS)
            for keys in statement.condition.values()
        ):
            yield role


def test_functions_and_schedules_may_decrypt_what_they_are_given(deployment: Deployment) -> None:
    assert not list(undecryptable(deployment))
    mixed = deployment.with_text('role_policy.this["load"]', "policy", '-load"}', '-plan"}')
    assert list(undecryptable(mixed)) == ["load"]


def key_statements(deployment: Deployment) -> list[Statement]:
    return statements_of(deployment.one("aws_kms_key")["policy"])


def refused_services(deployment: Deployment) -> Iterator[str]:
    """Services that use the key in their own name, which the key's policy alone can admit."""
    admitted = {
        service: statement.condition
        for statement in key_statements(deployment)
        for service in statement.principals.get("Service", [])
    }
    for service in ("cloudwatch", "events", "delivery.logs"):
        if f"{service}.amazonaws.com" not in admitted:
            yield service
    patterns = [
        arn.split(":log-group:", 1)[1]
        for service, condition in admitted.items()
        if service.startswith("logs.")
        for arn in condition["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
    ]
    for group in deployment.all("aws_cloudwatch_log_group"):
        if not any(fnmatchcase(group.values["name"], pattern) for pattern in patterns):
            yield group.values["name"]


def unbound_services(deployment: Deployment) -> Iterator[str]:
    for statement in key_statements(deployment):
        keys = {key for names in statement.condition.values() for key in names}
        if statement.principals.get("Service") and not keys & {
            "aws:SourceAccount",
            "kms:EncryptionContext:aws:logs:arn",
        }:
            yield statement.sid


def test_key_admits_the_services_that_encrypt_in_their_own_name(deployment: Deployment) -> None:
    assert not list(refused_services(deployment))
    mute = deployment.with_text("aws_kms_key.main", "policy", '"cloudwatch.amazonaws.com",', "")
    assert list(refused_services(mute)) == ["cloudwatch"]
    elsewhere = deployment.with_values("workflow.aws_cloudwatch_log_group.pipeline", name="/pipeline")
    assert list(refused_services(elsewhere)) == ["/pipeline"]
    assert not list(unbound_services(deployment))
    anybody = deployment.with_text("aws_kms_key.main", "policy", "aws:SourceAccount", "aws:SourceVpc")
    assert list(unbound_services(anybody)) == ["DeliverTheLogOfTheStateMachine", "PublishToTopicsAndQueues"]


def lost_keys(deployment: Deployment) -> Iterator[str]:
    """Without the account itself in its policy nobody can change a key again, or let anybody use it."""
    key = deployment.one("aws_kms_key")
    if not any(
        statement.actions == ["kms:*"] and statement.principals["AWS"][0].endswith(":root")
        for statement in key_statements(deployment)
        if "AWS" in statement.principals
    ):
        yield "nobody may change the key"
    if not key["enable_key_rotation"]:
        yield "the key stays the same for ever"


def test_key_is_the_accounts_and_rotated(deployment: Deployment) -> None:
    assert not list(lost_keys(deployment))
    lost = deployment.with_text("aws_kms_key.main", "policy", ":root", ":user/who-left")
    assert list(lost_keys(lost)) == ["nobody may change the key"]
    kept = deployment.with_values("aws_kms_key.main", enable_key_rotation=False)
    assert list(lost_keys(kept)) == ["the key stays the same for ever"]


def open_to_strangers(deployment: Deployment) -> Iterator[str]:
    """Buckets that a mistaken grant would open to another account."""
    account = deployment.one("aws_s3_bucket_notification")["bucket"].rsplit("-", 1)[1]
    refusing = {
        each.values["bucket"]
        for each in deployment.all("aws_s3_bucket_policy")
        for statement in statements_of(each.values["policy"])
        if statement.effect == "Deny"
        and statement.actions == ["s3:*"]
        and len(statement.resources) == 2
        and statement.condition.get("StringNotEquals") == {"aws:PrincipalAccount": account}
    }
    yield from (
        each.address for each in deployment.all("aws_s3_bucket") if each.values["bucket"] not in refusing
    )


def test_buckets_refuse_other_accounts(deployment: Deployment) -> None:
    assert not list(open_to_strangers(deployment))
    address = 'module.platform.module.landing.aws_s3_bucket.this["landing"]'
    any_account = deployment.with_text(
        'bucket_policy.this["landing"]', "policy", "PrincipalAccount", "PrincipalOrgID"
    )
    assert list(open_to_strangers(any_account)) == [address]


def unlogged(deployment: Deployment) -> Iterator[str]:
    """S3 delivers access logs as a service, and to a bucket whose policy names it and what it tells of."""
    logs = bucket_of(deployment, "logs")["bucket"]
    logged = {each.values["bucket"]: each.values for each in deployment.all("aws_s3_bucket_logging")}
    policy = deployment.resources['module.platform.module.landing.aws_s3_bucket_policy.this["logs"]'].values[
        "policy"
    ]
    grants = [
        statement
        for statement in statements_of(policy)
        if statement.allows("s3:PutObject")
        and statement.principals == {"Service": ["logging.s3.amazonaws.com"]}
    ]
    told_of = {arn.split(":::")[1] for grant in grants for arn in grant.condition["ArnLike"]["aws:SourceArn"]}
    refuses_services = any(
        statement.effect == "Deny"
        and "aws:PrincipalAccount" in json.dumps(statement.condition)
        and statement.condition.get("BoolIfExists") != {"aws:PrincipalIsAWSService": "false"}
        for statement in statements_of(policy)
    )
    if refuses_services:
        yield "the delivery is refused as a stranger"
    for each in deployment.all("aws_s3_bucket"):
        name = each.values["bucket"]
        if name != logs and (logged.get(name, {}).get("target_bucket") != logs or name not in told_of):
            yield name


def test_access_to_buckets_is_logged(deployment: Deployment) -> None:
    assert not list(unlogged(deployment))
    landing = bucket_of(deployment, "landing")["bucket"]
    silent = deployment.without('aws_s3_bucket_logging.this["landing"]')
    assert list(unlogged(silent)) == [landing]
    other = deployment.with_text('bucket_policy.this["logs"]', "policy", f':::{landing}"', ':::other"')
    assert list(unlogged(other)) == [landing]
    strangers = deployment.with_text(
        'bucket_policy.this["logs"]', "policy", "PrincipalIsAWSService", "ViaAWSService"
    )
    assert list(unlogged(strangers)) == ["the delivery is refused as a stranger"]


# Schedules, versions of functions and a rollback name what lies there.
NEVER = ("catalogue/", "functions/")


def wrong_lives(deployment: Deployment) -> Iterator[str]:
    """Prefixes that grow for ever, and those whose end would break what names them."""
    landing = bucket_of(deployment, "landing")["bucket"]
    (rules,) = (
        each.values["rule"]
        for each in deployment.all("aws_s3_bucket_lifecycle_configuration")
        if each.values["bucket"] == landing
    )
    expiring = {
        rule["filter"][0]["prefix"] for rule in rules if rule["expiration"] and rule["status"] == "Enabled"
    }
    for prefix in ("inbox/", "landing/", "load/", "runs/"):
        if prefix not in expiring:
            yield f"{prefix} grows for ever"
    for prefix in expiring:
        if not prefix or prefix.startswith(NEVER):
            yield f"{prefix or 'everything'} goes"


def test_prefixes_have_a_life_of_their_own(dev: Deployment, prod: Deployment) -> None:
    assert not [*wrong_lives(dev), *wrong_lives(prod)]
    rules = dev.resources[
        "module.platform.module.landing.aws_s3_bucket_lifecycle_configuration.landing[0]"
    ].values["rule"]
    everything = [
        rule | {"filter": [{"prefix": ""}], "expiration": [{"days": 1}]} if rule["id"] == "clean-up" else rule
        for rule in rules
    ]
    spoilt = dev.with_values("lifecycle_configuration.landing", rule=everything)
    assert list(wrong_lives(spoilt)) == ["everything goes"]
    endless = dev.with_values(
        "lifecycle_configuration.landing", rule=[rule for rule in rules if rule["id"] != "expire-runs"]
    )
    assert list(wrong_lives(endless)) == ["runs/ grows for ever"]
