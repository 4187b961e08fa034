"""Kept answers, read once more with another mapping: the table is that of a fresh read with it (P2, L4–L6).

Nothing of the endpoint is asked for it. What was read later than the kept answers stays.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from xmlift.errors import PlanError
from xmlift.extraction.extract import ExtractEvent, extract
from xmlift.landing.zone import Zone
from xmlift.loading.load import LoadEvent, load
from xmlift.planning.plan import plan
from xmlift.reporting.report import ReportEvent, RunReport, report
from xmlift.run_input import PlanEvent, RunInput

from ..unit.scripted_source import Asked, Say, ScriptedSource, page, scripted_source
from ..unit.warehouse_stand_in import COPY_ROLE, LOADER, PLANNER, REPORTER, StandIn

CATALOGUE = """
source: {source}
base_url: https://host
limits: {{ requests_per_second: 1000, windows_per_run: 7 }}
streams:
  items:
    request: {{ path: /items, query: {{ q: "{asked}" }} }}
    page: {{ type: next_url, xpath: /workitem/@href, when: "/workitem/@rel='next'" }}
    records: /workitem/workItem
    cursor: {cursor}
    key: [id]
    disposition: {disposition}
    keep_raw: 30d
    columns:
      id: {{ path: id, type: bigint }}
      modified: {{ path: modified, type: timestamptz }}
      {column}
    {children}
