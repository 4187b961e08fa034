"""What an endpoint need not send again: asked for by what it told of the answer before, planned, landed, loaded."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import msgspec
import pytest

from xmlift.extraction.extract import ExtractEvent, extract
from xmlift.landing.chain import Landed
from xmlift.landing.zone import Zone
from xmlift.work import Plan, Validators

from .extracting import CATALOGUE, Extracts, all_the_time, item, read_secret
from .loads import ONE, THREE, TWO, Loads, fresh_loads
from .runs import Run
from .scripted_source import Say, ScriptedSource, page
from .test_loading_replace import line
from .warehouse_stand_in import StandIn

ONE_PAGE = CATALOGUE.replace(
    "    page: { type: next_url, xpath: /workitem/@href, when: \"/workitem/@rel='next'\" }\n", ""
).replace('      query: { q: "modified>{window.from} and modified<{window.to}", token: sesame }\n', "")
NOW = datetime(2026, 1, 2, tzinfo=UTC)
LONG_AGO, JUST_NOW = (format_datetime(NOW - timedelta(seconds=age), usegmt=True) for age in (3600, 59))
DATE = {"Date": format_datetime(NOW, usegmt=True)}


def event(extracts: Extracts, validators: Validators | None = None, **options: Any) -> ExtractEvent:
    return msgspec.structs.replace(extracts.event(**options), validators=validators)


def read(extracts: Extracts, validators: Validators | None = None, **options: Any) -> Landed:
    extract(event(extracts, validators, **options), extracts.zone, read_secret, all_the_time)
    return extracts.landed(**options)


@pytest.fixture
def extracts(zone: Zone, source: ScriptedSource) -> Extracts:
    return Extracts(zone, source.url, ONE_PAGE)


@pytest.mark.parametrize(
    ("headers", "kept"),
    [
        ({"ETag": '"v1"'}, Validators(of="x", etag='"v1"')),
        ({"ETag": 'W/"v1"', "Last-Modified": LONG_AGO}, Validators(of="x", etag='W/"v1"', last_modified=LONG_AGO)),
        ({"Last-Modified": LONG_AGO}, Validators(of="x", last_modified=LONG_AGO)),
        ({"Last-Modified": JUST_NOW}, Validators(of="x")),
        ({"Last-Modified": "yesterday"}, Validators(of="x")),
        ({"ETag": f'"{"v" * 1022}"'}, Validators(of="x", etag=f'"{"v" * 1022}"')),
        ({"ETag": f'"{"v" * 1023}"', "Last-Modified": LONG_AGO}, Validators(of="x", last_modified=LONG_AGO)),
        ({}, Validators(of="x")),
    ],
)  # fmt: skip
def test_a_commit_keeps_what_its_answer_is_told_by(
    extracts: Extracts, source: ScriptedSource, headers: dict[str, str], kept: Validators
) -> None:
    """A time of which a minute has not passed could be that of a later answer, too."""
    source.says("/items", Say(page(item(1)), headers=DATE | headers))
    commit = read(extracts, Validators(of="x")).commit
    assert (commit.validators, commit.not_modified, commit.progress.pages) == (kept, False, 1)
    assert not {"If-None-Match", "If-Modified-Since"} & set(source.asked[-1].headers)
    assert read(extracts, run="20261122T170000000000Z-y").commit.validators is None, "nobody asked for them"


def test_what_was_not_modified_lands_as_a_window_without_a_page(
    extracts: Extracts, source: ScriptedSource
) -> None:
    source.says("/items", Say(status=304, headers=DATE))
    asked = Validators(of="x", etag='"v1"', last_modified=LONG_AGO)
    commit = read(extracts, asked).commit
    assert source.asked[-1].headers["If-None-Match"] == '"v1"'
    assert source.asked[-1].headers["If-Modified-Since"] == LONG_AGO
    assert (commit.validators, commit.not_modified) == (asked, True)
    assert (commit.parts, commit.progress.pages) == ([], 0)
    assert NOW - timedelta(seconds=5) < commit.as_of <= NOW, "it was asked then, all the same"
    assert commit.ended_by == "the endpoint says that nothing was modified"


def test_an_answer_that_was_modified_is_read_and_told_by_its_own(
    extracts: Extracts, source: ScriptedSource
) -> None:
    source.says("/items", Say(page(item(1), item(2)), headers={"ETag": '"v2"'}))
    commit = read(extracts, Validators(of="x", etag='"v1"')).commit
    assert (commit.validators, commit.not_modified) == (Validators(of="x", etag='"v2"'), False)
    assert len(extracts.rows()) == 2


def test_not_modified_that_nobody_asked_for_is_refused(extracts: Extracts, source: ScriptedSource) -> None:
    source.says("/items", Say(status=304))
    with pytest.raises(Exception, match="HTTP 304"):
        read(extracts, Validators(of="x"))


# What plan makes of it, and what becomes of it in the warehouse.


@pytest.fixture
def loads(zone: Zone, stand_in: StandIn) -> Iterator[Loads]:
    with fresh_loads(zone, stand_in) as fresh:
        yield fresh


def planned(run: Run) -> Validators | None:
    answer = run.plan()
    plan = msgspec.json.decode(
        run.loads.zone.get(f"runs/{run.loads.name}/{run.run}/plan-0001.json"), type=Plan
    )
    assert answer.extract.items == 1
    return plan.items[0].validators


def not_asked(loads: Loads, name: str = "one", hour: int = 9) -> Validators:
    found = planned(Run(loads, name, hour, streams=["stock"]))
    assert found is not None
    return found


def test_plan_asks_by_what_is_loaded_and_anew_where_the_mapping_changed(loads: Loads) -> None:
    first = planned(Run(loads, streams=["stock"]))
    assert first is not None
    assert (first.etag, first.last_modified) == (None, None)
    known = Validators(of=first.of, etag='"v1"')
    loads.land(ONE, (0, 12), [line(1)], stream="stock", validators=known)
    later = Run(loads, "two", 13, streams=["stock"])
    assert planned(later) == first, "what has landed and is not loaded may yet be lost"
    loads.load(ONE, "stock")
    assert planned(Run(loads, "three", 14, streams=["stock"])) == known
    assert planned(Run(loads, "four", 15, streams=["stock"], reread=True)) == first
    loads.change("title: { path: t, type: varchar(10) }", "title: { path: title, type: varchar(10) }")
    other = planned(Run(loads, "five", 16, streams=["stock"]))
    assert other is not None
    assert other.etag is None
    assert other.of != first.of


@pytest.mark.parametrize(
    "decides", ['namespaces: {{ x: "urn:x" }}', "auth: {{ type: basic, secret: other }}"]
)
def test_what_the_source_says_decides_as_well_which_rows_an_answer_makes(loads: Loads, decides: str) -> None:
    of = not_asked(loads).of
    loads.load_batch(
        loads.land(ONE, (0, 9), [line(1)], stream="stock", validators=Validators(of=of, etag='"v1"'))
    )
    loads.change("streams:\n", f"{decides.format()}\nstreams:\n")
    assert not_asked(loads, "two", 12).etag is None


def test_without_the_answer_that_it_stands_for_not_modified_is_nothing_to_ask_by(loads: Loads) -> None:
    """Its landing expired, or is quarantined: a replay finds nothing but windows that were not modified."""
    known = Validators(of=not_asked(loads).of, etag='"v1"')
    answer = loads.land(ONE, (0, 10), [line(1)], stream="stock", as_of=10, validators=known)
    later = loads.land(TWO, (0, 11), stream="stock", as_of=11, validators=known, not_modified=True)
    loads.load_batch(later)
    assert not_asked(loads, "two", 12).etag is None
    loads.load_batch(answer)
    assert planned(Run(loads, "three", 13, streams=["stock"])) == known


def test_what_was_read_last_is_asked_by_and_not_what_was_begun_last(loads: Loads) -> None:
    """Runs at the same time: the one that began first asked last. "Not modified" of another answer is no news."""
    of = not_asked(loads).of
    first, last = (Validators(of=of, etag=etag) for etag in ('"v1"', '"v2"'))
    loads.load_batch(
        loads.land(ONE, (0, 10), [line(1, "new")], stream="stock", as_of=12, validators=last),
        loads.land(TWO, (0, 11), [line(1, "old")], stream="stock", as_of=11, validators=first),
        loads.land(THREE, (0, 12), stream="stock", as_of=13, validators=first, not_modified=True),
    )
    assert loads.rows("id, title", "stock") == [(1, "new")]
    assert planned(Run(loads, "two", 14, streams=["stock"])) == last


@pytest.mark.parametrize("stream", ["items", "lists", "parts", "changes", "states"])
def test_what_is_not_one_document_is_not_asked_so(loads: Loads, stream: str) -> None:
    """Slices, pages, sets and deltas: the same URL would not mean the same rows."""
    answer = Run(loads, streams=[stream]).plan()
    plan = msgspec.json.decode(loads.zone.get(answer.extract.key.replace("work-", "plan-")), type=Plan)
    assert {item.validators for item in plan.items} == {None}


@pytest.mark.parametrize("batches", [[(0,), (1,), (2,)], [(2,), (1,), (0,)], [(1,), (2, 0)], [(0, 1, 2)]])
def test_what_was_not_modified_takes_no_readings_place(loads: Loads, batches: list[tuple[int, ...]]) -> None:
    """In whatever order they are loaded, also anew: the rows are those of the newest reading that has any."""
    landed = [
        loads.land(ONE, (0, 10), [line(1, "old"), line(2)], stream="stock", as_of=10),
        loads.land(TWO, (0, 11), [line(1, "new")], stream="stock", as_of=11),
        loads.land(THREE, (0, 12), stream="stock", as_of=12, not_modified=True),
    ]
    for numbers in batches:
        loads.load_batch(*(landed[number] for number in numbers))
    assert (1, "new") in loads.rows("id, title", "stock")
    assert loads.ledger("run, not_modified")[-1] == (THREE, True)
    assert loads.stand_in.run(
        "SELECT state FROM xmlift.ledger WHERE source = %s AND run = %s", loads.name, THREE
    ) == [("loaded",)]
