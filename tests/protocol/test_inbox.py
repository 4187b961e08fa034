"""Dropped files: each version once, however often it is told of, in whatever order, beside whatever else runs."""

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from xmlift.extraction.extract import ExtractEvent, extract
from xmlift.landing.zone import Zone
from xmlift.loading.load import LoadEvent, load
from xmlift.planning.plan import plan
from xmlift.reporting.report import ReportEvent, report
from xmlift.run_input import PlanEvent, read_event
from xmlift.work import PlanAnswer

from ..unit.scripted_source import page
from ..unit.steps_landing import at
from ..unit.warehouse_stand_in import COPY_ROLE, LOADER, PLANNER, REPORTER, StandIn

CATALOGUE = """
source: dropped
base_url: https://host
streams:
  merged:
    inbox: true
    records: /workitem/workItem
    key: [id]
    columns: { id: { path: id, type: bigint }, title: { path: title, type: varchar(20) } }
    children: { notes: { records: note, columns: { text: { path: ".", type: varchar(20) } } } }
  appended:
    inbox: true
    records: /workitem/workItem
    disposition: append
    cursor: { type: watermark, field: at }
    columns: { id: { path: id, type: bigint }, at: { path: at, type: timestamptz } }
"""
KEY = "catalogue/dropped/x.yaml"


class Inbox:
    """A bucket with versions, and the runs that files start."""

    def __init__(self, zone: Zone, stand_in: StandIn, s3: Any) -> None:
        self.zone, self.stand_in, self._s3 = zone, stand_in, s3
        self._numbers = itertools.count()
        zone.put(KEY, CATALOGUE.encode())
        s3.put_bucket_versioning(Bucket="landing", VersioningConfiguration={"Status": "Enabled"})

    def drop(self, key: str, body: bytes) -> dict[str, Any]:
        put = self._s3.put_object(Bucket="landing", Key=f"inbox/dropped/{key}", Body=body)
        return {"key": f"inbox/dropped/{key}", "version-id": put["VersionId"], "etag": put["ETag"].strip('"')}

    def begin(self, inbox: dict[str, Any]) -> tuple[PlanEvent, PlanAnswer]:
        """An execution as an event starts it, up to its plan. Another one may run: nobody claims anything."""
        number = next(self._numbers)
        event = read_event(
            {
                "input": {"source": "dropped", "catalogue": KEY, "base_url": None, "inbox": inbox},
                "execution": f"e{number}",
                "execution_arn": f"arn:e{number}",
                "started": at(number),
            },
            PlanEvent,
        )
        return event, plan(event, self.zone, self.stand_in.warehouse(PLANNER), lambda _: "RUNNING")

    def read(self, answer: PlanAnswer) -> None:
        for item in msgspec.json.decode(self.zone.get(answer.extract.key), type=list[ExtractEvent]):
            assert extract(item, self.zone, lambda name: {}, lambda: 900.0).status == "done"

    def load(self, event: PlanEvent, answer: PlanAnswer) -> str:
        for each in answer.streams:
            loading = LoadEvent(**msgspec.structs.asdict(each))
            warehouse = self.stand_in.warehouse(LOADER)
            assert load(loading, self.zone, warehouse, COPY_ROLE, lambda: 900.0).status == "done"
        event = msgspec.structs.replace(event, round=answer.round)
        ended, _ = report(
            ReportEvent(**msgspec.structs.asdict(event)), self.zone, self.stand_in.warehouse(REPORTER)
        )
        assert (ended.status, ended.catch_up) == ("succeeded", False)
        return ended.message

    def run(self, inbox: dict[str, Any]) -> str:
        event, answer = self.begin(inbox)
        self.read(answer)
        return self.load(event, answer)

    def rows(self, table: str, columns: str = "id") -> list[tuple[Any, ...]]:
        return sorted(self.stand_in.run(f"SELECT {columns} FROM dropped.{table}"))


@pytest.fixture
def inbox(zone: Zone, stand_in: StandIn, s3: Any) -> Iterator[Inbox]:
    stand_in.add_sources("dropped")
    yield Inbox(zone, stand_in, s3)
    stand_in.remove_sources("dropped")


