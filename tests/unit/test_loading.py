"""load against real transactions: what is loaded once, and what is refused."""

import csv
import gzip
import io
from collections.abc import Callable
from itertools import repeat
from typing import Any

import msgspec
import psycopg2
import pytest

from xmlift.dispositions.merge import Merge
from xmlift.errors import CatalogueError, DataFaultError, WarehouseError
from xmlift.landing import commits, names
from xmlift.landing.chain import Landed
from xmlift.loading import load as loading
from xmlift.loading import selection
from xmlift.loading.load import LoadAnswer
from xmlift.loading.stream_load import Batch, is_data_fault
from xmlift.tables.writer import PartWriter, csv_lines, csv_of, quoted
from xmlift.warehouse import statements

from .loads import COUNTS, ONE, TWO, Loads, item, texts


def test_loading_twice_is_loading_once(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, "a", notes=texts("x"))])
    loads.load(ONE)
    before = loads.everything()
    assert loads.load(ONE) == LoadAnswer(status="done", windows=0)
    assert loads.everything() == before


def test_a_loader_that_was_told_too_much_loads_the_rest(loads: Loads) -> None:
    """What stands in the ledger is asked behind the lock, not before it."""
    first, second = loads.land(ONE, (0, 6), [item(1, 1)]), loads.land(ONE, (6, 12), [item(2, 7)])
    loader = loads.loader()
    loader.prepare_tables()
    loader.load(Batch(loads.name, "items", [first], ONE), 60)
    loader.load(Batch(loads.name, "items", [first, second], ONE), 60)
    loader.load(Batch(loads.name, "items", [second, first], ONE), 60)
    assert loads.rows("id") == [(1,), (2,)]
    assert loads.ledger() == [(ONE, "loaded")] * 2


def test_an_empty_window_is_a_row_in_the_ledger(loads: Loads) -> None:
    loads.land(ONE, (0, 6))
    assert loads.load(ONE) == LoadAnswer(status="done", windows=1)
    assert loads.rows() == []
    assert loads.ledger(COUNTS) == [(0, 0, 0, 0, 0, 0)]


def test_a_run_without_windows_needs_no_tables(loads: Loads) -> None:
    assert loads.load(ONE) == LoadAnswer(status="done", windows=0)
    assert loads.ledger() == []


def test_a_commit_that_was_changed_afterwards_is_refused(loads: Loads) -> None:
    landed = loads.land(ONE, (0, 6), [item(1, 1)])
    loads.load(ONE)
    before = loads.everything()
    changed = msgspec.structs.replace(landed.commit, ended_by="somebody")
    with pytest.raises(WarehouseError, match="another commit") as caught:
        loads.load_batch(landed._replace(commit=changed, sha256=commits.sha256(commits.encode(changed))))
    assert str(landed.window) in str(caught.value)
    assert loads.everything() == before


def test_a_commit_of_another_window_is_not_loaded(loads: Loads) -> None:
    landed = loads.land(ONE, (0, 6), [item(1, 1)])
    elsewhere = landed.window._replace(run=TWO)
    loads.zone.put(f"{elsewhere.folder}commit.json", commits.encode(landed.commit))
    assert loads.load(TWO) == LoadAnswer(status="done", windows=0)
    assert loads.rows() == loads.ledger() == []


def test_an_unknown_stream_is_named(loads: Loads) -> None:
    with pytest.raises(CatalogueError, match="no stream 'nothing'; it has items, events"):
        loads.load(ONE, "nothing")


class Tampering:
    """Puts other bytes where a part stands, behind the back of its commit."""

    def __init__(self, loads: Loads) -> None:
        self.loads = loads

    def rewrite(self, landed: Landed, change: Callable[[list[str]], list[str] | None]) -> str:
        """Change the values of the first row of the window's first part; None drops the row."""
        key = f"{landed.window.folder}{landed.commit.parts[0].name}"
        first, *rest = list(csv.reader(io.StringIO(gzip.decompress(self.loads.zone.get(key)).decode())))
        changed = change(first)
        writer = PartWriter()
        rows = [*([changed] if changed else []), *rest]
        lines = csv_lines([quoted(column) for column in zip(*rows, strict=True)])
        writer.write(csv_of(lines, repeat("\n", len(lines))), len(rows))
        part = writer.finish()
        assert part is not None
        self.loads.zone.put(key, part.body)
        return key


def test_a_value_that_does_not_fit_rolls_back_and_is_named(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, "a")])
    loads.load(ONE)
    before = loads.everything()
    landed = loads.land(TWO, (6, 12), [item(2, 7), item(3, 8)])
    key = Tampering(loads).rewrite(landed, lambda row: ["twelve", *row[1:]])
    with pytest.raises(DataFaultError, match="rolled back") as caught:
        loads.load_batch(landed)
    message = str(caught.value)
    assert f"s3://landing/{key} line 1, column id" in message
    assert "\n" not in message
    assert loads.everything() == before
    assert loads.stand_in.run("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'") == [(0,)]


def test_a_text_that_is_too_long_is_named_and_not_cut(loads: Loads) -> None:
    landed = loads.land(ONE, (0, 6), [item(1, 1, "a")])
    key = Tampering(loads).rewrite(landed, lambda row: [*row[:2], "x" * 11, *row[3:]])
    with pytest.raises(DataFaultError, match="String length exceeds DDL length") as caught:
        loads.load_batch(landed)
    assert f"{key} line 1, column title" in str(caught.value)
    assert loads.rows() == []


