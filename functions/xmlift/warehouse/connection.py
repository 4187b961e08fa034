"""Connections to the warehouse, and transactions that are tried again where that is safe (R1, R3)."""

import math
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import psycopg2
from botocore.exceptions import BotoCoreError, ClientError
from psycopg2.extensions import connection as Connection  # noqa: N812 (a type)
from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.errors import WarehouseError
from xmlift.telemetry import span

_ATTEMPTS = 5
_CONNECTS = 8
# Redshift reports a serialisation conflict as XX000, so its text is all there is to go by; the number stands at
# its start, where no value of a row can.
_CONFLICT = re.compile(
    r"\s*(ERROR:\s+)?(1023|1018)\b|.*could not complete because of conflict with concurrent transaction",
    re.DOTALL,
)
# What COPY says where S3 was busy or broken when it asked for a file, or for the manifest that names them.
_S3_FAULT = re.compile(
    r"\s*(ERROR:\s+)?(Problem reading manifest file\s*-\s*)?S3ServiceException:[^\n]*,\s*Status 5\d\d\b"
)
_CREDENTIAL_SECONDS = 900
TRACED_AS = "warehouse"
"""What the trace calls it: one node, whatever is asked."""
_MOST_TRACED = 300


class Credentials(NamedTuple):
    """A database user and its password."""

    user: str
    password: str


class Address(NamedTuple):
    """Where the warehouse listens. `ca_file` holds the roots that its certificate is verified against."""

    host: str
    port: int
    database: str
    ca_file: Path


class Patience(NamedTuple):
    """How long a stream's lock is waited for before its holder is looked at, and how old an abandoned one is.

    No call of a function lasts longer than 900 seconds, and 30 more are enough to be killed in: a transaction older
    than 930 has lost its loader. With the wait and the look it is ended within 17 minutes (930 + 45 + 30 seconds).
    """

    wait_seconds: float = 45.0
    abandoned_seconds: float = 930.0


PATIENCE = Patience()


class TimeUpError(WarehouseError):
    """The function's time was up before the work was done; it is rolled back."""


class BoundedCursor(Cursor):
    """A cursor each of whose statements gets what is left until a deadline (seconds of `time.monotonic`)."""

    deadline = math.inf
    _longest = math.inf
    _is_bounded = False

    def execute(self, query: Any, vars: Any = None) -> None:
        """As psycopg2's. Raises TimeUpError once the deadline has passed."""
        left = min(self.deadline - time.monotonic(), self._longest)
        if left <= 0:
            raise TimeUpError("the function's time is up; the transaction is rolled back")
        if left < math.inf or self._is_bounded:
            milliseconds = 0 if left == math.inf else max(1, int(left * 1000))  # 0 is Redshift's "no limit"
            super().execute(f"SET statement_timeout TO {milliseconds}")
            self._is_bounded = milliseconds > 0
        # Values of rows are bound to it later, and stay out of the trace; names of partitions may stand in it.
        with span(TRACED_AS, namespace="remote", sql={"sanitized_query": str(query)[:_MOST_TRACED]}):
            super().execute(query, vars)

    @contextmanager
    def each_within(self, seconds: float) -> Iterator[None]:
        """No statement in here takes longer than `seconds`: psycopg2.errors.QueryCanceled otherwise."""
        self._longest = seconds
        try:
            yield
        finally:
            self._longest = math.inf


