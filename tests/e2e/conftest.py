"""One local cloud for the whole session, with the very zips, Terraform and SQL that go to AWS."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local import cloud as clouds
from local import control, deployment
from local.cloud import Cloud
from local.deployment import PACKAGES, Deployment
from local.environment import scrub
from local.servers import ROOT
from operate import execution
from operate.places import CATALOGUE

Rows = list[dict[str, Any]]
ITEMS = 5000
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Demo:
    """How the demo went."""

    folder: Path
    done: "subprocess.CompletedProcess[str]"
    seconds: float


def lift(*arguments: object, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run the command line as a person does."""
    command = [sys.executable, str(ROOT / "scripts" / "lift.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """These tests last of all in one process, as they take longest; among them first what needs the demo's cloud.

    test_terraform asks for the second plan after the first apply, and another test applies again. test_ewm
    counts what changed, on an endpoint where nothing else has changed yet. test_operate and test_operations replay
    all that has landed, where no other test has landed anything of ewm by a catalogue of its own.
    """
    ranks = {"test_terraform.py": 1, "test_ewm.py": 1, "test_operate.py": 2, "test_operations.py": 3}
    items.sort(key=lambda item: ranks.get(item.path.name, 4) if item.path.parent == HERE else 0)


@pytest.fixture(scope="session")
def data() -> Path | None:
    """The folder of recorded responses, if it is here."""
    folder = Path(os.environ.get("XMLIFT_DATA") or ROOT.parent / "shared" / "data")
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session", name="lift")
def lift_fixture() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run the command line as a person does."""
    return lift


@pytest.fixture(scope="session")
def recorded(data: Path | None) -> Callable[[str], Path]:
    """A recorded response by its path in the folder; a test that needs a missing one is skipped, and says so."""

    def recorded(name: str) -> Path:
        path = data / name if data else None
        if path is None or not path.exists():
            pytest.skip(f"NOT RUN: {name} was not found in ../shared/data; name its folder with XMLIFT_DATA")
        return path

    return recorded


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`lift demo` as a person runs it, in an instance folder of its own: the session's one cloud.

    It neither sees nor disturbs a cloud that `make demo` has started.
    """
    scrub(os.environ)
    # A test run that is told to end stops its cloud first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    assert (PACKAGES / "manifest.json").exists(), "the functions are not packaged: make package"
    folder = tmp_path_factory.mktemp("cloud")
    began = time.monotonic()
    try:
        done = lift("demo", "--folder", folder, "--items", ITEMS, "--json")
        yield Demo(folder, done, time.monotonic() - began)
    finally:
        clouds.stop(folder)


@pytest.fixture(scope="session")
def cloud(demo: Demo) -> Cloud:
    """The running local cloud."""
    assert demo.done.returncode == 0, demo.done.stderr
    return clouds.get(demo.folder)


@pytest.fixture(scope="session")
def first(demo: Demo, cloud: Cloud) -> Callable[[str], dict[str, Any]]:
    """The report of the first run of a source, which the demo has made."""
    reports = {report["source"]: report for report in json.loads(demo.done.stdout)["reports"]}
    return lambda source: reports[source]


@pytest.fixture(scope="session")
def deployed(cloud: Cloud) -> Deployment:
    """The `local` environment, as the demo has applied it."""
    return deployment.deployed(cloud)


@pytest.fixture(scope="session")
def query(deployed: Deployment) -> Iterator[Callable[..., Rows]]:
    """Ask the warehouse; answers rows by column name."""
    with closing(deployed.connect()) as connection:
        connection.autocommit = True  # an open transaction would keep loads waiting

        def query(sql: str, *parameters: Any) -> Rows:
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters or None)
                names = [column.name for column in cursor.description]
                return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

        yield query


@pytest.fixture(scope="session")
def run(deployed: Deployment) -> Callable[..., dict[str, Any]]:
    """Run the pipeline for a source to its end and answer its report, whether it succeeded or not.

    catalogue: text of a catalogue file instead of the deployed one. changes: keys of the execution's input.
    """

    def run(source: str, catalogue: str | None = None, **changes: Any) -> dict[str, Any]:
        given = json.loads(deployed.sources[source]["input"]) | changes
        if catalogue is not None:
            given["catalogue"] = f"catalogue/{source}/{uuid.uuid4().hex}.yaml"
            deployed.cloud.client("s3").put_object(
                Bucket=deployed.bucket, Key=given["catalogue"], Body=catalogue.encode()
            )
        started = execution.start(deployed, source, given)
        for _ in started.watch():
            continue
        return started.report()

    return run


@pytest.fixture
def snapshot(query: Callable[..., Rows]) -> Callable[[], dict[str, str]]:
    """What is in each table of the warehouse: of rows with lineage how many came from each run, else all."""

    def snapshot() -> dict[str, str]:
        tables = query(
            "SELECT table_schema || '.' || table_name AS name, "
            "MAX(CASE WHEN column_name = '_run' THEN 1 ELSE 0 END) AS has_lineage "
            "FROM information_schema.columns WHERE table_schema IN ('ewm', 'ecb', 'ewm_oslc', 'xmlift') GROUP BY 1"
        )
        return {
            table["name"]: repr(
                query(f"SELECT _run, COUNT(*) FROM {table['name']} GROUP BY _run ORDER BY _run")
                if table["has_lineage"]
                else sorted(query(f"SELECT * FROM {table['name']}"), key=repr)
            )
            for table in tables
        }

    return snapshot


@pytest.fixture(scope="session")
def catalogue() -> Callable[[str], str]:
    """The text of a source's catalogue file."""
    return lambda source: (CATALOGUE / f"{source}.yaml").read_text()


@pytest.fixture
def faults(cloud: Cloud) -> Iterator[Callable[..., None]]:
    """Put faults in the place of the endpoint's next answers; what is left over goes after the test."""
    yield lambda **fault: control.add_fault(cloud, **fault)
    control.clear_faults(cloud)
