"""A warehouse in this process: the Redshift stand-in over PostgreSQL, reading S3 as moto keeps it."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, override

from local.redshift.aws import Aws
from local.redshift.copy_load import CopyLoader
from local.redshift.copy_source import CopySource
from local.redshift.load_log import LoadLog
from local.redshift.postgres import PostgreSQL
from local.redshift.wire import WireFront
from xmlift.migration import MigrateEvent, migrate
from xmlift.warehouse.connection import PATIENCE, Address, Credentials, Patience, Warehouse

DATABASE = "warehouse"
COPY_ROLE = "arn:aws:iam::000000000000:role/test-copy"
ADMIN, LOADER, PLANNER, REPORTER, STRANGER = "admin", "test-load", "test-plan", "test-report", "stranger"


class Bucket(Aws):
    """AWS as COPY needs it: the objects of S3, and what the COPY role may do there."""

    def __init__(self) -> None:
        super().__init__({"AWS_ENDPOINT_URL": "https://in.process", "AWS_ACCESS_KEY_ID": "root"})

    @override
    def allowed(self, principal: str, action: str, resource: str) -> bool:
        return principal == COPY_ROLE and action in ("s3:GetObject", "s3:ListBucket")


class StandIn:
    """One running stand-in with one database."""

    def __init__(self, postgresql: PostgreSQL, port: int, certificates: Path) -> None:
        self.postgresql = postgresql
        self.address = Address("127.0.0.1", port, DATABASE, certificates / "ca.pem")
        self._known: set[str] = set()

    def warehouse(
        self,
        role: str,
        credentials: Callable[[], Credentials] | None = None,
        patience: Patience = PATIENCE,
    ) -> Warehouse:
        """The warehouse as a function's role, or as the administrator, has it."""
        user = role if role == ADMIN else f"IAMR:{role}"
        given = credentials or (lambda: Credentials(user, "right"))
        return Warehouse(self.address, given, f"xmlift-{role}", lambda _: None, patience)

    def add_sources(self, *sources: str) -> None:
        """Let migrate make the schemas of these sources, as Terraform does at every apply."""
        self._known.update(sources)
        event = MigrateEvent(sources=sorted(self._known), loader=LOADER, observers=[PLANNER, REPORTER])
        migrate(event, self.warehouse(ADMIN))

    def remove_sources(self, *sources: str) -> None:
        """Drop the schemas, and forget in the ledger."""
        self._known.difference_update(sources)
        for source in sources:
            self.run(f'DROP SCHEMA "{source}" CASCADE')
            self.forget(source)

    def forget(self, source: str) -> None:
        """Lose the ledger of a source, as before a rebuild."""
        self.run("DELETE FROM xmlift.coverage WHERE source = %s", source)
        self.run("DELETE FROM xmlift.ledger WHERE source = %s", source)

    def run(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement behind the front, past all grants, and answer its rows."""
        with self.postgresql.superuser(DATABASE) as connection, connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def stand_in(folder: Path, certificates: Path) -> Iterator[StandIn]:
    folder.mkdir(exist_ok=True)
    postgresql = PostgreSQL(folder / "postgresql.log")
    postgresql.start()
    try:
        postgresql.create_database(DATABASE)
        postgresql.ensure_user(ADMIN, superuser=True)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificates / "server.pem", certificates / "server.key")
        front = WireFront(0, tls, postgresql)
        source = CopySource(Bucket(), lambda _: [COPY_ROLE])
        loader = CopyLoader(source, LoadLog(postgresql))

        def accepts(user: str, password: str, database: str) -> bool:
            return password == "right" and database == DATABASE

        threading.Thread(target=front.serve, args=(accepts, loader), daemon=True).start()
        yield StandIn(postgresql, front.port, certificates)
        front.close()
    finally:
        postgresql.stop()
