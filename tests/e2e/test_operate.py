"""The operator's verbs: what they tell is true, and what they do leaves every row as it should be."""

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from lift import app
from local import control
from local.cloud import Cloud
from local.deployment import Deployment
from local.servers import ROOT
from operate import execution
from xmlift.landing import names

pytestmark = pytest.mark.cloud

Verb = Callable[..., Result]
Rows = list[dict[str, Any]]
Query = Callable[..., Rows]
FROM, TO = "2025-03-01", "2025-04-01"
TABLES = ("work_items", "work_items__comments")


@pytest.fixture
def folder(cloud: Cloud) -> Path:
    return cloud.instance.folder


@pytest.fixture
def verb(folder: Path) -> Verb:
    """The command line within this process, which spares the start of another: nobody is there to be asked."""

    def verb(*arguments: object) -> Result:
        return CliRunner().invoke(app, [*map(str, arguments), "--folder", str(folder)])

    return verb


@pytest.fixture
def answer(verb: Verb) -> Callable[..., Any]:
    """What a verb answers to a program."""

    def answer(*arguments: object) -> Any:
        done = verb(*arguments, "--json")
        assert done.exit_code == 0, done.stderr
        return json.loads(done.stdout)

    return answer


def contents(query: Query) -> dict[str, Rows]:
    """Every row of the source's tables, lineage included."""
    return {
        table: query(f"SELECT * FROM ewm.{table} ORDER BY {order}")
        for table, order in zip(TABLES, ("id", "_parent_id, _position"), strict=True)
    }


def values(rows: Rows) -> Rows:
    """Rows without where they came from."""
    return [{name: value for name, value in row.items() if not name.startswith("_")} for row in rows]


def asked(cloud: Cloud) -> int:
    """How often the source itself was asked."""
    counted = control.status(cloud)["requests"]
    return sum(count for path, count in counted.items() if path.startswith("/ccm"))


def test_status_and_runs_tell_how_far_a_source_is(
    answer: Callable[..., Any], verb: Verb, query: Query
) -> None:
    (report,) = answer("run", "ewm")
    (source,) = answer("status", "ewm")
    (stream,) = source["streams"]
    ledger = query("SELECT window_start, window_end, as_of, state FROM xmlift.ledger WHERE source = 'ewm'")
    (rows,) = query("SELECT COUNT(*) AS n FROM ewm.work_items")
    settled = max(min(row["window_end"], row["as_of"] - timedelta(minutes=5)) for row in ledger)
    assert datetime.fromisoformat(stream["watermark"]) == settled
    assert stream["gaps"] == stream["quarantined"] == []
    assert (stream["windows"], stream["rows"]) == (len(ledger), rows["n"])
    assert stream["lag_seconds"] > 0
    assert (source["last_run"]["run"], source["last_run"]["status"]) == (report["run"], "SUCCEEDED")
    assert source["under_way"] == []
    shown = verb("status")
    assert f"{settled.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z" in shown.stdout
    assert "ewm: last run SUCCEEDED" in shown.stderr
    short = report["run"].partition("-")[2][:8]
    assert short in verb("runs").stdout
    assert answer("runs", short)["run"] == report["run"]
    assert answer("runs", report["run"])["report"] == report


def test_what_is_loaded_is_not_read_again(answer: Callable[..., Any], cloud: Cloud) -> None:
    before = asked(cloud)
    (report,) = answer("backfill", "ewm", "--from", FROM, "--to", TO)
    assert (report["status"], [stream["windows"] for stream in report["streams"]]) == ("succeeded", [0])
    assert asked(cloud) == before


def test_a_range_that_is_loaded_says_so(verb: Verb) -> None:
    assert "--reread reads it again" in verb("backfill", "ewm", "--from", FROM, "--to", TO).stderr


def test_a_range_is_read_again_on_demand(answer: Callable[..., Any], cloud: Cloud, query: Query) -> None:
    before = contents(query)
    start, end = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (FROM, TO))
    meant = [item for item in control.truth(cloud) if start <= modified(item) < end]
    assert meant
    (report,) = answer("backfill", "ewm", "--from", FROM, "--to", TO, "--stream", "work_items", "--reread")
    (stream,) = report["streams"]
    assert (report["status"], stream["records"], stream["inserted"]) == ("succeeded", len(meant), 0)
    after = contents(query)
    assert {name: values(rows) for name, rows in after.items()} == {
        name: values(rows) for name, rows in before.items()
    }
    read_again = {row["id"] for row in after["work_items"] if row["_run"] == report["run"]}
    assert read_again == {item["id"] for item in meant}


def modified(item: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(item["modified"])


def test_lost_tables_come_back_without_the_endpoint(
    answer: Callable[..., Any], cloud: Cloud, deployed: Deployment, query: Query
) -> None:
    before, requests = contents(query), asked(cloud)
    assert all(before.values())
    with closing(deployed.connect()) as connection, connection, connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"DROP TABLE ewm.{table}")
    rebuilt = answer("rebuild-ledger", "ewm", "--yes")
    assert rebuilt["report"]["status"] == "succeeded"
    assert rebuilt["report"]["streams"][0]["recovered"] == rebuilt["before"]["windows"]
    assert not set(TABLES) & set(rebuilt["before"]["tables"])
    assert rebuilt["after"]["tables"] == {name: len(rows) for name, rows in before.items()}
    assert rebuilt["after"]["windows"] == rebuilt["before"]["windows"]
    assert contents(query) == before
    assert asked(cloud) == requests
    (source,) = answer("status", "ewm")
    assert source["streams"][0]["rows"] == len(before["work_items"])
    assert source["last_run"]["kind"] == "replay"


