"""Functions: what Lambda refuses when it creates one, and what it needs to run.

What is in the zips (size, architecture, glibc, imports) is held to AWS in tests/build.
"""

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from contents import SERVICES

from .deployment import Deployment, Values, states, step_of

RESERVED = {
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
}
NETWORK_INTERFACES = {  # as AWS's own AWSLambdaVPCAccessExecutionRole has them
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}
TRACES = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
SAMPLING = {"xray:GetSamplingRules", "xray:GetSamplingTargets"}


def variables(function: Values) -> dict[str, str]:
    return dict(function["environment"][0]["variables"])


def with_variables(deployment: Deployment, step: str, **changed: str) -> Deployment:
    """The environment with other environment variables of one function."""
    before = variables(deployment.functions()[step])
    address = f'function["{step}"].aws_lambda_function'
    return deployment.with_values(address, environment=[{"variables": before | changed}])


def refused_variables(deployment: Deployment) -> Iterator[str]:
    """Lambda counts names and values together, as JSON."""
    for step, function in deployment.functions().items():
        given = variables(function)
        if (size := len(json.dumps(given))) > 4096:
            yield f"{step}: {size} bytes of environment variables"
        yield from (f"{step}: sets {name}" for name in sorted(RESERVED & set(given)))


def test_environment_variables_fit_and_are_ours_to_set(deployment: Deployment) -> None:
    assert not list(refused_variables(deployment))
    assert len(list(refused_variables(with_variables(deployment, "load", LONG="x" * 4096)))) == 1
    region = with_variables(deployment, "load", AWS_REGION="eu-central-1")
    assert list(refused_variables(region)) == ["load: sets AWS_REGION"]


def reserved_concurrency(deployment: Deployment) -> Iterator[str]:
    """A new account has ten concurrent executions, of which ten stay unreserved: it cannot reserve any."""
    for step, function in deployment.functions().items():
        if function["reserved_concurrent_executions"] not in (None, -1):
            yield f"{step}: reserves {function['reserved_concurrent_executions']}"


def test_no_concurrency_is_reserved(deployment: Deployment) -> None:
    assert not list(reserved_concurrency(deployment))
    five = deployment.with_values('["load"].aws_lambda_function', reserved_concurrent_executions=5)
    assert list(reserved_concurrency(five)) == ["load: reserves 5"]


def detached_functions(deployment: Deployment) -> Iterator[str]:
    for step, function in deployment.functions().items():
        granted = {
            action
            for statement in deployment.statements(step)
            if statement.effect == "Allow" and statement.resources == ["*"]
            for action in statement.actions
        }
        if function["vpc_config"] and (missing := NETWORK_INTERFACES - granted):
            yield f"{step}: inside the VPC without {sorted(missing)} on everything"


def test_functions_inside_the_vpc_may_attach_to_it(deployment: Deployment) -> None:
    assert not list(detached_functions(deployment))
    narrowed = deployment.with_text(
        'aws_iam_role_policy.this["load"]',
        "policy",
        '"Resource":"*"',
        '"Resource":"arn:aws:ec2:*:*:subnet/*"',
    )
    assert len(list(detached_functions(narrowed))) == 1


def unreachable_clients(deployment: Deployment) -> Iterator[str]:
    """Inside the VPC a service is reached by its endpoint or not at all; a zip has the clients that it uses."""
    endpoints = {
        each.values["service_name"].rsplit(".", 1)[-1] for each in deployment.all("aws_vpc_endpoint")
    }
    if "states" in endpoints:
        endpoints.add("stepfunctions")  # botocore's name for it
    for step, function in deployment.functions().items():
        if function["vpc_config"]:
            yield from (f"{step}: cannot reach {service}" for service in sorted(SERVICES[step] - endpoints))


def test_clients_inside_the_vpc_have_endpoints(deployment: Deployment) -> None:
    assert set(SERVICES) == set(deployment.functions())
    assert not list(unreachable_clients(deployment))
    without = deployment.without('aws_vpc_endpoint.interface["secretsmanager"]')
    assert list(unreachable_clients(without)) == ["migrate: cannot reach secretsmanager"]
    mute = deployment.without('aws_vpc_endpoint.interface["states"]')
    assert list(unreachable_clients(mute)) == ["plan: cannot reach stepfunctions"]


def wrong_authorities(deployment: Deployment) -> Iterator[str]:
    """libpq takes a relative path from wherever the process stands, and then verifies with nothing."""
    for step, function in deployment.functions().items():
        given = variables(function)
        if "XMLIFT_WAREHOUSE_HOST" in given and not PurePosixPath(given["XMLIFT_WAREHOUSE_CA"]).is_absolute():
            yield f"{step}: verifies the warehouse with {given['XMLIFT_WAREHOUSE_CA']}"


def test_certificate_authority_is_an_absolute_path(deployment: Deployment, dev: Deployment) -> None:
    assert not list(wrong_authorities(deployment))
    # That this file is in every zip is tested in tests/build.
    assert variables(dev.functions()["load"])["XMLIFT_WAREHOUSE_CA"].startswith("/var/task/")
    relative = with_variables(deployment, "load", XMLIFT_WAREHOUSE_CA="botocore/cacert.pem")
    assert list(wrong_authorities(relative)) == ["load: verifies the warehouse with botocore/cacert.pem"]


def lost_logs(deployment: Deployment) -> Iterator[str]:
    """A log group that Lambda makes itself is kept for ever; one that the role may not write to stays empty."""
    groups = {each.values["name"]: each.values for each in deployment.all("aws_cloudwatch_log_group")}
    for step, function in deployment.functions().items():
        group = function["logging_config"][0]["log_group"]
        if group not in groups or not groups[group]["retention_in_days"]:
            yield f"{step}: {group} is kept for ever"
        writable = [
            resource
            for statement in deployment.statements(step)
            if statement.allows("logs:PutLogEvents") and statement.allows("logs:CreateLogStream")
            for resource in statement.resources
        ]
        if not any(resource.endswith(f":log-group:{group}:*") for resource in writable):
            yield f"{step}: may write to {writable}, logs to {group}"


