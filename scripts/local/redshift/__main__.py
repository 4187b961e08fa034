"""`python -m local.redshift`: the stand-in as a process. Says `ready` in a line of JSON, ends on SIGTERM."""

import argparse
import json
import os
import signal
import ssl
import stat
import sys
import threading
from pathlib import Path

from local.redshift.aws import Aws
from local.redshift.control_plane import ControlPlane, ControlPlaneServer
from local.redshift.copy_load import CopyLoader
from local.redshift.copy_source import CopySource
from local.redshift.credentials import TemporaryPasswords
from local.redshift.data_api import DataApi
from local.redshift.faults import Script
from local.redshift.load_log import LoadLog
from local.redshift.namespaces import Namespaces
from local.redshift.postgres import PostgreSQL
from local.redshift.wire import WireFront


def main() -> int:
    """Serve until SIGTERM or SIGINT, or until PostgreSQL is gone (then the exit status is 1)."""
    options = _options()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        # A pipe is the starter's hand: when it lets go, even by a SIGKILL, PostgreSQL must not stay behind.
        threading.Thread(target=_await_end_of_input, args=(stop,), daemon=True).start()
    options.folder.mkdir(parents=True, exist_ok=True)
    postgresql = PostgreSQL(options.folder / "postgresql.log")
    try:
        postgresql.start()
        _serve(options, postgresql)
        while postgresql.running():
            if stop.wait(1):
                return 0
        print("redshift: PostgreSQL has ended by itself", file=sys.stderr)
        return 1
    finally:
        postgresql.stop()


def _await_end_of_input(stop: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    stop.set()


def _serve(options: argparse.Namespace, postgresql: PostgreSQL) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(options.certificate, options.key)
    aws = Aws()
    passwords = TemporaryPasswords()
    faults = Script(postgresql.restart)
    front = WireFront(options.wire_port, tls, postgresql, faults)
    namespaces = Namespaces(aws, postgresql, front)
    loader = CopyLoader(CopySource(aws, namespaces.roles), LoadLog(postgresql))

    def accepts(user: str, password: str, database: str) -> bool:
        if not namespaces.serves(database):
            return False
        return passwords.accepts(user, password, database) or namespaces.is_admin(user, password, database)

    plane = ControlPlane(aws, namespaces, passwords, DataApi(aws, namespaces, passwords, front))
    control = ControlPlaneServer(options.control_port, tls, plane, faults)
    threading.Thread(target=front.serve, args=(accepts, loader), daemon=True).start()
    threading.Thread(target=control.serve_forever, daemon=True).start()
    ready = {"ready": True, "control_port": control.server_address[1], "wire_port": front.port}
    print(json.dumps(ready), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.redshift", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="gets PostgreSQL's log")
    parser.add_argument("--control-port", type=int, default=0, help="of the API; 0: any free one")
    parser.add_argument("--wire-port", type=int, default=0, help="of the database; 0: any free one")
    parser.add_argument("--certificate", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True)
    parser.add_argument(
        "--ca", type=Path, help="the certificate's authority (clients need it, the server does not)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
