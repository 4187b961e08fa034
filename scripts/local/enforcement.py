"""What AWS asks of a role, and ministack does not: part of the launcher, in ministack's own environment.

ministack evaluates the policies of whoever sends it a request. Here the same evaluation is asked

- of the state machine's role, for each task, for what a Map reads, and for the children that it starts;
- of the role that a schedule or a rule starts the state machine with;
- of a function's role, before its lines reach CloudWatch Logs;
- for the key that an object, a secret, a message, an execution, a schedule or a function's environment is encrypted
  with: of the caller, and of the key's own policy.

Where a file `calls.jsonl` stands in the instance folder, each evaluation is written to it, one a line:
`{"role": …, "action": …, "resource": …, "context": {…}, "decision": "Allow" | "Deny" | "ImplicitDeny"}`, where
`context` has the condition keys that our statements go by.

The places replaced are private to ministack, whose version is pinned; `tests/local/cloud/test_enforcement.py`
watches over what they are for.
"""

import contextvars
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from ministack.core import iam_evaluator
from ministack.core.responses import get_region
from ministack.services import eventbridge, iam, lambda_svc, s3, secretsmanager, sns, stepfunctions

# Whose task is at work, from its state to the call that it makes.
_working_as: contextvars.ContextVar[str] = contextvars.ContextVar("role", default="")
# Whether it is a resource's own policy that is evaluated.
_is_of_a_resource: contextvars.ContextVar[bool] = contextvars.ContextVar("of_a_resource", default=False)

# What a service does with the key in the caller's name.
_KEY_ACTIONS = {
    "s3:GetObject": ("kms:Decrypt",),
    "s3:GetObjectVersion": ("kms:Decrypt",),
    "s3:PutObject": ("kms:GenerateDataKey",),
    "secretsmanager:GetSecretValue": ("kms:Decrypt",),
    "sns:Publish": ("kms:GenerateDataKey", "kms:Decrypt"),
    "states:DescribeExecution": ("kms:Decrypt",),
}


def enforce(calls: Path) -> None:
    """Replace ministack's places; `calls` is where evaluations are written, if it exists."""
    _evaluate_keys_too(calls)
    _ask_the_state_machines_role()
    _ask_the_role_of_schedules_and_rules()
    _ask_for_the_key_of_a_function()
    _drop_lines_that_a_function_may_not_write()


def allows(role_arn: str, action: str, resource: str, **context: Any) -> bool:
    """Whether a role's policies, within its boundary, allow an action.

    `context` are condition keys of a service, with `_` for `:`.
    """
    account, name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
    policies = iam_evaluator._gather_role_policies(name, account)
    limits = iam_evaluator._permissions_boundary(iam._roles, name, account)
    asked = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{name}/service",
        principal_type="AssumedRole",
        principal_account=account,
        action=action,
        resource_arn=resource,
        region=get_region(),
        secure_transport=True,
        service_context={key.replace("_", ":").lower(): value for key, value in context.items()},
    )
    return bool(iam_evaluator.evaluate(asked, policies, *limits).decision == "Allow")


# Evaluation itself: written down, and the key asked for as well.


def _evaluate_keys_too(calls: Path) -> None:
    evaluate = iam_evaluator.evaluate
    evaluate_resource_policy = iam_evaluator.evaluate_resource_policy
    writing = threading.Lock()

    def of_a_resource(*arguments: Any, **more: Any) -> Any:
        token = _is_of_a_resource.set(True)
        try:
            return evaluate_resource_policy(*arguments, **more)
        finally:
            _is_of_a_resource.reset(token)

    def with_keys(context: Any, policies: Any, *limits: Any) -> Any:
        result = evaluate(context, policies, *limits)
        if _is_of_a_resource.get():
            return result
        _write(context, result.decision)
        if result.decision != "Allow":
            return result
        for asked in _key_questions(context):
            found = evaluate(asked, policies, *limits)
            policy = iam_evaluator._resource_policy("kms", asked.resource_arn)
            if policy is not None:
                found = iam_evaluator.combine_resource_policy(
                    found, asked, *policy, required=True, limits=limits
                )
            _write(asked, found.decision)
            if found.decision != "Allow":
                return found
        return result

    def _write(context: Any, decision: str) -> None:
        if not calls.exists():
            return
        told = {
            "role": _role_of(context.principal_arn),
            "action": context.action,
            "resource": context.resource_arn,
            "context": {
                key: value
                for key, value in context.service_context.items()
                if key.startswith(("kms:", "states:", "events:"))
            },
            "decision": decision,
        }
        with writing, calls.open("a") as file:
            file.write(json.dumps(told) + "\n")

    iam_evaluator.evaluate = with_keys
    iam_evaluator.evaluate_resource_policy = of_a_resource


