"""The endpoint on a socket: HTTP/1.1 with keep-alive over TLS, one thread per connection."""

import os
import select
import socket
import ssl
import struct
import sys
import time
import zlib
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, override
from urllib.parse import unquote, urlsplit

from local.endpoint.endpoint import CONTROL, Endpoint
from local.endpoint.exchange import Answer, Request, text_answer
from local.endpoint.faults import Fault, FaultError

_WORTH_COMPRESSING = 1024
_GZIP_WINDOW = 31  # zlib's way of asking for a gzip header around the largest window


class Server(ThreadingHTTPServer):
    """Serves an endpoint at `url` from construction until `server_close`."""

    daemon_threads = True  # a connection kept alive does not keep the process alive
    request_queue_size = 128

    def __init__(self, endpoint: Endpoint, port: int, certificate: Path, key: Path) -> None:
        self.endpoint = endpoint
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(certificate, key)
        super().__init__(("127.0.0.1", port), _Connection)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.server_port}"

    @override
    def get_request(self) -> tuple[socket.socket, Any]:
        # The handshake waits for the connection's own thread: a silent client must not block the others.
        connection, address = super().get_request()
        return self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False), address

    @override
    def handle_error(self, request: Any, client_address: Any) -> None:
        # Clients that hang up or refuse the certificate are what tests are made of.
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    @override
    def log_message(self, format: str, *args: Any) -> None:
        """Silent: /_endpoint/status tells what was asked."""

    def _serve(self) -> None:
        endpoint = self.server.endpoint
        request = self._request()
        fault = None
        if not request.path.startswith(CONTROL):
            endpoint.count(request.path)
            fault = endpoint.faults.take(request.path)
        if fault:
            time.sleep(fault.seconds)
            endpoint.befall(fault)
        if fault and fault.kind == "hang":
            self._hang()
        elif fault and fault.kind == "reset":
            self._reset()
        elif fault and fault.kind == "repeat" and (before := endpoint.page_before(request)):
            self._send(before)
        else:
            answer = self._answer(request, fault)
            if not request.path.startswith(CONTROL):
                endpoint.note_page(request, answer)
            self._send(answer, whole=not (fault and fault.kind == "break"))

    do_GET = do_POST = do_DELETE = do_HEAD = _serve  # noqa: N815 -- the names that the base class calls

    def _request(self) -> Request:
        target = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        origin = f"https://{self.headers.get('Host', urlsplit(self.server.url).netloc)}"
        return Request(self.command, unquote(target.path), target.query, dict(self.headers), body, origin)

    def _answer(self, request: Request, fault: Fault | None) -> Answer:
        answer = self.server.endpoint.answer(request)
        try:
            return fault.apply(answer) if fault else answer
        except FaultError as error:
            return text_answer(str(error), 500)

    def _send(self, answer: Answer, *, whole: bool = True) -> None:
        body = answer.body
        headers = [("Content-Type", answer.content_type), *answer.headers]
        if len(body) > _WORTH_COMPRESSING and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = zlib.compress(body, level=1, wbits=_GZIP_WINDOW)
            headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
        now = self.server.endpoint.world.clock()
        headers += [("Date", formatdate(now.timestamp(), usegmt=True)), ("Content-Length", str(len(body)))]
        head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        first = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
        if self.command == "HEAD":
            body = b""
        if not whole:
            body = body[: len(body) // 2]
            self.close_connection = True
        # One write, so that a page goes out in full records of TLS and not behind a lone head.
        self.wfile.write(f"{first}{head}\r\n".encode("latin-1") + body)

    def _hang(self) -> None:
        select.select([self.connection], [], [])
        self.close_connection = True

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())
        self.close_connection = True