def test_functions_write_to_log_groups_that_expire(deployment: Deployment) -> None:
    assert not list(lost_logs(deployment))
    group = deployment.functions()["load"]["logging_config"][0]["log_group"]
    unmade = deployment.without('function["load"].aws_cloudwatch_log_group')
    assert list(lost_logs(unmade)) == [f"load: {group} is kept for ever"]
    no_streams = deployment.with_text('aws_iam_role_policy.this["load"]', "policy", f"{group}:*", group)
    assert len(list(lost_logs(no_streams))) == 1


def untraceable(deployment: Deployment) -> Iterator[str]:
    """Lambda decides by itself what is traced, Step Functions with its role."""
    active = {
        step: TRACES
        for step, function in deployment.functions().items()
        if function["tracing_config"][0]["mode"] == "Active"
    }
    machine = deployment.one("aws_sfn_state_machine")
    if machine["tracing_configuration"][0]["enabled"]:
        active[step_of(machine["name"])] = TRACES | SAMPLING
    for role, needed in sorted(active.items()):
        granted = {action for statement in deployment.statements(role) for action in statement.actions}
        if missing := needed - granted:
            yield f"{role}: traces without {sorted(missing)}"


def without_traces(deployment: Deployment, role: str) -> Deployment:
    """The environment in which a role may write no traces."""
    address = f'aws_iam_role_policy.this["{role}"]'
    policy = deployment.resources[f"module.platform.module.iam.{address}"].values["policy"]
    kept = [
        each for each in json.loads(policy)["Statement"] if each["Sid"] not in ("Trace", "DecideWhatIsTraced")
    ]
    return deployment.with_values(address, policy=json.dumps({"Statement": kept}))


def test_active_tracing_may_write_traces(deployment: Deployment) -> None:
    assert not list(untraceable(deployment))
    active = deployment.with_values('["load"].aws_lambda_function', tracing_config=[{"mode": "Active"}])
    machine = deployment.with_values("aws_sfn_state_machine", tracing_configuration=[{"enabled": True}])
    for traced, role in ((active, "load"), (machine, "pipeline")):
        denied = without_traces(traced, role)
        assert [each.split(":")[0] for each in untraceable(denied)] == [role]


def unsampled(deployment: Deployment) -> Iterator[str]:
    """X-Ray's own rule takes one request a second and 5 % of the rest: of nightly executions, some at random."""
    machine = deployment.one("aws_sfn_state_machine")
    rules = [each.values for each in deployment.resources.values() if each.type == "aws_xray_sampling_rule"]
    taken = [
        rule
        for rule in rules
        if rule["fixed_rate"] == 1 and fnmatchcase(machine["name"], rule["service_name"])
    ]
    if machine["tracing_configuration"][0]["enabled"] and not taken:
        yield f"{machine['name']}: traced by chance"


def test_traced_executions_are_all_traced(deployment: Deployment, dev: Deployment) -> None:
    assert not list(unsampled(deployment))
    assert dev.one("aws_sfn_state_machine")["tracing_configuration"][0]["enabled"]
    elsewhere = dev.with_values("aws_xray_sampling_rule", service_name="other-*")
    assert len(list(unsampled(elsewhere))) == 1
    some = dev.with_values("aws_xray_sampling_rule", fixed_rate=0.05)
    assert len(list(unsampled(some))) == 1


def impatient_states(deployment: Deployment) -> Iterator[str]:
    """A task that gives up before its function does calls it again while the first call still runs."""
    longest = {step: function["timeout"] for step, function in deployment.functions().items()}
    for name, state in states(deployment.definition()):
        arn = state.get("Parameters", {}).get("FunctionName")
        if arn and state["TimeoutSeconds"] <= longest[step_of(arn.split(":")[6])]:
            yield f"{name}: gives up after {state['TimeoutSeconds']} s"


def test_states_wait_longer_than_functions_run(deployment: Deployment) -> None:
    assert not list(impatient_states(deployment))
    hasty = deployment.with_definition(
        lambda definition: definition["States"]["Plan"].update(TimeoutSeconds=60)
    )
    assert list(impatient_states(hasty)) == ["Plan: gives up after 60 s"]


def unpublished(deployment: Deployment) -> Iterator[str]:
    """An alias points at a version; `$LATEST` would run code that nobody promoted."""
    published = {step for step, function in deployment.functions().items() if function["publish"]}
    aliased = {step_of(each.values["function_name"]) for each in deployment.all("aws_lambda_alias")}
    for step in deployment.functions():
        if step not in published & aliased:
            yield f"{step}: no version that the alias could point at"


def test_functions_are_called_by_version_and_alias(deployment: Deployment) -> None:
    assert not list(unpublished(deployment))
    latest = deployment.with_values('["load"].aws_lambda_function', publish=False)
    assert list(unpublished(latest)) == ["load: no version that the alias could point at"]


def code_by_etag(deployment: Deployment) -> Iterator[str]:
    """The etag of an encrypted or multipart object is not its MD5: a plan that compares it never comes to rest."""
    for each in deployment.all("aws_s3_object"):
        if each.values.get("etag") or not each.values["source_hash"]:
            yield each.address


def test_objects_are_compared_by_their_own_hash(deployment: Deployment) -> None:
    assert not list(code_by_etag(deployment))
    assert list(code_by_etag(deployment.with_values('catalogue["ewm"]', etag="0123", source_hash=None)))
