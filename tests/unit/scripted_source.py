"""A source that answers what a test has written down, over real sockets."""

import socket
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, override
from urllib.parse import parse_qsl

XML = "text/xml;charset=UTF-8"


@dataclass
class Say:
    """One answer. `promised` is a Content-Length larger than the body: the connection breaks off in it.

    `meanwhile` is what happens elsewhere after it was asked for and before it is given.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    promised: int | None = None
    gzip: bool = False
    hang_up: bool = False
    meanwhile: Callable[[], Any] | None = None


@dataclass
class Asked:
    """A request as it came. `target` is the raw path with its query."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))


class ScriptedSource(ThreadingHTTPServer):
    """Answers by path: the next of the answers written for it, the last one again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.script: dict[str, list[Say]] = {}
        self.computed: dict[str, Callable[[Asked], Say]] = {}
        self.asked: list[Asked] = []
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def says(self, path: str, *answers: Say | bytes) -> None:
        """What is answered at a path (without query)."""
        self.script[path] = [answer if isinstance(answer, Say) else Say(answer) for answer in answers]

    def targets(self, path: str) -> list[str]:
        return [asked.target for asked in self.asked if asked.target.partition("?")[0] == path]

    def answer(self, asked: Asked) -> Say:
        with self._lock:
            self.asked.append(asked)
            if compute := self.computed.get(asked.target.partition("?")[0]):
                return compute(asked)
            answers = self.script.get(asked.target.partition("?")[0], [Say(b"nothing here", 404)])
            return answers.pop(0) if len(answers) > 1 else answers[0]

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what tests are made of."""


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedSource

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Silent: `asked` tells what was asked."""

    @override
    def send_response(self, code: int, message: str | None = None) -> None:
        self.send_response_only(code, message)

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        said = self.server.answer(Asked(self.command, self.path, dict(self.headers), body))
        if said.meanwhile is not None:
            said.meanwhile()
        if said.hang_up:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        headers = {"Content-Type": XML, **said.headers}
        content = said.body
        if said.gzip:
            content = zlib.compress(content, wbits=31)
            headers["Content-Encoding"] = "gzip"
        headers["Content-Length"] = str(said.promised or len(content))
        self.send_response(said.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = said.promised is not None

    do_GET = do_POST = _serve  # noqa: N815 (the names that the base class calls)


@contextmanager
def scripted_source() -> Iterator[ScriptedSource]:
    source = ScriptedSource()
    threading.Thread(target=source.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield source
    finally:
        source.shutdown()
        source.server_close()


def page(*items: dict[str, Any], following: str = "") -> bytes:
    """A page of EWM's kind; `following` is the next page's URL."""
    link = f' rel="next" href="{following}"' if following else ""
    records = "".join(f"<workItem>{_fields(item)}</workItem>" for item in items)
    return f'<?xml version="1.0"?>\n<workitem{link}>{records}</workitem>'.encode()


def _fields(item: dict[str, Any]) -> str:
    return "".join(
        f"<{name}>{_fields(one) if isinstance(one, dict) else one}</{name}>"
        for name, value in item.items()
        for one in (value if isinstance(value, list) else [value])
    )
