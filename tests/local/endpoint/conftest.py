"""An endpoint in this process, on a free port with TLS, and sessions that trust it."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.certificates import make_certificates
from local.endpoint.endpoint import Endpoint
from local.endpoint.server import Server
from local.endpoint.world import World

from .endpoint_client import ITEMS, Client, Tls


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    folder = tmp_path_factory.mktemp("tls")
    make_certificates(folder)
    return Tls(folder / "ca.pem", folder / "server.pem", folder / "server.key")


@pytest.fixture
def serve(tls: Tls) -> Iterator[Callable[..., Client]]:
    """Starts an endpoint; called again, another one."""
    running: list[Server] = []

    def start(items: int = ITEMS, data: Path | None = None) -> Client:
        server = Server(Endpoint(World(7, items), data), 0, tls.certificate, tls.key)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        running.append(server)
        return Client(server.url, tls.authority)

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


@pytest.fixture
def visitor(serve: Callable[..., Client]) -> Client:
    """A client of a new endpoint that has not logged in."""
    return serve()


@pytest.fixture
def client(visitor: Client) -> Client:
    assert visitor.log_in().ok
    return visitor
