"""The rows of a window on their way to parts: when a part is put, what it is called, and what is counted."""

import csv
import gzip
import hashlib
import io
from datetime import UTC, datetime, timedelta

import pytest

from xmlift.catalogue import load_source
from xmlift.errors import RowError
from xmlift.extraction import window_parts
from xmlift.extraction.converted import Place
from xmlift.extraction.rooms import record_mapping
from xmlift.extraction.window_lifting import WindowLifting, WindowToLift
from xmlift.extraction.window_parts import LiftedRows
from xmlift.extraction.window_rows import WindowRows
from xmlift.landing.chain import Chain
from xmlift.landing.commits import REJECTS, Entry, Progress, TableCounts
from xmlift.landing.names import WindowName
from xmlift.landing.zone import Zone
from xmlift.records import Batch, NestedRows
from xmlift.windows import Interval

CATALOGUE = b"""
source: tracker
base_url: https://host
streams:
  items:
    request: { path: /items }
    records: /r/i
    key: [id]
    max_rejects: 1
    columns:
      id: { path: id, type: bigint }
      title: { path: t, type: varchar(128) }
    children:
      notes:
        records: note
        columns: { text: { path: ".", type: varchar(20) } }
"""
DAY = datetime(2026, 1, 1, tzinfo=UTC)
WINDOW = WindowName(
    "tracker", "items", "20260101T000000000000Z-x", "_", Interval(DAY, DAY + timedelta(days=1))
)


_PART, _ROW = -5, -3
"""Where rows say in which part they are, and which record of the page they are."""


class Collecting:
    """Window rows over a landing zone, and what is read of their parts."""

    def __init__(self, zone: Zone) -> None:
        source = load_source(CATALOGUE, "tracker.yaml")
        stream = source.streams["items"]
        window = WindowToLift(record_mapping(source, stream), stream, WINDOW, "0123456789ab", DAY)
        self.lifting = WindowLifting(window, 1)
        self.progress = Progress()
        self.zone = zone
        self.rows = WindowRows(self.lifting, Chain(zone, WINDOW), self.progress)

    def add(self, first_id: int, count: int, notes: int = 0) -> None:
        self.add_batch(batch(first_id, count, notes))

    def add_batch(self, records: Batch) -> None:
        self.rows.add(1, self.lift(records))

    def lift(self, records: Batch) -> LiftedRows:
        return self.lifting.page(Place(1, DAY), 0).lift(records)

    def read(self, entry: Entry) -> list[list[str]]:
        text = gzip.decompress(self.zone.get(f"{WINDOW.folder}{entry.name}")).decode()
        return list(csv.reader(io.StringIO(text, newline="")))

    def ids(self, entries: list[Entry]) -> list[tuple[str, int, list[str]]]:
        return [(entry.table, entry.sequence, [row[0] for row in self.read(entry)]) for entry in entries]


def batch(first_id: int, count: int, notes: int = 0) -> Batch:
    ids = [str(number) for number in range(first_id, first_id + count)]
    titles = [hashlib.sha256(number.encode()).hexdigest() for number in ids]
    nested = NestedRows.counted([notes] * count, [["note"] * (notes * count)])
    return Batch([ids, titles], (nested,))


@pytest.fixture
def collecting(zone: Zone) -> Collecting:
    return Collecting(zone)


def test_a_flush_puts_a_part_per_table_and_the_next_one_begins(collecting: Collecting) -> None:
    collecting.add(1, 2, notes=1)
    collecting.add(3, 1)
    assert collecting.ids(collecting.rows.flush()) == [
        ("items", 0, ["1", "2", "3"]),
        ("items__notes", 0, ["1", "2"]),
    ]
    collecting.add(4, 1)
    assert collecting.ids(collecting.rows.flush()) == [("items", 1, ["4"])]
    assert collecting.rows.flush() == []
    assert collecting.progress.tables == {
        "items": TableCounts(read=4, written=4),
        "items__notes": TableCounts(read=2, written=2),
    }
    assert collecting.progress.seen_columns == {"items": ["id", "title"], "items__notes": ["text"]}


def test_a_large_part_is_put_before_the_page_has_ended(
    collecting: Collecting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window_parts, "PART_BYTES", 100_000)
    batches = 12
    for number in range(batches):
        collecting.add(number * 2000, 2000, notes=1)
    put = list(collecting.zone.keys(WINDOW.folder))
    assert len(put) > 4, "not all of it is in memory"
    written = collecting.rows.bytes_written
    entries = collecting.rows.flush()
    assert sum(entry.bytes for entry in entries) == pytest.approx(written, rel=0.2), "what was put counts too"
    own = [entry for entry in entries if entry.table == "items"]
    assert [entry.sequence for entry in own] == list(range(len(own)))
    ids = [row[0] for entry in own for row in collecting.read(entry)]
    assert ids == [str(number) for number in range(batches * 2000)]
    for entry in entries:
        assert entry.rows == len(collecting.read(entry))
        assert entry.bytes < 400_000
        assert {row[_PART] for row in collecting.read(entry)} == {f"0123456789ab-{entry.sequence:05d}"}


def test_rows_on_their_way_when_a_part_is_full_go_into_the_next_one_and_say_so(
    collecting: Collecting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window_parts, "PART_BYTES", 100_000)
    on_their_way = [collecting.lift(batch(number, 1)) for number in (1, 2, 3)]
    large = collecting.lift(batch(10, 10_000))
    for first_row, lifted in ((5, large), *enumerate(on_their_way, start=10_005)):
        collecting.rows.add(first_row, lifted)
    first, second = entries = collecting.rows.flush()
    assert [entry.rows for entry in entries] == [10_000, 3]
    assert {row[_PART] for row in collecting.read(first)} == {"0123456789ab-00000"}
    assert {row[_PART] for row in collecting.read(second)} == {"0123456789ab-00001"}
    assert [row[_ROW] for row in collecting.read(first)][::9999] == ["5", "10004"]
    assert [(row[0], row[_ROW]) for row in collecting.read(second)] == [
        ("1", "10005"),
        ("2", "10006"),
        ("3", "10007"),
    ]


def test_rows_that_nobody_takes_are_in_no_part(collecting: Collecting) -> None:
    collecting.lift(batch(1, 1))
    collecting.add(2, 1)
    assert collecting.ids(collecting.rows.flush()) == [("items", 0, ["2"])]
    assert collecting.progress.tables["items"] == TableCounts(read=1, written=1)


def test_rejects_are_a_part_of_their_own_up_to_the_limit(collecting: Collecting) -> None:
    def refused(value: str) -> Batch:
        return Batch([[value], ["a"]], (NestedRows.counted([0], [[]]),))

    collecting.add_batch(refused("x,"))
    with pytest.raises(
        RowError, match=r"^all 1 records were rejected: 1 × items.id: not a whole number"
    ) as told:
        collecting.rows.check()
    assert str(told.value).endswith(
        "not a whole number for bigint ('x,'). Mend the columns' paths or types (`type`, `format`, `nulls`)"
    )
    (entry,) = collecting.rows.flush()
    assert (entry.table, entry.rows) == (REJECTS, 1)
    assert collecting.read(entry)[0][:6] == ["1", "1", "items", "id", "x,", "not a whole number for bigint"]
    with pytest.raises(RowError, match=r"^2 rows were rejected, more than max_rejects 1: 2 × items.id"):
        collecting.add_batch(refused("y"))
    assert collecting.progress.reject_reasons == {"items.id: not a whole number for bigint": 2}
