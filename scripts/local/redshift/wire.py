"""The wire front: TLS, the start of a session and its password, cancel requests; a thread for each client."""

import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg2
from psycopg2 import extensions

from local.redshift.copy_load import CopyLoader
from local.redshift.copy_load import Session as CopySession
from local.redshift.errors import RedshiftError
from local.redshift.faults import Script
from local.redshift.postgres import PostgreSQL
from local.redshift.protocol import (
    CANCEL_REQUEST,
    GSS_REQUEST,
    PROTOCOL_3_0,
    SSL_REQUEST,
    Backend,
    Channel,
    DisconnectedError,
    Message,
    packed_fields,
    startup_parameters,
    text,
)
from local.redshift.session import ClientSession

ADDRESS = "127.0.0.1"
# What of a client's startup parameters PostgreSQL knows; Redshift's own drivers send more.
_PARAMETERS = {"user", "database", "application_name", "client_encoding", "datestyle", "timezone", "options"}
_SERVER_VERSION = "8.0.2"
_LOGIN_SECONDS = 30

type PasswordCheck = Callable[[str, str, str], bool]


class WireFront:
    """Listens for clients."""

    def __init__(
        self, port: int, tls: ssl.SSLContext, postgresql: PostgreSQL, faults: Script | None = None
    ) -> None:
        self._tls = tls
        self.faults = faults or Script()
        self._postgresql = postgresql
        self._listener = socket.create_server((ADDRESS, port), backlog=128)
        self.address, self.port = self._listener.getsockname()

    def connect(self, user: str, password: str, database: str) -> extensions.connection:
        """A session of one of our own: as any client's, with the user's rights and Redshift's SQL."""
        return psycopg2.connect(
            host=self.address,
            port=self.port,
            user=user,
            password=password,
            dbname=database,
            sslmode="require",
        )

    def cancel(self, process: int) -> None:
        """End the statement that such a session is at; psycopg2's own `cancel` waits for this very process."""
        with self._postgresql.superuser() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_cancel_backend(%s)", (process,))

    def serve(self, accepts: PasswordCheck, loader: CopyLoader) -> None:
        """Serve clients whose user, password and database are accepted, until the front is closed."""
        self._accepts, self._loader = accepts, loader
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._client, args=(connection,), daemon=True).start()

    def close(self) -> None:
        """Stop listening; sessions end with their clients or with PostgreSQL."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _client(self, connection: socket.socket) -> None:
        # While PostgreSQL restarts, clients are turned away.
        with suppress(DisconnectedError, OSError, psycopg2.OperationalError), connection:
            connection.settimeout(_LOGIN_SECONDS)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            client = Channel(connection)
            packet = client.receive_startup()
            while _code(packet) == GSS_REQUEST:
                client.send_raw(b"N")
                packet = client.receive_startup()
            if _code(packet) == CANCEL_REQUEST:
                self._cancel(packet)
            elif _code(packet) == SSL_REQUEST:
                client.send_raw(b"S")
                with self._tls.wrap_socket(connection, server_side=True) as secure:
                    self._secure_client(Channel(secure))
            else:
                _fatal(client, "28000", "no pg_hba.conf entry for this host without SSL: require_ssl is on")

    def _secure_client(self, client: Channel) -> None:
        packet = client.receive_startup()
        if _code(packet) == CANCEL_REQUEST:
            self._cancel(packet)
            return
        if _code(packet) >> 16 != PROTOCOL_3_0 >> 16:
            _fatal(client, "0A000", "unsupported frontend protocol")
            return
        if _code(packet) != PROTOCOL_3_0:
            client.send(b"v", struct.pack("!II", PROTOCOL_3_0, 0))
        parameters = startup_parameters(packet[4:])
        user = parameters.get("user", "")
        database = parameters.setdefault("database", user)
        if not self._accepts(user, _ask_password(client), database):
            _fatal(client, "28000", f'password authentication failed for user "{user}"')
            return
        self._postgresql.ensure_user(user, superuser=user == "IAM:root")
        self._session(client, parameters)

    def _session(self, client: Channel, parameters: dict[str, str]) -> None:
        backend = self._backend()
        application = parameters.get("application_name", "")
        self.faults.opened(backend, application, lambda: _cut(client, backend))
        try:
            process = _start(client, backend, parameters)
            client.socket.settimeout(None)
            copying = CopySession(backend, parameters["user"], parameters["database"], process)
            ClientSession(client, backend, copying, self._loader, self.faults, application).serve()
        finally:
            self.faults.closed(backend)
            backend.close()

    def _backend(self) -> Backend:
        return Backend(_connect(self._postgresql.socket_folder))

    def _cancel(self, packet: bytes) -> None:
        with _connect(self._postgresql.socket_folder) as connection:
            connection.sendall(struct.pack("!I", len(packet) + 4) + packet)
            connection.recv(1)  # PostgreSQL closes once it has sent the signal


def _start(client: Channel, backend: Backend, parameters: dict[str, str]) -> int:
    """Open the PostgreSQL session, passing on its greeting; its process id. Raises DisconnectedError."""
    known = {name: value for name, value in parameters.items() if name.lower() in _PARAMETERS}
    process = 0
    for message in backend.start({"client_encoding": "UTF8"} | known):
        if message.kind == b"K":
            (process,) = struct.unpack_from("!I", message.body)
        client.send_raw(_as_redshift(message).packed())
        if message.kind == b"E":
            raise DisconnectedError("PostgreSQL refused the session")
    return process


def _cut(client: Channel, backend: Backend) -> None:
    """Lose both ends, under the hands of the thread that serves them."""
    for channel in (client, backend):
        with suppress(OSError):
            channel.socket.shutdown(socket.SHUT_RDWR)


def _as_redshift(message: Message) -> Message:
    if message.kind == b"S" and message.body.startswith(b"server_version\0"):
        return Message(b"S", text("server_version") + text(_SERVER_VERSION))
    return message


def _ask_password(client: Channel) -> str:
    client.send(b"R", struct.pack("!I", 3))
    answer = client.receive()
    if answer.kind != b"p":
        raise DisconnectedError("no password came")
    return answer.body[:-1].decode("utf-8", "replace")


def _fatal(client: Channel, sqlstate: str, message: str) -> None:
    fields = RedshiftError(message, sqlstate).fields("FATAL")
    client.send(b"E", packed_fields(fields))


def _connect(folder: Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(str(folder / ".s.PGSQL.5432"))
    return connection


def _code(packet: bytes) -> int:
    return int(struct.unpack_from("!I", packet)[0])