"""
BEFORE = "title: { path: title, type: varchar(5), too_long: cut }"
AFTER = "heading: { path: title, type: varchar(50) }"
NOTES = 'children: { notes: { records: note, columns: { text: { path: ".", type: varchar(20) } } } }'

WATERMARK = '{ type: watermark, field: modified, slice: 6h, start: "2026-01-01T00:00:00Z" }'
FULL = "{ type: full }"

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


class World:
    """An endpoint whose records change, two to a page, and the runs that read it."""

    def __init__(self, zone: Zone, stand_in: StandIn, source: ScriptedSource, disposition: str) -> None:
        self.zone, self.stand_in, self.source = zone, stand_in, source
        self.is_full = disposition == "full"
        self.disposition = "merge" if self.is_full else disposition
        self.reads_all = self.is_full or disposition == "replace"
        self.records: dict[int, tuple[datetime, str]] = {}
        source.answer = self._answer  # type: ignore[method-assign]

    def _answer(self, asked: Asked) -> Say:
        self.source.asked.append(asked)
        query = parse_qs(urlsplit(asked.target).query)
        asked_for = "1970-01-01T00:00:00Z_2200-01-01T00:00:00Z" if self.is_full else query["q"][0]
        start, end = map(datetime.fromisoformat, asked_for.split("_"))
        first = int(query.get("p", ["0"])[0])
        inside = [
            {"id": key, "modified": modified.isoformat(), "title": title, "note": [title, "same"]}
            for key, (modified, title) in sorted(self.records.items())
            if start <= modified < end
        ]
        following = f"/items?q={urlsplit(asked.target).query.split('=')[1].split('&')[0]}&amp;p={first + 2}"
        return Say(page(*inside[first : first + 2], following=following if inside[first + 2 :] else ""))

    def change(self, random_: random.Random, now: datetime) -> None:
        """A few new records and a few changed ones; where the cursor never changes, something else does."""
        for _ in range(8):
            key = random_.randrange(15)
            moment = now - random_.random() * 5 * HOUR
            if self.disposition == "append" and key in self.records:
                moment = self.records[key][0]
            self.records[key] = moment, f"a title of {key}, {random_.randrange(1000)}"

    def run(self, name: str, column: str, started: datetime, **asked: Any) -> RunReport:
        """A whole execution, round by round."""
        children = NOTES if self.disposition != "scd2" else ""
        text = CATALOGUE.format(
            source=name,
            disposition=self.disposition,
            column=column,
            children=children,
            asked="all" if self.is_full else "{window.from}_{window.to}",
            cursor=FULL if self.is_full else WATERMARK,
        )
        key = f"catalogue/{name}/{hash(column)}.yaml"
        self.zone.put(key, text.encode())
        event = PlanEvent(
            input=RunInput(source=name, catalogue=key, base_url=self.source.url, **asked),
            execution=f"e{started:%d%H%M}",
            execution_arn="arn",
            started=started,
        )
        while True:
            answer = plan(event, self.zone, self.stand_in.warehouse(PLANNER), lambda _: "SUCCEEDED", 4)
            for item in msgspec.json.decode(self.zone.get(answer.extract.key), type=list[ExtractEvent]):
                assert extract(item, self.zone, _no_secret, lambda: 900.0).status == "done"
            for each in answer.streams:
                loading = LoadEvent(**msgspec.structs.asdict(each))
                while load(loading, self.zone, self._loader(), COPY_ROLE, lambda: 900.0).status == "more":
                    pass
            event = msgspec.structs.replace(event, round=answer.round)
            ended, told = report(
                ReportEvent(**msgspec.structs.asdict(event)), self.zone, self.stand_in.warehouse(REPORTER)
            )
            assert ended.status == "succeeded", ended.message
            if not ended.catch_up:
                return told

    def _loader(self) -> Any:
        return self.stand_in.warehouse(LOADER)

    def table(self, name: str, columns: str = "id, modified, heading") -> list[tuple[Any, ...]]:
        return sorted(self.stand_in.run(f'SELECT {columns} FROM "{name}".items'))

    def notes(self, name: str) -> list[tuple[Any, ...]]:
        return sorted(self.stand_in.run(f'SELECT _parent_id, _position, text FROM "{name}".items__notes'))


def _no_secret(name: str) -> dict[str, str]:
    raise AssertionError(name)


@pytest.fixture(params=["merge", "append", "replace", "full"])
def world(zone: Zone, stand_in: StandIn, request: pytest.FixtureRequest) -> Iterator[World]:
    stand_in.add_sources("kept", "fresh")
    with scripted_source() as source:
        yield World(zone, stand_in, source, request.param)
    stand_in.remove_sources("kept", "fresh")


def read_several_times(world: World, seed: int) -> datetime:
    """Runs that read what is new, and ranges that are read again over what earlier ones have."""
    random_ = random.Random(seed)
    now = START
    for number in range(4):
        now += 5 * HOUR
        world.change(random_, now)
        again = number % 2 == 1 and not world.reads_all
        whole = {"reread": True, "start": START, "end": now} if again else {}
        world.run("kept", BEFORE, now, **whole)
    if world.disposition == "append":
        world.run("kept", BEFORE, now + HOUR, reread=True, start=START, end=now)
    return now + 2 * HOUR


@pytest.mark.parametrize("seed", [1, 2])
def test_the_table_is_that_of_a_fresh_read_with_the_new_mapping(world: World, seed: int) -> None:
    now = read_several_times(world, seed)
    asked = len(world.source.asked)
    told = world.run("kept", AFTER, now, from_raw=True)
    assert len(world.source.asked) == asked, "the endpoint is not asked"
    world.run("fresh", AFTER, now)
    assert world.table("kept") == world.table("fresh")
    assert world.notes("kept") == world.notes("fresh")
    assert all(heading for _, _, heading in world.table("kept"))
    assert told.streams[0].windows == told.streams[0].landed > 0
    assert told.warnings == []


def test_it_may_be_repeated(world: World) -> None:
    now = read_several_times(world, 4)
    world.run("kept", AFTER, now, from_raw=True)
    once = world.table("kept"), world.notes("kept")
    world.run("kept", AFTER, now + HOUR, from_raw=True)
    assert (world.table("kept"), world.notes("kept")) == once


def test_a_reading_that_is_newer_than_what_is_kept_stays(world: World, s3: Any) -> None:
    world.records[1] = START + HOUR, "first"
    world.run("kept", BEFORE, START + 2 * HOUR)
    world.records[1] = START + HOUR, "second"
    again = {} if world.reads_all else {"reread": True, "start": START, "end": START + 2 * HOUR}
    world.run("kept", BEFORE, START + 3 * HOUR, **again)
    newest = max(world.zone.keys("raw/kept/"))
    s3.delete_object(Bucket="landing", Key=newest)
    told = world.run("kept", AFTER, START + 4 * HOUR, from_raw=True)
    assert world.table("kept", "id, title") == [(1, "secon")]
    if world.disposition == "replace":
        assert "windows of this run are superseded" in told.warnings[0]


def test_a_run_goes_on_with_what_is_missing(world: World) -> None:
    """The time that kept answers cover is settled as it was: nothing of it is asked for again, nothing left out."""
    now = read_several_times(world, 5)
    world.run("kept", AFTER, now, from_raw=True)
    before = world.table("kept")
    world.records[99] = now - HOUR, "new"
    told = world.run("kept", AFTER, now + HOUR)
    assert world.table("kept") == sorted([*before, (99, now - HOUR, "new")])
    assert told.streams[0].windows == (4 if world.disposition == "replace" else 1)


@pytest.mark.parametrize("world", ["merge"], indirect=True)
def test_a_range_reads_what_has_to_do_with_it(world: World) -> None:
    world.records = {1: (START + HOUR, "one"), 2: (START + 7 * HOUR, "two")}
    world.run("kept", BEFORE, START + 12 * HOUR)
    world.run("kept", AFTER, START + 13 * HOUR, from_raw=True, start=START, end=START + 2 * HOUR)
    assert world.table("kept", "id, heading") == [(1, "one"), (2, None)]


@pytest.mark.parametrize("world", ["scd2"], indirect=True)
def test_a_history_is_not_made_anew(world: World) -> None:
    world.records = {1: (START + HOUR, "one")}
    world.run("kept", BEFORE, START + 2 * HOUR)
    with pytest.raises(PlanError, match=r"kept\.items cannot be made anew from kept answers: of a history"):
        world.run("kept", AFTER, START + 3 * HOUR, from_raw=True)


@pytest.mark.parametrize("world", ["merge"], indirect=True)
def test_without_kept_answers_the_run_says_so(world: World) -> None:
    with pytest.raises(
        PlanError, match=r"kept: no answers are kept of items: `keep_raw: 30d` on a stream keeps"
    ):
        world.run("kept", AFTER, START + 3 * HOUR, from_raw=True)