class Warehouse:
    """Opens connections with credentials asked for each time, since they are short-lived."""

    def __init__(
        self,
        address: Address,
        credentials: Callable[[], Credentials],
        application: str,
        sleep: Callable[[float], None] = time.sleep,
        patience: Patience = PATIENCE,
    ) -> None:
        self.patience = patience
        self._address = address
        self._credentials = credentials
        self._application = application
        self._sleep = sleep

    def connect(self, deadline: float = math.inf) -> Connection:
        """A connection, TLS verified. Raises WarehouseError after several tries, the last before `deadline`."""
        fault: Exception | None = None
        for attempt in range(_CONNECTS):
            credentials = self._credentials()
            try:
                with span(TRACED_AS, namespace="remote", sql={"sanitized_query": "connect"}):
                    return self._connected(credentials)
            except psycopg2.OperationalError as error:
                fault = error
            if time.monotonic() >= deadline:
                break
            self._sleep(_jitter(attempt))
        raise WarehouseError(
            f"no connection to {self._address.host}:{self._address.port}/{self._address.database} in "
            f"{attempt + 1} tries: {one_line(fault)}. Check that the workgroup is available, that its security "
            "group admits this function, and the CA file"
        ) from fault

    def _connected(self, credentials: Credentials) -> Connection:
        return psycopg2.connect(
            host=self._address.host,
            port=self._address.port,
            dbname=self._address.database,
            user=credentials.user,
            password=credentials.password,
            sslmode="verify-full",
            sslrootcert=str(self._address.ca_file),
            connect_timeout=10,
            application_name=self._application,
            # A peer that vanished without a word is noticed within a minute or so.
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
            tcp_user_timeout=60_000,
        )

    def transaction[T](self, work: Callable[[BoundedCursor], T], seconds: float = math.inf) -> T:
        """Run `work` in one transaction and commit, all tries of it within `seconds`.

        After a conflict or a lost connection everything is done again in a new session, so `work` has to find
        out by itself, from the ledger and behind its lock, what an unanswered COMMIT has already done.
        """
        deadline = time.monotonic() + seconds
        return self._tried(lambda connection: _in_transaction(connection, work, deadline), deadline)

    def autocommit[T](self, work: Callable[[BoundedCursor], T], seconds: float = math.inf) -> T:
        """Run `work` with each statement committed by itself, for what Redshift refuses in transactions."""
        deadline = time.monotonic() + seconds
        return self._tried(lambda connection: _in_autocommit(connection, work, deadline), deadline)

    def _tried[T](self, run: Callable[[Connection], T], deadline: float) -> T:
        fault: Exception | None = None
        for attempt in range(_ATTEMPTS):
            if time.monotonic() >= deadline:
                break
            with closing(self.connect(deadline)) as connection:
                try:
                    return run(connection)
                except psycopg2.Error as error:
                    # A session that is lost in the middle of an answer is not always told as such.
                    if not (connection.closed or _may_pass(error)):
                        raise
                    fault = error
            self._sleep(_jitter(attempt))
        if fault is None:
            raise TimeUpError("the function's time is up before anything was asked of the warehouse")
        raise WarehouseError(
            f"the warehouse gave up again and again: {one_line(fault)}. Nothing of it is committed; the next run "
            "reads again what is missing"
        ) from fault


def _in_transaction[T](connection: Connection, work: Callable[[BoundedCursor], T], deadline: float) -> T:
    with connection, connection.cursor(cursor_factory=BoundedCursor) as cursor:
        cursor.deadline = deadline
        return work(cursor)


def _in_autocommit[T](connection: Connection, work: Callable[[BoundedCursor], T], deadline: float) -> T:
    # No `with connection`: it would open a transaction all the same.
    connection.autocommit = True
    with connection.cursor(cursor_factory=BoundedCursor) as cursor:
        cursor.deadline = deadline
        return work(cursor)


def _may_pass(error: psycopg2.Error) -> bool:
    if isinstance(error, psycopg2.InterfaceError):
        return True
    if isinstance(error, psycopg2.OperationalError):
        return not isinstance(error, psycopg2.errors.QueryCanceled)  # that is our own statement_timeout
    return any(fault.match(str(error)) for fault in (_CONFLICT, _S3_FAULT))


def _jitter(attempt: int) -> float:
    return random.uniform(0, min(10.0, 0.5 * 2**attempt))  # noqa: S311 (not a secret)


def one_line(error: Exception | None) -> str:
    """A database's message without its line ends."""
    return " ".join(str(error).split())[:600]


def temporary_credentials(client: Any, workgroup: str, database: str) -> Callable[[], Credentials]:
    """Credentials of the function's own role, from `redshift-serverless:GetCredentials`."""

    def ask() -> Credentials:
        try:
            answer = client.get_credentials(
                workgroupName=workgroup, dbName=database, durationSeconds=_CREDENTIAL_SECONDS
            )
        except (ClientError, BotoCoreError) as error:
            raise WarehouseError(
                f"no credentials for the workgroup {workgroup}: {one_line(error)}. Check that it is available, and "
                "that the function's role may call redshift-serverless:GetCredentials on it"
            ) from error
        return Credentials(answer["dbUser"], answer["dbPassword"])

    return ask
