"""The five handlers: what each needs to start, and what goes from one to the next."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import msgspec
import pytest

from .endpoint_process import EwmEndpoint
from .test_clients import BUCKET, WAREHOUSE
from .warehouse_stand_in import ADMIN, COPY_ROLE, LOADER, PLANNER, REPORTER, StandIn

FUNCTIONS = Path(__file__).parents[2] / "functions"
SETTINGS = {
    "plan": WAREHOUSE | BUCKET | {"XMLIFT_EXTRACT_CONCURRENCY": "4"},
    "extract": BUCKET | {"XMLIFT_SECRET_PREFIX": "xmlift/test/"},
    "load": WAREHOUSE | BUCKET | {"XMLIFT_COPY_ROLE_ARN": COPY_ROLE},
    "report": WAREHOUSE | BUCKET,
    "migrate": WAREHOUSE | {"XMLIFT_ADMIN_SECRET_ARN": "arn:aws:secretsmanager:x"},
}
POWERTOOLS = {"POWERTOOLS_LOG_LEVEL": "INFO", "POWERTOOLS_METRICS_NAMESPACE": "xmlift"}
ROLES = {"plan": PLANNER, "load": LOADER, "report": REPORTER, "migrate": ADMIN}


def imported(
    step: str, settings: dict[str, str], program: str = "import handler; print(handler.handler.__name__)"
) -> subprocess.CompletedProcess[str]:
    """Import a handler in a process that knows what Lambda and Terraform tell it, and nothing else."""
    paths = [str(FUNCTIONS / step), str(FUNCTIONS), *(path for path in sys.path if "site-packages" in path)]
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(paths),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_SERVICE_NAME": step,
        **POWERTOOLS,
        **settings,
    }
    command = [sys.executable, "-S", "-c", program]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("step", SETTINGS)
def test_a_handler_starts_with_its_own_variables_alone(step: str) -> None:
    done = imported(step, SETTINGS[step])
    assert (done.returncode, done.stdout.strip()) == (0, "handler"), done.stderr


@pytest.mark.parametrize("step", SETTINGS)
def test_no_garbage_is_looked_for_while_a_handler_is_imported(step: str) -> None:
    program = (
        "import gc, json; found = []; gc.callbacks.append(lambda *_: found.append(1)); import handler; "
        "print(json.dumps([len(found), gc.isenabled(), gc.get_freeze_count()]))"
    )
    done = imported(step, SETTINGS[step], program)
    collections, is_enabled, frozen = json.loads(done.stdout)
    assert collections < 40, "some before xmlift is imported"
    assert is_enabled and frozen > 50_000


def test_a_handler_without_its_variables_says_which_and_what_to_do() -> None:
    done = imported("load", SETTINGS["plan"])
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert "copy_role_arn" in last
    assert "Terraform sets them" in last


Invoke = Callable[..., Any]


@pytest.fixture
def invoke(
    s3: Any, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, aws: boto3.Session
) -> Iterator[Invoke]:
    """Calls a step's handler as Lambda does: JSON in, JSON out."""
    for settings in SETTINGS.values():
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name, value in POWERTOOLS.items():
        monkeypatch.setenv(name, value)
    aws.client("secretsmanager").create_secret(
        Name="xmlift/test/ewm", SecretString='{"username": "etl", "password": "etl-password"}'
    )
    modules: dict[str, ModuleType] = {}

    def call(step: str, event: Any, milliseconds: int = 900_000) -> Any:
        if step not in modules:
            modules[step] = _loaded(step)
            if step in ROLES:
                # The emulator of this process has no GetCredentials: the door is the real one, the key given.
                modules[step].warehouse = stand_in.warehouse(ROLES[step])  # type: ignore[attr-defined]
        context = SimpleNamespace(
            function_name=f"xmlift-test-{step}",
            memory_limit_in_mb=512,
            invoked_function_arn=f"arn:aws:lambda:us-east-1:000000000000:function:xmlift-test-{step}",
            aws_request_id="id",
            get_remaining_time_in_millis=lambda: milliseconds,
        )
        return json.loads(json.dumps(modules[step].handler(json.loads(json.dumps(event)), context)))

    yield call
    stand_in.remove_sources("ewm")


def _loaded(step: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"handler_of_{step}", FUNCTIONS / step / "handler.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measured(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The metrics that were sent since it was asked last."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]


