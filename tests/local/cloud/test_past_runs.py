"""Which runs there were: what the bucket knows and what Step Functions knows, put together."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from operate.errors import OperatorError
from operate.past_runs import PastRuns
from xmlift.landing import names

NOW = datetime.now(UTC).replace(microsecond=0)
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:x"


class UnknownError(Exception):
    """What each client raises for what it does not have."""


class Bucket:
    exceptions = type("exceptions", (), {"NoSuchKey": UnknownError})

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 (boto3's)
        if Key not in self.objects:
            raise UnknownError
        return {"Body": io.BytesIO(json.dumps(self.objects[Key]).encode())}

    def get_paginator(self, _: str) -> "Bucket":
        return self

    def paginate(self, Bucket: str, Prefix: str, Delimiter: str = "", StartAfter: str = "") -> Iterator[Any]:  # noqa: N803
        keys = [key for key in sorted(self.objects) if key.startswith(Prefix) and key > StartAfter]
        folders = {Prefix + key.removeprefix(Prefix).split("/")[0] + "/" for key in keys}
        yield {"Contents": [{"Key": key} for key in keys]}
        if Delimiter:
            yield {"CommonPrefixes": [{"Prefix": folder} for folder in sorted(folders)]}


class States:
    exceptions = type("exceptions", (), {"ExecutionDoesNotExist": UnknownError, "InvalidArn": UnknownError})

    def __init__(self) -> None:
        self.executions: dict[str, dict[str, Any]] = {}

    def describe_execution(self, executionArn: str) -> dict[str, Any]:  # noqa: N803
        if executionArn not in self.executions:
            raise UnknownError
        return self.executions[executionArn]

    def list_executions(self, stateMachineArn: str, statusFilter: str, maxResults: int) -> Any:  # noqa: N803
        assert stateMachineArn == MACHINE
        found = [one for one in self.executions.values() if one["status"] == statusFilter]
        return {"executions": found[:maxResults]}


class World:
    """A deployment of two sources, and the runs that it has had."""

    def __init__(self) -> None:
        self.s3, self.stepfunctions = Bucket(), States()
        self.bucket, self.state_machine = "landing", MACHINE
        self.sources = {"ewm": {}, "ecb": {}}

    def command(self, words: str) -> str:
        return f"make {words}"

    def client(self, service: str) -> Any:
        return getattr(self, service)

    def executed(self, source: str, name: str, status: str, age: timedelta = timedelta(0)) -> str:
        arn = f"{MACHINE.replace('stateMachine', 'execution')}:{name}"
        started = NOW - age
        given = json.dumps({"source": source})
        self.stepfunctions.executions[arn] = {
            **{"name": name, "status": status, "startDate": started, "input": given, "cause": "why"}
        }
        return names.run_id(started, name)

    def reported(self, source: str, run: str, status: str) -> None:
        self.s3.objects[names.report(source, run)] = {"status": status, "message": run, "streams": []}


@pytest.fixture
def world() -> World:
    return World()


def newest(world: Any, *sources: str, limit: int = 10) -> list[tuple[str, str]]:
    return [(run.run, run.status) for run in PastRuns(world).newest(sources, limit)]


def test_a_run_that_ended_before_it_wrote_a_word_is_there(world: World) -> None:
    reported = world.executed("ewm", "a", "SUCCEEDED", timedelta(hours=1))
    world.reported("ewm", reported, "succeeded")
    mute, young = world.executed("ewm", "b", "FAILED"), world.executed("ewm", "c", "RUNNING")
    world.executed("ecb", "d", "FAILED")
    world.executed("gone", "e", "FAILED")
    assert newest(world, "ewm") == [(young, "RUNNING"), (mute, "FAILED"), (reported, "SUCCEEDED")]


def test_what_step_functions_has_forgotten_the_bucket_still_knows(world: World) -> None:
    old = names.run_id(NOW - timedelta(days=400), "old")
    world.reported("ewm", old, "failed")
    silent = names.run_id(NOW - timedelta(days=401), "silent")
    world.s3.objects[names.catalogue("ewm", silent)] = "a: catalogue"
    assert newest(world, "ewm") == [(old, "FAILED"), (silent, "UNKNOWN")]
    assert PastRuns(world).find(old).source == "ewm"  # type: ignore[arg-type]


def test_the_newest_are_taken_of_all_sources_together(world: World) -> None:
    runs = [
        world.executed("ewm" if age % 2 else "ecb", f"r{age}", "FAILED", timedelta(days=age))
        for age in range(6)
    ]
    for age, run in enumerate(runs):
        world.reported("ewm" if age % 2 else "ecb", run, "failed")
    assert [run for run, _ in newest(world, "ewm", "ecb", limit=3)] == runs[:3]


def test_the_claim_is_no_run(world: World) -> None:
    world.s3.objects[names.claim("ewm")] = {}
    assert newest(world, "ewm") == []


def test_a_run_is_found_by_its_name_and_its_executions(world: World) -> None:
    run = world.executed("ewm", "abc", "SUCCEEDED")
    for name in (run, "abc", f"{MACHINE.replace('stateMachine', 'execution')}:abc"):
        assert PastRuns(world).find(name).run == run  # type: ignore[arg-type]
    world.executed("gone", "of another environment", "SUCCEEDED")
    for name in ("nothing", "of another environment"):
        with pytest.raises(OperatorError, match="Sources: ecb, ewm"):
            PastRuns(world).find(name)  # type: ignore[arg-type]


def test_a_run_is_found_by_how_its_execution_begins(world: World) -> None:
    run = world.executed("ewm", "617de9db172d", "SUCCEEDED")
    world.reported("ewm", run, "succeeded")
    mute = world.executed("ecb", "0123456789ab", "FAILED")
    world.executed("gone", "fedcba987654", "FAILED")
    past = PastRuns(world)  # type: ignore[arg-type]
    assert (past.find("617de9db").run, past.find("01234567").run) == (run, mute)
    for short in ("fedcba98", "617", "de9db172d"):
        with pytest.raises(OperatorError, match="Sources: ecb, ewm"):
            past.find(short)
    twin = world.executed("ecb", "617de9db272d", "RUNNING")
    with pytest.raises(OperatorError, match="Give one in full") as refusal:
        past.find("617de9db")
    assert run in str(refusal.value)
    assert twin in str(refusal.value)
    assert past.find("617de9db2").run == twin


def test_what_failed_in_a_run_is_read_from_its_notes(world: World) -> None:
    run = world.executed("ewm", "abc", "FAILED")
    world.s3.objects[f"runs/ewm/{run}/failures/items/-/a_b.json"] = {"error": "X", "message": "it broke"}
    past = PastRuns(world)  # type: ignore[arg-type]
    assert past.failed_windows(past.find("abc")) == [
        {"place": "items/-/a_b", "error": "X", "message": "it broke"}
    ]
