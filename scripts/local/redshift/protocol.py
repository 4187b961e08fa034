"""The PostgreSQL wire protocol 3.0 as both sides of the front need it: framing, errors, start of a session."""

import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

SSL_REQUEST = 80877103
GSS_REQUEST = 80877104
CANCEL_REQUEST = 80877102
PROTOCOL_3_0 = 196608
_LONGEST_STARTUP = 10_000


class DisconnectedError(Exception):
    """The peer is gone: it closed, or the connection broke."""


@dataclass(frozen=True, slots=True)
class Message:
    """One typed message."""

    kind: bytes
    body: bytes

    def packed(self) -> bytes:
        """As it goes over the wire."""
        return self.kind + struct.pack("!I", len(self.body) + 4) + self.body


class Channel:
    """Messages over a socket (TLS or not)."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._reader = connection.makefile("rb")

    def receive(self) -> Message:
        """The next message. Raises DisconnectedError."""
        kind = self._exactly(1)
        length = struct.unpack("!I", self._exactly(4))[0]
        return Message(kind, self._exactly(length - 4))

    def receive_startup(self) -> bytes:
        """The untyped first packet of a connection, without its length."""
        length = struct.unpack("!I", self._exactly(4))[0]
        if not 8 <= length <= _LONGEST_STARTUP:
            raise DisconnectedError(f"a startup packet of {length} bytes")
        return self._exactly(length - 4)

    def send(self, kind: bytes, body: bytes = b"") -> None:
        """One message. Raises DisconnectedError."""
        self.send_raw(Message(kind, body).packed())

    def send_raw(self, data: bytes) -> None:
        """Bytes that are already framed."""
        try:
            self.socket.sendall(data)
        except OSError as error:
            raise DisconnectedError(str(error)) from error

    def close(self) -> None:
        """Close without waiting for the peer."""
        with suppress(OSError):
            self._reader.close()
            self.socket.close()

    def _exactly(self, count: int) -> bytes:
        try:
            data = self._reader.read(count)
        except (OSError, ValueError) as error:
            raise DisconnectedError(str(error)) from error
        if data is None or len(data) < count:
            raise DisconnectedError("the peer closed the connection")
        return data


def startup_parameters(packet: bytes) -> dict[str, str]:
    """The names and values of a StartupMessage after its protocol number."""
    values = iter(packet.decode("utf-8", "replace").split("\0"))
    return {name: next(values, "") for name in values if name}


def startup_packet(parameters: Mapping[str, str]) -> bytes:
    """A StartupMessage."""
    body = struct.pack("!I", PROTOCOL_3_0)
    body += b"".join(f"{name}\0{value}\0".encode() for name, value in parameters.items()) + b"\0"
    return struct.pack("!I", len(body) + 4) + body


def error_fields(body: bytes) -> dict[str, str]:
    """The fields of an ErrorResponse or NoticeResponse."""
    return {part[:1].decode(): part[1:].decode("utf-8", "replace") for part in body.split(b"\0") if part}


def packed_fields(fields: Mapping[str, str]) -> bytes:
    """The body of an ErrorResponse or NoticeResponse."""
    return b"".join(f"{key}{value}".encode() + b"\0" for key, value in fields.items()) + b"\0"


def text(value: str) -> bytes:
    """A zero-terminated string."""
    return value.encode() + b"\0"


@dataclass(slots=True)
class Result:
    """What a private statement of the front answered."""

    rows: list[tuple[str | None, ...]] = field(default_factory=list)
    tag: str = ""


class BackendError(Exception):
    """PostgreSQL refused a private statement of the front; `fields` are its ErrorResponse's."""

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(fields.get("M", ""))
        self.fields = fields


class Backend(Channel):
    """One PostgreSQL session; `status` is its transaction status: b"I", b"T" or b"E"."""

    status = b"I"

    def start(self, parameters: Mapping[str, str]) -> Iterator[Message]:
        """Open the session, passing on what PostgreSQL says until it is ready (or refuses)."""
        self.send_raw(startup_packet(parameters))
        while True:
            message = self.receive()
            yield message
            if message.kind == b"Z":
                self.status = message.body
                return
            if message.kind == b"E":
                return

    def until_ready(self) -> Iterator[Message]:
        """Messages up to ReadyForQuery, which updates `status` and is not passed on."""
        while True:
            message = self.receive()
            if message.kind == b"Z":
                self.status = message.body
                return
            yield message

    def run(self, sql: str) -> Result:
        """A private statement in the client's session. Raises BackendError."""
        self.send(b"Q", text(sql))
        return self.finish()

    def finish(self) -> Result:
        """Read a private statement's answer to its end. Raises BackendError."""
        result, failure = Result(), None
        for message in self.until_ready():
            if message.kind == b"D":
                result.rows.append(_row(message.body))
            elif message.kind == b"C":
                result.tag = message.body[:-1].decode()
            elif message.kind == b"E":
                failure = error_fields(message.body)
        if failure is not None:
            raise BackendError(failure)
        return result


def _row(body: bytes) -> tuple[str | None, ...]:
    position, values = 2, []
    for _ in range(struct.unpack_from("!H", body)[0]):
        length = struct.unpack_from("!i", body, position)[0]
        position += 4
        values.append(None if length < 0 else body[position : position + length].decode())
        position += max(length, 0)
    return tuple(values)
