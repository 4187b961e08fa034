"""One source's loads: windows put into the landing zone, loaded, and what became of them looked at."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import msgspec

from xmlift.catalogue import Source, load_source
from xmlift.checks import LoadedCounts
from xmlift.landing.chain import Landed
from xmlift.landing.zone import Zone
from xmlift.loading.load import LoadAnswer, LoadEvent, load
from xmlift.loading.stream_load import Batch, StreamLoader

from .kept import check_kept
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
        children: {{ words: {{ records: w, columns: {{ word: {{ path: ., type: varchar(20) }} }} }} }}
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
        children: {{ words: {{ records: w, columns: {{ word: {{ path: ., type: varchar(20) }} }} }} }}
  orders:
    request: {{ path: /orders, query: {{ q: "{{window.from}}/{{window.to}}" }} }}
    records: /r/o
    cursor: {{ type: watermark, field: modified, start: "2026-01-01T00:00:00Z" }}
    key: [id]
    deletes: {{ type: tombstone, path: gone }}
    columns:
      id: {{ path: id, type: bigint }}
      modified: {{ path: m, type: timestamptz }}
      title: {{ path: t, type: varchar(10), required: true }}
    children:
      notes:
        records: note
        columns: {{ text: {{ path: ".", type: varchar(20) }} }}
  lists:
    request: {{ path: /lists }}
    records: /r/l
    key: [id]
    disposition: replace
    columns:
      id: {{ path: id, type: bigint }}
      title: {{ path: t, type: varchar(10) }}
    children:
      notes:
        records: note
        columns: {{ text: {{ path: ".", type: varchar(20) }} }}
        children: {{ words: {{ records: w, columns: {{ word: {{ path: ., type: varchar(20) }} }} }} }}
  archive:
    request: {{ path: /archive, query: {{ q: "{{window.from}}/{{window.to}}" }} }}
    records: /r/o
    cursor: {{ type: watermark, field: modified, start: "2026-01-01T00:00:00Z" }}
    key: [id]
    deletes: {{ type: flag, path: gone, equals: "yes" }}
    columns:
      id: {{ path: id, type: bigint }}
      modified: {{ path: m, type: timestamptz }}
      title: {{ path: t, type: varchar(10), required: true }}
    children:
      notes:
        records: note
        columns: {{ text: {{ path: ".", type: varchar(20) }} }}
  stock:
    request: {{ path: /stock }}
    records: /r/l
    cursor: {{ type: full }}
    key: [id]
    columns:
      id: {{ path: id, type: bigint }}
      title: {{ path: t, type: varchar(10) }}
    children:
      notes:
        records: note
        columns: {{ text: {{ path: ".", type: varchar(20) }} }}
  parts:
    request: {{ path: /parts }}
    records: /r/l
    cursor: {{ type: full }}
    key: [id]
    deletes: {{ type: periodic_full }}
    columns:
      id: {{ path: id, type: bigint }}
      title: {{ path: t, type: varchar(10) }}
    children:
      notes:
        records: note
        columns: {{ text: {{ path: ".", type: varchar(20) }} }}
  tickets:
    request: {{ path: /tickets, query: {{ q: "{{window.from}}/{{window.to}}" }} }}
    records: /r/i
    cursor: {{ type: watermark, field: modified, slice: 6h, start: "2026-01-01T00:00:00Z" }}
    key: [id]
    deletes: {{ type: periodic_full, every: 7d }}
    columns:
      id: {{ path: id, type: bigint }}
      modified: {{ path: m, type: timestamptz }}
      title: {{ path: t, type: varchar(10) }}
    children:
      notes:
        records: note
        columns: {{ text: {{ path: ".", type: varchar(20) }} }}
  changes:
    request: {{ path: /changes }}
    page: {{ type: next_url, xpath: /r/@next }}
    records: /r/l
    cursor: {{ type: delta_link, xpath: /r/@delta }}
    key: [id]
    columns:
      id: {{ path: id, type: bigint }}
      title: {{ path: t, type: varchar(10) }}
  lines:
    request: {{ path: /lines }}
    records: /r/l
    disposition: replace
    columns:
      id: {{ path: id, type: bigint }}
  states:
    request: {{ path: /states, query: {{ q: "{{window.from}}/{{window.to}}" }} }}
    records: /r/s
    cursor: {{ type: watermark, field: modified, overlap: 30m, start: "2026-01-01T00:00:00Z" }}
    key: [id]
    disposition: scd2
    deletes: {{ type: tombstone, path: gone }}
    columns:
      id: {{ path: id, type: bigint }}
      modified: {{ path: m, type: timestamptz }}
      title: {{ path: t, type: varchar(10) }}
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
        warehouse = self.stand_in.warehouse(LOADER)
        return StreamLoader(self.name, stream, model, self.zone, warehouse, COPY_ROLE)

    def load_batch(self, *landed: Landed, loaded_by: str = "") -> int:
        """Load windows of one stream in one transaction, and answer how many were left."""
        stream = landed[0].window.stream
        loader = self.loader(stream)
        loader.prepare_tables()
        return loader.load(Batch(self.name, stream, landed, loaded_by or landed[0].window.run), 60)

    def rows(self, columns: str = "id, title", table: str = "items") -> list[tuple[Any, ...]]:
        return sorted(self.stand_in.run(f'SELECT {columns} FROM "{self.name}"."{table}"'))

    def notes(self, stream: str = "items") -> list[tuple[Any, ...]]:
        return self.rows('"_parent_id", "_position", text', f"{stream}__notes")

    def words(self, stream: str = "items") -> list[tuple[Any, ...]]:
        """What is in the notes."""
        return self.rows('"_parent_id", "_parent_position", "_position", word', f"{stream}__notes__words")

    def ledger(self, columns: str = "run, state") -> list[tuple[Any, ...]]:
        sql = f"SELECT {columns} FROM xmlift.ledger WHERE source = %s ORDER BY run, window_start, state"
        return self.stand_in.run(sql, self.name)

    def counts(self, table: str) -> list[dict[str, int]]:
        """What became of a table's rows, by run and window; zeros are left out."""
        found = self.stand_in.run(
            "SELECT tables FROM xmlift.ledger WHERE source = %s AND stream = %s ORDER BY run, window_start",
            self.name,
            table.partition("__")[0],
        )
        return [
            {name: count for name, count in msgspec.json.decode(tables).get(table, {}).items() if count}
            for (tables,) in found
        ]

    def tables(self) -> list[str]:
        found = self.stand_in.run(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s ORDER BY 1", self.name
        )
        return [table for (table,) in found if not table.endswith("__mutex")]

    def columns(self, table: str, nullable: str = "%") -> set[str]:
        found = self.stand_in.run(
            "SELECT column_name FROM information_schema.columns "
            "WHERE table_schema = %s AND table_name = %s AND is_nullable LIKE %s",
            self.name,
            table,
            nullable,
        )
        return {name for (name,) in found}

    def check_sums(self) -> None:
        """What all windows inserted less what they removed is what the tables hold of them.

        Rows of a forgotten ledger belong to no window until theirs is loaded again.
        """
        for table in self.tables():
            counts = [LoadedCounts(**window) for window in self.counts(table)]
            assert all(window.adds_up for window in counts), (table, counts)
            ((held,),) = self.stand_in.run(
                f'SELECT count(*) FROM "{self.name}"."{table}" WHERE ("_run", "_partition", "_window") IN '
                "(SELECT run, partition_id, window_name FROM xmlift.ledger "
                "WHERE source = %s AND stream = %s AND state = 'loaded')",
                self.name,
                table.partition("__")[0],
            )
            assert sum(window.inserted - window.removed for window in counts) == held, (table, counts, held)

    def forget(self) -> None:
        """Lose the ledger, as before a rebuild."""
        self.stand_in.forget(self.name)

    def everything(self) -> list[Any]:
        """All that a load may change."""
        return [self.rows("*", table) for table in self.tables()] + [
            self.ledger("run, stream, window_name, state, commit_sha, tables")
        ]


@contextmanager
def fresh_loads(zone: Zone, stand_in: StandIn) -> Iterator[Loads]:
    """A source that no other test has; at the end its rows and its coverage are held against the ledger."""
    name = f"load{next(_numbers)}"
    stand_in.add_sources(name)
    loads = Loads(name, zone, stand_in)
    yield loads
    loads.check_sums()
    check_kept(stand_in, name)
    stand_in.remove_sources(name)


def item(identifier: int, hours: float, title: str = "", **children: Any) -> Row:
    return {"id": identifier, "modified": at(hours).isoformat(), "title": title, **children}


def event_row(identifier: int, hours: float, **children: Any) -> Row:
    return {"id": identifier, "happened": at(hours).isoformat(), **children}


def texts(*notes: str) -> list[Row]:
    return [{"text": note} for note in notes]


COUNTS = "rows_read, rows_written, rows_inserted, rows_updated, rows_duplicate, rows_stale"
ONE, TWO, THREE = run_at(12, "one"), run_at(13, "two"), run_at(14, "three")
