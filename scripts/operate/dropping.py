"""A file dropped into the inbox, and the execution that it starts."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from operate.deployment import Deployment
from operate.errors import OperatorError
from operate.execution import Execution
from xmlift.catalogue import Source
from xmlift.landing import names

_LONGEST_WAIT = 60.0


def inbox_of(deployment: Deployment, stream: str) -> str:
    """Where files for `source.stream` are dropped. Raises: OperatorError with the remedy if it has no inbox."""
    source, _, name = stream.partition(".")
    catalogue = deployment.catalogue(source)
    if name not in catalogue.streams or not catalogue.streams[name].inbox:
        takers = [f"{source}.{taker}" for taker in _takers(catalogue)]
        raise OperatorError(
            f"{stream} has no inbox. "
            + (
                f"Of {source} these have: {', '.join(takers)}"
                if takers
                else f"Remedy: `inbox: true`, {deployment.command(deployment.applied_by)}"
            )
        )
    return names.inbox_prefix(source, name)


def drop(deployment: Deployment, stream: str, file: Path, name: str | None = None) -> Execution:
    """Put a file into a stream's inbox, and answer the execution that S3's event of it has started.

    Raises: OperatorError where the stream has no inbox, or nothing has started.
    """
    source, key = stream.partition(".")[0], inbox_of(deployment, stream) + (name or file.name)
    began = datetime.now(UTC)
    with file.open("rb") as body:
        put = deployment.client("s3").put_object(Bucket=deployment.bucket, Key=key, Body=body)
    return Execution(deployment, source, _started_by(deployment, key, put, began))


def _takers(catalogue: Source) -> list[str]:
    return [name for name, stream in catalogue.streams.items() if stream.inbox]


def _started_by(deployment: Deployment, key: str, put: dict[str, Any], began: datetime) -> str:
    """The ARN of the execution that was started for this version of the object."""
    states = deployment.client("stepfunctions")
    etag = put["ETag"].strip('"')
    looked: set[str] = set()
    deadline = time.monotonic() + _LONGEST_WAIT
    while time.monotonic() < deadline:
        listed = states.list_executions(stateMachineArn=deployment.state_machine, maxResults=100)
        for each in listed["executions"]:
            # Step Functions and we need not agree on the second.
            if each["executionArn"] in looked or (began - each["startDate"]).total_seconds() > _LONGEST_WAIT:
                continue
            looked.add(each["executionArn"])
            told = states.describe_execution(executionArn=each["executionArn"])
            dropped = json.loads(told.get("input") or "{}").get("inbox") or {}
            is_new = each["startDate"].timestamp() >= int(began.timestamp())
            if is_new and (dropped.get("key"), dropped.get("etag")) == (key, etag):
                return str(each["executionArn"])
        time.sleep(deployment.pause)
    raise OperatorError(
        f"s3://{deployment.bucket}/{key} was put, and started nothing within {_LONGEST_WAIT:.0f} seconds. Remedy: "
        f"{deployment.command(deployment.applied_by)}, and look at the inbox's alarm"
    )
