"""What smoke finds of an account, a warehouse and sources, by literal answers of AWS."""

import ssl
from copy import deepcopy
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import psycopg2
import pytest
from botocore.exceptions import ClientError

from operate import smoke
from xmlift.catalogue import load_source

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SOURCE = """source: ewm
base_url: https://elm.example.com/ccm
auth: {type: basic, secret: ewm}
streams:
  all: {request: {path: /all}, records: /a/b, disposition: replace, columns: {id: {path: id, type: integer}}}
  some:
    request: {path: "/some?from={window.from}&to={window.to}"}
    records: /a/b
    key: [id]
    cursor: {type: watermark, field: at, start: 2020-01-01T00:00:00Z}
    columns: {id: {path: id, type: integer}, at: {path: at, type: timestamptz}}
"""
GOOD: dict[str, Any] = {
    "lambda": {
        "get_account_settings": {"AccountLimit": {"UnreservedConcurrentExecutions": 1000}},
        "get_function_configuration": {
            "FunctionName": "xmlift-dev-plan",
            "State": "Active",
            "VpcConfig": {"SubnetIds": ["a", "b", "c"]},
            "Environment": {"Variables": {"XMLIFT_EXTRACT_CONCURRENCY": "8"}},
        },
    },
    "ec2": {
        "describe_subnets": {
            "Subnets": [{"AvailabilityZone": f"z{n}", "AvailableIpAddressCount": 251} for n in (1, 2, 3)]
        }
    },
    "redshift-serverless": {
        "get_workgroup": {
            "workgroup": {
                "status": "AVAILABLE",
                "publiclyAccessible": False,
                "enhancedVpcRouting": True,
                "configParameters": [{"parameterKey": "require_ssl", "parameterValue": "true"}],
                "baseCapacity": 8,
                "maxCapacity": 16,
            }
        }
    },
    "service-quotas": {"pages": [{"Quotas": [{"QuotaName": "Redshift Serverless RPUs", "Value": 512.0}]}]},
    "secretsmanager": {"get_secret_value": {"SecretString": '{"username": "etl", "password": "p"}'}},
}

WORKGROUP = ("redshift-serverless", "get_workgroup", "workgroup")


class Deployment:
    """Answers as AWS does."""

    applied_by = "plan deploy"

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.sources = {"ewm": {"secret_name": "xmlift/dev/ewm"}}
        self.outputs = {"warehouse": {"workgroup": "w"}, "functions": {"plan": {"alias_arn": "plan:live"}}}
        self.windows: Any = (7,)

    def client(self, service: str) -> Any:
        known = self.answers[service]

        def answer(name: str) -> Any:
            if isinstance(known[name], Exception):
                raise known[name]
            return known[name]

        client = SimpleNamespace(exceptions=SimpleNamespace(ResourceNotFoundException=KeyError))
        for name in known:
            setattr(client, name, lambda name=name, **_: answer(name))
        client.get_paginator = lambda _: SimpleNamespace(paginate=lambda **_: answer("pages"))
        return client

    def catalogue(self, _: str) -> Any:
        return load_source(SOURCE.encode(), "ewm.yaml")

    def secret_of(self, source: str) -> str:
        return str(self.sources[source]["secret_name"])

    def is_asked(self, _: str) -> bool:
        return False  # whose certificate is looked at is told below

    def command(self, words: str) -> str:
        return f"make {words} ENV=dev"

    def connect(self) -> Any:
        if isinstance(self.windows, Exception):
            raise self.windows
        return _Session(self.windows)


class _Session:
    def __init__(self, row: Any) -> None:
        self.row = row

    def __enter__(self) -> "_Session":
        return self

    def __exit__(self, *_: object) -> None: ...

    def cursor(self) -> "_Session":
        return self

    def execute(self, _: str) -> None: ...

    def fetchone(self) -> Any:
        return self.row

    def close(self) -> None: ...


def found(deployment: Deployment) -> dict[str, Any]:
    return {check.name: check for check in smoke.checks(deployment, NOW)}  # type: ignore[arg-type]


def test_an_account_that_has_it_all_is_well() -> None:
    told = found(Deployment(deepcopy(GOOD)))
    assert {name: (check.ok, check.found) for name, check in told.items()} == {
        "Lambda's calls at a time": (True, "1,000 in this account, 10 needed"),
        "zones": (True, "z1, z2, z3; at least 251 free addresses in each"),
        "warehouse": (True, "available, private, TLS required"),
        "capacity": (True, "16 RPU of 512 in this account"),
        "ledger": (True, "7 windows"),
        "secret of ewm": (True, "xmlift/dev/ewm has username and password"),
    }


