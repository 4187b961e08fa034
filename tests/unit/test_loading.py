"""load against real transactions: what the target holds afterwards, and what the ledger says of it."""

import csv
import gzip
import io
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import psycopg2
import pytest

from xmlift import loading
from xmlift.catalogue import Source, load_source
from xmlift.errors import CatalogueError, LandingError, WarehouseError
from xmlift.landing import commits, names
from xmlift.landing.chain import Landed
from xmlift.landing.zone import Zone
from xmlift.layout import stream_layout
from xmlift.loading import LoadAnswer, LoadEvent, batches, load
from xmlift.stream_load import Batch, StreamLoader
from xmlift.tables.writer import PartWriter
from xmlift.warehouse import connection as connections
from xmlift.warehouse import ledger, statements, tables

from .steps_landing import ReadPage, Row, at, land, run_at
from .warehouse_stand_in import COPY_ROLE, LOADER, StandIn

CATALOGUE = """
source: {name}
base_url: https://host
streams:
  items:
    request: {{ path: /items, query: {{ q: "{{window.from}}/{{window.to}}" }} }}
    records: /r/i
    cursor: {{ type: watermark, field: modified, slice: 6h, start: "2026-01-01T00:00:00Z" }}
    key: [id]
    columns:
      id: {{ path: id, type: bigint }}
      modified: {{ path: m, type: timestamptz }}
      title: {{ path: t, type: varchar(10) }}
    children:
      notes:
        records: note
        columns: {{ text: {{ path: ".", type: varchar(20) }} }}
  events:
    request: {{ path: /events, query: {{ q: "{{window.from}}/{{window.to}}" }} }}
    records: /r/e
    cursor: {{ type: watermark, field: happened, slice: 6h, start: "2026-01-01T00:00:00Z" }}
    key: [id]
    disposition: append
    columns:
      id: {{ path: id, type: bigint }}
      happened: {{ path: h, type: timestamptz }}
    children:
      notes:
        records: note
        columns: {{ text: {{ path: ".", type: varchar(20) }} }}
"""

_numbers = itertools.count(1)


class Loads:
    """One source of this test alone: lands windows, loads runs, and looks at what became of them."""

    def __init__(self, name: str, zone: Zone, stand_in: StandIn) -> None:
        self.name = name
        self.zone = zone
        self.stand_in = stand_in
        self.key = f"catalogue/{name}/x.yaml"
        self.text = CATALOGUE.format(name=name)
        self.change("", "")

    def change(self, old: str, new: str) -> None:
        """Edit the catalogue."""
        self.text = self.text.replace(old, new) if old else self.text
        self.zone.put(self.key, self.text.encode())
        self.source: Source = load_source(self.text.encode(), self.key)

    def land(
        self,
        run: str,
        window: tuple[float, float],
        *pages: Sequence[Row],
        stream: str = "items",
        as_of: float | None = None,
        read: float | None = None,
        **options: Any,
    ) -> Landed:
        """Land a window whose pages were read an instant after each other, by default at its end."""
        first = at(window[1] if read is None else read)
        pages_read = [ReadPage(rows, first + timedelta(seconds=number)) for number, rows in enumerate(pages)]
        as_of_time = at(window[1] if as_of is None else as_of)
        return land(self.zone, self.source, stream, run, window, pages_read, as_of=as_of_time, **options)

    def load(
        self, run: str, stream: str = "items", time_left: Callable[[], float] = lambda: 900
    ) -> LoadAnswer:
        event = LoadEvent(source=self.name, catalogue=self.key, stream=stream, run=run)
        return load(event, self.zone, self.stand_in.warehouse(LOADER), COPY_ROLE, time_left)

    def loader(self, stream: str = "items") -> StreamLoader:
        model = self.source.streams[stream]
        return StreamLoader(
            self.name,
            stream,
            stream_layout(stream, model),
            model.disposition,
            self.zone,
            self.stand_in.warehouse(LOADER),
            COPY_ROLE,
        )

    def rows(self, columns: str = "id, title", table: str = "items") -> list[tuple[Any, ...]]:
        return sorted(self.stand_in.run(f'SELECT {columns} FROM "{self.name}"."{table}"'))

    def notes(self, stream: str = "items") -> list[tuple[Any, ...]]:
        return self.rows('"_parent_id", "_position", text', f"{stream}__notes")

    def ledger(self, columns: str = "run, state") -> list[tuple[Any, ...]]:
        sql = f"SELECT {columns} FROM xmlift.ledger WHERE source = %s ORDER BY run, window_start, state"
        return self.stand_in.run(sql, self.name)

    def everything(self) -> list[Any]:
        """All that a load may change."""
        found = self.stand_in.run(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s ORDER BY 1", self.name
        )
        return [self.rows("*", table) for (table,) in found if not table.endswith("__mutex")] + [
            self.ledger("run, stream, window_name, state, commit_sha, tables")
        ]


