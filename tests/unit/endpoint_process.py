"""The local EWM endpoint in this process, on a free port with TLS."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.endpoint.endpoint import Endpoint
from local.endpoint.exchange import Request
from local.endpoint.server import Server
from local.endpoint.world import World


class EwmEndpoint:
    """One running endpoint, and the controls over it."""

    def __init__(self, endpoint: Endpoint, url: str) -> None:
        self._endpoint = endpoint
        self.world = endpoint.world
        self.url = url

    def requests(self) -> Counter[str]:
        """How often each path was asked for."""
        return Counter(self._control("GET", "status")["requests"])

    def expire(self, **parts: bool) -> None:
        self._control("POST", "expire", parts)

    def fault(self, **description: Any) -> None:
        self._endpoint.faults.add(description)

    def truth(self) -> list[dict[str, Any]]:
        return self._control("GET", "items")

    def _control(self, method: str, name: str, content: Any = None) -> Any:
        body = json.dumps(content or {}).encode()
        return json.loads(self._endpoint.answer(Request(method, f"/_endpoint/{name}", "", {}, body, "")).body)


@contextmanager
def ewm_endpoint(certificates: Path, items: int, data: Path | None = None) -> Iterator[EwmEndpoint]:
    endpoint = Endpoint(World(7, items), data)
    server = Server(endpoint, 0, certificates / "server.pem", certificates / "server.key")
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield EwmEndpoint(endpoint, server.url)
    finally:
        server.shutdown()
        server.server_close()
