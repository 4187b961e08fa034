"""Namespaces and workgroups: what Redshift Serverless keeps, and the operations upon it."""

import copy
import datetime
import hmac
import secrets
import string
import threading
import uuid
from collections.abc import Callable
from typing import Protocol

from psycopg2.errors import DuplicateDatabase

from local.redshift.attachments import Attachments, Document, found
from local.redshift.aws import Aws, AwsError
from local.redshift.postgres import PostgreSQL
from local.redshift.snapshots import Snapshots

_DEFAULT_PARAMETERS = {
    "auto_mv": "true",
    "datestyle": "ISO, MDY",
    "enable_case_sensitive_identifier": "false",
    "enable_user_activity_logging": "true",
    "max_query_execution_time": "14400",
    "query_group": "default",
    "require_ssl": "true",
    "search_path": "$user, public",
    "use_fips_ssl": "false",
}
_LEAST_CAPACITY, _DEFAULT_CAPACITY = 4, 128


class Endpoint(Protocol):
    """Where the wire front listens."""

    address: str
    port: int


class Namespaces:
    """The state of the control plane. It ends with the process, as the emulator's does."""

    def __init__(self, aws: Aws, postgresql: PostgreSQL, endpoint: Endpoint) -> None:
        self._aws = aws
        self._postgresql = postgresql
        self._endpoint = endpoint
        self._lock = threading.RLock()
        self._namespaces: dict[str, Document] = {}
        self._workgroups: dict[str, Document] = {}
        self._attachments = Attachments(aws)
        self._snapshots = Snapshots(aws, postgresql, self._namespace, self._workgroup)
        self._passwords: dict[str, str] = {}

    def operations(self) -> dict[str, Callable[[Document], Document]]:
        """The API's operations by name, each from a request's document to an answer's."""
        return {
            name: _locked(self._lock, operation)
            for name, operation in {
                "CreateNamespace": self._create_namespace,
                "GetNamespace": lambda r: {"namespace": self._namespace(r)},
                "ListNamespaces": lambda r: {"namespaces": list(self._namespaces.values())},
                "UpdateNamespace": self._update_namespace,
                "DeleteNamespace": self._delete_namespace,
                "CreateWorkgroup": self._create_workgroup,
                "GetWorkgroup": lambda r: {"workgroup": self._workgroup(r)},
                "ListWorkgroups": lambda r: {"workgroups": list(self._workgroups.values())},
                "UpdateWorkgroup": self._update_workgroup,
                "DeleteWorkgroup": self._delete_workgroup,
                **self._attachments.operations(),
                **self._snapshots.operations(),
            }.items()
        }

    def resource(self, request: Document) -> str:
        """The ARN that a request is about; one without an id if none exists (yet), as of what is to be made."""
        if "resourceArn" in request:
            return str(request["resourceArn"])
        with self._lock:
            workgroup = self._workgroups.get(request.get("workgroupName", ""))
            namespace = self._namespaces.get(request.get("namespaceName", ""))
            limit = self._attachments.limits.get(request.get("usageLimitId", ""))
            snapshot = self._snapshots.snapshots.get(request.get("snapshotName", ""))
        for known, key in (
            (snapshot, "snapshotArn"),
            (workgroup, "workgroupArn"),
            (namespace, "namespaceArn"),
            (limit, "usageLimitArn"),
        ):
            if known is not None:
                return str(known[key])
        kind = next((kind for kind in ("workgroup", "snapshot") if f"{kind}Name" in request), "namespace")
        return self._aws.arn("redshift-serverless", f"{kind}/*")

    def workgroup_database(self, request: Document) -> str:
        """The database of a workgroup's namespace. Raises AwsError."""
        with self._lock:
            return str(self._namespaces[self._workgroup(request)["namespaceName"]]["dbName"])

    def serves(self, database: str) -> bool:
        """Whether a workgroup is there through which the database can be reached."""
        with self._lock:
            return any(
                self._namespaces[w["namespaceName"]]["dbName"] == database for w in self._workgroups.values()
            )

    def is_admin(self, user: str, password: str, database: str) -> bool:
        """Whether these are the name and password of the administrator of the database's namespace."""
        with self._lock:
            return any(
                (known["dbName"], known["adminUsername"]) == (database, user)
                and hmac.compare_digest(self._passwords[name].encode(), password.encode())
                for name, known in self._namespaces.items()
            )

    def roles(self, database: str) -> list[str]:
        """The ARNs of the IAM roles that the database's namespace may use."""
        with self._lock:
            for namespace in self._namespaces.values():
                if namespace["dbName"] == database:
                    return [role.partition("iamRoleArn=")[2].rstrip(")") for role in namespace["iamRoles"]]
        return []

    def _create_namespace(self, request: Document) -> Document:
        name, database = request["namespaceName"], request.get("dbName", "dev")
        if name in self._namespaces:
            raise AwsError("ConflictException", f"The namespace {name} already exists.")
        try:
            self._postgresql.create_database(database)
        except DuplicateDatabase:
            message = (
                f"Another namespace has a database {database}: the stand-in serves all behind one endpoint."
            )
            raise AwsError("ConflictException", message) from None
        identifier = str(uuid.uuid4())
        namespace = {
            "adminUsername": request.get("adminUsername", "admin"),
            "creationDate": _now(),
            "dbName": database,
            "defaultIamRoleArn": request.get("defaultIamRoleArn", ""),
            "iamRoles": _iam_roles(request.get("iamRoles", [])),
            "kmsKeyId": request.get("kmsKeyId", "AWS_OWNED_KMS_KEY"),
            "logExports": request.get("logExports", []),
            "namespaceArn": self._aws.arn("redshift-serverless", f"namespace/{identifier}"),
            "namespaceId": identifier,
            "namespaceName": name,
            "status": "AVAILABLE",
        }
        self._namespaces[name] = namespace
        self._set_admin(namespace, request)
        self._attachments.keep_tags(namespace["namespaceArn"], request)
        return {"namespace": namespace}

    def _update_namespace(self, request: Document) -> Document:
        namespace = self._namespace(request)
        namespace |= {
            key: request[key] for key in ("defaultIamRoleArn", "kmsKeyId", "logExports") if key in request
        }
        if "iamRoles" in request:
            namespace["iamRoles"] = _iam_roles(request["iamRoles"])
        if {"adminUsername", "adminUserPassword", "manageAdminPassword"} & request.keys():
            self._set_admin(namespace, request)
        return {"namespace": namespace}

    def _set_admin(self, namespace: Document, request: Document) -> None:
        """Make the administrator; a managed password is a new one in a secret of Secrets Manager."""
        name = namespace["namespaceName"]
        namespace["adminUsername"] = request.get("adminUsername", namespace["adminUsername"])
        self._passwords[name] = request.get("adminUserPassword") or _password()
        self._postgresql.ensure_user(namespace["adminUsername"], superuser=True)
        if secret := namespace.pop("adminPasswordSecretArn", None):
            self._aws.delete_secret(secret)
            namespace.pop("adminPasswordSecretKmsKeyId", None)
        if request.get("manageAdminPassword"):
            namespace["adminPasswordSecretArn"] = self._aws.create_secret(
                f"redshift!{name}-{namespace['adminUsername']}",
                {"username": namespace["adminUsername"], "password": self._passwords[name]},
                {"aws:redshift-serverless:namespaceArn": namespace["namespaceArn"]},
                request.get("adminPasswordSecretKmsKeyId"),
            )
            key = request.get("adminPasswordSecretKmsKeyId") or self._aws.arn(
                "kms", "alias/aws/secretsmanager"
            )
            namespace["adminPasswordSecretKmsKeyId"] = key

    def _delete_namespace(self, request: Document) -> Document:
        namespace = self._namespace(request)
        if any(w["namespaceName"] == namespace["namespaceName"] for w in self._workgroups.values()):
            raise AwsError(
                "ConflictException", "There is an existing workgroup associated with the namespace."
            )
        if secret := namespace.get("adminPasswordSecretArn"):
            self._aws.delete_secret(secret)
        self._postgresql.drop_database(namespace["dbName"])
        del self._namespaces[namespace["namespaceName"]], self._passwords[namespace["namespaceName"]]
        return {"namespace": namespace | {"status": "DELETING"}}

    def _create_workgroup(self, request: Document) -> Document:
        name = request["workgroupName"]
        namespace = self._namespace(request)
        if name in self._workgroups:
            raise AwsError("ConflictException", f"The workgroup {name} already exists.")
        if any(w["namespaceName"] == namespace["namespaceName"] for w in self._workgroups.values()):
            raise AwsError(
                "ConflictException", f"The namespace {namespace['namespaceName']} has a workgroup already."
            )
        identifier = str(uuid.uuid4())
        workgroup = {
            "baseCapacity": _DEFAULT_CAPACITY,
            "creationDate": _now(),
            "endpoint": {"address": self._endpoint.address, "port": self._endpoint.port, "vpcEndpoints": []},
            "enhancedVpcRouting": False,
            "ipAddressType": "ipv4",
            "namespaceName": namespace["namespaceName"],
            "port": self._endpoint.port,
            "pricePerformanceTarget": {"status": "DISABLED", "level": 50},
            "publiclyAccessible": False,
            "securityGroupIds": [],
            "status": "AVAILABLE",
            "subnetIds": [],
            "trackName": "current",
            "workgroupArn": self._aws.arn("redshift-serverless", f"workgroup/{identifier}"),
            "workgroupId": identifier,
            "workgroupName": name,
            "workgroupVersion": "1.0",
        }
        self._workgroups[name] = _with_workgroup_settings(workgroup, request)
        self._attachments.keep_tags(workgroup["workgroupArn"], request)
        return {"workgroup": workgroup}

    def _update_workgroup(self, request: Document) -> Document:
        return {"workgroup": _with_workgroup_settings(self._workgroup(request), request)}

    def _delete_workgroup(self, request: Document) -> Document:
        workgroup = self._workgroup(request)
        del self._workgroups[workgroup["workgroupName"]]
        self._postgresql.end_sessions(self._namespaces[workgroup["namespaceName"]]["dbName"])
        return {"workgroup": workgroup | {"status": "DELETING"}}

    def _namespace(self, request: Document) -> Document:
        return found("namespace", self._namespaces, request["namespaceName"])

    def _workgroup(self, request: Document) -> Document:
        return found("workgroup", self._workgroups, request["workgroupName"])


