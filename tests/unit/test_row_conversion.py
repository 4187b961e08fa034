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
from xmlift.extraction.converted import ConvertedRows
from xmlift.extraction.row_conversion import RowConverter
from xmlift.landing.commits import TableCounts
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


def converter(disposition: str = "append") -> RowConverter:
    text = CATALOGUE.replace("disposition: append", f"disposition: {disposition}")
    stream = load_source(text.encode(), "tracker.yaml").streams["events"]
    window = WindowName("tracker", "events", "run", "_", Interval(NOON, MIDNIGHT))
    return RowConverter(stream_layout("events", stream), stream, window, "attempt", DAY)


def converted(batch: Batch, disposition: str = "append") -> ConvertedRows:
    return converter(disposition).convert(batch, 2, MIDNIGHT, 7)


def rows(result: ConvertedRows, table: str) -> list[list[str]]:
    read = list(csv.reader(io.StringIO(result.tables[table].csv.decode(), newline=""), strict=True))
    assert len(read) == result.tables[table].rows
    return read


INSIDE = "2026-01-01T13:00:00+01:00"
FOUR = Batch(
    11,
    [["1", "x", "3", "4"], [INSIDE, INSIDE, "2026-01-01T11:59:59.999999Z", INSIDE], ['a"b', "", "", "d"]],
    (NestedRows.counted([2, 1, 1, 1], [["one", "two", "three", "four", "five!"]]),),
)


def test_rows_say_where_they_were_read() -> None:
    lineage_begins = ["_", "run", "20260101T120000000000Z_20260102T000000000000Z", "attempt-00007", "2"]
    lineage_ends = ["2026-01-02 00:00:00.000000+00:00", "2026-01-01 00:00:00.000000+00:00"]
    result = converted(FOUR)
    assert result.sequence == 7
    assert rows(result, "events") == [
        ["1", "2026-01-01 12:00:00.000000+00", 'a"b', *lineage_begins, "11", *lineage_ends],
        ["4", "2026-01-01 12:00:00.000000+00", "d", *lineage_begins, "14", *lineage_ends],
    ]
    assert rows(result, "events__notes") == [
        ["1", "1", "one", *lineage_begins, "11", *lineage_ends],
        ["1", "2", "two", *lineage_begins, "11", *lineage_ends],
    ]


def test_what_is_left_out_is_counted_and_each_reject_has_its_reason() -> None:
    result = converted(FOUR)
    assert result.tables["events"].counts == TableCounts(read=4, written=2, rejected=1, out_of_window=1)
    assert result.tables["events__notes"].counts == TableCounts(
        read=5, written=2, rejected=2, out_of_window=1
    )
    assert [reject[:6] for reject in result.rejects] == [
        ("2", "12", "events", "id", "x", "not a whole number for bigint"),
        ("2", "14", "events__notes", "text", "five!", "5 bytes do not fit varchar(4)"),
    ]
    assert result.rejects[1][6] == '{"_parent_id": "4", "_position": "1"}'
    assert result.reasons == [
        "events.id: not a whole number for bigint",
        "events__notes.text: 5 bytes do not fit varchar(4)",
    ]
    assert result.tables["events"].seen == {"id", "happened", "title"}


def test_a_batch_of_nothing() -> None:
    assert converted(Batch(1, [[], [], []], (NestedRows.counted([], [[]]),))) == ConvertedRows(
        7, {}, [], [], {}
    )


def test_without_a_row_left_there_is_no_csv() -> None:
    result = converted(Batch(1, [["x"], [INSIDE], [""]], (NestedRows.counted([1], [["a"]]),)))
    assert [(table.csv, table.rows) for table in result.tables.values()] == [(b"", 0), (b"", 0)]
    assert result.tables["events__notes"].counts == TableCounts(read=1, rejected=1)


def test_a_converter_and_what_it_makes_can_be_sent_to_another_process() -> None:
    sent = pickle.loads(pickle.dumps(converter()))
    assert pickle.loads(pickle.dumps(sent.convert(FOUR, 2, MIDNIGHT, 7))) == converted(FOUR)


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
    batch = Batch(1, columns, (NestedRows.counted([0] * len(events), [[]]),))
    kept = [instant for instant, fits in events if fits and NOON <= instant < MIDNIGHT]
    result = converted(batch)
    assert [parse_time(row[1]) for row in rows(result, "events")] == kept
    assert result.tables["events"].counts.adds_up
    everything = [instant for instant, fits in events if fits]
    assert [parse_time(row[1]) for row in rows(converted(batch, "merge"), "events")] == everything


values = st.tuples(st.sampled_from(["1", "2", "x", " 3", ""]), st.sampled_from(["a", "", 'b,"', "tool ong"]))


@given(st.lists(st.tuples(values, st.lists(st.sampled_from(["n", "too long", ""]), max_size=2)), max_size=5))
@pytest.mark.parametrize("disposition", ["append", "merge"])
def test_a_batch_is_what_its_records_are(
    disposition: str, records: list[tuple[tuple[str, str], list[str]]]
) -> None:
    def batch(first_row: int, some: list[tuple[tuple[str, str], list[str]]]) -> Batch:
        columns: list[Sequence[str]] = [
            [number for (number, _), _ in some],
            [INSIDE] * len(some),
            [title for (_, title), _ in some],
        ]
        notes = [note for _, all_notes in some for note in all_notes]
        return Batch(first_row, columns, (NestedRows.counted([len(n) for _, n in some], [notes]),))

    whole = converted(batch(1, records), disposition)
    single = [converted(batch(row, [record]), disposition) for row, record in enumerate(records, start=1)]
    for table in ("events", "events__notes"):
        parts = [one.tables[table] for one in single if table in one.tables]
        assert bool(parts) == (table in whole.tables)
        if parts:
            together = whole.tables[table]
            assert together.csv == b"".join(part.csv for part in parts)
            assert together.rows == sum(part.rows for part in parts)
            assert together.seen == frozenset().union(*(part.seen for part in parts))
            assert together.counts == sum((part.counts for part in parts), TableCounts())
    # All of a batch's own rejects come before its children's.
    assert sorted(whole.rejects) == sorted(reject for one in single for reject in one.rejects)
    assert sorted(whole.reasons) == sorted(reason for one in single for reason in one.reasons)