@pytest.fixture
def loads(zone: Zone, stand_in: StandIn) -> Iterator[Loads]:
    name = f"load{next(_numbers)}"
    stand_in.add_sources(name)
    yield Loads(name, zone, stand_in)
    stand_in.remove_sources(name)


def item(identifier: int, hours: float, title: str = "", **children: Any) -> Row:
    return {"id": identifier, "modified": at(hours).isoformat(), "title": title, **children}


def event_row(identifier: int, hours: float, **children: Any) -> Row:
    return {"id": identifier, "happened": at(hours).isoformat(), **children}


def texts(*notes: str) -> list[Row]:
    return [{"text": note} for note in notes]


COUNTS = "rows_read, rows_written, rows_inserted, rows_updated, rows_duplicate, rows_stale"
ONE, TWO, THREE = run_at(12, "one"), run_at(13, "two"), run_at(14, "three")


def test_new_rows_are_inserted_with_their_children_and_lineage(loads: Loads) -> None:
    landed = loads.land(ONE, (0, 6), [item(1, 1, "a", notes=texts("x", "y")), item(2, 2)], [item(3, 3, "c")])
    assert loads.load(ONE) == LoadAnswer(status="done", windows=1)
    assert loads.rows() == [(1, "a"), (2, None), (3, "c")]
    assert loads.notes() == [(1, 1, "x"), (1, 2, "y")]
    lineage = '"_partition", "_run", "_window", "_part", "_page", "_row", "_read_at", "_parsed_at"'
    window = str(landed.window.interval)
    assert loads.rows(f"id, {lineage}") == [
        (1, "-", ONE, window, "0123456789ab-00000", 1, 1, at(6), at(12)),
        (2, "-", ONE, window, "0123456789ab-00000", 1, 2, at(6), at(12)),
        (3, "-", ONE, window, "0123456789ab-00001", 2, 1, at(6) + timedelta(seconds=1), at(12)),
    ]
    assert loads.rows(lineage, "items__notes")[0] == (
        "-",
        ONE,
        window,
        "0123456789ab-00000",
        1,
        1,
        at(6),
        at(12),
    )
    assert loads.ledger(COUNTS) == [(3, 3, 3, 0, 0, 0)]
    assert loads.ledger("run, state, commit_sha, pages, as_of, window_start, window_end") == [
        (ONE, "loaded", landed.sha256, 2, at(6), at(0), at(6))
    ]


def test_a_newer_version_replaces_the_row_and_its_children(loads: Loads) -> None:
    loads.land(
        ONE, (0, 6), [item(1, 1, "old", notes=texts("x", "y", "z")), item(2, 1, "stays", notes=texts("k"))]
    )
    loads.load(ONE)
    loads.land(TWO, (6, 12), [item(1, 7, "new", notes=texts("w"))])
    loads.load(TWO)
    assert loads.rows() == [(1, "new"), (2, "stays")]
    assert loads.notes() == [(1, 1, "w"), (2, 1, "k")]
    assert loads.ledger(COUNTS) == [(2, 2, 2, 0, 0, 0), (1, 1, 0, 1, 0, 0)]


def test_a_newer_version_without_children_takes_the_old_ones_away(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, notes=texts("x"))])
    loads.load(ONE)
    loads.land(TWO, (6, 12), [item(1, 7)])
    loads.load(TWO)
    assert loads.notes() == []


