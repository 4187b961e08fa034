"""The equations: what adds up is silent, what does not is told in a sentence with its window and numbers."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmlift.checks import LoadedCounts, LoadedWindow, unseen_columns, window_faults
from xmlift.landing.chain import Landed
from xmlift.landing.commits import Commit, Entry, Progress, Scope, TableCounts
from xmlift.landing.names import WHOLE, WindowName
from xmlift.windows import EPOCH, Interval

RUN = "20261122T161500123456Z-nightly"
INTERVAL = Interval(EPOCH, EPOCH + timedelta(hours=1))
WINDOW = WindowName("ewm", "items", RUN, WHOLE, INTERVAL)
SHA = "0123456789abcdef" * 4
READ = TableCounts(read=12, written=9, rejected=1, out_of_window=1, dropped=1)
GOOD = LoadedCounts(written=9, inserted=4, updated=3, duplicate=1, stale=1)


def part(table: str, rows: int) -> Entry:
    return Entry(
        table=table, attempt="0123456789ab", sequence=0, rows=rows, schema="deadbeef", bytes=1, sha256=SHA
    )


def landed(tables: dict[str, TableCounts], *parts: Entry) -> Landed:
    commit = Commit(
        scope=Scope(source="ewm", stream="items", partition=WHOLE, epoch=0),
        run=RUN,
        start=INTERVAL.start,
        end=INTERVAL.end,
        attempt="0123456789ab",
        links=0,
        parts=list(parts),
        columns={},
        progress=Progress(tables=tables),
        as_of=INTERVAL.end,
        parsed_at=INTERVAL.end,
        ended_by="the last page names no next one",
    )
    return Landed(WINDOW, commit, SHA)


def faults(of: Landed, state: str = "loaded", sha: str = SHA, **tables: LoadedCounts) -> list[str]:
    return [
        fault.removeprefix(f"{WINDOW}: ") for fault in window_faults(of, LoadedWindow(state, sha, tables))
    ]


def test_a_window_that_adds_up_is_silent() -> None:
    of = landed(
        {"items": READ, "items__c": TableCounts()}, part("items", 4), part("items", 5), part("_rejects", 1)
    )
    assert faults(of, items=GOOD) == []
    assert faults(of, items=GOOD, items__c=LoadedCounts()) == []


def test_a_superseded_window_is_not_asked_for_its_rows() -> None:
    assert faults(landed({"items": READ}, part("items", 9)), state="superseded") == []


def test_another_commit_than_the_one_on_s3() -> None:
    of = landed({"items": READ}, part("items", 9))
    assert faults(of, sha="f" * 64, items=GOOD) == [
        "another commit was loaded than the one that stands on S3"
    ]


@pytest.mark.parametrize("name", ["read", "written", "rejected", "out_of_window", "dropped"])
def test_a_record_lost_between_reading_and_writing(name: str) -> None:
    counts = msgspec.structs.replace(READ, **{name: getattr(READ, name) + 1})
    found = faults(landed({"items": counts}, part("items", counts.written)), state="superseded")
    assert found == [
        f"items: {counts.read} read ≠ {counts.written} written + {counts.rejected} rejected + "
        f"{counts.out_of_window} out of the window + {counts.dropped} dropped"
    ]


@pytest.mark.parametrize("rows", [8, 10])
def test_parts_that_hold_other_rows_than_were_counted(rows: int) -> None:
    found = faults(landed({"items": READ}, part("items", rows)), state="superseded")
    assert found == [f"items: 9 written, but the parts hold {rows} rows"]


@pytest.mark.parametrize("name", ["written", "inserted", "updated", "duplicate", "stale"])
@pytest.mark.parametrize("by", [-1, 1])
def test_a_row_lost_or_won_while_loading(name: str, by: int) -> None:
    counts = msgspec.structs.replace(GOOD, **{name: getattr(GOOD, name) + by})
    assert not counts.adds_up
    (found,) = faults(landed({"items": READ}, part("items", 9)), items=counts)
    assert found.startswith("items: 9 written ≠ ")


def test_another_sum_that_adds_up_by_itself() -> None:
    (found,) = faults(landed({"items": READ}, part("items", 9)), items=LoadedCounts(written=8, inserted=8))
    assert found == "items: 9 written ≠ 8 inserted + 0 updated + 0 duplicate + 0 stale"


def test_a_table_that_the_ledger_does_not_know() -> None:
    (found,) = faults(landed({"items": READ}, part("items", 9)))
    assert found == "items: 9 written ≠ 0 inserted + 0 updated + 0 duplicate + 0 stale"


def test_a_table_that_was_never_counted() -> None:
    of = landed({"items": READ}, part("items", 9), part("items__c", 3))
    assert faults(of, items=GOOD) == ["items__c: 0 written, but the parts hold 3 rows"]
    assert faults(of, state="superseded") == ["items__c: 0 written, but the parts hold 3 rows"]
    of = landed({"items": READ}, part("items", 9))
    assert faults(of, items=GOOD, items__c=LoadedCounts(written=3, inserted=3)) == [
        "items__c: 0 written ≠ 3 inserted + 0 updated + 0 duplicate + 0 stale"
    ]


@given(
    st.lists(st.integers(0, 9), min_size=5, max_size=5), st.lists(st.integers(0, 9), min_size=5, max_size=5)
)
def test_silence_means_that_every_record_is_accounted_for(extracted: list[int], loaded: list[int]) -> None:
    read, written, rejected, outside, dropped = extracted
    counts = TableCounts(
        read=read, written=written, rejected=rejected, out_of_window=outside, dropped=dropped
    )
    staged, duplicate, stale, inserted, updated = loaded
    in_ledger = LoadedCounts(
        written=staged, duplicate=duplicate, stale=stale, inserted=inserted, updated=updated
    )
    silent = not faults(landed({"items": counts}, part("items", written)), items=in_ledger)
    ends = duplicate + stale + inserted + updated + rejected + outside + dropped
    assert silent == (staged == written == duplicate + stale + inserted + updated and read == ends)


def test_columns_that_never_had_a_value_in_the_order_declared() -> None:
    assert unseen_columns(["c", "a", "b"], ["a", "other"]) == ["c", "b"]
    assert unseen_columns(["a"], ["a"]) == []
    assert unseen_columns([], []) == []
