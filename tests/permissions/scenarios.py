"""What an environment does on a day: each scenario ends in facts, which a missing permission changes.

Facts say what happened and nothing of when: the same scenario, played again with the same permissions, ends in the
same ones. Names of runs and sources, which are new each time, are taken out of them.
"""

import json
import re
import uuid
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Any

from .stage import STEPS, Stage, now

Facts = dict[str, Any]
Scenario = Callable[[Stage], Facts]

_PATIENCE = 14.0
"""Seconds until a rule or a schedule has started an execution: the emulator looks at schedules every ten."""
_PRICES = (
    '<priceList supplier="{}" validFrom="2026-01-01"><article number="1"><name>Bolt</name>'
    '<price currency="EUR">0.12</price></article></priceList>'
)
_INSTANT = r"\d{8}T\d{6}(?:\.?\d+)?Z?"
_NEW_EACH_TIME = re.compile(
    rf"{_INSTANT}-[0-9a-z-]{{12,36}}|{_INSTANT}|\d{{4}}-\d\d-\d\d[T ][\d:.]+(?:Z|\+00:00)?"
    r"|permissions_[0-9a-f]{8}|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{12,64}\b"
)


def a_source_is_read_twice(stage: Stage) -> Facts:
    """Everything is new; then nothing is, and whether the first execution still runs is asked."""
    given = stage.source()
    return {
        "first": _ended(stage, stage.run(given)),
        "second": _ended(stage, stage.run(given)),
        "rows": _rows(stage, given["source"]),
        "objects": _kinds(stage, given["source"]),
    }


def functions_write_their_logs(stage: Stage) -> Facts:
    """Each step of a run, and migrate before it, has said something."""
    since = now()
    stage.run(stage.source())
    return {step: stage.logged(step, since) for step in STEPS}


def a_plan_is_asked_for_again(stage: Stage) -> Facts:
    """As Step Functions does where an answer was lost: the same round is decided once."""
    given = stage.source()
    execution = stage.run(given)
    started = stage.described(execution)["startDate"].isoformat()
    event = {
        "input": given,
        "execution": execution.rpartition(":")[2],
        "execution_arn": execution,
        "started": started,
        "round": 0,
    }
    return _facts(stage.invoke("plan", event))


def kept_answers_are_read_again(stage: Stage) -> Facts:
    """From the raw zone, without the endpoint."""
    given = stage.source()
    stage.run(given)
    return {
        "again": _ended(stage, stage.run(given | {"from_raw": True})),
        "rows": _rows(stage, given["source"]),
        "objects": _kinds(stage, given["source"]),
    }


def kept_answers_of_a_set_are_read_again(stage: Stage) -> Facts:
    """How many windows the set has, its commits say."""
    given = stage.source(change=("    key: [id]", "    key: [id]\n    disposition: replace"))
    stage.run(given)
    return {"again": _ended(stage, stage.run(given | {"from_raw": True}))}


def every_secret_signs_in(stage: Stage) -> Facts:
    """Each secret that a source of the environment has is read by a source that signs in with it."""
    secrets = {
        each["secret_name"].rpartition("/")[2]
        for each in stage.deployed.sources.values()
        if each["secret_name"]
    }
    sources = {name: stage.source(change=("secret: ewm", f"secret: {name}")) for name in sorted(secrets)}
    return {name: _ended(stage, stage.run(given)) for name, given in sources.items()}


def a_run_without_a_plan_is_reported(stage: Stage) -> Facts:
    """plan came to no end, and has not even kept a copy of the catalogue: report does."""
    given = stage.source()
    event = {
        "input": given,
        "execution": uuid.uuid4().hex[:12],
        "execution_arn": f"{stage.deployed.state_machine.replace(':stateMachine:', ':execution:')}:a-run",
        "started": now().isoformat(),
        "round": 0,
        "failure": {"Error": "Sandbox.Timedout", "Cause": "plan took too long"},
    }
    return _facts(stage.invoke("report", event))


def what_has_landed_is_loaded_again(stage: Stage) -> Facts:
    """A replay: after the warehouse has lost its ledger, say."""
    given = stage.source()
    stage.run(given)
    return {"again": _ended(stage, stage.run(given | {"replay": True}))}


def a_login_is_refused(stage: Stage) -> Facts:
    """One window is refused, and the others do not try; the run fails, and tells why."""
    given = stage.source()
    with stage.wrong_password():
        ended = _ended(stage, stage.run(given))
    return {"ended": ended, "notes": _notes(stage, given["source"])}


def a_load_fails(stage: Stage) -> Facts:
    """A column has become another type: nothing is loaded, and the report says why."""
    given = stage.source()
    stage.run(given)
    other = stage.catalogue(given["source"], "varchar(1024)", "bigint")
    again = given | {"catalogue": other, "reread": True, "from": "2024-01-01T00:00:00Z"}
    return {"ended": _ended(stage, stage.run(again)), "notes": _notes(stage, given["source"])}