def test_an_older_version_changes_nothing(loads: Loads) -> None:
    loads.land(ONE, (6, 12), [item(1, 7, "new", notes=texts("n"))])
    loads.land(TWO, (0, 6), [item(1, 1, "old", notes=texts("o", "p"))], read=20)
    loads.load(ONE)
    loads.load(TWO)
    assert loads.rows() == [(1, "new")]
    assert loads.notes() == [(1, 1, "n")]
    assert loads.ledger(COUNTS)[1] == (1, 1, 0, 0, 0, 1)
    (tables,) = loads.ledger("tables")[1]
    assert msgspec.json.decode(tables)["items__notes"] == {
        "written": 2, "duplicate": 0, "stale": 2, "inserted": 0, "updated": 0,
    }  # fmt: skip


def test_the_same_time_read_later_wins(loads: Loads) -> None:
    """The cursor is coarser than the changes: what was read later is what holds now."""
    loads.land(ONE, (0, 6), [item(1, 1, "first")], read=8)
    loads.land(TWO, (0, 6), [item(1, 1, "second")], read=9)
    loads.load(TWO)
    loads.load(ONE)
    assert loads.rows() == [(1, "second")]
    assert loads.ledger("rows_inserted, rows_stale") == [(0, 1), (1, 0)]


def test_the_very_same_version_again_is_stale(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "BATCH_WINDOWS", 1)
    for window in ((0, 6), (6, 12)):
        loads.land(ONE, window, [item(1, 6, "same")], read=20)
    loads.load(ONE)
    assert loads.rows('id, "_window"') == [(1, "20260101T000000000000Z_20260101T060000000000Z")]
    assert loads.ledger(COUNTS) == [(1, 1, 1, 0, 0, 0), (1, 1, 0, 0, 0, 1)]


def test_a_run_that_began_earlier_and_read_later_wins(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, "later")], read=20)
    loads.land(TWO, (0, 6), [item(1, 1, "earlier")], read=15)
    loads.load(ONE)
    loads.load(TWO)
    assert loads.rows() == [(1, "later")]


def test_the_same_reading_parsed_again_later_wins(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, "one")], read=8)
    loads.land(TWO, (0, 6), [item(1, 1, "two")], read=8)
    loads.load(TWO)
    loads.load(ONE)
    assert loads.rows() == [(1, "two")]


def test_of_one_page_the_later_row_wins(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, "first", notes=texts("f")), item(1, 1, "later", notes=texts("l"))])
    loads.load(ONE)
    assert loads.rows() == [(1, "later")]
    assert loads.notes() == [(1, 1, "l")]
    assert loads.ledger(COUNTS) == [(2, 2, 1, 0, 1, 0)]


def test_of_a_batch_the_newest_version_wins_whatever_its_window(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [item(1, 5, "newest"), item(2, 1, "a")], read=6)
    loads.land(ONE, (6, 12), [item(1, 4, "older"), item(2, 7, "b")], read=12)
    loads.load(ONE)
    assert loads.rows() == [(1, "newest"), (2, "b")]
    assert loads.ledger(COUNTS) == [(2, 2, 1, 0, 1, 0), (2, 2, 1, 0, 1, 0)]


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
    loader.load(Batch(loads.name, "items", [first]), 60)
    loader.load(Batch(loads.name, "items", [first, second]), 60)
    loader.load(Batch(loads.name, "items", [second, first]), 60)
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
    loads.zone.put(f"{landed.window.folder}commit.json", commits.encode(changed))
    with pytest.raises(WarehouseError, match="another commit") as caught:
        loads.load(ONE)
    assert str(landed.window) in str(caught.value)
    assert loads.everything() == before


def test_a_commit_of_another_window_is_refused(loads: Loads) -> None:
    landed = loads.land(ONE, (0, 6), [item(1, 1)])
    elsewhere = landed.window._replace(run=TWO)
    loads.zone.put(f"{elsewhere.folder}commit.json", commits.encode(landed.commit))
    with pytest.raises(LandingError, match="another window"):
        loads.load(TWO)


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
        writer.write(list(zip(*([changed] if changed else []), *rest, strict=True)))
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
    with pytest.raises(WarehouseError, match="rolled back") as caught:
        loads.load(TWO)
    message = str(caught.value)
    assert f"{loads.name}.items" in message
    assert f"s3://landing/{key} line 1, column id" in message
    assert "\n" not in message
    assert loads.everything() == before
    assert loads.stand_in.run("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'") == [(0,)]


