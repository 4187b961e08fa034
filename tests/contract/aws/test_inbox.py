"""Dropped files and kept answers: what S3, EventBridge and the lifecycle do, and an emulator does not show."""

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec
import yaml

from xmlift.landing import names
from xmlift.run_input import RunInput

from .deployment import Deployment, Resource, statements_of, step_of

SOURCES = Path(__file__).resolve().parents[3] / "terraform" / "sources"
OBJECT = {
    "key": 'inbox/price_lists/prices/a "b" \\ <object> é+%20.xml',
    "size": 5,
    "etag": "b1946ac92492d2347c6235b4d2611184",
    "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
    "sequencer": "617f08299329d189",
}
"""As the S3 user guide has it in its example of an event."""


def streams_with(deployment: Deployment, key: str) -> dict[str, Any]:
    """`source/stream` => the key's value, by the catalogue files that are deployed."""
    files = [
        Path(each.values["source"]) for each in deployment.all("aws_s3_object") if "catalogue" in each.address
    ]
    return {
        f"{path.stem}/{name}": stream[key]
        for path in files
        for name, stream in yaml.safe_load((SOURCES / path.name).read_text())["streams"].items()
        if stream.get(key)
    }


def landing_bucket(deployment: Deployment) -> str:
    (bucket,) = (
        each.values["bucket"] for each in deployment.all("aws_s3_bucket") if '"landing"' in each.address
    )
    return str(bucket)


def unheard_buckets(deployment: Deployment) -> Iterator[str]:
    told = [
        each.values["bucket"]
        for each in deployment.resources.values()
        if each.type == "aws_s3_bucket_notification" and each.values["eventbridge"]
    ]
    if told != [landing_bucket(deployment)]:
        yield f"EventBridge is told of {told}"


def test_eventbridge_is_told_of_the_landing_bucket(deployment: Deployment) -> None:
    assert not list(unheard_buckets(deployment))
    silent = deployment.with_values("aws_s3_bucket_notification.landing", eventbridge=False)
    assert list(unheard_buckets(silent)) == ["EventBridge is told of []"]
    assert list(unheard_buckets(deployment.without("aws_s3_bucket_notification"))) == [
        "EventBridge is told of []"
    ]


def rules(deployment: Deployment) -> dict[str, Resource]:
    return {each.values["name"]: each for each in deployment.all("aws_cloudwatch_event_rule")}


def rendered(template: str, paths: dict[str, str]) -> Any:
    """What EventBridge makes of a template: a variable outside quotes becomes JSON, one inside stands as it is."""
    for name, path in paths.items():
        value: Any = {"detail": {"object": OBJECT}}
        for part in path.removeprefix("$.").split("."):
            value = value[part]
        text = value if isinstance(value, str) else json.dumps(value)
        template = template.replace(f"<{name}>", text)
    return json.loads(template)


def unstarted_files(deployment: Deployment) -> Iterator[str]:
    alias = deployment.one("aws_sfn_alias")["name"]
    machine = deployment.one("aws_sfn_state_machine")["name"]
    heard = set()
    for name, rule in rules(deployment).items():
        pattern = json.loads(rule.values["event_pattern"])
        heard |= {each["prefix"] for each in pattern["detail"]["object"]["key"]}
        if pattern["detail"]["bucket"]["name"] != [landing_bucket(deployment)]:
            yield f"{name}: hears of another bucket"
        if (pattern["source"], pattern["detail-type"]) != (["aws.s3"], ["Object Created"]):
            yield f"{name}: hears of something else than new objects"
    wanted = {names.inbox_prefix(*stream.split("/")) for stream in streams_with(deployment, "inbox")}
    if heard != wanted:
        yield f"heard is {sorted(heard)}, wanted {sorted(wanted)}"
    for target in deployment.all("aws_cloudwatch_event_target"):
        values, (transformer,) = target.values, target.values["input_transformer"]
        if not values["arn"].endswith(f":stateMachine:{machine}:{alias}"):
            yield f"{values['rule']}: starts {values['arn']}"
        try:
            given = rendered(transformer["input_template"], transformer["input_paths"])
            started = msgspec.convert(given, RunInput)
        except (json.JSONDecodeError, msgspec.ValidationError) as error:
            yield f"{values['rule']}: plan cannot read its input: {error}"
            continue
        if started.inbox is None or started.inbox.key != OBJECT["key"]:
            yield f"{values['rule']}: the key becomes another one"


def test_rules_start_the_alias_with_the_object(deployment: Deployment) -> None:
    assert not list(unstarted_files(deployment))
    target = "aws_cloudwatch_event_target.pipeline"
    (transformer,) = deployment.one("aws_cloudwatch_event_target")["input_transformer"]
    by_text = {
        "input_paths": {"key": "$.detail.object.key"},
        "input_template": transformer["input_template"].replace("<object>", '{"key": "<key>"}'),
    }
    (refused,) = unstarted_files(deployment.with_values(target, input_transformer=[by_text]))
    assert "plan cannot read its input" in refused
    unversioned = deployment.with_text(target, "arn", ":live", "")
    assert len(list(unstarted_files(unversioned))) == 1
    elsewhere = deployment.with_text(
        "aws_cloudwatch_event_rule.source", "event_pattern", "inbox/price_lists/", "inbox/price_list/"
    )
    assert len(list(unstarted_files(elsewhere))) == 1


