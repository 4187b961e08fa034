"""Snapshots: a copy of a namespace's database under a name of its own, which stays when the namespace goes."""

import datetime
import uuid
from collections.abc import Callable

from local.redshift.attachments import Document, found
from local.redshift.aws import Aws, AwsError
from local.redshift.postgres import PostgreSQL

_FOR_EVER = -1


class Snapshots:
    """Operations from a request's document to an answer's; the caller serialises them.

    `namespace` and `workgroup` find what a request names, and raise AwsError where it is not there.
    """

    def __init__(
        self,
        aws: Aws,
        postgresql: PostgreSQL,
        namespace: Callable[[Document], Document],
        workgroup: Callable[[Document], Document],
    ) -> None:
        self._aws = aws
        self._postgresql = postgresql
        self._namespace = namespace
        self._workgroup = workgroup
        self.snapshots: dict[str, Document] = {}

    def operations(self) -> dict[str, Callable[[Document], Document]]:
        """The operations by name."""
        return {
            "CreateSnapshot": self._create,
            "GetSnapshot": lambda r: {"snapshot": self._snapshot(r)},
            "ListSnapshots": self._list,
            "UpdateSnapshot": self._update,
            "DeleteSnapshot": self._delete,
            "RestoreFromSnapshot": self._restore,
        }

    def _create(self, request: Document) -> Document:
        namespace, name = self._namespace(request), request["snapshotName"]
        if name in self.snapshots:
            raise AwsError("ConflictException", f"The snapshot {name} already exists.")
        identifier = str(uuid.uuid4())
        self._postgresql.copy_database(namespace["dbName"], _database(identifier))
        self.snapshots[name] = {
            "adminUsername": namespace["adminUsername"],
            "kmsKeyId": namespace["kmsKeyId"],
            "namespaceArn": namespace["namespaceArn"],
            "namespaceName": namespace["namespaceName"],
            "ownerAccount": self._aws.account,
            "snapshotArn": self._aws.arn("redshift-serverless", f"snapshot/{identifier}"),
            "snapshotCreateTime": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "snapshotName": name,
            "snapshotRetentionPeriod": request.get("retentionPeriod", _FOR_EVER),
            "status": "AVAILABLE",
        }
        return {"snapshot": self.snapshots[name]}

    def _list(self, request: Document) -> Document:
        wanted = request.get("namespaceName")
        return {"snapshots": [x for x in self.snapshots.values() if wanted in {None, x["namespaceName"]}]}

    def _update(self, request: Document) -> Document:
        snapshot = self._snapshot(request)
        snapshot["snapshotRetentionPeriod"] = request["retentionPeriod"]
        return {"snapshot": snapshot}

    def _delete(self, request: Document) -> Document:
        snapshot = self._snapshot(request)
        self._postgresql.drop_copy(_database_of(snapshot))
        del self.snapshots[snapshot["snapshotName"]]
        return {"snapshot": snapshot | {"status": "DELETED"}}

    def _restore(self, request: Document) -> Document:
        """All that the namespace has is replaced; its id, its administrator and its roles stay."""
        namespace, snapshot = self._namespace(request), self._snapshot(request)
        if self._workgroup(request)["namespaceName"] != namespace["namespaceName"]:
            raise AwsError("ValidationException", "The workgroup is of another namespace.")
        self._postgresql.drop_copy(namespace["dbName"])
        self._postgresql.copy_database(_database_of(snapshot), namespace["dbName"])
        return {
            "namespace": namespace,
            "ownerAccount": snapshot["ownerAccount"],
            "snapshotName": snapshot["snapshotName"],
        }

    def _snapshot(self, request: Document) -> Document:
        if arn := request.get("snapshotArn"):
            by_arn = {snapshot["snapshotArn"]: snapshot for snapshot in self.snapshots.values()}
            return found("snapshot", by_arn, arn)
        return found("snapshot", self.snapshots, request["snapshotName"])


def _database_of(snapshot: Document) -> str:
    return _database(snapshot["snapshotArn"].rpartition("/")[2])


def _database(identifier: str) -> str:
    return f"snapshot {identifier}"  # no database that is asked for has a space in its name