def test_a_text_that_is_too_long_is_named_and_not_cut(loads: Loads) -> None:
    landed = loads.land(ONE, (0, 6), [item(1, 1, "a")])
    key = Tampering(loads).rewrite(landed, lambda row: [*row[:2], "x" * 11, *row[3:]])
    with pytest.raises(WarehouseError, match="String length exceeds DDL length") as caught:
        loads.load(ONE)
    assert f"{key} line 1, column title" in str(caught.value)
    assert loads.rows() == []


def test_a_part_that_lost_a_row_is_refused(loads: Loads) -> None:
    landed = loads.land(ONE, (0, 6), [item(1, 1, "a"), item(2, 2, "b")])
    Tampering(loads).rewrite(landed, lambda _: None)
    with pytest.raises(WarehouseError, match="COPY brought 1 rows in 1 parts, the commits promise 2 in 1"):
        loads.load(ONE)
    assert loads.rows() == []
    assert loads.ledger() == []


def test_a_part_of_another_window_is_refused(loads: Loads) -> None:
    """As many rows, but not those that the commit means."""
    landed = loads.land(ONE, (0, 6), [item(1, 1, "a")])
    Tampering(loads).rewrite(landed, lambda row: [*row[:6], "fedcba987654-00000", *row[7:]])
    with pytest.raises(WarehouseError, match="the commits promise"):
        loads.load(ONE)
    assert loads.rows() == []


def test_a_part_that_is_gone_is_refused(loads: Loads, s3: Any) -> None:
    landed = loads.land(ONE, (0, 6), [item(1, 1, "a")])
    s3.delete_object(Bucket="landing", Key=f"{landed.window.folder}{landed.commit.parts[0].name}")
    with pytest.raises(WarehouseError, match="specified key does not exist"):
        loads.load(ONE)
    assert loads.ledger() == []


def test_a_column_that_is_new_in_the_catalogue_is_added(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, "a"), item(4, 1, "d")])
    loads.load(ONE)
    loads.land(TWO, (6, 12), [item(2, 7, "b")])  # landed before the change, loaded after it
    loads.change(
        "title: { path: t, type: varchar(10) }",
        "size: { path: s, type: integer }\n      title: { path: t, type: varchar(10) }",
    )
    loads.land(TWO, (12, 18), [item(3, 13, "c") | {"size": 7}, item(1, 14, "a2") | {"size": 8}])
    assert loads.load(TWO).windows == 2
    assert loads.rows("id, title, size") == [(1, "a2", 8), (2, "b", None), (3, "c", 7), (4, "d", None)]


def test_a_text_is_widened_and_never_narrowed(loads: Loads) -> None:
    loads.load(ONE)
    loads.land(ONE, (0, 6), [item(1, 1, "a" * 10)])
    loads.load(ONE)
    loads.change("varchar(10)", "varchar(12)")
    loads.land(TWO, (6, 12), [item(2, 7, "b" * 12)])
    loads.load(TWO)
    loads.change("varchar(12)", "varchar(5)")
    loads.land(THREE, (12, 18), [item(3, 13, "c")])
    loads.load(THREE)
    assert loads.rows() == [(1, "a" * 10), (2, "b" * 12), (3, "c")]


