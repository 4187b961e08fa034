"""The command line as a person uses it, on the cloud that the demo has started."""

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local import cloud as clouds
from local import control, deployment
from local.cloud import Cloud
from local.deployment import LOGIN, Deployment
from local.servers import ROOT

pytestmark = pytest.mark.cloud

Lift = Callable[..., "subprocess.CompletedProcess[str]"]
ESCAPE = "\x1b"


@pytest.fixture
def folder(cloud: Cloud) -> Path:
    return cloud.instance.folder


def test_the_demo_ends_with_rows(demo: Any, cloud: Cloud) -> None:
    shown = json.loads(demo.done.stdout)
    recorded = {"ecb", "ewm_oslc"} & set(control.status(cloud)["families"])
    assert {report["source"] for report in shown["reports"]} == {"ewm", *recorded}
    assert all(report["status"] == "succeeded" for report in shown["reports"])
    assert len(shown["samples"]["ewm.work_items"]) == 3
    assert shown["samples"]["ewm.work_items__comments"]
    assert demo.seconds < 300
    # Without a terminal its progress is plain lines.
    assert ESCAPE not in demo.done.stderr
    assert "terraform apply" in demo.done.stderr


def test_a_second_demo_leaves_the_running_one_alone(lift: Lift, folder: Path) -> None:
    before = clouds.get(folder).state
    second = lift("demo", "--folder", folder)
    assert second.returncode == 1
    assert "running already" in second.stderr
    assert "make down" in second.stderr
    assert clouds.get(folder).state == before


def test_run_says_what_changed(lift: Lift, folder: Path) -> None:
    assert (
        "3 work items have changed and 2 are new"
        in lift("tick", "--folder", folder, "--change", 3, "--create", 2).stderr
    )
    done = lift("run", "ewm", "--folder", folder)
    assert done.returncode == 0, done.stderr
    assert "ewm.work_items" in done.stdout
    assert "ewm.work_items: 2 new, " in done.stderr


def test_run_as_json(lift: Lift, folder: Path) -> None:
    (report,) = json.loads(lift("run", "ewm", "--folder", folder, "--json").stdout)
    assert (report["source"], report["status"]) == ("ewm", "succeeded")


def test_run_knows_its_sources(lift: Lift, folder: Path) -> None:
    done = lift("run", "jira", "--folder", folder)
    assert done.returncode == 1
    assert "no source 'jira'" in done.stderr
    assert "ewm_oslc" in done.stderr
    assert "terraform/environments/local/main.tf" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_failed_run_shows_the_message(lift: Lift, folder: Path, faults: Callable[..., None]) -> None:
    faults(path="/ccm/rpt", kind="html", times=50)
    done = lift("run", "ewm", "--folder", folder)
    assert done.returncode == 1
    assert "Error: ewm.work_items: page 1: https://127.0.0.1:" in done.stderr
    assert ": the answer is an HTML page" in done.stderr
    assert "    window " in done.stderr
    assert "States." not in done.stderr
    # Without a remedy and an address of its own, the reason is not told for each window again.
    assert done.stderr.count("HTML page") == 1


def test_query_answers_once(lift: Lift, folder: Path) -> None:
    done = lift("query", "SELECT COUNT(*) AS items FROM ewm.work_items", "--folder", folder, "--json")
    assert json.loads(done.stdout)[0]["items"] >= 5000


def test_query_reads_statements_from_standard_input(lift: Lift, folder: Path) -> None:
    done = lift("query", "--folder", folder, input="SELECT 6 * 7 AS answer;\n")
    assert done.returncode == 0
    assert done.stdout.split()[0] == "answer"
    assert "42" in done.stdout


def test_answers_in_a_pipe_are_whole(lift: Lift, folder: Path) -> None:
    statement = "SELECT id, summary, 'größe' AS id, * FROM ewm.work_items ORDER BY 1 LIMIT 1200"
    rows = json.loads(lift("query", statement, "--folder", folder, "--json").stdout)
    assert len(rows) == 1200
    assert rows[0]["id_2"] == "größe"
    lines = lift("query", statement, "--folder", folder).stdout.splitlines()
    assert len(lines) == 1202
    assert len(lines[0].split()) == len(rows[0]) > 30


def test_query_of_nothing(lift: Lift, folder: Path) -> None:
    done = lift("query", "--folder", folder, input="")
    assert done.returncode == 1
    assert "nothing to ask" in done.stderr


