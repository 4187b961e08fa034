"""The soak's source: its catalogue file, and how many windows a run has to make of it."""

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Template

from local import control
from local.deployment import Deployment
from local.errors import LocalError
from xmlift.catalogue import Source, Stream, load_source

NAME = "soak"
STREAMS = 4
_SLICES = {61: 13, 67: 12}
"""Days of a slice → how many of them lie between the start and now: more than two years, as the endpoint has."""


def catalogue(floor: int, now: datetime) -> str:
    """The text of the catalogue file. floor: the least id of a work item that is read."""
    starts = {f"start_{days}d": _start(now, days, count).isoformat() for days, count in _SLICES.items()}
    return Template(Path(__file__).with_name("soak.yaml").read_text()).substitute(floor=floor, **starts)


def load(text: str) -> Source:
    return load_source(text.encode(), "soak.yaml")


def windows(stream: Stream, now: datetime) -> int:
    """How many windows a run that starts now reads: the cells of the grid that begin before it."""
    assert stream.cursor is not None
    assert stream.cursor.slice_time is not None
    return -((stream.cursor.start_time - now) // stream.cursor.slice_time)


def install(deployment: Deployment, text: str) -> Deployment:
    """Make the source known to a deployed environment as an apply would; answers the environment with it.

    Its schema is made by migrate, as for every source.
    """
    key = f"catalogue/{NAME}/{uuid.uuid4().hex}.yaml"
    deployment.cloud.client("s3").put_object(Bucket=deployment.bucket, Key=key, Body=text.encode())
    functions = deployment.outputs["functions"]
    event = {
        "sources": [NAME],
        "loader": functions["load"]["name"],
        "observers": [functions["plan"]["name"], functions["report"]["name"]],
    }
    answer = deployment.cloud.client("lambda").invoke(
        FunctionName=functions["migrate"]["alias_arn"], Payload=json.dumps(event)
    )
    if "FunctionError" in answer:
        raise LocalError(f"migrate did not make the schema {NAME}: {answer['Payload'].read().decode()}")
    given = {"source": NAME, "catalogue": key, "base_url": f"{deployment.cloud.endpoint_url}/ccm"}
    sources = deployment.sources | {NAME: {"input": json.dumps(given), "secret_name": None}}
    return replace(deployment, outputs=deployment.outputs | {"sources": sources})


def newest(deployment: Deployment, items: int) -> int:
    """The least id of the endpoint's newest work items, as many as are wanted."""
    known = [item["id"] for item in control.truth(deployment.cloud)]
    if len(known) < items:
        raise LocalError(f"the endpoint has {len(known)} work items, {items} are wanted: start it with more")
    return int(known[-items])


def _start(now: datetime, days: int, count: int) -> datetime:
    """Where as many cells of the grid begin, the last of which holds the moment before now."""
    cell = timedelta(days=days)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch - ((epoch - now) // cell + count) * cell