def test_a_text_that_another_loader_has_just_widened_is_wide_enough(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads.loader().prepare_tables()
    found = tables._columns
    before = loads.stand_in.warehouse(LOADER).autocommit(lambda cursor: found(cursor, loads.loader()._table))
    loads.change("varchar(10)", "varchar(12)")
    loads.loader().prepare_tables()
    answers = iter([before])
    monkeypatch.setattr(tables, "_columns", lambda cursor, table: next(answers, None) or found(cursor, table))
    loads.loader().prepare_tables()


@pytest.mark.parametrize(
    ("declared", "found", "changed"),
    [
        ('"decimal(18,6)"', "DECIMAL(18,6)", '"decimal(20,8)"'),
        ("date", "DATE", "timestamp"),
        ("integer", "INTEGER", "bigint"),
        ("varchar(10)", r"VARCHAR\(10\)", "bigint"),
        ("double", "DOUBLE PRECISION", "varchar(10)"),
    ],
)
def test_a_type_that_was_changed_is_refused_before_it_cuts_values(
    loads: Loads, declared: str, found: str, changed: str
) -> None:
    title = "title: { path: t, type: varchar(10) }"
    loads.change(title, f"{title}\n      more: {{ path: p, type: {declared} }}")
    loads.loader().prepare_tables()
    loads.loader().prepare_tables()
    loads.change(f"path: p, type: {declared}", f"path: p, type: {changed}")
    with pytest.raises(
        WarehouseError, match=r"column more is .*restore the type, or give the column another name"
    ):
        loads.loader().prepare_tables()


@pytest.mark.parametrize("order", [1, -1])
def test_a_late_older_reading_of_a_cell_changes_nothing_in_whatever_order_the_ledger_answers(
    loads: Loads, monkeypatch: pytest.MonkeyPatch, order: int
) -> None:
    overlapping = ledger.overlapping
    monkeypatch.setattr(ledger, "overlapping", lambda *args: overlapping(*args)[::order])
    for run, as_of, rows in ((ONE, 7, [event_row(1, 1)]), (THREE, 9, [event_row(n, n) for n in (1, 2, 3)])):
        loads.land(run, (0, 6), rows, stream="events", as_of=as_of)
        loads.load(run, "events")
    loads.land(TWO, (0, 6), [event_row(1, 1), event_row(2, 2)], stream="events", as_of=8)
    loads.load(TWO, "events")
    assert loads.rows("id", "events") == [(1,), (2,), (3,)]
    assert loads.ledger() == [(ONE, "loaded"), (TWO, "superseded"), (THREE, "loaded")]


def test_a_load_ends_with_the_functions_time(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, "a")])
    apply = StreamLoader._apply

    def slow(self: Any, cursor: Any, *args: Any) -> None:
        apply(self, cursor, *args)
        for _ in range(100):
            cursor.execute("SELECT pg_sleep(0.2)")

    monkeypatch.setattr(StreamLoader, "_apply", slow)
    with pytest.raises(WarehouseError, match=r"time is up|statement timeout"):
        loads.load(ONE, time_left=lambda: loading.RESERVE_SECONDS + 2)
    assert loads.rows() == []
    assert loads.ledger() == []


def test_why_a_stream_was_not_loaded_is_noted_for_the_report(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, "a")])
    loads.stand_in.run(f'REVOKE ALL ON SCHEMA "{loads.name}" FROM xmlift_loader')
    with pytest.raises(WarehouseError) as caught:
        loads.load(ONE)
    note = msgspec.json.decode(loads.zone.get(names.load_failure(loads.name, "items", ONE)))
    assert note == {"error": "WarehouseError", "message": str(caught.value)}
    assert note["message"].startswith(f"{loads.name}.items of run {ONE}: ")


def test_types_arrive_as_they_are_declared(loads: Loads) -> None:
    loads.change(
        "title: { path: t, type: varchar(10) }",
        """title: { path: t, type: varchar(10) }
      price: { path: p, type: "decimal(18,6)" }
      ratio: { path: r, type: double }
      open: { path: o, type: boolean }
      day: { path: d, type: date }
      tags: { path: g, type: super, split: "|" }""",
    )
    row = item(1, 1, 'a,"b\n') | {
        "price": "18750.740001", "ratio": "0.1", "open": "true", "day": "2026-02-28", "tags": 'x|"ä"|',
    }  # fmt: skip
    loads.land(ONE, (0, 6), [row, item(2, 1)])
    loads.load(ONE)
    first, second = loads.rows("id, title, price::text, ratio, open, day::text, tags::text")
    assert first == (1, 'a,"b\n', "18750.740001", 0.1, True, "2026-02-28", '["x", "\\"ä\\""]')
    assert second == (2, None, None, None, None, None, None)


def test_a_schema_that_was_not_granted_says_what_to_do(zone: Zone, stand_in: StandIn) -> None:
    name = "notgranted"
    stand_in.run(f"CREATE SCHEMA {name}")
    loads = Loads(name, zone, stand_in)
    loads.land(ONE, (0, 6), [item(1, 1)])
    with pytest.raises(WarehouseError, match="terraform apply"):
        loads.load(ONE)


