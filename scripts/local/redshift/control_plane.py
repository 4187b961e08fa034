"""The APIs redshift-serverless and redshift-data: JSON 1.1 over HTTPS, signed, IAM asked for every request."""

import json
import ssl
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.redshift.attachments import Document
from local.redshift.aws import Aws, AwsError, Caller
from local.redshift.credentials import LONGEST, SHORTEST, TemporaryPasswords
from local.redshift.data_api import DataApi
from local.redshift.faults import Script
from local.redshift.namespaces import Namespaces

_TARGET = "RedshiftServerless."
_DATA_TARGET = "RedshiftData."
_FAULTS_PATH = "/_redshift/"
_STATUSES = {"InternalServerException": 500}


class ControlPlane:
    """Answers requests to the APIs."""

    def __init__(
        self, aws: Aws, namespaces: Namespaces, passwords: TemporaryPasswords, data: DataApi
    ) -> None:
        self._aws = aws
        self._data = data
        self._namespaces = namespaces
        self._passwords = passwords
        self._operations = namespaces.operations()

    def answer(self, headers: list[tuple[str, str]], body: bytes) -> Document:
        """The answer to a request. Raises AwsError."""
        target = next((value for name, value in headers if name.lower() == "x-amz-target"), "")
        operation = target.removeprefix(_TARGET)
        caller = self._aws.caller(headers, body)
        request = json.loads(body or b"{}")
        if target.startswith(_DATA_TARGET):
            return self._data.answer(target.removeprefix(_DATA_TARGET), caller, request)
        self._aws.require(caller, f"redshift-serverless:{operation}", self._namespaces.resource(request))
        if operation == "GetCredentials":
            return self._get_credentials(caller, request)
        if operation not in self._operations:
            raise AwsError("UnknownOperationException", f"The stand-in has no operation {target}.")
        try:
            return self._operations[operation](request)
        except KeyError as error:
            raise AwsError("ValidationException", f"{operation} needs the parameter {error}.") from error

    def _get_credentials(self, caller: Caller, request: Document) -> Document:
        self._namespaces.workgroup_database(request)
        seconds = request.get("durationSeconds", SHORTEST)
        if not SHORTEST <= seconds <= LONGEST:
            message = f"durationSeconds must be between {SHORTEST} and {LONGEST}, not {seconds}."
            raise AwsError("ValidationException", message)
        given = self._passwords.give(caller.database_user, request.get("dbName"), seconds)
        return {
            "dbUser": given.user,
            "dbPassword": given.password,
            "expiration": given.expires,
            "nextRefreshTime": given.next_refresh,
        }


class ControlPlaneServer(ThreadingHTTPServer):
    """The API on a port of 127.0.0.1, with TLS."""

    daemon_threads = True

    def __init__(
        self, port: int, tls: ssl.SSLContext, plane: ControlPlane, faults: Script | None = None
    ) -> None:
        super().__init__(("127.0.0.1", port), _handler(plane.answer, faults or Script()))
        # The handshake is left to the request's own thread: a client that never finishes it stops nobody else.
        self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of this server."""


def _scripted(faults: Script, method: str, name: str, body: bytes) -> Document:
    """The controls of the faults; no signature is asked of them, as none of it is on AWS."""
    match method, name:
        case "POST", "faults":
            faults.add(json.loads(body))
        case "DELETE", "faults":
            faults.clear()
        case "POST", "cut":
            return {"cut": faults.cut(json.loads(body)["application"])}
        case "POST", "restart":
            faults.restart()
    return {"faults": faults.told()}


def _handler(
    answer: Callable[[list[tuple[str, str]], bytes], Document], faults: Script
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            try:
                if self.path.startswith(_FAULTS_PATH):
                    self._control(self.path.removeprefix(_FAULTS_PATH), body)
                else:
                    self._send(200, answer(self.headers.items(), body))
            except AwsError as error:
                self._send(_STATUSES.get(error.code, 400), {"__type": error.code, "message": error.message})
            except (BotoCoreError, ClientError, OSError) as error:
                message = f"the local cloud did not answer the stand-in: {error}"
                self._send(500, {"__type": "InternalServerException", "message": message})

        def _control(self, name: str, body: bytes) -> None:
            try:
                self._send(200, _scripted(faults, self.command, name, body))
            except (ValueError, TypeError, KeyError) as error:
                self._send(400, {"__type": "ValidationException", "message": repr(error)})

        do_GET = do_DELETE = do_POST  # noqa: N815 -- the names that the base class calls

        def _send(self, status: int, document: Document) -> None:
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            if status != 200:
                self.send_header("x-amzn-ErrorType", document["__type"])
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Requests are not logged: their answers hold passwords' owners, and nobody reads them."""

    return Handler
