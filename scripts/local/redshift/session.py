"""One client's session: its statements translated, run in a PostgreSQL session of its own, and answered."""

# ruff: noqa: S608 - writing SQL is what this module is for; names and texts are quoted where they enter

import struct
from contextlib import suppress
from dataclasses import dataclass

from local.redshift.copy_command import Copy
from local.redshift.copy_load import CopyLoader
from local.redshift.copy_load import Session as CopySession
from local.redshift.dialect import Action, Plain, Truncate, translate
from local.redshift.errors import RedshiftError, as_redshift, syntax_error
from local.redshift.faults import CutError, Script
from local.redshift.protocol import Backend, BackendError, Channel, Message, error_fields, packed_fields, text
from local.redshift.tables import ResizeColumn, bytes_constraint
from local.redshift.tokens import Token, statements

_TRANSACTION_WORDS = {"begin", "start", "commit", "end", "rollback", "abort"}
_EXTENDED = {b"P", b"B", b"D", b"E", b"C"}
# The message that ends PostgreSQL's answer to each of the extended protocol's.
_ENDS = {b"P": b"1", b"B": b"2", b"D": b"Tn", b"E": b"CIs", b"C": b"3"}


@dataclass(slots=True)
class Extended:
    """What the extended protocol remembers of statements that the front runs itself."""

    prepared: dict[bytes, Action]
    portals: dict[bytes, Action]


class Withheld:
    """Takes a client's answer and keeps it until it may be sent."""

    def __init__(self, client: Channel) -> None:
        self._client = client
        self._kept = bytearray()

    def send(self, kind: bytes, body: bytes = b"") -> None:
        self._kept += Message(kind, body).packed()

    def send_raw(self, data: bytes) -> None:
        self._kept += data

    def release(self) -> None:
        self._client.send_raw(bytes(self._kept))