def lost_files(deployment: Deployment) -> Iterator[str]:
    queue = deployment.one("aws_sqs_queue")["name"]
    (statement,) = statements_of(deployment.one("aws_sqs_queue_policy")["policy"])
    sources = statement.condition.get("ArnEquals", {}).get("aws:SourceArn", [])
    alias = deployment.one("aws_sfn_alias")["name"]
    (trust,) = deployment.trust("inbox")
    trusted = trust.condition.get("ArnLike", {}).get("aws:SourceArn", "")
    for target in deployment.all("aws_cloudwatch_event_target"):
        values = target.values
        rule = f":rule/{values['rule']}"
        if not values["dead_letter_config"] or not values["dead_letter_config"][0]["arn"].endswith(
            f":{queue}"
        ):
            yield f"{values['rule']}: what it cannot start is lost"
        if not any(arn.endswith(rule) for arn in sources):
            yield f"{values['rule']}: the queue takes nothing from it"
        if not fnmatchcase(f"x{rule}", f"x:{trusted.split(':', 5)[-1]}"):
            yield f"{values['rule']}: its role does not trust it"
        machine = values["arn"].removesuffix(f":{alias}")
        if step_of(values["role_arn"]) != "inbox" or not any(
            each.allows("states:StartExecution") and machine in each.resources
            for each in deployment.statements("inbox")
        ):
            yield f"{values['rule']}: its role may not start {machine}"
    alarms = [each.values for each in deployment.all("aws_cloudwatch_metric_alarm")]
    if not any(alarm["dimensions"] == {"QueueName": queue} and alarm["alarm_actions"] for alarm in alarms):
        yield f"nobody is told of what waits in {queue}"


def test_what_cannot_be_started_waits_in_a_queue(deployment: Deployment) -> None:
    assert not list(lost_files(deployment))
    target = "aws_cloudwatch_event_target.pipeline"
    assert len(list(lost_files(deployment.with_values(target, dead_letter_config=[])))) == 1
    rule = deployment.one("aws_cloudwatch_event_target")["rule"]
    closed = deployment.with_text("aws_sqs_queue_policy.unstarted", "policy", f"rule/{rule}", "rule/another")
    assert list(lost_files(closed)) == [f"{rule}: the queue takes nothing from it"]
    mistrusted = deployment.with_text(
        'aws_iam_role.this["inbox"]', "assume_role_policy", ":rule/", ":event-bus/"
    )
    assert list(lost_files(mistrusted)) == [f"{rule}: its role does not trust it"]
    powerless = deployment.with_text(
        'aws_iam_role_policy.this["inbox"]', "policy", "states:StartExecution", "states:StartSyncExecution"
    )
    assert len(list(lost_files(powerless))) == 1
    unseen = deployment.with_values('aws_cloudwatch_metric_alarm.main["undelivered-inbox"]', alarm_actions=[])
    assert len(list(lost_files(unseen))) == 1


def missing_rights(deployment: Deployment) -> Iterator[str]:
    bucket = landing_bucket(deployment)
    needed = [
        ("s3:GetObject", "inbox/price_lists/prices/a.xml"),
        ("s3:GetObjectVersion", "inbox/price_lists/prices/a.xml"),
        ("s3:GetObject", "raw/price_lists/prices/a.xml.gz"),
        ("s3:PutObject", "raw/price_lists/prices/a.xml.gz"),
    ]
    for action, key in needed:
        if not any(
            statement.allows(action)
            and any(fnmatchcase(f"{bucket}/{key}", arn.rpartition(":")[2]) for arn in statement.resources)
            for statement in deployment.statements("extract")
        ):
            yield f"extract lacks {action} on {key}"


def test_extract_may_read_versions_and_keep_answers(deployment: Deployment) -> None:
    assert not list(missing_rights(deployment))
    policy = 'aws_iam_role_policy.this["extract"]'
    unversioned = deployment.with_text(policy, "policy", "s3:GetObjectVersion", "s3:GetObjectTagging")
    assert list(missing_rights(unversioned)) == [
        "extract lacks s3:GetObjectVersion on inbox/price_lists/prices/a.xml"
    ]
    assert len(list(missing_rights(deployment.with_text(policy, "policy", "/raw/*", "/row/*")))) == 2


def kept_too_long(deployment: Deployment) -> Iterator[str]:
    (lifecycle,) = (
        each.values
        for each in deployment.all("aws_s3_bucket_lifecycle_configuration")
        if "configuration.landing" in each.address
    )
    by_prefix = {each["filter"][0].get("prefix"): each for each in lifecycle["rule"]}
    for stream, kept in streams_with(deployment, "keep_raw").items():
        rule = by_prefix.get(f"raw/{stream}/")
        if rule is None or f"{rule['expiration'][0]['days']}d" != kept:
            yield f"{stream}: its answers are not gone after {kept}"
        elif rule["noncurrent_version_expiration"][0]["noncurrent_days"] != 1:
            yield f"{stream}: its answers go on as old versions"


def test_kept_answers_expire_with_their_old_versions(dev: Deployment) -> None:
    assert not list(kept_too_long(dev))
    landing = "aws_s3_bucket_lifecycle_configuration.landing"
    (lifecycle,) = (each.values for each in dev.resources.values() if landing in each.address)
    without = [each for each in lifecycle["rule"] if "raw" not in each["id"]]
    assert list(kept_too_long(dev.with_values(landing, rule=without))) == [
        "price_lists/prices: its answers are not gone after 30d"
    ]
    lasting = [
        each | {"noncurrent_version_expiration": [{"noncurrent_days": 30}]} if "raw" in each["id"] else each
        for each in lifecycle["rule"]
    ]
    assert list(kept_too_long(dev.with_values(landing, rule=lasting))) == [
        "price_lists/prices: its answers go on as old versions"
    ]