def file_of(*ids: int, title: str = "t", notes: Sequence[str] = ()) -> bytes:
    """A file of records; their times are of any century."""
    days = [datetime(1901, 1, 1, tzinfo=UTC) + timedelta(days=20_000 * (number % 4)) for number in ids]
    return page(
        *(
            {"id": number, "title": title, "at": day.isoformat(), "note": list(notes)}
            for number, day in zip(ids, days, strict=True)
        )
    )


@pytest.mark.parametrize("stream", ["merged", "appended"])
def test_a_file_is_loaded_once_however_often_it_is_told_of(inbox: Inbox, stream: str) -> None:
    dropped = inbox.drop(f"{stream}/a b+%.xml", file_of(1, 2, 3))
    assert (
        inbox.run(dropped)
        == f"dropped: {stream}: 3 records read, 3 new, 0 changed, 0 already known, 0 rejected"
    )
    assert inbox.run(dropped) == "dropped: nothing to read"
    assert inbox.rows(stream) == [(1,), (2,), (3,)]


@pytest.mark.parametrize("stream", ["merged", "appended"])
@pytest.mark.parametrize("first", [0, 1])
def test_two_runs_for_one_file_at_the_same_time_load_it_once(inbox: Inbox, stream: str, first: int) -> None:
    dropped = inbox.drop(f"{stream}/a.xml", file_of(1, 2))
    runs = [inbox.begin(dropped), inbox.begin(dropped)]
    for _, answer in runs:
        inbox.read(answer)
    for event, answer in (runs[first], runs[1 - first]):
        inbox.load(event, answer)
    assert inbox.rows(stream) == [(1,), (2,)]


def test_two_files_at_the_same_time_are_both_loaded(inbox: Inbox) -> None:
    files = [inbox.drop("merged/a.xml", file_of(1, 2)), inbox.drop("merged/b.xml", file_of(2, 3))]
    runs = [inbox.begin(dropped) for dropped in files]
    for event, answer in runs:
        inbox.read(answer)
        inbox.load(event, answer)
    assert inbox.rows("merged") == [(1,), (2,), (3,)]


def test_of_one_name_each_version_is_read_and_the_later_one_counts(inbox: Inbox, s3: Any) -> None:
    """Whichever is loaded first: a row is as new as its file."""
    older = inbox.drop("merged/a.xml", file_of(1, 2, title="older", notes=["x"]))
    modified = s3.head_object(Bucket="landing", Key=older["key"])["LastModified"]
    while True:  # S3 tells seconds: the files have to differ in these
        newer = inbox.drop("merged/a.xml", file_of(1, title="newer"))
        if s3.head_object(Bucket="landing", Key=newer["key"])["LastModified"] > modified:
            break
    for dropped in (newer, older):
        inbox.run(dropped)
    assert inbox.rows("merged", "id, title") == [(1, "newer"), (2, "older")]
    assert inbox.rows("merged__notes", "_parent_id, text") == [(2, "x")]


def test_what_is_appended_is_of_each_version(inbox: Inbox) -> None:
    inbox.run(inbox.drop("appended/a.xml", file_of(1, 2)))
    inbox.run(inbox.drop("appended/a.xml", file_of(2)))
    assert inbox.rows("appended") == [(1,), (2,), (2,)]


def test_files_take_no_room_in_the_coverage(inbox: Inbox) -> None:
    """A plan reads all of it: after ten thousand files it would read ten thousand rows."""
    for number in range(3):
        inbox.run(inbox.drop(f"merged/{number}.xml", file_of(number)))
    kept = inbox.stand_in.run(
        "SELECT DISTINCT partition_id FROM xmlift.coverage WHERE source = 'dropped' AND covered_from < covered_to"
    )
    assert kept == []


def test_a_scheduled_run_has_nothing_to_ask_for(inbox: Inbox) -> None:
    inbox.run(inbox.drop("merged/a.xml", file_of(1)))
    event = read_event(
        {
            "input": {"source": "dropped", "catalogue": KEY},
            "execution": "scheduled",
            "execution_arn": "arn:scheduled",
            "started": at(100),
        },
        PlanEvent,
    )
    answer = plan(event, inbox.zone, inbox.stand_in.warehouse(PLANNER), lambda _: "SUCCEEDED")
    assert (answer.extract.items, answer.load_items, answer.more) == (0, 0, False)
