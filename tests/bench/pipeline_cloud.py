"""A local cloud of the pipeline's own: the product deployed to it, a source installed anew for each run."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from string import Template
from subprocess import PIPE, Popen
from typing import Any, NamedTuple

import psycopg2

from local import cloud
from local.deployment import Deployment, deploy
from local.errors import LocalError
from local.servers import ROOT
from operate import execution
from xmlift.catalogue import load_source

from .pipeline_pages import FIRST_DAY, Shape

CATALOGUE = Path(__file__).with_name("pipeline.yaml")
SIDE_BY_SIDE = 10
"""Windows read at a time. Of the endpoint's pauses alone, four would take 5 s for 200 pages of 100 ms."""

SCRIPT_TABLE = "work_items_by_script"
_STEPS = ("Plan", "Extract", "Load", "Report")
_PAUSE = 0.1  # between two looks at an execution: each of them costs the emulator a little


@contextmanager
def endpoint(pages: Path, milliseconds: int) -> Iterator[str]:
    """The base URL of an endpoint that serves these pages, each after so long a pause."""
    command = [
        sys.executable,
        str(Path(__file__).with_name("pipeline_endpoint.py")),
        str(pages),
        str(milliseconds),
    ]
    with Popen(command, stdin=PIPE, stdout=PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


@contextmanager
def deployed(folder: Path) -> Iterator[Deployment]:
    """The product as it stands, packaged and deployed to a local cloud that ends with the block."""
    package = [sys.executable, str(ROOT / "build" / "package.py"), "--local"]
    subprocess.run(package, check=True, capture_output=True)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield deploy(cloud.start(folder, items=1), extract_concurrency=str(SIDE_BY_SIDE))
    finally:
        cloud.stop(folder)


def postgresql(deployment: Deployment) -> str:
    """How a client reaches the very PostgreSQL behind the stand-in for Redshift, without the stand-in."""
    owner = deployment.cloud.state.children["redshift"].pid
    for note in Path(tempfile.gettempdir()).glob("xmlift-redshift-*/owner.json"):
        if json.loads(note.read_text())[0] == owner:
            return f"host={note.parent / 's'} user=rdsdb dbname={deployment.outputs['warehouse']['database']}"
    raise LocalError("the stand-in's PostgreSQL was not found in the system's temporary folder")


def check_same_rows(installed: Deployment, dsn: str) -> None:
    """Compare the source's table with the sequential script's. Raises LocalError where a row differs."""
    (name,) = installed.sources
    columns = ", ".join(load_source(_catalogue(name).encode(), CATALOGUE.name).streams["work_items"].columns)
    ours, theirs = f"SELECT {columns} FROM {name}.work_items", f"SELECT {columns} FROM public.{SCRIPT_TABLE}"
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        for one, other in ((ours, theirs), (theirs, ours)):
            cursor.execute(f"SELECT * FROM (({one}) EXCEPT ALL ({other})) AS rest ORDER BY id LIMIT 1")
            if row := cursor.fetchone():
                raise LocalError(f"the tables of {name} and of the sequential script differ: {row}")


class Timed(NamedTuple):
    """One execution by the state machine's own clock: seconds in all and in each step; states it entered itself."""

    seconds: float
    steps: dict[str, float]
    states: int


def install(deployment: Deployment, base_url: str) -> Deployment:
    """A source of a new name, with a schema of its own: nothing of it is loaded yet."""
    name = f"bench_{uuid.uuid4().hex[:8]}"
    key = f"catalogue/{name}/{uuid.uuid4().hex}.yaml"
    deployment.client("s3").put_object(Bucket=deployment.bucket, Key=key, Body=_catalogue(name).encode())
    functions = deployment.outputs["functions"]
    event = {
        "sources": [name],
        "loader": functions["load"]["name"],
        "observers": [functions["plan"]["name"], functions["report"]["name"]],
    }
    answer = deployment.client("lambda").invoke(
        FunctionName=functions["migrate"]["alias_arn"], Payload=json.dumps(event)
    )
    if "FunctionError" in answer:
        raise LocalError(f"migrate did not make the schema {name}: {answer['Payload'].read().decode()}")
    given = {"source": name, "catalogue": key, "base_url": base_url}
    sources = {name: {"input": json.dumps(given), "secret_name": None}}
    return replace(deployment, outputs=deployment.outputs | {"sources": sources})


def _catalogue(name: str) -> str:
    return Template(CATALOGUE.read_text()).substitute(name=name)


def run(installed: Deployment, shape: Shape) -> Timed:
    """Read and load all windows by one execution of the state machine. Raises LocalError where a row is missing."""
    (name,) = installed.sources
    states = installed.client("stepfunctions")
    asked = installed.given(name, **{"from": FIRST_DAY.isoformat(), "to": shape.end.isoformat()})
    started = execution.start(installed, name, asked)
    while (ended := states.describe_execution(executionArn=started.arn))["status"] == "RUNNING":
        time.sleep(_PAUSE)
    report = started.report()
    (stream,) = report["streams"]
    if report["status"] != "succeeded" or stream["inserted"] != shape.all_records:
        raise LocalError(f"the run of {name} is not as it has to be: {report}")
    seconds = (ended["stopDate"] - ended["startDate"]).total_seconds()
    return Timed(seconds, *_steps(states, started.arn))


def _steps(states: Any, arn: str) -> tuple[dict[str, float], int]:
    """How long the state machine was in each step, and how many states it entered."""
    entered: dict[str, datetime] = {}
    seconds = dict.fromkeys(_STEPS, 0.0)
    count = 0
    for page in states.get_paginator("get_execution_history").paginate(executionArn=arn):
        for event in page["events"]:
            if name := event.get("stateEnteredEventDetails", {}).get("name"):
                entered[name] = event["timestamp"]
                count += 1
            elif (name := event.get("stateExitedEventDetails", {}).get("name")) in seconds:
                seconds[name] += (event["timestamp"] - entered[name]).total_seconds()
    return seconds, count