def test_the_readmes_commands_do_what_they_say_and_leave_every_value(verb: Verb, query: Query) -> None:
    section = (ROOT / "README.md").read_text().partition("\n## Operate\n")[2]
    commands = section.partition("```sh\n")[2].partition("```")[0]
    before = contents(query)
    done = {}
    for line in commands.splitlines():
        words = shlex.split(line, comments=True)
        # What make would run, but on this cloud, and with nobody there to be asked.
        printed = subprocess.run(
            [*words, "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        (command,) = [each for each in printed.splitlines() if "scripts/lift.py" in each]
        arguments = shlex.split(command.partition("scripts/lift.py")[2])
        done[words[1]] = verb(*arguments, *(["--yes"] if words[1] == "rebuild-ledger" else []))
    assert {name: result.stderr for name, result in done.items() if result.exit_code} == {}
    assert list(done) == ["status", "runs", "backfill", "replay", "rebuild-ledger"]
    assert "ewm.work_items: nothing new" in done["replay"].stderr
    assert {name: values(rows) for name, rows in contents(query).items()} == {
        name: values(rows) for name, rows in before.items()
    }


def test_one_execution_reads_a_source_unless_told_otherwise(
    answer: Callable[..., Any], verb: Verb, folder: Path, deployed: Deployment, query: Query
) -> None:
    before = query("SELECT COUNT(*) AS n, COUNT(DISTINCT id) AS ids FROM ewm.work_items")
    with loads_waiting(deployed):
        first = execution.start(deployed, "ewm")
        planned(deployed, 1)
        refused = verb("run", "ewm")
        assert refused.exit_code == 1
        assert first.arn in refused.stderr
        assert "concurrent" in refused.stderr
        rebuild = verb("rebuild-ledger", "ewm", "--yes")
        assert (rebuild.exit_code, "ewm is under way" in rebuild.stderr) == (1, True)
        command = [sys.executable, str(ROOT / "scripts" / "lift.py"), "run", "ewm", "--concurrent", "--json"]
        second = subprocess.Popen([*command, "--folder", folder], stdout=subprocess.PIPE, text=True)
        planned(deployed, 2)
        (source,) = answer("status", "ewm")
        assert len(source["under_way"]) == 2
    (report,) = json.loads(second.communicate(timeout=300)[0])
    assert report["status"] == "succeeded"
    for _ in first.watch():
        continue
    assert first.report()["status"] == "succeeded"
    statuses = {run["run"]: run["status"] for run in answer("runs", "ewm", "--limit", 3)}
    assert sorted(statuses.values()) == ["FAILED", "SUCCEEDED", "SUCCEEDED"]
    assert query("SELECT COUNT(*) AS n, COUNT(DISTINCT id) AS ids FROM ewm.work_items") == before


@contextmanager
def loads_waiting(deployed: Deployment) -> Iterator[None]:
    """Whoever loads work items meanwhile waits behind the lock that loaders wait behind."""
    with closing(deployed.connect()) as connection, connection, connection.cursor() as cursor:
        cursor.execute("LOCK ewm.work_items__mutex")
        yield


def planned(deployed: Deployment, count: int) -> None:
    """Wait until so many executions of ewm are under way, and have planned what they read."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        running = deployed.client("stepfunctions").list_executions(
            stateMachineArn=deployed.state_machine, statusFilter="RUNNING"
        )["executions"]
        runs = [names.run_id(one["startDate"], one["name"]) for one in running]
        if len([run for run in runs if is_planned(deployed, run)]) == count:
            return
        time.sleep(0.1)
    pytest.fail(f"there are not {count} executions under way")


def is_planned(deployed: Deployment, run: str) -> bool:
    prefix = f"{names.run_prefix('ewm', run)}plan-"
    return bool(deployed.client("s3").list_objects_v2(Bucket=deployed.bucket, Prefix=prefix).get("Contents"))


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        (["backfill", "ewm", "--from", TO, "--to", FROM], "Give its beginning first"),
        (["backfill", "ewm", "--from", FROM, "--to", TO, "--stream", "nothing"], "it has work_items"),
        (["backfill", "ecb", "--from", FROM, "--to", TO], "leave out --from and --to"),
        (["replay", "ewm", "--stream", "nothing"], "it has work_items"),
        (["replay", "nothing"], "main.tf"),
        (["rebuild-ledger", "ewm"], "give --yes"),
        (["status", "nothing"], "main.tf"),
        (["runs", "nothing"], "make runs"),
    ],
)
def test_nonsense_is_refused_before_anything_starts(
    arguments: list[str], remedy: str, verb: Verb, deployed: Deployment
) -> None:
    before = executions(deployed)
    done = verb(*arguments)
    assert (done.exit_code, done.stdout) == (1, "")
    assert remedy in done.stderr
    assert executions(deployed) == before


def executions(deployed: Deployment) -> int:
    listed = deployed.client("stepfunctions").list_executions(stateMachineArn=deployed.state_machine)
    return len(listed["executions"])
