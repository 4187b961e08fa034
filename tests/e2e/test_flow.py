"""What follows a run and an apply: the event that a run is completed, and the way back to an earlier deployment."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.cloud import Cloud
from local.deployment import Deployment
from operate.errors import OperatorError
from release import deployments

pytestmark = pytest.mark.cloud

Event = dict[str, Any]
OLDER, NEWER = "a" * 40, "b" * 40


@pytest.fixture
def heard(cloud: Cloud) -> Iterator[Callable[[], list[Event]]]:
    """What a rule for our events has heard, as the queue behind it got it."""
    queues, events = cloud.client("sqs"), cloud.client("events")
    url = queues.create_queue(QueueName="downstream")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["xmlift"], "detail-type": ["Run completed"], "detail": {"source": ["ecb"]}}
    events.put_rule(Name="downstream", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="downstream", Targets=[{"Id": "queue", "Arn": arn}])

    def heard() -> list[Event]:
        found = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5)
        return [json.loads(message["Body"]) for message in found.get("Messages", ())]

    yield heard
    events.remove_targets(Rule="downstream", Ids=["queue"])
    events.delete_rule(Name="downstream")
    queues.delete_queue(QueueUrl=url)


def test_those_downstream_hear_of_a_completed_run(
    run: Callable[..., Event], heard: Callable[[], list[Event]], deployed: Deployment
) -> None:
    report = run("ecb")
    (event,) = heard()
    detail = event["detail"]
    assert (event["source"], event["detail-type"]) == ("xmlift", "Run completed")
    assert detail["pipeline"] == "xmlift-local-pipeline"
    assert (detail["source"], detail["run"], detail["message"]) == ("ecb", report["run"], report["message"])
    assert detail["execution_arn"].endswith(f":execution:xmlift-local-pipeline:{detail['execution']}")
    assert report["run"].endswith(f"-{detail['execution']}")
    counted = {stream["stream"]: stream for stream in report["streams"]}
    for stream, counts in detail["loaded"].items():
        assert counts == {name: counted[stream][name] for name in counts}
    kept = kept_report(deployed, detail["report"])
    assert (kept["run"], kept["status"]) == (report["run"], "succeeded")


def kept_report(deployed: Deployment, place: dict[str, str]) -> Event:
    body = deployed.client("s3").get_object(Bucket=place["bucket"], Key=place["key"])["Body"]
    return dict(json.load(body))


def test_nobody_hears_of_a_run_that_failed(
    run: Callable[..., Event], heard: Callable[[], list[Event]], faults: Callable[..., None]
) -> None:
    assert run("ecb", catalogue="source: ecb\n")["status"] == "failed"
    assert heard() == []


@pytest.fixture
def broken(deployed: Deployment) -> Iterator[deployments.Record]:
    """A second deployment, made as an apply makes it: versions of load and of a flow that ends where it begins."""
    before = deployments.record(deployed, OLDER).versions  # other tests move aliases, too
    functions, states = deployed.client("lambda"), deployed.client("stepfunctions")
    name = deployed.outputs["functions"]["load"]["name"]
    functions.update_function_configuration(FunctionName=name, Description="a later one")
    version = functions.publish_version(FunctionName=name)["Version"]
    functions.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
    definition = states.describe_state_machine(stateMachineArn=deployed.state_machine)["definition"]
    broken = json.loads(definition)
    broken["States"]["FirstRound"] = {"Type": "Fail", "Error": "Broken", "Cause": "by the later deployment"}
    published = states.update_state_machine(
        stateMachineArn=deployed.state_machine, definition=json.dumps(broken), publish=True
    )["stateMachineVersionArn"]
    states.update_state_machine_alias(
        stateMachineAliasArn=deployed.outputs["state_machine_arn"],
        routingConfiguration=[{"stateMachineVersionArn": published, "weight": 100}],
    )
    yield deployments.record(deployed, NEWER)
    deployments.move(deployed, before)
    states.update_state_machine(stateMachineArn=deployed.state_machine, definition=definition)


def test_a_rollback_moves_all_aliases_and_the_pipeline_runs_again(
    lift: Callable[..., Any],
    cloud: Cloud,
    deployed: Deployment,
    broken: deployments.Record,
    run: Callable[..., Event],
) -> None:
    with pytest.raises(OperatorError, match="by the later deployment"):
        run("ecb")
    first = next(each for each in deployments.history(deployed) if each.number == broken.number - 1)
    done = lift("rollback", "--folder", cloud.instance.folder, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["to"]["number"], told["since"]["number"]) == (first.number, broken.number)
    assert [moved["what"] for moved in told["moved"]] == ["load", "state machine"]
    assert deployments.live(deployed) == first.versions
    assert run("ecb")["status"] == "succeeded"
    again = lift("rollback", "--to", NEWER, "--folder", cloud.instance.folder)
    assert again.returncode == 0, again.stderr
    assert "module.platform.module.workflow.aws_sfn_alias.live" in again.stderr
    assert deployments.live(deployed) == broken.versions


def test_an_apply_is_written_down(deployed: Deployment) -> None:
    """By the demo: what it made live is the first deployment."""
    first = list(deployments.history(deployed))[-1]
    assert (first.number, first.versions.state_machine) == (1, "1")
    assert first.versions.functions == dict.fromkeys(("extract", "load", "migrate", "plan", "report"), "1")