def a_file_is_dropped(stage: Stage) -> Facts:
    """It starts the pipeline by itself."""
    execution, _ = _dropped(stage)
    return _ended(stage, execution)


def a_version_of_a_dropped_file_is_read(stage: Stage) -> Facts:
    """AWS tells of its version, the emulator does not: whoever has dropped it does."""
    execution, version = _dropped(stage)
    given = json.loads(stage.described(execution)["input"])
    inbox = given["inbox"] | {"version-id": version}
    return {"first": _ended(stage, execution), "again": _ended(stage, stage.run(given | {"inbox": inbox}))}


def _dropped(stage: Stage) -> tuple[str, str]:
    """The execution that a dropped file has started, which has ended, and the file's version."""
    supplier = uuid.uuid4().hex
    key = f"inbox/price_lists/prices/{supplier}.xml"
    put = stage.client("s3").put_object(Bucket=stage.bucket, Key=key, Body=_PRICES.format(supplier).encode())
    execution = stage.await_execution(key, _PATIENCE)
    stage.wait(execution)
    return execution, put["VersionId"]


def a_schedule_starts_a_run(stage: Stage) -> Facts:
    """One like those of the environment: of their group, with their role and their key."""
    given, scheduler = stage.source(), stage.client("scheduler")
    (group,) = {each["GroupName"] for each in scheduler.list_schedules()["Schedules"]}
    one = scheduler.list_schedules(GroupName=group)["Schedules"][0]["Name"]
    like = scheduler.get_schedule(GroupName=group, Name=one)
    named = {"GroupName": group, "Name": given["source"]}
    scheduler.create_schedule(
        **named,
        ScheduleExpression=f"at({now() + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": like["Target"]["Arn"],
            "RoleArn": like["Target"]["RoleArn"],
            "Input": json.dumps(given),
        },
        **({"KmsKeyArn": like["KmsKeyArn"]} if like.get("KmsKeyArn") else {}),
    )
    try:
        execution = stage.await_execution(given["source"], _PATIENCE)
        stage.wait(execution)
    finally:
        scheduler.delete_schedule(**named)
    return _ended(stage, execution)


SCENARIOS: dict[str, Scenario] = {
    scenario.__name__.replace("_", " "): scenario
    for scenario in (
        a_source_is_read_twice,
        functions_write_their_logs,
        a_plan_is_asked_for_again,
        kept_answers_are_read_again,
        kept_answers_of_a_set_are_read_again,
        every_secret_signs_in,
        a_run_without_a_plan_is_reported,
        what_has_landed_is_loaded_again,
        a_login_is_refused,
        a_load_fails,
        a_file_is_dropped,
        a_version_of_a_dropped_file_is_read,
        a_schedule_starts_a_run,
    )
}


def _ended(stage: Stage, execution: str) -> Facts:
    """How an execution ended: in its own words, and in those of its report."""
    told = stage.described(execution)
    output = json.loads(told.get("output") or "{}")
    started = json.loads(told["input"])
    name = execution.rpartition(":")[2]
    reports = [
        key
        for key in stage.objects(f"runs/{started['source']}/")
        if name in key and key.endswith("/report.json")
    ]
    report = stage.read(reports[0]) if reports else {}
    return _facts(
        {
            "status": told["status"],
            "error": told.get("error") or output.get("Error"),
            "cause": told.get("cause") or output.get("Cause"),
            "said": stage.said(execution),
            "report": {key: report.get(key) for key in ("status", "message", "problems", "warnings")},
        }
    )


def _notes(stage: Stage, source: str) -> list[str]:
    """What was noted of failures: which notes, and their words."""
    found = [key for key in stage.objects(f"runs/{source}/") if "/failures/" in key]
    texts = [stage.client("s3").get_object(Bucket=stage.bucket, Key=key)["Body"].read() for key in found]
    return sorted(_plain([key, text.decode()]) for key, text in zip(found, texts, strict=True))


def _kinds(stage: Stage, source: str) -> list[str]:
    """What kinds of objects lie in the bucket of a source."""
    keys = [key for zone in ("landing", "raw", "runs") for key in stage.objects(f"{zone}/{source}/")]
    return sorted({f"{key.partition('/')[0]}: {key.rpartition('.')[2]}" for key in keys})


def _rows(stage: Stage, source: str) -> int:
    with closing(stage.deployed.connect()) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {source}.items")
        (count,) = cursor.fetchone() or (0,)
        return int(count)


def _facts(told: Facts) -> Facts:
    return dict(_plain(told))


def _plain(facts: Any) -> Any:
    """Facts without the names that are new each time."""
    return json.loads(_NEW_EACH_TIME.sub("…", json.dumps(facts, default=str)))
