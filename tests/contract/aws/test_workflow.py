"""State machine and schedules: what Step Functions and Scheduler refuse, or accept and then fail with."""

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

import msgspec
from cfnlint.api import lint
from cfnlint.config import ManualArgs
from statelint.linter import Linter

from xmlift.run_input import RunInput

from .deployment import Deployment, Resource, Statement, states, step_of

PIPELINE_POLICY = 'aws_iam_role_policy.this["pipeline"]'
LOG_DELIVERY = {
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
}


def is_granted(statements: list[Statement], action: str, resource: str) -> bool:
    return any(
        statement.allows(action) and any(fnmatchcase(resource, pattern) for pattern in statement.resources)
        for statement in statements
    )


def needed_grants(deployment: Deployment) -> Iterator[tuple[str, str]]:
    """What the definition makes Step Functions do with the state machine's role: action and resource."""
    definition = deployment.definition()
    machine = state_machine_arn(deployment)
    execution = machine.replace(":stateMachine:", ":execution:")
    bucket = deployment.resources['module.platform.module.landing.aws_s3_bucket.this["landing"]'].values[
        "bucket"
    ]
    partition = machine.split(":")[1]
    for _, state in states(definition):
        resource = state.get("Resource", "")
        if resource.endswith(":states:::lambda:invoke"):
            yield "lambda:InvokeFunction", state["Parameters"]["FunctionName"]
        elif resource.endswith(":states:::sns:publish"):
            yield "sns:Publish", state["Parameters"]["TopicArn"]
        elif resource.endswith(":states:::events:putEvents"):
            for entry in state["Parameters"]["Entries"]:
                bus = machine.replace(":states:", ":events:").rsplit(":", 2)[0]
                yield "events:PutEvents", f"{bus}:event-bus/{entry['EventBusName']}"
        elif state["Type"] == "Task":
            yield f"whatever {resource} needs", "?"
        if state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED":
            yield "states:StartExecution", machine
            for action in ("DescribeExecution", "StopExecution"):
                yield f"states:{action}", f"{execution}:a-run"
                yield f"states:{action}", f"{execution}/{state['Label']}:a-child"
            yield "states:RedriveExecution", f"{execution}/{state['Label']}:a-child"
            yield "s3:GetObject", f"arn:{partition}:s3:::{bucket}/runs/ewm/a-run/work-0001.json"


def state_machine_arn(deployment: Deployment) -> str:
    """The ARN without the alias, as the Map uses it."""
    target: str = scheduled(deployment)[0].values["target"][0]["arn"]
    return target.rsplit(":", 1)[0]


def missing_grants(deployment: Deployment) -> Iterator[str]:
    statements = deployment.statements("pipeline")
    for action, resource in needed_grants(deployment):
        if not is_granted(statements, action, resource):
            yield f"{action} on {resource}"