class ClientSession:
    """Reads a client's messages until it leaves. One message is answered to its end before the next is read."""

    def __init__(
        self,
        client: Channel,
        backend: Backend,
        copying: CopySession,
        loader: CopyLoader,
        faults: Script,
        application: str = "",
    ) -> None:
        self._client: Channel | Withheld = client
        self._faults = faults
        self._application = application
        self._backend = backend
        self._copying = copying
        self._loader = loader
        self._extended = Extended({}, {})
        self._skipping = False

    def serve(self) -> None:
        """Serve until the client says goodbye. Raises DisconnectedError if either side is lost."""
        client = self._client
        assert isinstance(client, Channel)
        with suppress(CutError):
            self._serve(client)

    def _serve(self, client: Channel) -> None:
        while True:
            message = client.receive()
            match message.kind:
                case b"X":
                    return
                case b"Q":
                    self._struck_query(client, message.body[:-1].decode("utf-8", "replace"))
                case b"S":
                    self._sync()
                case kind if kind in _EXTENDED:
                    if not self._skipping:
                        self._extended_message(message)
                # Flush needs nothing: every answer has been sent. Copy data without a COPY is left unread.

    def _struck_query(self, client: Channel, sql: str) -> None:
        """A query with what the script of faults has for it. Raises CutError."""
        try:
            self._faults.strike("before", sql, self._application)
        except RedshiftError as error:
            self._refuse(error)
        else:
            if not self._faults.waits_for(sql, self._application):
                self._query(sql)
            else:
                self._client = withheld = Withheld(client)
                self._query(sql)
                self._client = client
                self._faults.strike("after", sql, self._application)
                withheld.release()
        self._ready()

    def _query(self, sql: str) -> None:
        try:
            found = statements(sql)
        except RedshiftError as error:
            self._refuse(error)
            return
        if not found:
            self._client.send(b"I")
            return
        together = len(found) > 1 and self._backend.status == b"I"
        if together and not any(tokens[0].word in _TRANSACTION_WORDS for tokens in found):
            # Statements sent together are one transaction.
            self._backend.run("BEGIN")
        else:
            together = False
        done = all(self._statement(tokens) for tokens in found)
        if together and self._backend.status != b"I":
            self._end_together(done)

    def _end_together(self, done: bool) -> None:
        try:
            self._backend.run("COMMIT" if done else "ROLLBACK")
        except BackendError as error:
            self._send_error(error.fields)

    def _statement(self, tokens: list[Token]) -> bool:
        try:
            action = translate(tokens)
        except RedshiftError as error:
            self._refuse(error)
            return False
        return self._perform(action)

    def _perform(self, action: Action) -> bool:
        """Run one statement and answer all but ReadyForQuery; whether it succeeded."""
        if self._backend.status == b"E" and not isinstance(action, Plain):
            return self._forward("SELECT 1")  # PostgreSQL says that the transaction is aborted
        try:
            match action:
                case Plain(sql):
                    return self._forward(sql)
                case Truncate(sql):
                    return self._truncate(sql)
                case ResizeColumn():
                    return self._resize(action)
                case Copy():
                    return self._copy(action)
        except RedshiftError as error:
            self._refuse(error)
        except BackendError as error:
            self._refuse_as(error.fields)
        return False

    def _forward(self, sql: str) -> bool:
        self._backend.send(b"Q", text(sql))
        good = True
        for message in self._backend.until_ready():
            good = good and message.kind != b"E"
            self._pass_on(message)
        return good

    def _truncate(self, sql: str) -> bool:
        good = self._forward(sql)
        if good and self._backend.status == b"T":
            self._backend.run("COMMIT")
        return good

    def _resize(self, action: ResizeColumn) -> bool:
        """Widen (or narrow) a VARCHAR with its byte limit, in one statement."""
        if self._backend.status != b"I":
            raise RedshiftError("ALTER TABLE ALTER COLUMN cannot run inside a transaction block", "25001")
        table, name = _quoted(action.table), _quoted(action.column)
        rows = self._backend.run(
            "SELECT a.atttypmod - 4, t.typname, c.conname FROM pg_attribute AS a "
            "JOIN pg_type AS t ON t.oid = a.atttypid LEFT JOIN pg_constraint AS c "
            "ON c.conrelid = a.attrelid AND c.conkey = ARRAY[a.attnum] AND c.conname LIKE E'bytes\\\\_%' "
            f"WHERE a.attrelid = {table}::regclass AND a.attname = {name}"
        ).rows
        if not rows:
            raise RedshiftError(
                f'column "{action.column}" of relation "{action.table}" does not exist', "42703"
            )
        length, kind, constraint = rows[0]
        what = f'cannot alter column "{action.column}" of relation "{action.table}", '
        if kind != "varchar" or action.type.bytes is None:
            raise RedshiftError(what + "only the size of a VARCHAR can be changed")
        if length == str(action.type.bytes):
            raise RedshiftError(what + "target column size should be different")
        drop = f'DROP CONSTRAINT "{constraint}", ' if constraint else ""
        column = '"' + action.column.replace('"', '""') + '"'
        added = bytes_constraint(action.column, action.type.bytes)
        return self._forward(
            f"ALTER TABLE {action.table} {drop}ALTER COLUMN {column} TYPE {action.type.sql}, ADD {added}"
        )

    def _copy(self, action: Copy) -> bool:
        rows = self._loader.load(action, self._copying)
        name = action.table.rpartition(".")[2].strip('"')
        said = f"Load into table '{name}' completed, {rows} record(s) loaded successfully."
        self._client.send(b"N", packed_fields({"S": "INFO", "V": "INFO", "C": "00000", "M": said}))
        self._client.send(b"C", text("COPY"))
        return True

    def _extended_message(self, message: Message) -> None:
        try:
            handled = self._run_extended(message)
        except RedshiftError as error:
            self._refuse(error)
            handled = False
        self._skipping = not handled

    def _run_extended(self, message: Message) -> bool:
        """One message of the extended protocol; false if the rest up to Sync is to be skipped."""
        body, known = message.body, self._extended
        match message.kind:
            case b"P":
                return self._parse(body)
            case b"B":
                portal, name = body.split(b"\0", 2)[:2]
                known.portals.pop(portal, None)
                if name in known.prepared:
                    known.portals[portal] = known.prepared[name]
                    return self._answer(b"2")
            case b"D" if body[1:-1] in (known.prepared if body[:1] == b"S" else known.portals):
                if body[:1] == b"S":
                    self._client.send(b"t", struct.pack("!H", 0))
                return self._answer(b"n")
            case b"E":
                portal = body.split(b"\0", 1)[0]
                if portal in known.portals:
                    return self._perform(known.portals[portal])
            case b"C" if body[1:-1] in (known.prepared if body[:1] == b"S" else known.portals):
                (known.prepared if body[:1] == b"S" else known.portals).pop(body[1:-1])
                return self._answer(b"3")
        return self._relay(message)

    def _parse(self, body: bytes) -> bool:
        name, sql, types = body.split(b"\0", 2)
        self._extended.prepared.pop(name, None)
        found = statements(sql.decode("utf-8", "replace"))
        if len(found) > 1:
            raise syntax_error(";")
        action = translate(found[0]) if found else Plain("")
        if isinstance(action, Plain):
            return self._relay(Message(b"P", name + b"\0" + text(action.sql) + types))
        self._extended.prepared[name] = action
        return self._answer(b"1")

    def _answer(self, kind: bytes) -> bool:
        self._client.send(kind)
        return True

    def _relay(self, message: Message) -> bool:
        """Pass a message to PostgreSQL, and its answer back."""
        self._backend.send_raw(message.packed() + Message(b"H", b"").packed())
        while True:
            answer = self._backend.receive()
            self._pass_on(answer)
            if answer.kind == b"E":
                return False
            if answer.kind in _ENDS[message.kind]:
                return True

    def _sync(self) -> None:
        self._skipping = False
        self._backend.send(b"S")
        for message in self._backend.until_ready():
            self._pass_on(message)
        self._ready()

    def _ready(self) -> None:
        self._client.send(b"Z", self._backend.status)

    def _pass_on(self, message: Message) -> None:
        if message.kind == b"E":
            self._send_error(error_fields(message.body))
        else:
            self._client.send_raw(message.packed())

    def _send_error(self, fields: dict[str, str]) -> None:
        self._client.send(b"E", packed_fields(as_redshift(fields)))

    def _refuse(self, error: RedshiftError) -> None:
        self._refuse_as(error.fields())

    def _refuse_as(self, fields: dict[str, str]) -> None:
        """Send an error, which like any other aborts the transaction it happens in."""
        if self._backend.status != b"E":
            with suppress(BackendError):
                self._backend.run("refused by the front")
        self._send_error(fields)


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
