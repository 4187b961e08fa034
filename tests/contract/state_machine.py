"""The deployed definition in moto's interpreter: every state real, every Lambda answer said by the test.

moto's interpreter follows the whole grammar of Amazon States Language, and refuses an invalid definition or a path
that is not there. What it does not do: it never fails a DISTRIBUTED Map because of its children (it counts them,
and what the definition tolerates is held against that here), says States.Runtime where AWS says
States.ItemReaderFailed or States.NoChoiceMatched, and checks no permissions, which tests/contract/aws does.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import boto3
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.events.models import EventsBackend
from moto.sns.models import sns_backends
from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration.distributed_iteration_component import (
    DistributedIterationComponent,
)
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor

from .aws.deployment import Deployment, states, step_of

REGION = "us-east-1"
BUCKET = "landing"
STARTED = "nightly-1"
# moto's one place that calls a function: what is replaced is Lambda, nothing of Step Functions.
INVOKE = (
    "moto.stepfunctions.parser.asl.component.state.exec.state_task.lambda_eval_utils._invoke_lambda_function"
)

_PARSE = AmazonStateLanguageParser.parse

Answer = dict[str, Any]
Handler = Callable[[dict[str, Any]], Answer]

logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)  # it logs its parse tree with every error


class FunctionError(Exception):
    """What a function raises: the class name is the error that Step Functions sees."""

    def __init__(self, error: str, message: str) -> None:
        super().__init__(message)
        self.error = error


@dataclass
class Run:
    """How an execution went: its status, the states it entered in order, calls by function, and messages.

    events: what was put on a bus. transitions: each state and the one that it led to, also inside of Maps. waits:
    seconds before each repetition.
    """

    status: str = ""
    error: str | None = None
    cause: str | None = None
    entered: list[str] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    messages: list[tuple[str, str]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    transitions: set[tuple[str, str]] = field(default_factory=set)
    waits: list[float] = field(default_factory=list)

    def of(self, step: str) -> list[dict[str, Any]]:
        """The events that a function was called with, in order."""
        return [event for called, event in self.calls if called == step]


def run(
    deployment: Deployment, source: dict[str, Any], work: list[dict[str, Any]] | None, **handlers: Handler
) -> Run:
    """Run the pipeline for one input; work is the list that plan wrote to S3, None if it wrote none.

    handlers: what each function answers, a hook's by the last word of its name; `bus` may refuse an event.
    """
    found = Run()
    with ExitStack() as replaced:
        replaced.enter_context(mock_aws(config={"stepfunctions": {"execute_state_machine": True}}))
        for part in (
            _lambda(found, handlers),
            _bus(found, handlers.get("bus")),
            _followed(found),
            _tolerance(),
            _read_once(),
        ):
            replaced.enter_context(part)
        s3 = boto3.client("s3", region_name=REGION)
        s3.create_bucket(Bucket=BUCKET)
        if work is not None:
            s3.put_object(Bucket=BUCKET, Key="work.json", Body=json.dumps(work))
        topic = boto3.client("sns", region_name=REGION).create_topic(Name="failures")["TopicArn"]
        _execute(
            boto3.client("stepfunctions", region_name=REGION), _prepared(deployment, topic), source, found
        )
        sent = sns_backends[DEFAULT_ACCOUNT_ID][REGION].topics[topic].sent_notifications
        found.messages = [(subject or "", message) for _, message, subject, *_ in sent]
    return found


def _prepared(deployment: Deployment, topic: str) -> str:
    """The definition as deployed, but for the topic of this account, and what moto cannot read."""
    definition = deployment.definition()
    for _, state in states(definition):
        if "TopicArn" in state.get("Parameters", {}):
            state["Parameters"]["TopicArn"] = topic
        if "ToleratedFailurePercentage" in state:  # moto reads a float alone, AWS both
            state["ToleratedFailurePercentage"] = float(state["ToleratedFailurePercentage"])
    return json.dumps(definition)


@contextmanager
def _lambda(found: Run, handlers: dict[str, Handler]) -> Iterator[None]:
    def invoke(parameters: dict[str, Any], **_: Any) -> dict[str, Any]:
        step = step_of(parameters["FunctionName"].split(":")[6])
        event = json.loads(parameters["Payload"])
        found.calls.append((step, event))
        try:
            answer = handlers[step](event)
        except FunctionError as failed:
            payload = {"errorType": failed.error, "errorMessage": str(failed)}
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": payload}
        return {"StatusCode": 200, "Payload": json.loads(json.dumps(answer))}

    with patch(INVOKE, invoke):
        yield


@contextmanager
def _bus(found: Run, refuse: Handler | None) -> Iterator[None]:
    def put_events(_: EventsBackend, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        answers = []
        for event in events:
            try:
                if refuse is not None:
                    refuse(event)
            except FunctionError as failed:
                answers.append({"ErrorCode": failed.error, "ErrorMessage": str(failed)})
                continue
            found.events.append(event | {"Detail": json.loads(event["Detail"])})
            answers.append({"EventId": str(len(found.events))})
        return answers

    with patch.object(EventsBackend, "put_events", put_events):
        yield


@contextmanager
def _followed(found: Run) -> Iterator[None]:
    """Note which state leads to which, and that a repetition would have been waited for."""
    evaluate = CommonStateField.eval

    def noted(state: CommonStateField, env: Any) -> None:
        evaluate(state, env)
        found.transitions.add((state.name, env.next_state_name))

    with (
        patch.object(CommonStateField, "eval", noted),
        patch.object(retrier_decl, "time", SimpleNamespace(sleep=found.waits.append)),
    ):
        yield


@contextmanager
def _tolerance() -> Iterator[None]:
    """Fail a Map when more of its children have failed than it tolerates: AWS does, moto counts them only."""
    map_run = DistributedIterationComponent._map_run

    def failing(component: DistributedIterationComponent, env: Any, eval_input: Any) -> None:
        map_run(component, env, eval_input)
        counted, tolerated = (
            eval_input.map_run_record.item_counter,
            eval_input.map_run_record.tolerated_failure_percentage,
        )
        if counted.failed.get() * 100 <= tolerated * counted.total.get():
            return
        error = StatesErrorName(typ=StatesErrorNameType.StatesExceedToleratedFailureThreshold)
        told: Any = {
            "mapRunFailedEventDetails": {"error": error.error_name, "cause": "more than is tolerated"}
        }
        raise FailureEventException(FailureEvent(env, error, HistoryEventType.MapRunFailed, told))

    with patch.object(DistributedIterationComponent, "_map_run", failing):
        yield


@contextmanager
def _read_once() -> Iterator[None]:
    """Half of a run's time would go into parsing the same text again, twice."""

    def parse(definition: str) -> tuple[Any, Any]:
        return Preprocessor().visit(_tree(definition)), _tree(definition)

    with patch.object(AmazonStateLanguageParser, "parse", parse):
        yield


@cache
def _tree(definition: str) -> Any:
    return _PARSE(definition)[1]


def _execute(client: Any, definition: str, source: dict[str, Any], found: Run) -> None:
    role = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/pipeline"
    machine = client.create_state_machine(name="pipeline", definition=definition, roleArn=role)[
        "stateMachineArn"
    ]
    started = client.start_execution(stateMachineArn=machine, name=STARTED, input=json.dumps(source))
    execution = started["executionArn"]
    deadline = time.monotonic() + 60
    while (described := client.describe_execution(executionArn=execution))["status"] == "RUNNING":
        assert time.monotonic() < deadline, "the execution does not end"
        time.sleep(0.03)  # moto tells nobody when an execution ends
    found.status, found.error, found.cause = (described.get(key) for key in ("status", "error", "cause"))
    pages = client.get_paginator("get_execution_history").paginate(executionArn=execution)
    events = [event for page in pages for event in page["events"]]
    found.entered = [
        event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event
    ]
