"""The front over real TLS: who comes in, and how statements, transactions and errors look to psycopg2."""

import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from local.redshift.postgres import PostgreSQL
from local.redshift.protocol import PROTOCOL_3_0, SSL_REQUEST, Channel, error_fields, startup_packet, text
from local.redshift.wire import WireFront

from .redshift_client import DATABASE, Connect, PgConnection, refused, run


def test_tls_is_required(connect: Connect) -> None:
    with pytest.raises(psycopg2.OperationalError, match="require_ssl is on"):
        connect(sslmode="disable")


def test_the_certificate_is_of_our_authority(connect: Connect, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(Path(ssl.get_default_verify_paths().openssl_cafile).read_bytes())
    with pytest.raises(psycopg2.OperationalError, match="certificate verify failed"):
        connect(sslrootcert=str(other))


def test_a_wrong_password_is_refused(connect: Connect) -> None:
    with pytest.raises(psycopg2.OperationalError, match='password authentication failed for user "admin"'):
        connect(password="wrong")


def test_a_missing_database_is_refused(connect: Connect) -> None:
    with pytest.raises(psycopg2.OperationalError, match='database "nowhere" does not exist'):
        connect(dbname="nowhere")


def test_it_says_what_redshift_says_of_itself(admin: PgConnection) -> None:
    assert admin.server_version == 80002
    assert "Redshift" in run(admin, "SELECT version()")[0][0]
    assert run(admin, "SHOW default_transaction_isolation") == [("repeatable read",)]


def test_redshift_functions(admin: PgConnection) -> None:
    row = run(admin, "SELECT SYSDATE - GETDATE() < '1 minute', LEN('ä'), JSON_SERIALIZE(JSON_PARSE('[1]'))")[
        0
    ]
    assert row == (True, 1, "[1]")
    assert run(admin, "SELECT pg_last_copy_count()") == [(0,)]


def test_backslashes_escape(admin: PgConnection) -> None:
    assert run(admin, r"SELECT 'a\\b\'c'") == [(r"a\b'c",)]
    assert run(admin, "SELECT %s", "a\\b'c") == [("a\\b'c",)]


def test_varchar_counts_bytes(admin: PgConnection) -> None:
    run(admin, 'CREATE TABLE s.t (id INT, "Name" VARCHAR(4), free TEXT)')
    run(admin, "INSERT INTO s.t VALUES (1, 'ää', 'x')")
    error = refused(admin, "INSERT INTO s.t VALUES (1, 'äää', 'x')")
    assert (error.pgcode, str(error).strip()) == ("22001", "value too long for type character varying(4)")
    assert refused(admin, f"INSERT INTO s.t VALUES (1, 'a', '{'x' * 257}')").pgcode == "22001"


def test_widening_a_varchar_widens_its_bytes(admin: PgConnection) -> None:
    run(admin, "CREATE TABLE s.t (a VARCHAR(4))")
    run(admin, "ALTER TABLE s.t ALTER COLUMN a TYPE VARCHAR(6)")
    run(admin, "INSERT INTO s.t VALUES ('äää')")
    assert "varying(6)" in str(refused(admin, "INSERT INTO s.t VALUES ('äääx')"))
    assert run(admin, "SELECT character_maximum_length FROM svv_columns WHERE table_schema = 's'") == [(6,)]
    assert "should be different" in str(refused(admin, "ALTER TABLE s.t ALTER COLUMN a TYPE VARCHAR(6)"))
    assert "only the size" in str(refused(admin, "ALTER TABLE s.t ALTER COLUMN a TYPE INT"))


def test_a_column_is_not_widened_in_a_transaction(admin: PgConnection) -> None:
    run(admin, "CREATE TABLE s.t (a VARCHAR(4))")
    run(admin, "BEGIN")
    error = refused(admin, "ALTER TABLE s.t ALTER COLUMN a TYPE VARCHAR(6)")
    assert "cannot run inside a transaction block" in str(error)
    assert "current transaction is aborted" in str(refused(admin, "SELECT 1"))
    run(admin, "ROLLBACK")


def test_keys_are_not_enforced_but_not_null_is(admin: PgConnection) -> None:
    run(admin, "CREATE TABLE s.t (id INT PRIMARY KEY, a VARCHAR(4) NOT NULL)")
    run(admin, "INSERT INTO s.t VALUES (1, 'a'), (1, 'b')")
    assert refused(admin, "INSERT INTO s.t VALUES (NULL, 'a')").pgcode == "23502"
    run(admin, "CREATE TEMP TABLE stage (LIKE s.t)")
    assert refused(admin, "INSERT INTO stage VALUES (1, NULL)").pgcode == "23502"
    assert refused(admin, "INSERT INTO stage VALUES (1, 'ääx')").pgcode == "22001"


def test_merge(admin: PgConnection) -> None:
    run(admin, "CREATE TABLE s.t (id INT, a INT); INSERT INTO s.t VALUES (1, 1)")
    run(admin, "CREATE TEMP TABLE stage (LIKE s.t); INSERT INTO stage VALUES (1, 10), (2, 20)")
    merge = (
        "MERGE INTO s.t USING stage ON s.t.id = stage.id WHEN MATCHED THEN UPDATE SET a = stage.a "
        "WHEN NOT MATCHED THEN INSERT (id, a) VALUES (stage.id, stage.a)"
    )
    run(admin, merge)
    assert run(admin, "SELECT * FROM s.t ORDER BY id") == [(1, 10), (2, 20)]
    run(admin, "INSERT INTO stage VALUES (1, 11)")
    assert "Found multiple matches to update the same tuple" in str(refused(admin, merge))


def test_truncate_commits(admin: PgConnection, connect: Connect) -> None:
    run(admin, "CREATE TABLE s.t (a INT); INSERT INTO s.t VALUES (1)")
    run(admin, "BEGIN")
    run(admin, "CREATE TABLE s.made (a INT)")
    run(admin, "TRUNCATE s.t")
    run(admin, "ROLLBACK")
    assert run(connect(), "SELECT COUNT(*) FROM s.t UNION ALL SELECT COUNT(*) FROM s.made") == [(0,), (0,)]


def test_statements_sent_together_are_one_transaction(admin: PgConnection) -> None:
    run(admin, "CREATE TABLE s.t (a INT)")
    refused(admin, "INSERT INTO s.t VALUES (1); SELECT 1 / 0")
    refused(admin, "INSERT INTO s.t VALUES (1); CREATE INDEX i ON s.t (a)")
    assert run(admin, "SELECT COUNT(*) FROM s.t") == [(0,)]
    assert run(admin, "INSERT INTO s.t VALUES (1); SELECT COUNT(*) FROM s.t") == [(1,)]


def test_the_snapshot_is_taken_at_the_first_statement(admin: PgConnection, connect: Connect) -> None:
    run(admin, "CREATE TABLE s.t (a INT); CREATE TABLE s.mutex (a INT)")
    other = connect()
    run(other, "BEGIN")
    run(other, "SET statement_timeout TO 60000")
    run(other, "LOCK s.mutex")
    run(admin, "INSERT INTO s.t VALUES (1)")
    assert run(other, "SELECT COUNT(*) FROM s.t") == [(1,)]  # LOCK took none
    run(admin, "INSERT INTO s.t VALUES (2)")
    assert run(other, "SELECT COUNT(*) FROM s.t") == [(1,)]  # SELECT did


def test_lock_blocks_readers_of_its_table_alone(admin: PgConnection, connect: Connect) -> None:
    run(admin, "CREATE TABLE s.t (a INT); CREATE TABLE s.other (a INT)")
    run(admin, "BEGIN")
    run(admin, "LOCK s.t")
    reader = connect()
    assert run(reader, "SELECT COUNT(*) FROM s.other") == [(0,)]
    run(reader, "SET statement_timeout TO 100")
    assert refused(reader, "SELECT * FROM s.t").pgcode == "57014"
    run(admin, "COMMIT")
    assert run(reader, "SELECT * FROM s.t") == []


def test_a_conflict_is_1023(admin: PgConnection, connect: Connect) -> None:
    run(admin, "CREATE TABLE s.t (a INT); INSERT INTO s.t VALUES (1)")
    other = connect()
    run(other, "BEGIN")
    run(other, "SELECT * FROM s.t")
    run(admin, "UPDATE s.t SET a = 2")
    error = refused(other, "UPDATE s.t SET a = 3")
    assert error.pgcode == "XX000"
    assert str(error).startswith("1023\nDETAIL:  Serializable isolation violation on table")


def test_a_transaction_is_found_and_ended(admin: PgConnection, connect: Connect) -> None:
    run(admin, "CREATE TABLE s.mutex (a INT)")
    holder = connect()
    run(holder, "BEGIN")
    run(holder, "LOCK s.mutex")
    held = (
        "SELECT pid, txn_owner, lock_mode, granted FROM svv_transactions "
        "WHERE relation = 's.mutex'::regclass::oid AND txn_start <= SYSDATE"
    )
    ((process, *held_by),) = run(admin, held)
    assert held_by == ["admin", "AccessExclusiveLock", True]
    assert run(admin, f"SELECT pg_terminate_backend({process})") == [(True,)]
    run(admin, "LOCK s.mutex; SELECT 1")
    with pytest.raises(psycopg2.OperationalError):
        run(holder, "SELECT 1")


def test_a_lost_client_rolls_back(admin: PgConnection, connect: Connect) -> None:
    run(admin, "CREATE TABLE s.t (a INT)")
    lost = connect()
    run(lost, "BEGIN")
    run(lost, "INSERT INTO s.t VALUES (1)")
    socket.socket(fileno=socket.dup(lost.fileno())).shutdown(socket.SHUT_RDWR)
    run(admin, "BEGIN")
    run(admin, "LOCK s.t")  # waits until the lost session has ended
    assert run(admin, "SELECT COUNT(*) FROM s.t") == [(0,)]
    run(admin, "COMMIT")


def test_new_users_may_connect_and_nothing_else(
    admin: PgConnection, connect: Connect, postgresql: PostgreSQL
) -> None:
    run(admin, "CREATE TABLE s.t (a INT)")
    user = connect("IAMR:Someone")
    assert run(user, "SELECT current_user") == [("IAMR:Someone",)]
    for statement in (
        "SELECT * FROM s.t",
        "CREATE TABLE s.x (a INT)",
        "CREATE TABLE x (a INT)",
        "CREATE SCHEMA x",
    ):
        assert refused(user, statement).pgcode == "42501", statement
    run(
        admin,
        "CREATE ROLE reader; GRANT USAGE ON SCHEMA s TO ROLE reader; GRANT SELECT ON s.t TO ROLE reader",
    )
    run(admin, 'GRANT ROLE reader TO "IAMR:Someone"')
    assert run(user, "SELECT * FROM s.t") == []
    granted = "SELECT role_name FROM svv_user_grants WHERE user_name = 'IAMR:Someone'"
    assert run(admin, granted) == [("reader",)]
    assert refused(user, "INSERT INTO s.t VALUES (1)").pgcode == "42501"


def test_default_privileges_of_another_user(admin: PgConnection, connect: Connect) -> None:
    run(admin, 'CREATE USER "IAMR:loader" PASSWORD DISABLE; CREATE ROLE observer')
    run(admin, 'GRANT USAGE, CREATE ON SCHEMA s TO "IAMR:loader"; GRANT USAGE ON SCHEMA s TO ROLE observer')
    run(
        admin,
        'ALTER DEFAULT PRIVILEGES FOR USER "IAMR:loader" IN SCHEMA s GRANT SELECT ON TABLES TO ROLE observer',
    )
    run(admin, 'CREATE USER "IAMR:observer" PASSWORD DISABLE; GRANT ROLE observer TO "IAMR:observer"')
    run(connect("IAMR:loader"), "CREATE TABLE s.made (a INT)")
    assert run(connect("IAMR:observer"), "SELECT * FROM s.made") == []


@pytest.fixture
def raw(front: WireFront, certificates: Path) -> Iterator[Channel]:
    """A session at the level of messages: psycopg2 never speaks the extended protocol."""
    plain = socket.create_connection((front.address, front.port))
    plain.sendall(struct.pack("!II", 8, SSL_REQUEST))
    assert plain.recv(1) == b"S"
    tls = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
    channel = Channel(tls.wrap_socket(plain, server_hostname="127.0.0.1"))
    channel.send_raw(startup_packet({"user": "admin", "database": DATABASE}))
    assert channel.receive().kind == b"R"
    channel.send(b"p", text("right"))
    while channel.receive().kind != b"Z":
        pass
    yield channel
    channel.close()


def extended(channel: Channel, sql: str) -> tuple[bytes, list[dict[str, str]]]:
    """Prepare, bind, describe and execute; the kinds of the answers in order, and the errors among them."""
    name = text(f"s{hash(sql)}")  # an error keeps its statement: the same name would be taken
    channel.send(b"P", name + text(sql) + struct.pack("!H", 0))
    channel.send(b"B", b"portal\0" + name + struct.pack("!HHH", 0, 0, 0))
    channel.send(b"D", b"Pportal\0")
    channel.send(b"E", b"portal\0" + struct.pack("!I", 0))
    channel.send(b"C", b"S" + name)
    channel.send(b"S")
    kinds, errors = b"", []
    while not kinds.endswith(b"Z"):
        message = channel.receive()
        kinds += message.kind
        if message.kind == b"E":
            errors.append(error_fields(message.body))
    return kinds, errors


def test_extended_protocol(raw: Channel) -> None:
    assert extended(raw, "SELECT NVL(NULL, 1)")[0] == b"12TDC3Z"
    assert extended(raw, "CREATE TEMP TABLE x (a VARCHAR(3)) DISTSTYLE ALL")[0] == b"12nC3Z"
    kinds, (error,) = extended(raw, "INSERT INTO x VALUES ('ää')")
    assert kinds == b"12nEZ"
    assert error["M"] == "value too long for type character varying(3)"
    kinds, (error,) = extended(raw, "CREATE INDEX i ON x (a)")
    assert kinds == b"EZ"
    assert "not supported on Redshift tables" in error["M"]
    assert extended(raw, "TRUNCATE x")[0] == b"12nC3Z"  # run by the front itself
    assert extended(raw, "ALTER TABLE x ALTER COLUMN a TYPE VARCHAR(4)")[0] == b"12nC3Z"
    assert extended(raw, "INSERT INTO x VALUES ('öö')")[0] == b"12nC3Z"


def test_a_refused_statement_undoes_what_went_before_it_unsynced(raw: Channel) -> None:
    extended(raw, "CREATE TEMP TABLE y (a INT)")
    for sql in ("INSERT INTO y VALUES (1)", "SAVEPOINT x"):
        raw.send(b"P", b"\0" + text(sql) + struct.pack("!H", 0))
        raw.send(b"B", b"\0\0" + struct.pack("!HHH", 0, 0, 0))
        raw.send(b"E", b"\0" + struct.pack("!I", 0))
    raw.send(b"S")
    kinds = b""
    while not kinds.endswith(b"Z"):
        kinds += raw.receive().kind
    assert kinds == b"12CEZ"
    raw.send(b"Q", text("SELECT COUNT(*) FROM y"))
    answers = [raw.receive() for _ in range(4)]
    assert answers[1].body[-1:] == b"0"


def test_a_newer_minor_version_is_negotiated_down(front: WireFront, certificates: Path) -> None:
    plain = socket.create_connection((front.address, front.port))
    plain.sendall(struct.pack("!II", 8, SSL_REQUEST))
    assert plain.recv(1) == b"S"
    tls = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
    with tls.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
        packet = bytearray(startup_packet({"user": "admin", "database": DATABASE}))
        packet[4:8] = struct.pack("!I", PROTOCOL_3_0 + 2)
        channel = Channel(secure)
        channel.send_raw(bytes(packet))
        assert [channel.receive().kind, channel.receive().kind] == [b"v", b"R"]