def test_without_a_migrated_source_the_schema_is_named(zone: Zone, stand_in: StandIn) -> None:
    loads = Loads("nowhere", zone, stand_in)
    loads.land(ONE, (0, 6), [item(1, 1)])
    with pytest.raises(WarehouseError, match=r"nowhere.*terraform apply"):
        loads.load(ONE)


def test_batches_are_bounded_by_number_and_size(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    landed = [loads.land(ONE, (n, n + 1), [item(n, n)]) for n in range(5)]
    assert [len(batch) for batch in batches(landed)] == [5]
    monkeypatch.setattr(loading, "BATCH_WINDOWS", 2)
    assert [len(batch) for batch in batches(landed)] == [2, 2, 1]
    monkeypatch.setattr(loading, "BATCH_BYTES", landed[0].commit.parts[0].bytes)
    assert [len(batch) for batch in batches(landed)] == [1] * 5
    assert list(itertools.chain(*batches(landed))) == landed


def test_without_time_the_rest_is_left_for_the_next_call(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "BATCH_WINDOWS", 1)
    for n in range(3):
        loads.land(ONE, (n, n + 1), [item(n, n)])
    # However little time there is, a call loads one batch, or it would answer `more` for ever.
    assert loads.load(ONE, time_left=lambda: 50) == LoadAnswer(status="more", windows=1)
    assert loads.load(ONE, time_left=lambda: 50) == LoadAnswer(status="more", windows=1)
    assert loads.load(ONE, time_left=lambda: 50) == LoadAnswer(status="done", windows=1)
    assert loads.rows("id") == [(0,), (1,), (2,)]


def at_once(
    loads: Loads, monkeypatch: pytest.MonkeyPatch, first: str, second: str, stream: str = "items"
) -> None:
    """Load two runs at the same time: the second begins when the first has staged and not committed."""
    staged, go_on = threading.Event(), threading.Event()
    stage = StreamLoader._stage
    arrivals = itertools.count()

    def waiting(self: Any, *args: Any) -> Any:
        counts = stage(self, *args)
        if next(arrivals) == 0:
            staged.set()
            assert go_on.wait(20)
        else:
            go_on.set()  # without a lock the second comes through, and the first must not wait for ever
        return counts

    monkeypatch.setattr(StreamLoader, "_stage", waiting)
    faults: list[BaseException] = []

    def work(run: str) -> None:
        try:
            loads.load(run, stream)
        except BaseException as fault:  # noqa: BLE001 (told in the test's own thread)
            faults.append(fault)

    loaders = [threading.Thread(target=work, args=(run,)) for run in (first, second)]
    loaders[0].start()
    assert staged.wait(20)
    loaders[1].start()
    while not go_on.is_set():
        if loads.stand_in.run("SELECT 1 FROM pg_locks WHERE NOT granted"):
            go_on.set()
    for loader in loaders:
        loader.join(30)
    assert faults == []


def test_two_loaders_at_the_same_time_load_once(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    loads.loader().prepare_tables()
    loads.land(ONE, (0, 6), [item(1, 1, "a", notes=texts("x")), item(2, 2, "b")])
    at_once(loads, monkeypatch, ONE, ONE)
    assert loads.rows() == [(1, "a"), (2, "b")]
    assert loads.notes() == [(1, 1, "x")]
    assert loads.ledger() == [(ONE, "loaded")]


def test_two_runs_at_the_same_time_leave_each_key_once(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    loads.loader().prepare_tables()
    loads.land(ONE, (0, 6), [item(1, 1, "old", notes=texts("o")), item(2, 2, "b")])
    loads.land(TWO, (0, 12), [item(1, 7, "new", notes=texts("n"))])
    at_once(loads, monkeypatch, TWO, ONE)
    assert loads.rows() == [(1, "new"), (2, "b")]
    assert loads.notes() == [(1, 1, "n")]
    assert loads.ledger("run, rows_inserted, rows_stale") == [(ONE, 1, 1), (TWO, 1, 0)]


def test_two_readings_of_a_cell_at_the_same_time_leave_one(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads.loader("events").prepare_tables()
    loads.land(ONE, (0, 6), [event_row(1, 1)], stream="events", as_of=7)
    loads.land(TWO, (0, 6), [event_row(1, 1), event_row(2, 2)], stream="events", as_of=8)
    at_once(loads, monkeypatch, ONE, TWO, "events")
    assert loads.rows('id, "_run"', "events") == [(1, TWO), (2, TWO)]


def test_two_first_loads_at_the_same_time_make_the_tables_once(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [item(1, 1)])
    loads.land(TWO, (6, 12), [item(2, 7)])
    faults: list[BaseException] = []

    def work(run: str) -> None:
        try:
            loads.load(run)
        except BaseException as fault:  # noqa: BLE001 (told in the test's own thread)
            faults.append(fault)

    loaders = [threading.Thread(target=work, args=(run,)) for run in (ONE, TWO, ONE, TWO)]
    for loader in loaders:
        loader.start()
    for loader in loaders:
        loader.join(30)
    assert faults == []
    assert loads.rows("id") == [(1,), (2,)]
    assert loads.ledger() == [(ONE, "loaded"), (TWO, "loaded")]


def test_readers_do_not_wait_for_a_load(loads: Loads, monkeypatch: pytest.MonkeyPatch) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, "a")])
    loads.load(ONE)
    loads.land(TWO, (6, 12), [item(1, 7, "b")])
    seen: list[Any] = []
    insert = loading.ledger.insert

    def read_and_insert(*args: Any) -> None:
        seen.append(loads.rows())  # from another session, with the target already changed in this one
        insert(*args)

    monkeypatch.setattr(loading.ledger, "insert", read_and_insert)
    loads.load(TWO)
    assert seen == [[(1, "a")]]
    assert loads.rows() == [(1, "b")]


def test_a_commit_whose_answer_is_lost_is_not_done_again(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, "a", notes=texts("x"))])
    in_transaction = connections._in_transaction
    lost = []

    def losing(connection: Any, work: Any, deadline: float) -> Any:
        answer = in_transaction(connection, work, deadline)
        if not lost and loads.ledger():
            lost.append(True)
            raise psycopg2.OperationalError("server closed the connection unexpectedly")
        return answer

    monkeypatch.setattr(connections, "_in_transaction", losing)
    assert loads.load(ONE).windows == 1
    assert lost
    assert loads.rows() == [(1, "a")]
    assert loads.notes() == [(1, 1, "x")]
    assert loads.ledger() == [(ONE, "loaded")]