def _locked(
    lock: threading.RLock, operation: Callable[[Document], Document]
) -> Callable[[Document], Document]:
    def locked(request: Document) -> Document:
        with lock:
            return copy.deepcopy(operation(request))

    return locked


def _with_workgroup_settings(workgroup: Document, request: Document) -> Document:
    """Apply a request; the endpoint keeps the front's port, whatever `port` asks for."""
    for key in (
        "baseCapacity", "enhancedVpcRouting", "ipAddressType", "maxCapacity", "pricePerformanceTarget",
        "publiclyAccessible", "securityGroupIds", "subnetIds", "trackName",
    ):  # fmt: skip
        if key in request:
            workgroup[key] = request[key]
    if workgroup["baseCapacity"] < _LEAST_CAPACITY:
        raise AwsError("ValidationException", f"Base capacity must be at least {_LEAST_CAPACITY} RPUs.")
    asked = {p["parameterKey"]: p["parameterValue"] for p in request.get("configParameters", [])}
    known = {p["parameterKey"]: p["parameterValue"] for p in workgroup.get("configParameters", [])}
    merged = _DEFAULT_PARAMETERS | known | asked
    workgroup["configParameters"] = [{"parameterKey": k, "parameterValue": v} for k, v in merged.items()]
    return workgroup


def _iam_roles(arns: list[str]) -> list[str]:
    return [f"IamRole(applyStatus=in-sync, iamRoleArn={arn})" for arn in arns]


def _password() -> str:
    """As Redshift makes them: upper, lower, digit, and nothing that a URL or a quote would trip over."""
    alphabet = string.ascii_letters + string.digits
    return "Aa1" + "".join(secrets.choice(alphabet) for _ in range(45))


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
