"""plan, as the warehouse tells it: partitions from a table, where a delta goes on, and when all is due again."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from xmlift.errors import WarehouseError
from xmlift.landing import names
from xmlift.landing.claim import Claim
from xmlift.landing.zone import Zone
from xmlift.planning.plan import plan
from xmlift.run_input import PlanEvent, RunInput
from xmlift.work import PartitionsSeen, Plan, WorkItem

from .ledger_rows import Row, ledger_holds, minutes, row
from .warehouse_stand_in import PLANNER, StandIn

SOURCE = "partitioned"
KEY = "catalogue/partitioned/x.yaml"
COLUMNS = "columns: { id: { path: id, type: varchar(600) }, modified: { path: m, type: timestamptz } }"
ITEMS = f"""
  items:
    request: {{ path: "/areas/{{partition}}/items", query: {{ q: "{{window.from}}/{{window.to}}" }} }}
    records: /r/i
    cursor: {{ type: watermark, field: modified, slice: 60m, overlap: 0s, start: "2026-01-01T00:00:00Z" }}
    for_each: {{ stream: areas, field: id }}
    key: [id]
    {COLUMNS}
"""
AREAS = f"""
  areas:
    request: {{ path: /areas }}
    records: /r/a
    cursor: {{ type: full }}
    key: [id]
    %s
    {COLUMNS}
"""


class Plans:
    """Rounds of executions of one source over a warehouse of this test's own."""

    def __init__(self, zone: Zone, stand_in: StandIn) -> None:
        self.zone = zone
        self.stand_in = stand_in
        self.status = "SUCCEEDED"

    def catalogue(self, *streams: str) -> None:
        text = f"source: {SOURCE}\nbase_url: https://host\nlimits: {{concurrency: 3}}\nstreams:{''.join(streams)}"
        self.zone.put(KEY, text.encode())

    def ledger(self, *rows: Row) -> None:
        ledger_holds(self.stand_in, SOURCE, *rows)

    def areas(self, *values: tuple[Any, ...], extra: str = "") -> None:
        self.stand_in.run(f'CREATE TABLE {SOURCE}.areas ("id" VARCHAR(600){extra})')
        self.stand_in.run(f'GRANT SELECT ON {SOURCE}.areas TO "IAMR:{PLANNER}"')
        for value in values:
            places = ", ".join(["%s"] * len(value))
            self.stand_in.run(f"INSERT INTO {SOURCE}.areas VALUES ({places})", *value)

    def plan(self, began: float, round_number: int = 0, **asked: Any) -> Plan:
        event = PlanEvent(
            input=RunInput(source=SOURCE, catalogue=KEY, **asked),
            execution=f"e{began:g}",
            execution_arn=f"arn:e{began:g}",
            started=minutes(began),
            round=round_number,
        )
        answer = plan(event, self.zone, self.stand_in.warehouse(PLANNER), lambda _: self.status, 5)
        decided = msgspec.json.decode(self.zone.get(names.plan(SOURCE, answer.run, answer.round)), type=Plan)
        assert answer.extract.concurrency == decided.concurrency
        return decided


@pytest.fixture
def plans(zone: Zone, stand_in: StandIn) -> Iterator[Plans]:
    stand_in.add_sources(SOURCE)
    plans = Plans(zone, stand_in)
    plans.catalogue(AREAS % "", ITEMS)
    plans.ledger()
    yield plans
    stand_in.remove_sources(SOURCE)


def read(decided: Plan) -> list[tuple[str, str]]:
    return sorted({(item.stream, item.partition) for item in decided.items})


def settled(stream: str, partition: str = "-", end: float = 90, **more: Any) -> Row:
    first = row(0, end, stream=stream, partition=partition, **more)
    if stream == "areas":
        first["window_start"] = minutes(0).replace(year=1970)
    return first


