"""The one process that owns a local cloud: it starts the three servers, watches them and ends them.

    python -m local.supervisor --folder FOLDER [--items N] [--data FOLDER] [--faults] [--account ID --region NAME]

Prints a line of JSON as each server gets ready: `{"ready": "ministack"}` …, at last `{"status": "running"}`, or
`{"status": "failed", "message": …}`, and closes its standard output. SIGTERM ends everything. The folder's lock is
inherited from the one who starts it, and held by being open.
"""

import argparse
import json
import os
import queue
import signal
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from local.certificates import make_certificates, write_trusted
from local.environment import scrub
from local.instance import Account, Instance, State
from local.ports import free_ports
from local.processes import Identity, end, start
from local.servers import MICROBURST, SERVERS, Options, Server

# Long enough for PostgreSQL to initialise on a busy machine; what takes longer hangs.
_READY_WITHIN = 90.0


class ServerError(Exception):
    """A server of the local cloud ended by itself or never got ready."""


@dataclass
class Child:
    """A running server, and whether it has said that it serves."""

    server: Server
    process: "Popen[bytes]"
    identity: Identity
    log: Path


class Supervisor:
    """Starts, watches and ends the servers of one instance folder."""

    def __init__(self, instance: Instance, options: Options) -> None:
        self._instance = instance
        self._options = options
        self._servers = (*SERVERS, MICROBURST) if options.faults else SERVERS
        self._state = State(supervisor=Identity.of(os.getpid()), ports=options.ports, account=options.account)
        self._children: list[Child] = []
        # ("ready" or "ended", name of the server), or ("stop", "") from a signal.
        self._events: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._events.put(("stop", "")))

    def run(self) -> int:
        """Serve until told to stop (0) or until a server fails (1)."""
        try:
            self._instance.write(self._state)
            if self._start():
                self._state.status = "running"
                self._instance.write(self._state)
                _tell({"status": "running"})
                _close_standard_output()
                self._watch()
        except (ServerError, OSError) as failure:
            self._state.status, self._state.message = "failed", str(failure)
            self._instance.write(self._state)
            _tell({"status": "failed", "message": str(failure)})
            return 1
        finally:
            self._end()
        return 0

    def _start(self) -> bool:
        """Start all servers and wait until each serves; False if told to stop before that."""
        for server in self._servers:
            self._spawn(server)
        waiting = {server.name for server in self._servers}
        while waiting:
            try:
                what, name = self._events.get(timeout=_READY_WITHIN)
            except queue.Empty:
                raise ServerError(
                    f"{' and '.join(sorted(waiting))} did not get ready within {_READY_WITHIN:g} s; "
                    f"see {self._instance.logs}"
                ) from None
            if what == "stop":
                return False
            if what == "ended":
                raise self._failure(name)
            waiting.discard(name)
            _tell({"ready": name})
        return True

    def _spawn(self, server: Server) -> None:
        log = self._instance.logs / f"{server.name}.log"
        process = start(server.command(self._options), log, server.environment(self._options))
        child = Child(server, process, Identity.of(process.pid), log)
        self._children.append(child)
        self._state.children[server.name] = child.identity
        self._instance.write(self._state)
        threading.Thread(target=self._listen, args=(child,), daemon=True).start()

    def _listen(self, child: Child) -> None:
        """Copy a server's standard output to its log, and report its `ready` line and its end."""
        assert child.process.stdout is not None
        with child.log.open("ab", buffering=0) as log:
            for line in child.process.stdout:
                log.write(line)
                if _says_ready(line):
                    self._events.put(("ready", child.server.name))
        child.process.wait()
        self._events.put(("ended", child.server.name))

    def _watch(self) -> None:
        """Return when told to stop."""
        while (event := self._events.get())[0] != "stop":
            what, name = event
            if what == "ended":
                raise self._failure(name)

    def _failure(self, name: str) -> ServerError:
        child = next(child for child in self._children if child.server.name == name)
        code = child.process.returncode
        last = "\n".join(child.log.read_text(errors="replace").splitlines()[-15:])
        return ServerError(
            f"{name} ended by itself with code {code}, see {child.log}\nIts last lines:\n{last}"
        )

    def _end(self) -> None:
        for child in reversed(self._children):
            end(child.identity, child.server.patience)


def _says_ready(line: bytes) -> bool:
    try:
        message = json.loads(line)
    except ValueError:
        return False
    return isinstance(message, dict) and message.get("ready") is True


def _tell(message: dict[str, object]) -> None:
    with suppress(OSError, ValueError):  # nobody listens any more
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


def _close_standard_output() -> None:
    """Let the one who started us go on; from here on there is only the log."""
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def main() -> int:
    parser = argparse.ArgumentParser(prog="local.supervisor", description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--items", type=int, default=5000, help="work items at the XML endpoint")
    parser.add_argument("--data", type=Path, help="folder of recorded responses for the XML endpoint")
    parser.add_argument("--faults", action="store_true", help="put microburst between functions and emulator")
    parser.add_argument("--account", default=Account.id, help="twelve digits")
    parser.add_argument("--region", default=Account.region)
    arguments = parser.parse_args()

    scrub(os.environ)
    instance = Instance(arguments.folder.resolve())
    make_certificates(instance.tls)
    write_trusted(instance.tls)
    for folder in (instance.logs, instance.emulator, instance.warehouse, instance.terraform):
        folder.mkdir(parents=True, exist_ok=True)
    ports = free_ports("emulator", "warehouse_control", "warehouse", "endpoint", "microburst")
    account = Account(arguments.account, arguments.region)
    options = Options(instance, ports, arguments.items, arguments.data, arguments.faults, account)
    return Supervisor(instance, options).run()


if __name__ == "__main__":
    sys.exit(main())
