"""A proxy over real sockets: tunnels by CONNECT, plain requests by their whole URL, credentials if it wants any."""

import base64
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, override
from urllib.parse import urlsplit


class Proxy(ThreadingHTTPServer):
    """Notes what it was asked for, as the method and its target."""

    daemon_threads = True

    def __init__(self, user: str, password: str) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.asked: list[tuple[str, str]] = []
        given = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.wanted = f"Basic {given}" if user else None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tunnels end by hanging up."""


class _Connection(BaseHTTPRequestHandler):
    server: Proxy

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Silent: `asked` tells what was asked."""

    def _may_pass(self) -> bool:
        self.server.asked.append((self.command, self.path))
        if self.server.wanted in (None, self.headers.get("Proxy-Authorization")):
            return True
        self.send_error(407)
        return False

    def do_CONNECT(self) -> None:
        if not self._may_pass():
            return
        host, _, port = self.path.partition(":")
        with socket.create_connection((host, int(port))) as server:
            self.send_response_only(200)
            self.end_headers()
            ends = {self.connection: server, server: self.connection}
            while True:
                for ready in select.select(list(ends), [], [], 20)[0] or [None]:
                    data = ready.recv(65536) if ready else b""
                    if not data:
                        return
                    ends[ready].sendall(data)

    def do_GET(self) -> None:
        if not self._may_pass():
            return
        url = urlsplit(self.path)
        connection = HTTPConnection(url.netloc)
        connection.request("GET", url.path)
        answer = connection.getresponse()
        self.send_response_only(answer.status)
        self.end_headers()
        self.wfile.write(answer.read())
        connection.close()


@contextmanager
def running_proxy(user: str = "", password: str = "") -> Iterator[Proxy]:
    proxy = Proxy(user, password)
    threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