def _role_of(principal: str) -> str:
    """`load` of a role's ARN and of its sessions'; nothing for anybody else."""
    kind, _, name = principal.split(":")[5].partition("/") if principal.count(":") >= 5 else ("", "", "")
    return name.partition("/")[0] if kind in ("role", "assumed-role") else ""


def _key_questions(context: Any) -> Iterator[Any]:
    """What has to be allowed of the key that the resource is encrypted with, if it is one of ours."""
    key, bound = _key_of(context.action, context.resource_arn)
    if not key.startswith("arn:"):
        return
    via = f"{context.action.partition(':')[0]}.{context.region}.amazonaws.com"
    keys = {"kms:viaservice": via, "kms:calleraccount": context.principal_account}
    keys |= {f"kms:encryptioncontext:{name}": value for name, value in bound.items()}
    for action in _KEY_ACTIONS[context.action]:
        yield replace(context, action=action, resource_arn=key, service_context=keys)


def _key_of(action: str, resource: str) -> tuple[str, dict[str, str]]:
    """The ARN of the key, and the encryption context that the service binds it to."""
    if action not in _KEY_ACTIONS or not resource.startswith("arn:"):
        return "", {}
    service = action.partition(":")[0]
    if service == "s3":
        bucket = resource.rpartition(":")[2].partition("/")[0]
        key, has_bucket_key = _bucket_key(s3._bucket_encryption.get(bucket) or "")
        bound = resource.partition("/")[0] if has_bucket_key else resource
        return key, {"aws:s3:arn": bound}
    if service == "states":
        return _key_of_execution(stepfunctions._executions.get(resource) or {})
    if service == "sns":
        topic = sns._topics.get(resource) or {}
        return str(topic.get("attributes", {}).get("KmsMasterKeyId") or ""), {"aws:sns:topicarn": resource}
    _, secret = secretsmanager._resolve(resource)
    return str((secret or {}).get("KmsKeyId") or ""), {"secretarn": resource}


def _key_of_execution(execution: dict[str, Any]) -> tuple[str, dict[str, str]]:
    encryption = execution.get("encryptionConfiguration") or {}
    machine = str(execution.get("stateMachineArn", "")).partition("/")[0]
    return str(encryption.get("kmsKeyId") or ""), {"aws:states:statemachinearn": machine}


@cache
def _bucket_key(configuration: str) -> tuple[str, bool]:
    """The key of a bucket's encryption configuration, and whether one data key serves the whole bucket."""
    texts = {
        element.tag.rpartition("}")[2]: (element.text or "").strip()
        for element in (ET.fromstring(configuration).iter() if configuration else ())  # noqa: S314 (our own)
    }
    return texts.get("KMSMasterKeyID", ""), texts.get("BucketKeyEnabled") == "true"


# The state machine.


@contextmanager
def _as_the_role_of(execution: dict[str, Any]) -> Iterator[str]:
    """Work as the role of an execution's state machine, and know its ARN."""
    machine = execution["stateMachineArn"].partition("/")[0]  # a child of a Map has NAME/LABEL
    role = str((stepfunctions._state_machines.get(machine) or {}).get("roleArn", ""))
    token = _working_as.set(role)
    try:
        yield machine
    finally:
        _working_as.reset(token)


def _require(action: str, resource: str, error: str, **context: Any) -> None:
    """Raise the state's error unless the state machine's role may; outside of a task nothing is asked."""
    role = _working_as.get()
    if role and not allows(role, action, resource, **context):
        cause = f"{role} is not authorized to perform: {action} on resource: {resource}"
        raise stepfunctions._ExecutionError(error, cause)


def _ask_the_state_machines_role() -> None:
    execute_task = stepfunctions._execute_task
    invoke = stepfunctions._invoke_resource
    run_map = stepfunctions._run_distributed_map
    read = stepfunctions._s3_object_text
    run = stepfunctions._run_execution

    def run_if_the_key_may_be_used(execution: str) -> None:
        record = stepfunctions._executions[execution]
        key, _ = _key_of_execution(record)
        try:
            with _as_the_role_of(record):
                for action in ("kms:GenerateDataKey", "kms:Decrypt") if key.startswith("arn:") else ():
                    _require(action, key, "States.Permissions")
        except stepfunctions._ExecutionError as error:
            stepfunctions._fail_execution(record, error.error, error.cause)
        else:
            run(execution)

    def task_of_a_role(state: Any, given: Any, execution: Any, context: Any) -> Any:
        with _as_the_role_of(execution):
            return execute_task(state, given, execution, context)

    def invoke_if_allowed(resource: str, given: Any) -> Any:
        for action, target, error, context in _calls_of(resource, given):
            _require(action, target, error, **context)
        return invoke(resource, given)

    def map_of_a_role(
        state: Any, given: Any, effective: Any, iterator: Any, execution: Any, context: Any
    ) -> Any:
        with _as_the_role_of(execution) as machine:
            _require("states:StartExecution", machine, "States.Permissions")
            return run_map(state, given, effective, iterator, execution, context)

    def read_if_allowed(bucket: str, key: str) -> str:
        _require("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}", "States.ItemReaderFailed")
        return str(read(bucket, key))

    stepfunctions._run_execution = run_if_the_key_may_be_used
    stepfunctions._execute_task = task_of_a_role
    stepfunctions._invoke_resource = invoke_if_allowed
    stepfunctions._run_distributed_map = map_of_a_role
    stepfunctions._s3_object_text = read_if_allowed