def test_state_machine_may_do_what_its_states_do(deployment: Deployment) -> None:
    assert not list(missing_grants(deployment))
    for action in sorted({action for action, _ in needed_grants(deployment)}):
        assert list(
            missing_grants(deployment.with_text(PIPELINE_POLICY, "policy", action, "sts:GetCallerIdentity"))
        ), action
    queue = {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": True}
    unknown = deployment.with_definition(lambda definition: definition["States"].update(Queue=queue))
    assert len(list(missing_grants(unknown))) == 1


def test_hooks_are_called_by_the_very_arn_that_is_granted(hooked: Deployment) -> None:
    assert {"BeforeExtract", "AfterLoad"} <= hooked.definition()["States"].keys()
    assert not list(missing_grants(hooked))
    marts = "function:refresh-marts"
    assert list(missing_grants(hooked.with_text(PIPELINE_POLICY, "policy", marts, f"{marts}:live"))) == [
        f"lambda:InvokeFunction on arn:aws:lambda:us-east-1:000000000000:{marts}"
    ]


def refused_events(deployment: Deployment) -> Iterator[str]:
    """A condition on what an event says of itself is held against each entry."""
    statements = [each for each in deployment.statements("pipeline") if each.allows("events:PutEvents")]
    for name, state in states(deployment.definition()):
        for entry in state.get("Parameters", {}).get("Entries", []):
            if not any(
                each.condition.get("StringEquals", {}).get("events:source") == entry["Source"]
                for each in statements
            ):
                yield f"{name}: may not say that it is {entry['Source']}"


def test_events_are_put_under_the_source_that_is_granted(deployment: Deployment) -> None:
    assert not list(refused_events(deployment))
    other = deployment.with_definition(
        lambda definition: definition["States"]["Announce"]["Parameters"]["Entries"][0].update(
            Source="xmlift.runs"
        )
    )
    assert list(refused_events(other)) == ["Announce: may not say that it is xmlift.runs"]
    unsaid = deployment.with_text(PIPELINE_POLICY, "policy", '"events:source"', '"events:detail-type"')
    assert list(refused_events(unsaid)) == ["Announce: may not say that it is xmlift"]


def refused_waits(deployment: Deployment) -> Iterator[str]:
    """What Step Functions demands of numbers, in which the schema allows more."""
    for name, state in states(deployment.definition()):
        for retry in state.get("Retry", []):
            first, longest = retry["IntervalSeconds"], retry["MaxDelaySeconds"]
            if not 0 < first < longest < 31_622_400:
                yield f"{name}: waits {first} s at first and {longest} s at most"
            if retry["BackoffRate"] < 1:
                yield f"{name}: waits {retry['BackoffRate']} times as long each time"
        if not 0 < state.get("TimeoutSeconds", 1) <= 99_999_999:
            yield f"{name}: gives up after {state['TimeoutSeconds']} s"


def test_waits_and_time_outs_are_what_step_functions_takes(deployment: Deployment) -> None:
    assert not list(refused_waits(deployment))
    for wrong in ({"IntervalSeconds": 60}, {"IntervalSeconds": 0}, {"BackoffRate": 0.5}):
        spoilt = deployment.with_definition(
            lambda definition, wrong=wrong: definition["States"]["Plan"]["Retry"][0].update(wrong)
        )
        assert [fault.partition(":")[0] for fault in refused_waits(spoilt)] == ["Plan"]
    endless = deployment.with_definition(
        lambda definition: definition["States"]["Plan"].update(TimeoutSeconds=100_000_000)
    )
    assert list(refused_waits(endless)) == ["Plan: gives up after 100000000 s"]


def unqualified_calls(deployment: Deployment) -> Iterator[str]:
    aliases = {each.values["name"] for each in deployment.all("aws_lambda_alias")}
    functions = deployment.functions()
    for name, state in states(deployment.definition()):
        if arn := state.get("Parameters", {}).get("FunctionName"):
            parts = arn.split(":")
            if len(parts) != 8 or parts[7] not in aliases:
                yield f"{name}: calls {arn}, which is no alias"
            elif functions[step_of(parts[6])]["function_name"] != parts[6]:
                yield f"{name}: calls {arn}, which is no function of ours"


def test_states_call_aliases(deployment: Deployment) -> None:
    assert not list(unqualified_calls(deployment))
    load = deployment.definition()["States"]["Plan"]["Parameters"]["FunctionName"]
    latest = deployment.with_definition(
        lambda definition: definition["States"]["Plan"]["Parameters"].update(
            FunctionName=load.removesuffix(":live")
        )
    )
    assert len(list(unqualified_calls(latest))) == 1


def undelivered_logs(deployment: Deployment) -> Iterator[str]:
    machine = deployment.one("aws_sfn_state_machine")
    (configuration,) = machine["logging_configuration"]
    group = next(each for each in deployment.all("aws_cloudwatch_log_group") if "workflow" in each.address)
    statements = deployment.statements("pipeline")
    if configuration["log_destination"] != f"{group.values['arn']}:*":
        yield f"the log goes to {configuration['log_destination']}, which is not the group's ARN and `:*`"
    if not group.values["name"].startswith("/aws/vendedlogs/"):
        yield f"{group.values['name']}: each such group adds to a resource policy of 5,120 characters"
    missing = {action for action in LOG_DELIVERY if not is_granted(statements, action, "*")}
    if configuration["level"] != "OFF" and missing:
        yield f"the role lacks {sorted(missing)}"


def test_state_machine_may_deliver_its_log(deployment: Deployment) -> None:
    assert not list(undelivered_logs(deployment))
    arn = next(each for each in deployment.all("aws_cloudwatch_log_group") if "workflow" in each.address)
    group_alone = deployment.with_values(
        "aws_sfn_state_machine",
        logging_configuration=[{"level": "ALL", "log_destination": arn.values["arn"]}],
    )
    assert len(list(undelivered_logs(group_alone))) == 1
    elsewhere = deployment.with_values("workflow.aws_cloudwatch_log_group", name="/xmlift/pipeline")
    assert len(list(undelivered_logs(elsewhere))) == 1
    for action in sorted(LOG_DELIVERY):
        less = deployment.with_text(PIPELINE_POLICY, "policy", action, "logs:GetLogEvents")
        assert list(undelivered_logs(less)) == [f"the role lacks ['{action}']"]


def statelint_problems(deployment: Deployment) -> list[str]:
    unknown_to_it = {  # both are AWS's: it demands an InputType, and knows the Label of a distributed Map
        'Field "InputType" not allowed in State Machine.States.Extract.ItemReader.ReaderConfig',
        'Field "Label" not allowed in State Machine.States.Extract',
    }
    return [
        problem
        for problem in Linter.validate(deployment.definition())
        if problem not in unknown_to_it
        # Whole numbers lose their point in JSON, and AWS takes them.
        and not re.search(r"BackoffRate is \d+ but should be a Float$", problem)
    ]


def test_definition_is_clean_under_statelint(deployment: Deployment) -> None:
    assert not statelint_problems(deployment)
    astray = deployment.with_definition(
        lambda definition: definition["States"]["Plan"].update(Next="Elsewhere")
    )
    assert statelint_problems(astray)
    # A number that stayed text, as a placeholder inside quotes leaves it.
    text = deployment.with_definition(
        lambda definition: definition["States"]["Load"].update(MaxConcurrency="8")
    )
    assert statelint_problems(text)


def schema_violations(deployment: Deployment) -> list[str]:
    machine = {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {"RoleArn": "arn:aws:iam::111122223333:role/r", "Definition": deployment.definition()},
    }
    template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Machine": machine}}
    return [match.message for match in lint(json.dumps(template), config=ManualArgs(regions=["us-east-1"]))]


def test_definition_follows_the_schema_of_aws(dev: Deployment) -> None:
    assert not schema_violations(dev)
    unknown_field = dev.with_definition(lambda definition: definition["States"]["Plan"].update(Timeout=960))
    assert schema_violations(unknown_field)


def unlabelled_maps(deployment: Deployment) -> Iterator[str]:
    """Step Functions makes up another label for every version, and no permission can name it."""
    for name, state in states(deployment.definition()):
        if state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED":
            label = state.get("Label", "")
            if not re.fullmatch(r"[\w-]{1,40}", label, re.ASCII):
                yield f"{name}: its label is {label!r}"


def test_children_of_the_map_have_a_name_of_ours(deployment: Deployment) -> None:
    assert not list(unlabelled_maps(deployment))
    nameless = deployment.with_definition(lambda definition: definition["States"]["Extract"].pop("Label"))
    assert list(unlabelled_maps(nameless)) == ["Extract: its label is ''"]
    other = deployment.with_definition(
        lambda definition: definition["States"]["Extract"].update(Label="Windows")
    )
    assert len(list(missing_grants(other))) == 3


def badly_bounded_maps(deployment: Deployment) -> Iterator[str]:
    """Step Functions refuses a Map that says it twice, and runs 10,000 children where it is not said, or is 0."""
    for name, state in states(deployment.definition()):
        if state["Type"] == "Map" and ("MaxConcurrency" in state) == ("MaxConcurrencyPath" in state):
            yield f"{name}: says how many iterations run at once by a number, or by a path, and not by both"


def test_each_map_is_bounded_once(deployment: Deployment) -> None:
    assert not list(badly_bounded_maps(deployment))
    both = deployment.with_definition(
        lambda definition: definition["States"]["Extract"].update(MaxConcurrency=8)
    )
    neither = deployment.with_definition(
        lambda definition: definition["States"]["Extract"].pop("MaxConcurrencyPath")
    )
    for wrong in (both, neither):
        assert [fault.partition(":")[0] for fault in badly_bounded_maps(wrong)] == ["Extract"]


def oversized_definition(deployment: Deployment) -> Iterator[str]:
    size = len(deployment.one("aws_sfn_state_machine")["definition"])
    if size > 1_048_576:
        yield f"{size} bytes"
    for name, state in states(deployment.definition()):
        inline = state["Type"] == "Map" and state["ItemProcessor"]["ProcessorConfig"]["Mode"] == "INLINE"
        if inline and not 0 < state["MaxConcurrency"] <= 40:
            yield f"{name}: an inline Map runs at most 40 at once"


def test_definition_keeps_the_limits(deployment: Deployment) -> None:
    assert not list(oversized_definition(deployment))
    wide = deployment.with_definition(
        lambda definition: definition["States"]["Load"].update(MaxConcurrency=41)
    )
    assert list(oversized_definition(wide)) == ["Load: an inline Map runs at most 40 at once"]


def may_start(statements: list[Statement], machine: str, alias: str) -> bool:
    """Step Functions checks the state machine's own ARN, and offers the alias as a condition."""
    return any(
        statement.allows("states:StartExecution")
        and machine in statement.resources
        and alias in (keys.get("states:StateMachineQualifier") for keys in statement.condition.values())
        for statement in statements
    )


def unstartable_schedules(deployment: Deployment) -> Iterator[str]:
    alias = deployment.one("aws_sfn_alias")["name"]
    machine = deployment.one("aws_sfn_state_machine")
    statements = deployment.statements("schedule")
    for schedule in scheduled(deployment):
        (target,) = schedule.values["target"]
        if not target["arn"].endswith(f":stateMachine:{machine['name']}:{alias}"):
            yield f"{schedule.values['name']}: starts {target['arn']}"
        if not may_start(statements, target["arn"].rsplit(":", 1)[0], alias):
            yield f"{schedule.values['name']}: its role may not start {target['arn']}"
        if step_of(target["role_arn"]) != "schedule":
            yield f"{schedule.values['name']}: uses {target['role_arn']}"
        try:
            msgspec.json.decode(target["input"], type=RunInput)
        except msgspec.ValidationError as error:
            yield f"{schedule.values['name']}: plan refuses {target['input']}: {error}"


def scheduled(deployment: Deployment) -> list[Resource]:
    """The schedules of sources: one more takes snapshots of the warehouse."""
    return [each for each in deployment.all("aws_scheduler_schedule") if ".source[" in each.address]


def test_schedules_start_the_alias(deployment: Deployment) -> None:
    assert deployment.one("aws_sfn_state_machine")["publish"]
    assert {tuple(json.loads(each.values["target"][0]["input"])) for each in scheduled(deployment)} == {
        ("base_url", "catalogue", "source")
    }
    assert not list(unstartable_schedules(deployment))
    target = scheduled(deployment)[0].values["target"][0]
    address = 'aws_scheduler_schedule.source["ecb"]'
    unversioned = deployment.with_values(address, target=[target | {"arn": state_machine_arn(deployment)}])
    assert len(list(unstartable_schedules(unversioned))) == 2
    alias_as_resource = deployment.with_text(
        'aws_iam_role_policy.this["schedule"]', "policy", '-pipeline"', '-pipeline:live"'
    )
    assert len(list(unstartable_schedules(alias_as_resource))) == len(scheduled(deployment))
    for input_ in ('{"source": "ecb"}', '{"source": "ecb", "catalogue": "c", "sources": []}'):
        refused = deployment.with_values(address, target=[target | {"input": input_}])
        assert len(list(unstartable_schedules(refused))) == 1


def unanswerable_questions(deployment: Deployment) -> Iterator[str]:
    """plan asks for the status of the execution that a claim names: one of this state machine's."""
    execution = state_machine_arn(deployment).replace(":stateMachine:", ":execution:")
    statements = deployment.statements("plan")
    if not is_granted(statements, "states:DescribeExecution", f"{execution}:a-run"):
        yield "plan may not ask whether another execution runs"
    for other in (f"{execution}-of-another:a-run", f"{execution}/extract:a-child"):
        if is_granted(statements, "states:DescribeExecution", other):
            yield f"plan may ask for {other}"


def test_plan_may_ask_whether_another_execution_runs(deployment: Deployment) -> None:
    assert not list(unanswerable_questions(deployment))
    policy = 'aws_iam_role_policy.this["plan"]'
    mute = deployment.with_text(policy, "policy", "states:DescribeExecution", "states:DescribeMapRun")
    assert list(unanswerable_questions(mute)) == ["plan may not ask whether another execution runs"]
    wide = deployment.with_text(policy, "policy", "-pipeline:*", "-pipeline*")
    assert len(list(unanswerable_questions(wide))) == 2