def test_a_session_that_is_ended_in_its_middle_is_done_again(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, "a")])
    apply = StreamLoader._apply
    ended = []

    def ending(self: Any, cursor: Any, *args: Any) -> None:
        apply(self, cursor, *args)
        if not ended:
            ended.append(True)
            cursor.execute("SELECT pg_backend_pid()")
            loads.stand_in.run("SELECT pg_terminate_backend(%s)", cursor.fetchone()[0])

    monkeypatch.setattr(StreamLoader, "_apply", ending)
    loads.load(ONE)
    assert ended
    assert loads.rows() == [(1, "a")]
    assert loads.ledger() == [(ONE, "loaded")]


def test_a_load_that_takes_too_long_is_cancelled_and_leaves_nothing(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, "a")])
    monkeypatch.setattr(statements, "merge", lambda table: "SELECT pg_sleep(30)")
    with pytest.raises(WarehouseError, match=r"rolled back.*timeout"):
        loads.load(ONE, time_left=lambda: 30.3)
    assert loads.rows() == []
    assert loads.ledger() == []


# --- append: cells of a fixed grid ---


def test_append_keeps_every_record_of_every_cell(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [event_row(1, 1, notes=texts("x"))], stream="events")
    loads.land(ONE, (6, 12), [event_row(1, 7), event_row(2, 8)], stream="events")
    assert loads.load(ONE, "events").windows == 2
    assert loads.rows("id, happened", "events") == [(1, at(1)), (1, at(7)), (2, at(8))]
    assert loads.notes("events") == [(1, 1, "x")]
    assert loads.ledger(COUNTS) == [(1, 1, 1, 0, 0, 0), (2, 2, 2, 0, 0, 0)]


