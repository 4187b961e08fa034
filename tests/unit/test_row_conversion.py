"""Rows of a batch: what they say, what is left out and counted, and that any process could have made them."""

import csv
import io
import pickle
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmlift.catalogue import load_source
from xmlift.extraction.converted import ConvertedRows, Place
from xmlift.extraction.row_conversion import RowConverter
from xmlift.extraction.written_rows import RowWriter
from xmlift.landing.commits import REJECTS, TableCounts
from xmlift.landing.names import WindowName
from xmlift.layout import stream_layout
from xmlift.records import Batch, NestedRows
from xmlift.tables.times import parse_time
from xmlift.windows import Interval

CATALOGUE = """
source: tracker
base_url: https://host
streams:
  events:
    request: { path: /events, query: { q: "{window.from}/{window.to}" } }
    records: /r/e
    cursor: { type: watermark, field: happened, slice: 6h, start: "2026-01-01T00:00:00Z" }
    key: [id]
    disposition: append
    columns:
      id: { path: id, type: bigint }
      happened: { path: h, type: timestamptz }
      title: { path: t, type: varchar(4) }
    children:
      notes:
        records: note
        columns: { text: { path: ".", type: varchar(4) } }
"""
DAY = datetime(2026, 1, 1, tzinfo=UTC)
NOON, MIDNIGHT = DAY + timedelta(hours=12), DAY + timedelta(days=1)
WINDOW = Interval(NOON, MIDNIGHT)


def converter(disposition: str = "append") -> RowConverter:
    text = CATALOGUE.replace("disposition: append", f"disposition: {disposition}")
    stream = load_source(text.encode(), "tracker.yaml").streams["events"]
    return RowConverter(stream_layout("events", stream), stream, WINDOW)


def converted(batch: Batch, disposition: str = "append") -> ConvertedRows:
    return converter(disposition).convert(batch)


def written(result: ConvertedRows, first_row: int = 11) -> dict[str, list[list[str]]]:
    """What is written of each table, for part 7, of records of page 2."""
    name = WindowName("tracker", "events", "run", "_", WINDOW)
    tables = {}
    for rows in RowWriter(name, "attempt", DAY).written(result, Place(2, MIDNIGHT), first_row, 7):
        read = list(csv.reader(io.StringIO(rows.csv.decode(), newline=""), strict=True))
        assert len(read) == rows.rows
        tables[rows.table] = read
    return tables


INSIDE = "2026-01-01T13:00:00+01:00"
FOUR = Batch(
    [["1", "x", "3", "4"], [INSIDE, INSIDE, "2026-01-01T11:59:59.999999Z", INSIDE], ['a"b', "", "", "d"]],
    (NestedRows.counted([2, 1, 1, 1], [["one", "two", "three", "four", "five!"]]),),
)


def test_rows_say_where_they_were_read() -> None:
    lineage_begins = ["_", "run", "20260101T120000000000Z_20260102T000000000000Z", "attempt-00007", "2"]
    lineage_ends = ["2026-01-02 00:00:00.000000+00:00", "2026-01-01 00:00:00.000000+00:00"]
    tables = written(converted(FOUR), first_row=11)
    assert tables["events"] == [
        ["1", "2026-01-01 12:00:00.000000+00", 'a"b', *lineage_begins, "11", *lineage_ends],
        ["4", "2026-01-01 12:00:00.000000+00", "d", *lineage_begins, "14", *lineage_ends],
    ]
    assert tables["events__notes"] == [
        ["1", "1", "one", *lineage_begins, "11", *lineage_ends],
        ["1", "2", "two", *lineage_begins, "11", *lineage_ends],
    ]


def test_what_is_left_out_is_counted_and_each_reject_has_its_reason() -> None:
    result = converted(FOUR)
    assert result.tables["events"].counts == TableCounts(read=4, written=2, rejected=1, out_of_window=1)
    assert result.tables["events__notes"].counts == TableCounts(
        read=5, written=2, rejected=2, out_of_window=1
    )
    rejects = written(result)[REJECTS]
    assert [reject[:6] for reject in rejects] == [
        ["2", "12", "events", "id", "x", "not a whole number for bigint"],
        ["2", "14", "events__notes", "text", "five!", "5 bytes do not fit varchar(4)"],
    ]
    assert rejects[1][6] == '{"_parent_id": "4", "_position": "1"}'
    assert [refused.reason for refused in result.rejects] == [
        "events.id: not a whole number for bigint",
        "events__notes.text: 5 bytes do not fit varchar(4)",
    ]
    assert result.tables["events"].seen == {"id", "happened", "title"}