def test_level_after_level(plans: Plans) -> None:
    first = plans.plan(90)
    assert (read(first), first.waiting, first.more) == ([("areas", "-")], {"items": ["areas"]}, True)
    plans.areas(("a",), ("b/ä",), (None,), ("",), ("x" * 513,), ("-",), ("a",))
    plans.ledger(settled("areas", run=names.run_id(minutes(90), "e90")))
    second = plans.plan(90, 1)
    assert (read(second), second.waiting, second.more) == ([("items", "a"), ("items", "b/ä")], {}, False)
    assert second.partitions == {"items": PartitionsSeen(count=2, new=2, gone=0)}
    assert second.warnings == [
        "partitioned.areas: 1 records without id name no partition: nothing is read for them",
        "partitioned.areas: 3 values of id are empty, `-` or too long to name a partition: nothing is read for "
        "them",
    ]
    assert (second.concurrency, {item.pace for item in second.items}) == (3, {10 / 3})
    assert first.concurrency == 1, "of one window one is read at once"


def test_a_column_without_a_value_is_told(plans: Plans) -> None:
    plans.areas((None,), (None,), ("-",))
    decided = plans.plan(90, streams=["items"])
    assert (decided.items, decided.partitions) == ([], {"items": PartitionsSeen(count=0, new=0, gone=0)})
    assert decided.warnings[0] == (
        "partitioned.areas: 2 records without id name no partition: nothing is read for them"
    )
    assert decided.warnings[2] == (
        "partitioned.areas: none of its 3 records names a partition by id, so what is read for each of them reads "
        "nothing: is the path of id right?"
    )


def test_a_table_without_records_is_no_mistake(plans: Plans) -> None:
    plans.areas()
    assert plans.plan(90, streams=["items"]).warnings == []


def test_partitions_are_of_the_records_that_are_there(plans: Plans) -> None:
    plans.areas(("a", None), ("b", False), ("c", True), extra=', "_deleted" BOOLEAN')
    plans.catalogue(AREAS % "deletes: { type: tombstone, path: gone }", ITEMS)
    assert read(plans.plan(90, streams=["items"])) == [("items", "a"), ("items", "b")]


def test_partitions_are_of_what_history_says_now(plans: Plans) -> None:
    plans.areas(("a", True), ("b", False), ("b", True), ("c", False), extra=', "is_current" BOOLEAN')
    plans.catalogue(AREAS % "disposition: scd2", ITEMS)
    assert read(plans.plan(90, streams=["items"])) == [("items", "a"), ("items", "b")]


def test_new_partitions_are_read_from_the_beginning_and_those_that_are_gone_are_told(plans: Plans) -> None:
    plans.areas(("a",), ("new",))
    plans.ledger(settled("items", "a", 60), settled("items", "gone", 60), settled("items", "also", 60))
    decided = plans.plan(90, streams=["items"])
    assert [(item.partition, item.start) for item in decided.items] == [
        ("new", minutes(0)),
        ("a", minutes(60)),
        ("new", minutes(60)),
    ]
    assert decided.partitions == {
        "items": PartitionsSeen(count=2, new=1, gone=2, gone_names=["also", "gone"])
    }


def test_a_table_that_is_not_there(plans: Plans) -> None:
    with pytest.raises(WarehouseError) as refused:
        plans.plan(90, streams=["items"])
    assert str(refused.value) == (
        "partitioned.areas has no column id in the warehouse, and others are read for its values: let a run read "
        "areas first, or rebuild its ledger if its table was dropped"
    )


DELTAS = AREAS.replace("{ type: full }", "{ type: delta_link, xpath: /r/@next }") % ""


def with_link(link: str, end: float, as_of: float, **more: Any) -> Row:
    return settled("areas", end=end, as_of=as_of, **more) | {"next_link": link}


def test_a_delta_goes_on_from_the_last_window_that_is_loaded(plans: Plans) -> None:
    plans.catalogue(DELTAS)
    assert [item.link for item in plans.plan(90).items] == [None]
    plans.ledger(
        with_link("two", 60, 60, run="r2"),
        with_link("one", 30, 30, run="r1"),
        with_link("aside", 80, 80, run="r3", state="quarantined"),
        with_link("before", 80, 80, run="r4", epoch=7),
    )
    plans.catalogue(DELTAS.replace("    key:", "    epoch: 7\n    key:"))
    assert [item.link for item in plans.plan(91, streams=["areas"]).items] == ["before"]
    plans.ledger(with_link("two", 60, 60, run="r2"), with_link("one", 30, 30, run="r1"))
    plans.catalogue(DELTAS)
    (item,) = plans.plan(92).items
    assert (item.link, item.start, item.end) == ("two", minutes(60), minutes(92))
    (item,) = plans.plan(93, reread=True).items
    assert (item.link, item.start.year) == (None, 1970)


