"""Alarms, and what they lead to: CloudWatch takes an alarm for anything, and one for nothing never goes off."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xmlift.telemetry import MEASURES

from .deployment import Deployment, Values

ROOT = Path(__file__).resolve().parents[3]
RUNBOOKS = "docs/operations.md"
OWN = "xmlift-"
"""Our own metrics have the environment's name as their namespace; AWS's begin with AWS/."""


def alarms(deployment: Deployment) -> dict[str, Values]:
    return {each.values["alarm_name"]: each.values for each in deployment.all("aws_cloudwatch_metric_alarm")}


def metrics_of(alarm: Values) -> list[Values]:
    """What an alarm looks at, in the words of the API."""
    if alarm["metric_name"]:
        return [alarm]
    return [metric for query in alarm["metric_query"] for metric in query["metric"]]


def anchors() -> list[str]:
    """The sections of the runbooks about alarms, as links to them are written."""
    headings = re.findall(r"^#+ (Alarm: .+)$", (ROOT / RUNBOOKS).read_text(), re.MULTILINE)
    return [re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings]


def without_runbook(deployment: Deployment) -> Iterator[str]:
    for name, alarm in alarms(deployment).items():
        page, _, anchor = alarm["alarm_description"].rpartition("Runbook: ")[2].partition("#")
        if not page.endswith(RUNBOOKS) or anchor not in anchors():
            yield f"{name}: leads to {page}#{anchor}"


def test_every_alarm_leads_to_its_runbook(deployment: Deployment) -> None:
    assert not list(without_runbook(deployment))
    mute = deployment.with_values(
        'alarm.main["failed-runs"]', alarm_description="Something failed. Runbook: docs/operations.md#alarm"
    )
    (found,) = without_runbook(mute)
    assert found.endswith("failed-runs: leads to docs/operations.md#alarm")


def unused_runbooks(deployment: Deployment) -> set[str]:
    used = {alarm["alarm_description"].rpartition("#")[2] for alarm in alarms(deployment).values()}
    return set(anchors()) - used


def test_every_runbook_has_its_alarm(prod: Deployment) -> None:
    assert not unused_runbooks(prod)
    assert unused_runbooks(prod.without('alarm.main["cost"]')) == {"alarm-a-day-costs-too-much"}


def untold(deployment: Deployment) -> Iterator[str]:
    topic = deployment.one("aws_sns_topic")["name"]
    for name, alarm in alarms(deployment).items():
        if [action.rpartition(":")[2] for action in alarm["alarm_actions"]] != [topic]:
            yield name


def test_every_alarm_is_told_to_the_topic(deployment: Deployment) -> None:
    assert not list(untold(deployment))
    (found,) = untold(deployment.with_values('alarm.main["failed-runs"]', alarm_actions=[]))
    assert found.endswith("failed-runs")


def shown_metrics(deployment: Deployment) -> list[list[Any]]:
    """What the dashboard's graphs show: namespace, name, dimensions."""
    body = json.loads(deployment.one("aws_cloudwatch_dashboard")["dashboard_body"])
    graphs = (widget["properties"] for widget in body["widgets"] if widget["type"] == "metric")
    return [line for graph in graphs for line in graph["metrics"]]


def unsent_metrics(deployment: Deployment) -> Iterator[str]:
    """Metrics that alarms and the dashboard look at, and the functions do not send, or not so."""
    namespaces = {
        function["environment"][0]["variables"]["POWERTOOLS_METRICS_NAMESPACE"]
        for function in deployment.functions().values()
    }
    looked_at = [
        (metric["namespace"], metric["metric_name"], dict(metric["dimensions"]))
        for alarm in alarms(deployment).values()
        for metric in metrics_of(alarm)
    ] + [
        (line[0], line[1], dict(zip(line[2:-1:2], line[3:-1:2], strict=True)))
        for line in shown_metrics(deployment)
        if isinstance(line[0], str)
    ]
    for namespace, name, dimensions in looked_at:
        is_ours = namespace in namespaces and set(dimensions) == {"source"} and name in MEASURES
        if not namespace.startswith("AWS/") and not is_ours:
            yield f"{namespace} {name} by {sorted(dimensions)}"