def test_what_lies_outside_its_cell_is_counted_and_left_to_the_other(loads: Loads) -> None:
    rows = [event_row(1, -0.1), event_row(2, 0), event_row(3, 5.9), event_row(4, 6)]
    loads.land(ONE, (0, 6), rows, stream="events")
    loads.load(ONE, "events")
    assert loads.rows("id", "events") == [(2,), (3,)]
    assert loads.ledger("rows_read, rows_written, rows_out_of_window") == [(4, 2, 2)]


def test_a_record_that_one_window_read_twice_is_kept_once(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [event_row(1, 1)], [event_row(1, 1), event_row(2, 2)], stream="events")
    loads.load(ONE, "events")
    assert loads.rows('id, "_page"', "events") == [(1, 2), (2, 2)]
    assert loads.ledger(COUNTS) == [(3, 3, 2, 0, 1, 0)]


def test_the_open_cell_read_again_replaces_its_own_rows(loads: Loads) -> None:
    loads.land(
        ONE, (6, 8), [event_row(1, 7, notes=texts("old")), event_row(2, 7.5)], stream="events", as_of=8
    )
    loads.land(ONE, (0, 6), [event_row(9, 5)], stream="events", as_of=8)
    loads.load(ONE, "events")
    loads.land(
        TWO, (6, 10), [event_row(1, 7, notes=texts("new")), event_row(3, 9)], stream="events", as_of=10
    )
    loads.load(TWO, "events")
    assert loads.rows('id, "_run"', "events") == [(1, TWO), (3, TWO), (9, ONE)]
    assert loads.notes("events") == [(1, 1, "new")]


def test_an_older_reading_of_a_cell_is_superseded(loads: Loads) -> None:
    loads.land(TWO, (6, 10), [event_row(1, 7), event_row(3, 9)], stream="events", as_of=10)
    loads.load(TWO, "events")
    loads.land(ONE, (6, 8), [event_row(1, 7), event_row(2, 7.5)], stream="events", as_of=8)
    loads.load(ONE, "events")
    assert loads.rows("id", "events") == [(1,), (3,)]
    assert loads.ledger() == [(ONE, "superseded"), (TWO, "loaded")]
    assert loads.load(ONE, "events").windows == 0


def test_an_empty_newer_reading_empties_the_cell(loads: Loads) -> None:
    loads.land(ONE, (6, 8), [event_row(1, 7, notes=texts("x"))], stream="events", as_of=8)
    loads.load(ONE, "events")
    loads.land(TWO, (6, 10), stream="events", as_of=10)
    loads.load(TWO, "events")
    assert loads.rows("id", "events") == []
    assert loads.notes("events") == []


def test_age_is_told_by_the_servers_clock_and_not_by_ours(loads: Loads) -> None:
    loads.land(TWO, (6, 10), [event_row(2, 9)], stream="events", as_of=9)
    loads.land(ONE, (6, 10), [event_row(1, 9)], stream="events", as_of=10)
    for run in (ONE, TWO):
        loads.load(run, "events")
    assert loads.rows("id", "events") == [(1,)]


def test_two_readings_of_a_cell_in_one_batch_leave_the_newer(loads: Loads) -> None:
    landed = [
        loads.land(ONE, (6, 8), [event_row(1, 7)], stream="events", as_of=8),
        loads.land(TWO, (6, 10), [event_row(1, 7), event_row(2, 9)], stream="events", as_of=10),
    ]
    loader = loads.loader("events")
    loader.prepare_tables()
    loader.load(Batch(loads.name, "events", landed), 60)
    assert loads.rows('id, "_run"', "events") == [(1, TWO), (2, TWO)]
    assert loads.ledger() == [(ONE, "superseded"), (TWO, "loaded")]


def test_a_cell_of_another_grid_is_refused(loads: Loads) -> None:
    """A start or slice that was moved makes cells which overlap what is loaded: neither double nor gone."""
    loads.land(ONE, (3, 6), [event_row(1, 4)], stream="events", as_of=20)
    loads.load(ONE, "events")
    before = loads.everything()
    loads.land(TWO, (0, 6), [event_row(1, 4), event_row(2, 1)], stream="events", as_of=21)
    with pytest.raises(WarehouseError, match="overlaps"):
        loads.load(TWO, "events")
    assert loads.everything() == before
