"""What an environment needs before its first load: of the account, the network, the warehouse and the sources."""

import json
import os
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import psycopg2
from botocore.exceptions import BotoCoreError, ClientError

from operate.check import Check
from operate.deployment import Deployment
from operate.errors import OperatorError
from xmlift.catalogue import Source
from xmlift.errors import XmliftError

# Redshift Serverless asks for three zones, and for addresses that it can grow into; each function has some as well.
_ZONES, _FREE_ADDRESSES = 3, 20
# Beside the windows that are read: the steps of other sources.
_OTHER_CALLS = 2
_CONNECT_SECONDS = 10.0
_SOONEST_END_DAYS = 14

type Connect = Callable[[str, int, ssl.SSLContext], dict[str, Any]]
"""Shakes hands with a server; answers its certificate as `ssl` tells it. Raises OSError."""


def checks(deployment: Deployment, now: datetime) -> Iterator[Check]:
    """All that can be said before anything is read, in the order in which a person would mend it."""
    for look in (_calls_at_a_time, _zones, _workgroup, _capacity, _ledger):
        yield answered(look.__name__.strip("_").replace("_", " "), partial(look, deployment))
    for name in sorted(deployment.sources):
        # Apart: whose secret may not be read has an endpoint all the same.
        if deployment.sources[name]["secret_name"] is not None:
            yield answered(f"secret of {name}", lambda n=name: secret(deployment, n, deployment.catalogue(n)))
        if deployment.is_asked(name):
            yield answered(f"endpoint of {name}", lambda n=name: endpoint(n, deployment.catalogue(n), now))


def answered(name: str, look: Callable[[], Check]) -> Check:
    """What a look finds; where it is refused, that: one refusal must not keep from view what the others found."""
    try:
        return look()
    except (ClientError, BotoCoreError) as error:
        remedy = "docs/operations.md: what an operator needs"
        return Check(name, False, f"AWS does not tell: {error}", remedy)
    except (OperatorError, XmliftError) as error:
        return Check(name, False, str(error), "what it says; then smoke again")


def stream_to_try(source: Source) -> str | None:
    """A stream of which a short time can be read by itself; None if every reading is of all."""
    return next(
        (
            name
            for name, stream in source.streams.items()
            if stream.request is not None and stream.request.asks_for("{window.") and stream.for_each is None
        ),
        None,
    )


def _calls_at_a_time(deployment: Deployment) -> Check:
    """New accounts have ten concurrent calls until somebody asks for more."""
    client = deployment.client("lambda")
    limit = client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    needed = int(_settings(deployment, "plan")["XMLIFT_EXTRACT_CONCURRENCY"]) + _OTHER_CALLS
    return Check(
        "Lambda's calls at a time",
        limit >= needed,
        f"{limit:,} in this account, {needed} needed",
        "ask for more: Service Quotas, Lambda, Concurrent executions; or lower flow.extract_concurrency",
    )


def _zones(deployment: Deployment) -> Check:
    network = _configuration(deployment, "plan")["VpcConfig"]
    subnets = deployment.client("ec2").describe_subnets(SubnetIds=network["SubnetIds"])["Subnets"]
    zones = sorted({subnet["AvailabilityZone"] for subnet in subnets})
    least = min(subnet["AvailableIpAddressCount"] for subnet in subnets)
    return Check(
        "zones",
        len(zones) >= _ZONES and least >= _FREE_ADDRESSES,
        f"{', '.join(zones)}; at least {least} free addresses in each",
        f"subnets in {_ZONES} zones with {_FREE_ADDRESSES} free addresses each, for Redshift Serverless: `network`",
    )


def _workgroup(deployment: Deployment) -> Check:
    """Reachable from within the VPC alone, and by TLS alone; functions verify its certificate (`verify-full`)."""
    found = _described_workgroup(deployment)
    parameters = {one["parameterKey"]: one["parameterValue"] for one in found.get("configParameters", ())}
    wrong = [
        what
        for what, is_wrong in (
            (f"it is {found['status']}", found["status"] != "AVAILABLE"),
            ("it is public", found["publiclyAccessible"]),
            ("it reaches S3 past the VPC", not found["enhancedVpcRouting"]),
            ("it lets clients in without TLS", parameters.get("require_ssl") != "true"),
        )
        if is_wrong
    ]
    good = "available, private, TLS required"
    return Check("warehouse", not wrong, "; ".join(wrong) or good, deployment.command(deployment.applied_by))


