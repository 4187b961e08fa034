"""What the tests of the source room and of the steps stand on: certificates, an endpoint, AWS, a warehouse."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.certificates import make_certificates

from .endpoint_process import EwmEndpoint, ewm_endpoint

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