def test_our_metrics_are_those_that_the_functions_send(deployment: Deployment) -> None:
    assert not list(unsent_metrics(deployment))
    renamed = deployment.with_text("aws_cloudwatch_dashboard.main", "dashboard_body", '"gb_seconds"', '"gbs"')
    assert any(" gbs by ['source']" in found for found in unsent_metrics(renamed))
    elsewhere = deployment.with_text(
        "aws_cloudwatch_dashboard.main", "dashboard_body", f'"{OWN}', '"elsewhere-'
    )
    assert list(unsent_metrics(elsewhere))


def unshown_metrics(deployment: Deployment) -> set[str]:
    return set(MEASURES) - {line[1] for line in shown_metrics(deployment) if isinstance(line[0], str)}


def test_the_dashboard_shows_every_metric(deployment: Deployment) -> None:
    assert not unshown_metrics(deployment)
    renamed = deployment.with_text("aws_cloudwatch_dashboard.main", "dashboard_body", '"retries"', '"tries"')
    assert unshown_metrics(renamed) == {"retries"}


def impossible(deployment: Deployment) -> Iterator[str]:
    for name, alarm in alarms(deployment).items():
        metrics = metrics_of(alarm)
        seconds = max(metric["period"] for metric in metrics) * alarm["evaluation_periods"]
        if len(name) > 255:
            yield f"{name}: the name has {len(name)} characters"
        if len(metrics) > 10:
            yield f"{name}: looks at {len(metrics)} metrics"
        if seconds > 7 * 86400:
            yield f"{name}: looks back {seconds} seconds"
        if len(alarm["alarm_description"]) > 1024:
            yield f"{name}: the description has {len(alarm['alarm_description'])} characters"


def test_alarms_are_such_as_cloudwatch_takes(deployment: Deployment) -> None:
    assert not list(impossible(deployment))
    long = deployment.with_values(
        'alarm.main["failed-runs"]',
        alarm_name="x" * 256,
        evaluation_periods=2017,
        alarm_description="y" * 1025,
    )
    assert len(list(impossible(long))) == 3


def unwatched(deployment: Deployment) -> Iterator[str]:
    """Queues, functions and machines that can fail without an alarm."""
    watched = {
        value
        for alarm in alarms(deployment).values()
        for metric in metrics_of(alarm)
        for value in metric["dimensions"].values()
    }
    needed = [each.values["name"] for each in deployment.all("aws_sqs_queue")]
    needed += [function["function_name"] for function in deployment.functions().values()]
    needed += [each.values["workgroup_name"] for each in deployment.all("aws_redshiftserverless_workgroup")]
    yield from sorted(set(needed) - watched)
    machine = deployment.one("aws_sfn_state_machine")["name"]
    if not any(value.endswith(f":stateMachine:{machine}") for value in watched):
        yield machine  # its metrics are of the machine, and none are of an alias alone


def test_whatever_can_fail_is_watched(deployment: Deployment) -> None:
    assert not list(unwatched(deployment))
    machine = deployment.one("aws_sfn_state_machine")["name"]
    assert machine in unwatched(deployment.without('alarm.main["failed-runs"]').without('["throttled"]'))
    (queue,) = unwatched(deployment.without('alarm.main["undelivered-inbox"]'))
    assert queue.endswith("-inbox-unstarted")


def unnoticed_sources(deployment: Deployment) -> Iterator[str]:
    """Sources with a schedule that is on, of which nobody hears when they say nothing any more."""
    heard = {
        alarm["dimensions"]["source"]
        for alarm in alarms(deployment).values()
        if alarm["statistic"] == "SampleCount" and alarm["treat_missing_data"] == "breaching"
    }
    for schedule in deployment.all("aws_scheduler_schedule"):
        is_source = "aws_scheduler_schedule.source" in schedule.address
        if is_source and schedule.values["state"] == "ENABLED" and schedule.values["name"] not in heard:
            yield schedule.values["name"]


def test_a_source_that_sends_nothing_is_noticed(dev: Deployment) -> None:
    assert not list(unnoticed_sources(dev))
    quiet = dev.with_values('alarm.main["silent-ecb"]', treat_missing_data="notBreaching")
    assert list(unnoticed_sources(quiet)) == ["ecb"]
