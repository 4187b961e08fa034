"""The rest of AWS as the warehouse needs it, asked of the local cloud: who calls, what is allowed, S3, secrets."""

import hashlib
import http.client
import json
import os
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.response import StreamingBody

_SECONDS = 30
_PIECE = 1 << 18


class AwsError(Exception):
    """An error of AWS: its code (the `__type` of an answer) and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed a request. `principal` is the IAM entity whose policies decide, None for the account's root."""

    arn: str
    principal: str | None

    @property
    def database_user(self) -> str:
        """The database user that GetCredentials gives this caller.

        `IAMR:<role>` for roles and `IAM:<user>` for users, both without any right of their own. The account's
        root, whom the operator's command line runs as, becomes `IAM:root`, which the stand-in makes a
        superuser: on AWS a human would come as a role that was granted something.
        """
        kind, _, name = (self.principal or "").rpartition(":")[2].partition("/")
        if self.principal is None:
            return "IAM:root"
        return f"{'IAMR' if kind == 'role' else 'IAM'}:{name.rpartition('/')[2]}"


class Aws:
    """Clients of the local cloud with its root credentials, which `AWS_ENDPOINT_URL` and its kin describe."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._endpoint = urlsplit(environment["AWS_ENDPOINT_URL"])
        self._ca = environment.get("AWS_CA_BUNDLE")
        self._root_key = environment["AWS_ACCESS_KEY_ID"]
        self.region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1"
        self._session: Any = boto3.Session(region_name=self.region)
        self._clients: dict[str, Any] = {}
        self._making_clients = threading.Lock()
        self._callers: dict[str, Caller] = {}

    @cached_property
    def account(self) -> str:
        """The account number."""
        return str(self._client("sts").get_caller_identity()["Account"])

    def arn(self, service: str, resource: str) -> str:
        """An ARN in this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def caller(self, headers: list[tuple[str, str]], body: bytes) -> Caller:
        """Who signed this request. Raises AwsError if the signature or the key is not valid."""
        values = {name.lower(): value for name, value in headers}
        key = _access_key(values.get("authorization", ""))
        signed_by = self._signed_by(headers, body)
        if key == self._root_key:
            return Caller(f"arn:aws:iam::{self.account}:root", None)
        if key not in self._callers:
            self._callers[key] = self._function(key) or _session(signed_by) or self._user(key)
        return self._callers[key]

    def require(self, caller: Caller, action: str, resource: str) -> None:
        """Raise AwsError unless the caller's policies allow the action on the resource."""
        if caller.principal is None or self.allowed(caller.principal, action, resource):
            return
        raise AwsError(
            "AccessDeniedException",
            f"User: {caller.arn} is not authorized to perform: {action} on resource: {resource} "
            f"because no identity-based policy allows the {action} action",
        )

    def allowed(self, principal: str, action: str, resource: str) -> bool:
        """Whether an IAM entity's policies allow the action on the resource."""
        with _aws_errors():
            answer = self._client("iam").simulate_principal_policy(
                PolicySourceArn=principal, ActionNames=[action], ResourceArns=[resource]
            )
        return all(result["EvalDecision"] == "allowed" for result in answer["EvaluationResults"])

    def read_object(self, bucket: str, key: str) -> Iterator[bytes]:
        """An object's bytes, in pieces. Raises AwsError (NoSuchKey, …), at once or while reading."""
        with _aws_errors():
            body = self._client("s3").get_object(Bucket=bucket, Key=key)["Body"]
        return _pieces(body)

    def list_objects(self, bucket: str, prefix: str) -> list[str]:
        """The keys under a prefix. Raises AwsError."""
        pages = self._client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        with _aws_errors():
            return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def create_secret(
        self, name: str, value: Mapping[str, str], tags: Mapping[str, str], key: str | None = None
    ) -> str:
        """A new secret's ARN; `key` is that of the key that encrypts it. Raises AwsError if the name is taken."""
        listed = [{"Key": name, "Value": tag} for name, tag in tags.items()]
        encrypted = {"KmsKeyId": key} if key else {}
        with _aws_errors():
            made = self._client("secretsmanager").create_secret(
                Name=name, SecretString=json.dumps(value), Tags=listed, **encrypted
            )
        return str(made["ARN"])

    def delete_secret(self, arn: str) -> None:
        """Delete a secret now; one that is gone already is no error."""
        try:
            with _aws_errors():
                self._client("secretsmanager").delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise

    def _client(self, service: str) -> Any:
        with self._making_clients:
            if service not in self._clients:
                settings = Config(connect_timeout=_SECONDS, read_timeout=_SECONDS)
                self._clients[service] = self._session.client(service, config=settings)
            return self._clients[service]

    def _signed_by(self, headers: list[tuple[str, str]], body: bytes) -> str:
        """Whose the request is. It is passed on as it was signed: the emulator alone knows its keys' secrets."""
        connection = self._connection()
        try:
            connection.putrequest("POST", "/", skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse().read()
        finally:
            connection.close()
        told = json.loads(answer or b"{}")
        if "signed_by" not in told:
            message = told.get("message", "The security token included in the request is invalid.")
            raise AwsError(told.get("__type", "UnrecognizedClientException"), message)
        return str(told["signed_by"])

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._endpoint.hostname or "", self._endpoint.port
        if self._endpoint.scheme == "https":
            context = ssl.create_default_context(cafile=self._ca)
            return http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=context)
        return http.client.HTTPConnection(host, port, timeout=_SECONDS)

    def _function(self, key: str) -> Caller | None:
        """The execution role's session of a function.

        No API tells whose a temporary key is. The emulator derives a function's from its ARN and role, so the
        functions that exist are tried; this is private to the emulator's pinned version, and tested with it.
        """
        for arn, role in self._functions():
            digest = hashlib.sha256(f"{arn}:{role}".encode()).hexdigest()
            if key == f"ASIA{digest[:16].upper()}":
                name = arn.split(":")[6]
                session = f"arn:aws:sts::{self.account}:assumed-role/{role.rpartition('/')[2]}/{name}"
                return Caller(session, role)
        return None

    def _functions(self) -> Iterator[tuple[str, str]]:
        """ARNs that a function may have been called by (plain, of a version, of an alias), each with its role."""
        client = self._client("lambda")
        listed = client.get_paginator("list_functions").paginate()
        names = [function["FunctionName"] for page in listed for function in page["Functions"]]
        # One by one: the emulator's list of all functions leaves the versions out, even when it is asked for them.
        versions = client.get_paginator("list_versions_by_function")
        for page in (page for name in names for page in versions.paginate(FunctionName=name)):
            for function in page["Versions"]:
                arn, role = ":".join(function["FunctionArn"].split(":")[:7]), function["Role"]
                yield arn, role
                yield f"{arn}:{function['Version']}", role
                for alias in self._aliases(arn, function["Version"]):
                    yield f"{arn}:{alias}", role

    def _aliases(self, function: str, version: str) -> list[str]:
        pages = self._client("lambda").get_paginator("list_aliases")
        listed = pages.paginate(FunctionName=function, FunctionVersion=version)
        return [alias["Name"] for page in listed for alias in page["Aliases"]]

    def _user(self, key: str) -> Caller:
        try:
            with _aws_errors():
                used = self._client("iam").get_access_key_last_used(AccessKeyId=key)
        except AwsError as error:
            raise AwsError(
                "UnrecognizedClientException",
                f"The access key {key} is of no function, session, user or root of this local cloud.",
            ) from error
        arn = f"arn:aws:iam::{self.account}:user/{used['UserName']}"
        return Caller(arn, arn)


