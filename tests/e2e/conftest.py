"""One local cloud for the whole session, with the very zips, Terraform and SQL that go to AWS."""

import json
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local import cloud as clouds
from local import control, deployment, execution
from local.cloud import Cloud
from local.deployment import PACKAGES, Deployment
from local.environment import scrub
from local.servers import CATALOGUE, ROOT

Rows = list[dict[str, Any]]
ITEMS = 5000


@pytest.fixture(scope="session")
def data() -> Path | None:
    """The folder of recorded responses, if it is here."""
    folder = Path(os.environ.get("XMLIFT_DATA") or ROOT.parent / "shared" / "data")
    return folder if folder.is_dir() else None


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
def cloud(tmp_path_factory: pytest.TempPathFactory, data: Path | None) -> Iterator[Cloud]:
    """A local cloud of its own: it neither sees nor disturbs one that `make demo` has started."""
    scrub(os.environ)
    folder = tmp_path_factory.mktemp("cloud")
    try:
        yield clouds.start(folder, items=ITEMS, data=data)
    finally:
        clouds.stop(folder)


@pytest.fixture(scope="session")
def deployed(cloud: Cloud) -> Deployment:
    """The `local` environment, applied."""
    assert (PACKAGES / "manifest.json").exists(), "the functions are not packaged: make package"
    return deployment.deploy(cloud)


@pytest.fixture(scope="session")
def query(deployed: Deployment) -> Callable[..., Rows]:
    """Ask the warehouse; answers rows by column name."""

    def query(sql: str, *parameters: Any) -> Rows:
        with deployed.connect() as connection, connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    return query


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
def snapshot(query: Callable[..., Rows]) -> Callable[[], dict[str, tuple[int, str]]]:
    """How many rows each table of the warehouse has, and a digest of them."""

    def snapshot() -> dict[str, tuple[int, str]]:
        tables = query(
            "SELECT table_schema AS schema, table_name AS name FROM information_schema.tables "
            "WHERE table_schema IN ('ewm', 'ecb', 'ewm_oslc', 'xmlift') ORDER BY 1, 2"
        )
        return {
            f"{table['schema']}.{table['name']}": _digest(
                query(f'SELECT * FROM "{table["schema"]}"."{table["name"]}"')
            )
            for table in tables
        }

    return snapshot


def _digest(rows: Rows) -> tuple[int, str]:
    return len(rows), str(hash(tuple(sorted(json.dumps(row, default=str, sort_keys=True) for row in rows))))


@pytest.fixture(scope="session")
def catalogue() -> Callable[[str], str]:
    """The text of a source's catalogue file."""
    return lambda source: (CATALOGUE / f"{source}.yaml").read_text()


@pytest.fixture
def faults(cloud: Cloud) -> Iterator[Callable[..., None]]:
    """Put faults in the place of the endpoint's next answers; what is left over goes after the test."""
    yield lambda **fault: control.add_fault(cloud, **fault)
    control.clear_faults(cloud)