@pytest.mark.parametrize(
    ("path", "value", "name", "words"),
    [
        (("lambda", "get_account_settings", "AccountLimit", "UnreservedConcurrentExecutions"), 9,
         "Lambda's calls at a time", "9 in this account, 10 needed"),
        (("ec2", "describe_subnets", "Subnets"), [{"AvailabilityZone": "z1", "AvailableIpAddressCount": 251}],
         "zones", "z1; at least 251"),
        (("ec2", "describe_subnets", "Subnets", 1, "AvailableIpAddressCount"), 3, "zones", "at least 3 free"),
        ((*WORKGROUP, "status"), "CREATING", "warehouse", "it is CREATING"),
        ((*WORKGROUP, "publiclyAccessible"), True, "warehouse", "is public"),
        ((*WORKGROUP, "enhancedVpcRouting"), False, "warehouse", "past the"),
        ((*WORKGROUP, "configParameters"), [], "warehouse", "without TLS"),
        (("service-quotas", "pages", 0, "Quotas", 0, "Value"), 8.0, "capacity", "16 RPU of 8"),
        (("secretsmanager", "get_secret_value", "SecretString"), '{"username": "etl"}', "secret of ewm",
         "xmlift/dev/ewm lacks password"),
        (("secretsmanager", "get_secret_value", "SecretString"), "etl", "secret of ewm", "is no JSON"),
        (("secretsmanager", "get_secret_value"), KeyError(), "secret of ewm", "has no value"),
        (("ec2", "describe_subnets"), ClientError({"Error": {"Code": "AccessDenied"}}, "DescribeSubnets"), "zones",
         "AWS does not tell"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(path: tuple[Any, ...], value: Any, name: str, words: str) -> None:
    answers = deepcopy(GOOD)
    place = answers
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    told = found(Deployment(answers))
    assert [each for each, check in told.items() if not check.ok] == [name]
    assert words in told[name].found
    assert told[name].remedy


def test_an_operator_who_may_not_read_the_ledger_is_told_who_may() -> None:
    deployment = Deployment(deepcopy(GOOD))
    deployment.windows = psycopg2.errors.InsufficientPrivilege("permission denied for schema xmlift")
    check = found(deployment)["ledger"]
    assert (check.ok, check.found) == (False, "permission denied for schema xmlift")
    assert "make plan deploy ENV=dev" in check.remedy
    assert "readers" in check.remedy


def test_a_refusal_hides_nothing_of_what_else_was_found() -> None:
    answers = deepcopy(GOOD)
    answers["secretsmanager"]["get_secret_value"] = ClientError(
        {"Error": {"Code": "AccessDeniedException"}}, "GetSecretValue"
    )
    answers["lambda"]["get_function_configuration"]["State"] = "Pending"
    told = found(Deployment(answers))
    assert [name for name, check in told.items() if not check.ok] == [
        "calls at a time",
        "zones",
        "secret of ewm",
    ]
    assert "xmlift-dev-plan is Pending" in told["zones"].found
    assert "AccessDenied" in told["secret of ewm"].found


def test_a_quota_that_an_operator_may_not_see_stops_nothing() -> None:
    answers = deepcopy(GOOD)
    answers["service-quotas"]["pages"] = ClientError({"Error": {"Code": "AccessDenied"}}, "ListServiceQuotas")
    assert found(Deployment(answers))["capacity"].ok


def untrusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError()
    error.verify_message = "self-signed certificate"
    return error


@pytest.mark.parametrize(
    ("answer", "ok", "words"),
    [
        ({"notAfter": "Mar  2 00:00:00 2026 GMT"}, True, "elm.example.com:443, verified, for 60 more days"),
        ({"notAfter": "Jan  8 00:00:00 2026 GMT"}, False, "for 7 more days"),
        (untrusted(), False, "self-signed certificate"),
        (TimeoutError("timed out"), True, "is not reached from here (timed out): the load will tell"),
    ],
)
def test_an_endpoint_has_to_prove_who_it_is(answer: Any, ok: bool, words: str) -> None:
    def connect(*_: object) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    check = smoke.endpoint("ewm", load_source(SOURCE.encode(), "ewm.yaml"), NOW, connect)
    assert (check.ok, words in check.found) == (ok, True), check


def test_an_endpoint_without_tls_is_refused() -> None:
    source = load_source(
        SOURCE.replace("https:", "http:").replace("basic, secret: ewm", "none").encode(), "ewm.yaml"
    )
    assert not smoke.endpoint("ewm", source, NOW).ok


def test_a_stream_that_can_be_asked_for_a_day_is_tried() -> None:
    source = load_source(SOURCE.encode(), "ewm.yaml")
    assert smoke.stream_to_try(source) == "some"