def _capacity(deployment: Deployment) -> Check:
    """Service Quotas may be refused to an operator, or be missing: then the account's quota stays unknown."""
    found = _described_workgroup(deployment)
    wanted = max(int(found.get(name) or 0) for name in ("baseCapacity", "maxCapacity"))
    try:
        pages = deployment.client("service-quotas").get_paginator("list_service_quotas")
        listed = [one for page in pages.paginate(ServiceCode="redshift-serverless") for one in page["Quotas"]]
    except (ClientError, BotoCoreError) as error:
        return Check(
            "capacity", True, f"{wanted} RPU; the account's quota is not known ({type(error).__name__})"
        )
    quota = next((one["Value"] for one in listed if "RPU" in one["QuotaName"]), None)
    if quota is None:
        return Check("capacity", True, f"{wanted} RPU; the account's quota is not told")
    remedy = "ask for more: Service Quotas, Amazon Redshift Serverless; or lower warehouse.max_capacity"
    return Check("capacity", quota >= wanted, f"{wanted} RPU of {quota:,.0f} in this account", remedy)


def _ledger(deployment: Deployment) -> Check:
    """Whether the warehouse answers this operator, and whether migrate has been there."""
    remedy = f"{deployment.command(deployment.applied_by)} (it runs migrate), and the caller's role among `readers`"
    try:
        with closing(deployment.connect()) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM xmlift.ledger")
            (windows,) = cursor.fetchone()
    except psycopg2.Error as error:
        return Check("ledger", False, " ".join(str(error).split()), remedy)
    return Check("ledger", True, f"{windows:,} windows")


def secret(deployment: Deployment, name: str, source: Source) -> Check:
    """Whether the secret that a source signs in with has what its login asks for; no value is shown."""
    place, needed = deployment.secret_of(name), source.auth.parts
    remedy = deployment.command(f"secret SOURCE={name}")
    client = deployment.client("secretsmanager")
    try:
        value = json.loads(client.get_secret_value(SecretId=place)["SecretString"])
    except client.exceptions.ResourceNotFoundException:
        return Check(f"secret of {name}", False, f"{place} has no value", remedy)
    except (KeyError, ValueError):
        return Check(f"secret of {name}", False, f"{place} is no JSON", remedy)
    lacks = [part for part in needed if not (isinstance(value, dict) and value.get(part))]
    found = f"{place} lacks {' and '.join(lacks)}" if lacks else f"{place} has {' and '.join(needed)}"
    return Check(f"secret of {name}", not lacks, found, remedy)


def endpoint(name: str, source: Source, now: datetime, connect: Connect | None = None) -> Check:
    """Whether a source's server proves who it is, as extract will ask it to.

    A server that is not reached from here may well be from Lambda: that is said, and left to the load.
    """
    parts = urlsplit(source.base_url)
    title = f"endpoint of {name}"
    where = f"{parts.hostname}:{parts.port or 443}"
    if parts.scheme != "https":
        return Check(title, False, f"{source.base_url} is not https", "give it an https base_url")
    context = ssl.create_default_context(cafile=os.environ.get("REQUESTS_CA_BUNDLE"))
    if source.connection.ca is not None:
        context.load_verify_locations(cadata=source.connection.ca)
    try:
        certificate = (connect or _shaken_hands)(parts.hostname or "", parts.port or 443, context)
    except ssl.SSLCertVerificationError as error:
        remedy = (
            "`connection: {ca: …}` in its file, if the authority is your company's; else mend its certificate"
        )
        return Check(title, False, f"{where}: {error.verify_message}", remedy)
    except OSError as error:
        return Check(title, True, f"{where} is not reached from here ({error}): the load will tell")
    end = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    left = (end - now).days
    return Check(
        title, left >= _SOONEST_END_DAYS, f"{where}, verified, for {left} more days", "renew its certificate"
    )


def _shaken_hands(host: str, port: int, context: ssl.SSLContext) -> dict[str, Any]:
    with (
        socket.create_connection((host, port), timeout=_CONNECT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as connection,
    ):
        return dict(connection.getpeercert() or {})


def _described_workgroup(deployment: Deployment) -> dict[str, Any]:
    name = deployment.outputs["warehouse"]["workgroup"]
    return dict(deployment.client("redshift-serverless").get_workgroup(workgroupName=name)["workgroup"])


def _settings(deployment: Deployment, step: str) -> dict[str, str]:
    return dict(_configuration(deployment, step)["Environment"]["Variables"])


def _configuration(deployment: Deployment, step: str) -> dict[str, Any]:
    arn = deployment.outputs["functions"][step]["alias_arn"]
    found = dict(deployment.client("lambda").get_function_configuration(FunctionName=arn))
    if found.get("State", "Active") != "Active":
        raise OperatorError(
            f"The function {found['FunctionName']} is {found['State']}: {found.get('StateReason')}"
        )
    return found
