"""The stand-in in two shapes: the wire front alone (no cloud needed), and the whole process beside the emulator."""

import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from subprocess import Popen
from typing import Any

import psycopg2
import pytest

from local.certificates import make_certificates
from local.cloud import Cloud
from local.instance import Instance, State
from local.ports import free_ports
from local.processes import Identity, end, start
from local.redshift.copy_load import CopyLoader
from local.redshift.copy_source import CopySource
from local.redshift.load_log import LoadLog
from local.redshift.postgres import PostgreSQL
from local.redshift.wire import WireFront
from local.servers import SERVERS, Options

from .redshift_client import DATABASE, Connect, PgConnection, aws, make_role, run

PASSWORD = "right"


class NoCloud:
    """For the front alone: nothing of AWS is there."""

    region = "us-east-1"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    make_certificates(folder)
    return folder


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    server = PostgreSQL(tmp_path_factory.mktemp("redshift") / "postgresql.log")
    server.start()
    server.create_database(DATABASE)
    server.ensure_user("admin", superuser=True)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def front(postgresql: PostgreSQL, certificates: Path) -> Iterator[WireFront]:
    """A front that takes any user with the right password."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    front = WireFront(0, tls, postgresql)
    source = CopySource(NoCloud(), lambda _: [])  # type: ignore[arg-type]
    loader = CopyLoader(source, LoadLog(postgresql))
    threading.Thread(
        target=front.serve, args=(lambda _, password, __: password == PASSWORD, loader), daemon=True
    ).start()
    yield front
    front.close()


@pytest.fixture
def connect(front: WireFront, certificates: Path) -> Iterator[Connect]:
    """Opens connections in autocommit that end with the test."""
    opened: list[PgConnection] = []

    def open_connection(user: str = "admin", **settings: Any) -> PgConnection:
        known: Mapping[str, Any] = {
            "host": "127.0.0.1",
            "port": front.port,
            "dbname": DATABASE,
            "user": user,
            "password": PASSWORD,
            "sslmode": "verify-full",
            "sslrootcert": str(certificates / "ca.pem"),
        }
        opened.append(psycopg2.connect(**(known | settings)))
        opened[-1].autocommit = True
        return opened[-1]

    yield open_connection
    for connection in opened:
        connection.close()


@pytest.fixture
def admin(connect: Connect) -> Iterator[PgConnection]:
    """The administrator, with an empty schema `s`."""
    connection = connect()
    run(connection, "DROP SCHEMA IF EXISTS s CASCADE")
    run(connection, "CREATE SCHEMA s")
    yield connection


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The emulator and the stand-in, as the supervisor starts them."""
    instance = Instance(tmp_path_factory.mktemp("cloud"))
    for folder in (instance.logs, instance.emulator):
        folder.mkdir()
    make_certificates(instance.tls)
    ports = free_ports("emulator", "warehouse_control", "warehouse", "endpoint")
    options = Options(instance, ports, items=0, data=None)
    running: list[tuple[Popen[bytes], Identity]] = []
    try:
        for server in SERVERS[:2]:
            log = instance.logs / f"{server.name}.log"
            process = start(server.command(options), log, server.environment(options))
            running.append((process, Identity.of(process.pid)))
            assert process.stdout is not None
            assert any(_ready(line) for line in process.stdout), log.read_text()
            threading.Thread(target=process.stdout.read, daemon=True).start()
        yield Cloud(instance, State(running[0][1], "running", ports=ports))
    finally:
        for process, identity in reversed(running):
            end(
                identity, 2
            )  # the emulator waits for connections that are kept alive, the stand-in for nobody
            process.wait()


def _ready(line: bytes) -> bool:
    return line.startswith(b"{") and json.loads(line).get("ready") is True


@pytest.fixture(scope="session")
def warehouse(cloud: Cloud) -> dict[str, Any]:
    """A namespace and a workgroup with a managed password, as Terraform would make them; the COPY role's ARN."""
    role = make_role(
        cloud, "copy", "s3:GetObject", "arn:aws:s3:::landing/*", "s3:ListBucket", "arn:aws:s3:::landing"
    )
    redshift = aws(cloud, "redshift-serverless")
    namespace = redshift.create_namespace(
        namespaceName="xmlift-test",
        dbName=DATABASE,
        adminUsername="xmlift_admin",
        manageAdminPassword=True,
        iamRoles=[role],
    )["namespace"]
    workgroup = redshift.create_workgroup(
        namespaceName="xmlift-test", workgroupName="xmlift-test", baseCapacity=8
    )["workgroup"]
    aws(cloud, "s3").create_bucket(Bucket="landing")
    return {"namespace": namespace, "workgroup": workgroup, "copy_role": role}


@pytest.fixture
def client(cloud: Cloud, warehouse: dict[str, Any]) -> Iterator[Connect]:
    """Opens connections to the whole stand-in: by default as the operator, with temporary credentials."""
    opened: list[PgConnection] = []

    def open_connection(user: str = "", password: str = "") -> PgConnection:
        if not user:
            given = aws(cloud, "redshift-serverless").get_credentials(workgroupName="xmlift-test")
            user, password = given["dbUser"], given["dbPassword"]
        endpoint = warehouse["workgroup"]["endpoint"]
        opened.append(
            psycopg2.connect(
                host=endpoint["address"],
                port=endpoint["port"],
                dbname=DATABASE,
                user=user,
                password=password,
                sslmode="verify-full",
                sslrootcert=str(cloud.instance.ca_file),
            )
        )
        opened[-1].autocommit = True
        return opened[-1]

    yield open_connection
    for connection in opened:
        connection.close()