def test_a_batch_of_nothing() -> None:
    nothing = converted(Batch([[], [], []], (NestedRows.counted([], [[]]),)))
    assert nothing == ConvertedRows({}, [], {})
    assert written(nothing) == {}


def test_without_a_row_left_there_is_no_csv() -> None:
    result = converted(Batch([["x"], [INSIDE], [""]], (NestedRows.counted([1], [["a"]]),)))
    assert {name: rows for name, rows in written(result).items() if name != REJECTS} == {
        "events": [],
        "events__notes": [],
    }
    assert result.tables["events__notes"].counts == TableCounts(read=1, rejected=1)


def test_a_converter_and_what_it_makes_can_be_sent_to_another_process() -> None:
    sent = pickle.loads(pickle.dumps(converter()))
    assert pickle.loads(pickle.dumps(sent.convert(FOUR))) == converted(FOUR)


instants = st.sampled_from([NOON, MIDNIGHT]).flatmap(
    lambda edge: st.sampled_from([-1, 0, 1]).map(lambda step: edge + timedelta(microseconds=step))
) | st.datetimes(timezones=st.just(UTC))


@given(st.lists(st.tuples(instants, st.booleans()), min_size=1, max_size=6))
def test_append_keeps_what_lies_in_the_window(events: list[tuple[datetime, bool]]) -> None:
    columns: list[Sequence[str]] = [
        ["1" if fits else "x" for _, fits in events],
        [instant.isoformat() for instant, _ in events],
        [""] * len(events),
    ]
    batch = Batch(columns, (NestedRows.counted([0] * len(events), [[]]),))
    kept = [instant for instant, fits in events if fits and NOON <= instant < MIDNIGHT]
    result = converted(batch)
    assert [parse_time(row[1]) for row in written(result)["events"]] == kept
    assert result.tables["events"].counts.adds_up
    everything = [instant for instant, fits in events if fits]
    assert [parse_time(row[1]) for row in written(converted(batch, "merge"))["events"]] == everything


values = st.tuples(st.sampled_from(["1", "2", "x", " 3", ""]), st.sampled_from(["a", "", 'b,"', "tool ong"]))


@given(st.lists(st.tuples(values, st.lists(st.sampled_from(["n", "too long", ""]), max_size=2)), max_size=5))
@pytest.mark.parametrize("disposition", ["append", "merge"])
def test_a_batch_is_what_its_records_are(
    disposition: str, records: list[tuple[tuple[str, str], list[str]]]
) -> None:
    def batch(some: list[tuple[tuple[str, str], list[str]]]) -> Batch:
        columns: list[Sequence[str]] = [
            [number for (number, _), _ in some],
            [INSIDE] * len(some),
            [title for (_, title), _ in some],
        ]
        notes = [note for _, all_notes in some for note in all_notes]
        return Batch(columns, (NestedRows.counted([len(n) for _, n in some], [notes]),))

    whole = converted(batch(records), disposition)
    single = [converted(batch([record]), disposition) for record in records]
    for table in ("events", "events__notes"):
        parts = [one.tables[table] for one in single if table in one.tables]
        assert bool(parts) == (table in whole.tables)
        if parts:
            together = whole.tables[table]
            assert together.lines == [line for part in parts for line in part.lines]
            assert together.seen == frozenset().union(*(part.seen for part in parts))
            assert together.counts == sum((part.counts for part in parts), TableCounts())
    by_record: dict[str, list[list[str]]] = {}
    for row, one in enumerate(single, start=1):
        for table, rows in written(one, row).items():
            by_record.setdefault(table, []).extend(rows)
    at_once = written(whole, 1)
    # All of a batch's own rejects come before its children's.
    for tables in (at_once, by_record):
        tables.get(REJECTS, []).sort()
    assert at_once == by_record