def _calls_of(resource: str, given: Any) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """What a task's resource calls: action, resource, the error if it may not, and condition keys."""
    if "states:::lambda:invoke" in resource:
        yield "lambda:InvokeFunction", given.get("FunctionName", ""), "States.Permissions", {}
    elif "states:::sns:publish" in resource:
        yield "sns:Publish", given.get("TopicArn", ""), "SNS.AuthorizationErrorException", {}
    elif "states:::events:putEvents" in resource:
        for entry in given.get("Entries", []):
            bus = str(entry.get("EventBusName") or "default")
            arn = bus if bus.startswith("arn:") else _own_arn("events", f"event-bus/{bus}")
            source = {"events_source": entry.get("Source", "")}
            yield "events:PutEvents", arn, "EventBridge.AccessDeniedException", source


def _own_arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{get_region()}:{_working_as.get().split(':')[4]}:{resource}"


# Schedules and rules.


def _ask_the_role_of_schedules_and_rules() -> None:
    invoke_target: Callable[..., Any] = eventbridge._invoke_target

    def invoke_if_allowed(target: dict[str, Any], event: Any, rule: Any, view: Any = None) -> Any:
        role, arn = target.get("RoleArn"), target.get("Arn", "")
        if role and ":stateMachine:" in arn:
            parts = arn.split(":")
            # The state machine is asked for; its alias or version is a condition.
            machine, qualifier = ":".join(parts[:7]), ":".join(parts[7:])
            if not allows(role, "states:StartExecution", machine, states_StateMachineQualifier=[qualifier]):
                print(f"{role} may not start {arn}: the event is dropped", flush=True)
                return None
            key, schedule = rule.get("KmsKeyArn") or "", rule.get("Arn", "")
            bound = {"kms_encryptioncontext_aws_scheduler_schedule_arn": schedule}
            if key and not allows(role, "kms:Decrypt", key, **bound):
                print(f"{role} may not decrypt {schedule}: nothing is started", flush=True)
                return None
        return invoke_target(target, event, rule, view)

    eventbridge._invoke_target = invoke_if_allowed


# Functions.


def _ask_for_the_key_of_a_function() -> None:
    execute: Callable[..., Any] = lambda_svc._execute_function_warm

    def execute_if_readable(function: dict[str, Any], event: Any, request: str) -> dict[str, Any]:
        configuration = function.get("config") or function
        key, role = configuration.get("KMSKeyArn"), configuration.get("Role", "")
        name = ":".join(configuration.get("FunctionArn", "").split(":")[:7])
        if key and not allows(role, "kms:Decrypt", key, kms_encryptioncontext_aws_lambda_functionarn=name):
            told = "Lambda was unable to decrypt the environment variables because KMS access was denied"
            return {"error": True, "body": {"errorType": "KMSAccessDeniedException", "errorMessage": told}}
        return dict(execute(function, event, request))

    lambda_svc._execute_function_warm = execute_if_readable


def _drop_lines_that_a_function_may_not_write() -> None:
    emit: Callable[..., Any] = lambda_svc._emit_lambda_logs

    def emit_if_allowed(function: dict[str, Any], request: str, text: str, *rest: Any, **more: Any) -> None:
        configuration = function.get("config") or function
        role = configuration.get("Role", "")
        logging = configuration.get("LoggingConfig") or {}
        group = logging.get("LogGroup") or f"/aws/lambda/{configuration.get('FunctionName')}"
        account = role.split(":")[4] if role.count(":") >= 5 else ""
        stream = f"arn:aws:logs:{get_region()}:{account}:log-group:{group}:log-stream:a-stream"
        if account and all(
            allows(role, action, stream) for action in ("logs:CreateLogStream", "logs:PutLogEvents")
        ):
            emit(function, request, text, *rest, **more)

    lambda_svc._emit_lambda_logs = emit_if_allowed