PERIODIC = (
    ITEMS.replace("    for_each: { stream: areas, field: id }\n", "")
    .replace("/{partition}", "")
    .replace("    key:", "    deletes: { type: periodic_full, every: 2h }\n    key:")
)


def sizes(items: list[WorkItem]) -> list[tuple[float, int]]:
    return [((item.start - minutes(0)).total_seconds() / 60, item.set_windows) for item in items]


def test_all_is_read_again_once_it_is_due(plans: Plans) -> None:
    plans.catalogue(PERIODIC)
    assert sizes(plans.plan(90).items) == [(0, 0), (60, 0)], "first what there is"
    plans.ledger(settled("items", end=90))
    assert sizes(plans.plan(300).items) == [(90, 0), (120, 0), (180, 0), (240, 0)], (
        "behind by more than two hours"
    )
    plans.ledger(settled("items", end=290))
    assert sizes(plans.plan(301).items) == [(60 * hour, 6) for hour in range(6)], "read to the present"
    in_set = {"set_windows": 1}
    plans.ledger(settled("items", end=290, as_of=290) | in_set)
    assert sizes(plans.plan(302).items) == [(290, 0), (300, 0)]
    assert sizes(plans.plan(409).items) == [(290, 0), (300, 0), (360, 0)], "one minute before it is due"
    assert {size for _, size in sizes(plans.plan(410).items)} == {7}
    assert {size for _, size in sizes(plans.plan(303, reread=True).items)} == {6}, (
        "an operator may ask for it"
    )


def test_a_set_that_failed_does_not_keep_what_is_new_from_being_read(plans: Plans) -> None:
    plans.catalogue(PERIODIC)
    plans.ledger(settled("items", end=290))
    assert plans.plan(300).items[0].set_windows == 5
    plans.status = "FAILED"
    without_set = plans.plan(301)
    assert sizes(without_set.items) == [(290, 0), (300, 0)]
    (warning,) = without_set.warnings
    assert warning.startswith(f"{SOURCE}.items: all of it is due to be read again, and put off")
    plans.status = "SUCCEEDED"
    plans.ledger(settled("items", end=301))
    assert plans.plan(302).items[0].set_windows == 6


def test_what_a_set_has_landed_is_no_leftover(plans: Plans) -> None:
    """Loaded by itself it would be told off: a set is loaded as a whole or not at all."""
    plans.catalogue(PERIODIC)
    plans.ledger(settled("items", end=290))
    for item in plans.plan(300).items[:2]:
        window = names.WindowName(SOURCE, item.stream, item.run, "-", names.Interval(item.start, item.end))
        plans.zone.put(f"{window.folder}{names.COMMIT}", b"not to be read")
    plans.status = "FAILED"
    assert {load.windows_of for load in plans.plan(301).loads} == {names.run_id(minutes(301), "e301")}
    body = plans.zone.find(names.claim(SOURCE))
    assert body is not None
    assert msgspec.json.decode(body, type=Claim) == Claim(
        run=names.run_id(minutes(301), "e301"), execution="arn:e301", after_failure=True
    )


@pytest.mark.parametrize(
    "asked", [{"concurrent": True}, {"start": minutes(0), "end": minutes(60), "reread": True}]
)
def test_a_set_is_not_made_beside_another_run_or_of_a_range(plans: Plans, asked: dict[str, Any]) -> None:
    plans.catalogue(PERIODIC)
    plans.ledger(settled("items", end=290))
    assert {size for _, size in sizes(plans.plan(300, **asked).items)} == {0}


def test_a_set_of_very_many_windows_is_cut_coarser(plans: Plans) -> None:
    text = PERIODIC.replace("slice: 60m", "slice: 1m")
    plans.catalogue(text)
    plans.ledger(settled("items", end=30_000, as_of=30_000))
    decided = plans.plan(30_001)
    assert 5_000 < len(decided.items) <= 10_000
    assert {item.set_windows for item in decided.items} == {len(decided.items)}
    assert all(one.end == two.start for one, two in pairwise(decided.items))
    day = 24 * 60
    assert (decided.items[0].start, decided.items[-1].end) == (minutes(0), minutes(30_001 + day))