def test_a_part_that_lost_a_row_is_refused(loads: Loads) -> None:
    landed = loads.land(ONE, (0, 6), [item(1, 1, "a"), item(2, 2, "b")])
    Tampering(loads).rewrite(landed, lambda _: None)
    with pytest.raises(DataFaultError, match="COPY brought 1 rows in 1 parts, the commits promise 2 in 1"):
        loads.load_batch(landed)
    assert loads.rows() == []
    assert loads.ledger() == []


def test_a_part_of_another_window_is_refused(loads: Loads) -> None:
    """As many rows, but not those that the commit means."""
    landed = loads.land(ONE, (0, 6), [item(1, 1, "a")])
    Tampering(loads).rewrite(landed, lambda row: [*row[:6], "fedcba987654-00000", *row[7:]])
    with pytest.raises(DataFaultError, match="the commits promise"):
        loads.load_batch(landed)
    assert loads.rows() == []


def test_a_part_that_is_gone_is_refused(loads: Loads, s3: Any) -> None:
    landed = loads.land(ONE, (0, 6), [item(1, 1, "a")])
    s3.delete_object(Bucket="landing", Key=f"{landed.window.folder}{landed.commit.parts[0].name}")
    with pytest.raises(DataFaultError, match="specified key does not exist"):
        loads.load_batch(landed)
    assert loads.ledger() == []


def test_a_load_ends_with_the_functions_time(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, "a")])
    apply = Merge.apply

    def slow(self: Any, cursor: Any, *args: Any) -> None:
        apply(self, cursor, *args)
        for _ in range(100):
            cursor.execute("SELECT pg_sleep(0.2)")

    monkeypatch.setattr(Merge, "apply", slow)
    with pytest.raises(WarehouseError, match=r"time is up|statement timeout"):
        loads.load(ONE, time_left=lambda: loading.RESERVE_SECONDS + 2)
    assert loads.rows() == []
    assert loads.ledger() == []


def test_why_a_stream_was_not_loaded_is_noted_for_the_report(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, "a")])
    loads.stand_in.run(f'REVOKE ALL ON SCHEMA "{loads.name}" FROM xmlift_loader')
    with pytest.raises(WarehouseError) as caught:
        loads.load(ONE)
    note = msgspec.json.decode(loads.zone.get(names.load_failure(loads.name, "items", ONE, ONE)))
    assert note == {"error": "WarehouseError", "message": str(caught.value)}
    assert note["message"].startswith(f"{loads.name}.items of run {ONE}: ")


def test_without_time_the_rest_is_left_for_the_next_call(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "BATCH_WINDOWS", 1)
    for n in range(3):
        loads.land(ONE, (n, n + 1), [item(n, n)])
    # However little time there is, a call loads one batch, or it would answer `more` for ever.
    assert loads.load(ONE, time_left=lambda: 50) == LoadAnswer(status="more", windows=1)
    assert loads.load(ONE, time_left=lambda: 50) == LoadAnswer(status="more", windows=1)
    assert loads.load(ONE, time_left=lambda: 50) == LoadAnswer(status="done", windows=1)
    assert loads.rows("id") == [(0,), (1,), (2,)]


def test_a_statement_that_takes_too_long_is_cancelled_and_leaves_nothing(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, "a")])
    monkeypatch.setattr(statements, "insert_from", lambda *_: "SELECT pg_sleep(30)")
    with pytest.raises(WarehouseError, match=r"time is up|timeout"):
        loads.load(ONE, time_left=lambda: loading.RESERVE_SECONDS + 2)
    assert loads.rows() == []
    assert loads.ledger() == []


@pytest.mark.parametrize(
    ("error", "is_fault"),
    [
        (psycopg2.DataError("value too long for type character varying(10)"), True),
        (psycopg2.errors.NotNullViolation("null value in column"), True),
        (psycopg2.InternalError("Load into table 'stage_items' failed. Check 'sys_load_error_detail'"), True),
        (psycopg2.InternalError("Cannot insert a NULL value into column id"), True),
        (psycopg2.InternalError("The specified S3 prefix 'landing/x.csv.gz' does not exist"), True),
        (
            psycopg2.InternalError("S3ServiceException:The key does not exist.,Status 404,Error NoSuchKey"),
            True,
        ),
        (psycopg2.InternalError("Problem reading manifest file - none of its files exists"), True),
        (
            psycopg2.InternalError(
                "Problem reading manifest file - S3ServiceException:The specified key does not exist.,Status 404,"
                "Error NoSuchKey"
            ),
            False,
        ),
        (psycopg2.InternalError("S3ServiceException:Access Denied,Status 403,Error AccessDenied"), False),
        (psycopg2.InternalError("Not authorized to get credentials of role arn:aws:iam::1:role/copy"), False),
        (psycopg2.InternalError("1023"), False),
        (psycopg2.errors.InsufficientPrivilege("permission denied for relation items"), False),
        (psycopg2.errors.UndefinedTable('relation "items" does not exist'), False),
        (psycopg2.errors.QueryCanceled("canceling statement due to statement timeout"), False),
        (psycopg2.OperationalError("server closed the connection unexpectedly"), False),
    ],
)
def test_what_is_the_datas_fault_and_what_the_warehouses(error: psycopg2.Error, is_fault: bool) -> None:
    assert is_data_fault(error) is is_fault
