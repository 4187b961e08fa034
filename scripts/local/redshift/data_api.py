"""The redshift-data API: statements that are asked for, waited for and fetched, each in a session of its own."""

import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import psycopg2
from psycopg2 import extensions

from local.redshift.attachments import Document
from local.redshift.aws import Aws, AwsError, Caller
from local.redshift.credentials import SHORTEST, TemporaryPasswords
from local.redshift.namespaces import Namespaces
from local.redshift.wire import WireFront

# Fewer than on AWS, where a page has a megabyte: that an answer has several is to be seen with small ones.
_PAGE = 500
_TYPES = {
    16: "bool",
    20: "int8",
    21: "int2",
    23: "int4",
    700: "float4",
    701: "float8",
    1082: "date",
    1114: "timestamp",
    1184: "timestamptz",
    1700: "numeric",
}


@dataclass
class Answer:
    """What became of one SQL statement. columns: None where it has no result."""

    sql: str
    columns: list[tuple[str, str]] | None = None
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    count: int = -1


@dataclass
class Statement:
    """A call of ExecuteStatement or BatchExecuteStatement."""

    owner: str
    answers: list[Answer]
    is_batch: bool
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "SUBMITTED"
    error: str = ""
    session: extensions.connection | None = None


class DataApi:
    """Runs statements as the caller's database user, each call in one transaction."""

    def __init__(
        self, aws: Aws, namespaces: Namespaces, passwords: TemporaryPasswords, front: WireFront
    ) -> None:
        self._aws = aws
        self._namespaces = namespaces
        self._passwords = passwords
        self._front = front
        self._statements: dict[str, Statement] = {}

    def answer(self, operation: str, caller: Caller, request: Document) -> Document:
        """The answer to a request. Raises AwsError."""
        try:
            match operation:
                case "ExecuteStatement":
                    return self._execute(operation, caller, request, [request["Sql"]], is_batch=False)
                case "BatchExecuteStatement":
                    return self._execute(operation, caller, request, request["Sqls"], is_batch=True)
            # AWS knows these on "*" alone; the statements are their callers' own all the same.
            self._aws.require(caller, f"redshift-data:{operation}", "*")
            statement = self._own(caller, request["Id"])
            match operation:
                case "DescribeStatement":
                    return _described(statement)
                case "GetStatementResult":
                    return _result(statement, request["Id"], int(request.get("NextToken", 0)))
                case "CancelStatement":
                    return {"Status": self._cancel(statement)}
        except KeyError as error:
            raise AwsError("ValidationException", f"{operation} needs the parameter {error}.") from error
        raise AwsError(
            "UnknownOperationException", f"The stand-in has no operation RedshiftData.{operation}."
        )

    def _execute(
        self, operation: str, caller: Caller, request: Document, sqls: Sequence[str], *, is_batch: bool
    ) -> Document:
        workgroup = {"workgroupName": request["WorkgroupName"]}
        arn = self._namespaces.resource(workgroup)
        for action in (f"redshift-data:{operation}", "redshift-serverless:GetCredentials"):
            self._aws.require(caller, action, arn)
        self._namespaces.workgroup_database(workgroup)
        given = self._passwords.give(caller.database_user, request["Database"], SHORTEST)
        statement = Statement(caller.arn, [Answer(sql) for sql in sqls], is_batch)
        self._statements[statement.id] = statement
        threading.Thread(
            target=self._run, args=(statement, given.user, given.password, request["Database"]), daemon=True
        ).start()
        return {
            "Id": statement.id,
            "WorkgroupName": request["WorkgroupName"],
            "Database": request["Database"],
        }

    def _run(self, statement: Statement, user: str, password: str, database: str) -> None:
        try:
            with self._front.connect(user, password, database) as session, session.cursor() as cursor:
                statement.session, statement.status = session, "STARTED"
                for answer in statement.answers:
                    cursor.execute(answer.sql)
                    answer.count = cursor.rowcount
                    if cursor.description is not None:
                        answer.columns = [
                            (one.name, _TYPES.get(one.type_code, "varchar")) for one in cursor.description
                        ]
                        answer.rows = cursor.fetchall()
            statement.status = "FINISHED"
        except psycopg2.errors.QueryCanceled:
            statement.status = "ABORTED"
        except psycopg2.Error as error:
            statement.error, statement.status = f"ERROR: {error}".strip(), "FAILED"
        finally:
            if statement.session is not None:
                statement.session.close()

    def _cancel(self, statement: Statement) -> bool:
        if statement.session is None or statement.status != "STARTED":
            return False
        self._front.cancel(statement.session.info.backend_pid)
        return True

    def _own(self, caller: Caller, name: str) -> Statement:
        statement = self._statements.get(name.partition(":")[0])
        if statement is None or statement.owner != caller.arn:
            raise AwsError("ResourceNotFoundException", f"Query {name} does not exist.")
        return statement


def _described(statement: Statement) -> Document:
    told: Document = {"Id": statement.id, "Status": statement.status}
    if statement.error:
        told["Error"] = statement.error
    parts = [
        {
            "Id": f"{statement.id}:{number}",
            "Status": statement.status,
            "QueryString": answer.sql,
            "HasResultSet": answer.columns is not None,
            "ResultRows": answer.count,
        }
        for number, answer in enumerate(statement.answers, start=1)
    ]
    return told | ({"SubStatements": parts} if statement.is_batch else {**parts[0], "Id": statement.id})


def _result(statement: Statement, name: str, begin: int) -> Document:
    answer = statement.answers[int(name.partition(":")[2] or 1) - 1]
    if statement.status != "FINISHED" or answer.columns is None:
        raise AwsError("ResourceNotFoundException", f"Query {name} has no result.")
    rows = answer.rows[begin : begin + _PAGE]
    following = begin + _PAGE
    return {
        "ColumnMetadata": [
            {"name": column, "label": column, "typeName": kind} for column, kind in answer.columns
        ],
        "Records": [[_cell(value) for value in row] for row in rows],
        "TotalNumRows": len(answer.rows),
        **({"NextToken": str(following)} if following < len(answer.rows) else {}),
    }


def _cell(value: Any) -> Document:
    match value:
        case None:
            return {"isNull": True}
        case bool():
            return {"booleanValue": value}
        case int():
            return {"longValue": value}
        case float():
            return {"doubleValue": value}
        case datetime(tzinfo=zone) if zone is not None:
            return {"stringValue": str(value).removesuffix(":00")}
        case Decimal() | _:
            return {"stringValue": str(value)}