def test_an_apply_leaves_credentials_as_they_are(lift: Lift, folder: Path, deployed: Deployment) -> None:
    def credentials() -> dict[str, str]:
        client = deployed.cloud.client("secretsmanager")
        return dict(
            json.loads(
                client.get_secret_value(SecretId=deployed.sources["ewm"]["secret_name"])["SecretString"]
            )
        )

    assert credentials() == LOGIN
    given = ["secret", "ewm", "--username", "somebody", "--folder", folder]
    try:
        assert lift(*given, input="p4ss: wörd\n").returncode == 0
        deployment.give_login(deployed)
        assert credentials() == {"username": "somebody", "password": "p4ss: wörd"}
    finally:
        deployed.put_credentials("ewm", **LOGIN)
    done = lift("secret", "ecb", "--username", "somebody", "--folder", folder, input="x\n")
    assert done.returncode == 1
    assert "names no secret" in done.stderr


def test_ctrl_c_cancels_a_statement(folder: Path, query: Callable[..., list[dict[str, Any]]]) -> None:
    slow = "SELECT COUNT(*) AS slow FROM ewm.work_items a, ewm.work_items b, ewm.work_items c"
    running = f"SELECT COUNT(*) AS n FROM pg_stat_activity WHERE state = 'active' AND query = '{slow}'"
    command = [sys.executable, str(ROOT / "scripts" / "lift.py"), "query", slow, "--folder", str(folder)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            while process.poll() is None and not query(running)[0]["n"]:
                time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            assert "cancelled" in process.communicate(timeout=20)[1]
        finally:
            process.kill()  # one that was not cancelled would be waited for
    assert query(running)[0]["n"] == 0


def test_query_reports_what_the_warehouse_refuses(lift: Lift, folder: Path) -> None:
    done = lift("query", "SELECT * FROM nowhere.nothing", "--folder", folder)
    assert done.returncode == 1
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_query_is_a_prompt_on_a_terminal(folder: Path) -> None:
    said = at_a_terminal("query", "--folder", folder, typed=["SELECT 6 *", "7 AS answer;", "\\d", "\\q"])
    assert "42" in said
    assert "work_items__comments" in said


def test_progress_moves_on_a_terminal(folder: Path) -> None:
    said = at_a_terminal("run", "ewm", "--folder", folder)
    assert ESCAPE in said
    assert "✓" in said


def at_a_terminal(*arguments: object, typed: list[str] | None = None) -> str:
    """What the command line shows on a terminal where lines are typed."""
    ours, theirs = pty.openpty()
    command = [sys.executable, str(ROOT / "scripts" / "lift.py"), *map(str, arguments)]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment):
        os.close(theirs)
        os.write(ours, "".join(f"{line}\n" for line in typed or ()).encode())
        said = b""
        while True:
            try:
                more = os.read(ours, 65536)
            except OSError:  # Linux says so when the other side is closed
                break
            if not more:
                break
            said += more
    os.close(ours)
    return said.decode()


def test_a_run_without_a_cloud_says_how_to_get_one(lift: Lift, tmp_path: Path) -> None:
    for verb in (["run"], ["query", "SELECT 1"], ["tick"], ["apply"], ["status"]):
        done = lift(*verb, "--folder", tmp_path / "none")
        assert done.returncode == 1
        assert "make demo" in done.stderr
        assert "Traceback" not in done.stderr


def test_down_where_nothing_runs(lift: Lift, tmp_path: Path) -> None:
    done = lift("down", "--folder", tmp_path / "none", "--json")
    assert json.loads(done.stdout) == {"stopped": False}


def test_validate_names_file_and_fault(lift: Lift, tmp_path: Path, catalogue: Callable[[str], str]) -> None:
    assert lift("validate").returncode == 0
    broken = tmp_path / "broken.yaml"
    broken.write_text(catalogue("ewm").replace("schedule:", "shedule:"))
    done = lift("validate", broken)
    assert done.returncode == 1
    assert "broken.yaml" in done.stderr
    assert "shedule" in done.stderr


def test_doctor_names_what_is_missing(lift: Lift, tmp_path: Path) -> None:
    for name in ("make", "git"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    done = lift("doctor", "--json", env={**os.environ, "PATH": str(tmp_path)})
    assert done.returncode == 1
    lacking = {check["name"]: check["remedy"] for check in json.loads(done.stdout) if not check["ok"]}
    assert list(lacking) == ["terraform"]
    assert "developer.hashicorp.com" in lacking["terraform"]