def test_a_run_from_migrate_to_report(
    invoke: Invoke, s3: Any, stand_in: StandIn, ewm_endpoint: EwmEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shapes that the state machine hands on, over the real catalogue."""
    catalogue = (FUNCTIONS.parent / "terraform/sources/ewm.yaml").read_bytes()
    key = "catalogue/ewm/x.yaml"
    s3.put_object(Bucket="landing", Key=key, Body=catalogue)
    stand_in.add_sources("ewm")

    event = {"sources": ["ewm"], "loader": LOADER, "observers": [PLANNER, REPORTER]}
    migrated = invoke("migrate", event)
    assert migrated == {"applied": [], "version": 6, "revoked": []}, (
        "the shared warehouse has been migrated already"
    )

    started = "2026-11-22T16:15:00.123Z"
    source = {"source": "ewm", "catalogue": key, "base_url": f"{ewm_endpoint.url}/ccm"}
    begun = {"input": source, "execution": "run-1", "execution_arn": "arn:run-1", "started": started}
    planned = invoke("plan", {**begun, "round": 0})
    run = "20261122T161500123000Z-run-1"
    own = f"runs/ewm/{run}/catalogue.yaml"
    items = planned["extract"]["items"]
    assert planned == {
        "run": run,
        "round": 1,
        "extract": {
            "items": items,
            "concurrency": 4,
            "bucket": "landing",
            "key": f"runs/ewm/{run}/work-0001.json",
        },
        "streams": [
            {"source": "ewm", "catalogue": own, "stream": "work_items", "run": run, "windows_of": run}
        ],
        "load_items": 1,
        "more": False,
    }
    assert items > 1
    assert s3.get_object(Bucket="landing", Key=own)["Body"].read() == catalogue, "the file's own bytes"
    work = json.loads(s3.get_object(Bucket="landing", Key=planned["extract"]["key"])["Body"].read())
    assert len(work) == items
    assert work[0] == {
        **source,
        "catalogue": own,
        "run": run,
        "stream": "work_items",
        "partition": "-",
        "epoch": 0,
        "from": "2024-01-01T00:00:00Z",
        "to": work[1]["from"],
        "pace": 5.0,
    }
    records = 0
    for item in work:
        answer = invoke("extract", item)
        assert answer == {"status": "done", "pages": answer["pages"], "records": answer["records"]}
        records += answer["records"]
    read = [figures for figures in measured(capsys) if "stream" in figures]
    assert sum(sum(figures["records"]) for figures in read) == records
    for stream in planned["streams"]:
        assert invoke("load", stream) == {"status": "done", "windows": items}
        counted = sum(sum(figures.get("loaded", [])) for figures in measured(capsys) if "stream" in figures)
        assert invoke("load", stream) == {"status": "done", "windows": 0}
    capsys.readouterr()
    reported = invoke("report", {**begun, "round": planned["round"], "failure": None})
    assert reported == {
        "status": "succeeded",
        "catch_up": False,
        "message": reported["message"],
        "report": f"runs/ewm/{run}/report.json",
        "loaded": {"work_items": {"inserted": records, "updated": 0, "removed": 0, "rejected": 0}},
    }
    truth = {one["id"]: one for one in ewm_endpoint.truth()}
    loaded = stand_in.run("SELECT id, summary FROM ewm.work_items")
    assert {i: s or None for i, s in loaded} == {i: one["summary"] or None for i, one in truth.items()}
    assert counted == len(truth)
    comments = stand_in.run("SELECT count(*) FROM ewm.work_items__comments")
    assert comments == [(sum(len(one["comments"]) for one in truth.values()),)]
    (whole, stream) = measured(capsys)
    assert whole.keys() >= {"lag", "run_seconds", "calls", "gb_seconds"}
    assert whole["source"] == "ewm"
    assert (stream["source"], stream["stream"], stream["lag"]) == ("ewm", "work_items", whole["lag"])

    failure = {"Error": "WarehouseError", "Cause": json.dumps({"errorMessage": "it broke"})}
    failed = invoke("report", {**begun, "round": 1, "failure": failure})
    assert [told["failed_runs"] for told in measured(capsys) if "failed_runs" in told] == [[1]]
    assert (failed["status"], failed["catch_up"]) == ("failed", False)
    assert failed["message"] == "ewm: WarehouseError: it broke"


def test_a_ledger_is_forgotten_and_loaded_anew(
    invoke: Invoke, s3: Any, stand_in: StandIn, ewm_endpoint: EwmEndpoint
) -> None:
    """What an operator does who rebuilds it: the endpoint is not asked for anything."""
    catalogue = (FUNCTIONS.parent / "terraform/sources/ewm.yaml").read_bytes()
    s3.put_object(Bucket="landing", Key="catalogue/ewm/x.yaml", Body=catalogue)
    stand_in.add_sources("ewm")
    given = {"source": "ewm", "catalogue": "catalogue/ewm/x.yaml", "base_url": f"{ewm_endpoint.url}/ccm"}
    begun = {"execution": "run-1", "execution_arn": "arn:run-1", "started": "2026-11-22T16:15:00Z"}
    planned = invoke("plan", {"input": given, **begun, "round": 0})
    for item in json.loads(s3.get_object(Bucket="landing", Key=planned["extract"]["key"])["Body"].read()):
        invoke("extract", item)
    (loading,) = planned["streams"]
    windows = invoke("load", loading)["windows"]
    rows = stand_in.run("SELECT * FROM ewm.work_items ORDER BY id")

    assert invoke("migrate", {"forget": {"source": "ewm"}}) == {"source": "ewm", "forgotten": windows}

    asked = ewm_endpoint.requests()
    again = {"execution": "run-2", "execution_arn": "arn:run-2", "started": "2026-11-22T17:15:00Z"}
    replay = {"input": {**given, "replay": True, "concurrent": True}, **again}
    replayed = invoke("plan", {**replay, "round": 0})
    assert (replayed["extract"]["items"], replayed["more"]) == (0, False)
    (loading,) = replayed["streams"]
    assert loading["windows_of"] == "*"
    assert invoke("load", loading) == {"status": "done", "windows": windows}
    assert stand_in.run("SELECT * FROM ewm.work_items ORDER BY id") == rows
    reported = invoke("report", {**replay, "round": 1, "failure": None})
    assert reported["status"] == "succeeded"
    assert f"work_items: {windows} windows of other runs loaded" in reported["message"]
    assert ewm_endpoint.requests() == asked


def test_what_is_to_be_forgotten_is_named_exactly(invoke: Invoke, stand_in: StandIn) -> None:
    stand_in.add_sources("ewm")
    with pytest.raises(msgspec.ValidationError, match="stream"):
        invoke("migrate", {"forget": {"source": "ewm", "stream": "work_items"}})
