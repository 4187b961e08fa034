"""What the tests of the source room and of the steps stand on: certificates, an endpoint, AWS, a warehouse."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local.certificates import make_certificates
from xmlift.landing.zone import Zone

from .endpoint_process import EwmEndpoint, ewm_endpoint
from .extracting import CATALOGUE, Extracts
from .loads import Loads, fresh_loads
from .scripted_source import ScriptedSource, scripted_source
from .warehouse_stand_in import StandIn
from .warehouse_stand_in import stand_in as running_stand_in

ITEMS = 60


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.pem, server.pem and server.key for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("tls")
    make_certificates(folder)
    return folder


@pytest.fixture(name="ewm_endpoint")
def ewm_endpoint_fixture(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EwmEndpoint]:
    """An EWM endpoint of this test's own, trusted by requests."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "ca.pem"))
    with ewm_endpoint(certificates, ITEMS) as running:
        yield running


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory, certificates: Path) -> Iterator[StandIn]:
    """The Redshift stand-in, one for all tests: each has schemas of its own."""
    with running_stand_in(tmp_path_factory.mktemp("redshift"), certificates) as running:
        yield running


@pytest.fixture(scope="session")
def aws() -> boto3.Session:
    """One for all: making clients anew would read the same descriptions of services from disk each time."""
    return boto3.Session("key", "secret", region_name="us-east-1")


@pytest.fixture
def s3(aws: boto3.Session) -> Iterator[Any]:
    """A client of an S3 in this process, with the bucket `landing`."""
    with mock_aws():
        client = aws.client("s3")
        client.create_bucket(Bucket="landing")
        yield client


@pytest.fixture
def zone(s3: Any) -> Zone:
    return Zone(s3, "landing", sleep=lambda _: None)


@pytest.fixture
def source() -> Iterator[ScriptedSource]:
    with scripted_source() as running:
        yield running


@pytest.fixture
def extracts(zone: Zone, source: ScriptedSource) -> Extracts:
    return Extracts(zone, source.url, CATALOGUE)


@pytest.fixture
def loads(zone: Zone, stand_in: StandIn) -> Iterator[Loads]:
    with fresh_loads(zone, stand_in) as fresh:
        yield fresh