def _session(arn: str) -> Caller | None:
    """The caller that an ARN of a session is, as in arn:aws:sts::111122223333:assumed-role/NAME/SESSION."""
    kind, _, name = arn.rpartition(":")[2].partition("/")
    if kind != "assumed-role":
        return None
    return Caller(arn, f"arn:aws:iam::{arn.split(':')[4]}:role/{name.partition('/')[0]}")


def _access_key(authorization: str) -> str:
    _, _, credential = authorization.partition("Credential=")
    key = credential.partition("/")[0]
    if not authorization.startswith("AWS4-HMAC-SHA256") or not key:
        raise AwsError("MissingAuthenticationTokenException", "Missing Authentication Token")
    return key


def _pieces(body: StreamingBody) -> Iterator[bytes]:
    with _aws_errors(), closing(body):
        while piece := body.read(_PIECE):
            yield piece


@contextmanager
def _aws_errors() -> Iterator[None]:
    """What boto3 raises, as AwsError."""
    try:
        yield
    except ClientError as error:
        found = error.response.get("Error", {})
        raise AwsError(found.get("Code", "Unknown"), found.get("Message", str(error))) from error
    except (BotoCoreError, OSError) as error:
        raise AwsError("ServiceUnavailable", f"the local cloud does not answer: {error}") from error
