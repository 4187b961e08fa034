"""plan: the claim, what is left of earlier runs, replays, and the files that a round leaves."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from xmlift.errors import CatalogueError, PlanError
from xmlift.landing import names
from xmlift.landing.claim import Claim
from xmlift.landing.names import COMMIT, WHOLE, WindowName
from xmlift.landing.zone import Zone
from xmlift.planning import leftovers
from xmlift.planning.plan import plan
from xmlift.run_input import PlanEvent, RunInput, read_event
from xmlift.work import Plan, PlanAnswer, WorkItem

from .ledger_rows import Row, interval, ledger_holds, minutes, row
from .warehouse_stand_in import PLANNER, StandIn

SOURCE = "planned"
KEY = "catalogue/planned/x.yaml"
STREAM = """
  {name}:
    request: {{ path: /items, query: {{ q: "{{window.from}}/{{window.to}}" }} }}
    records: /r/i
    cursor: {{ type: watermark, field: modified, slice: 60m, overlap: 5m, start: "2026-01-01T00:00:00Z" }}
    key: [id]
    disposition: {disposition}
    columns: {{ id: {{ path: id, type: bigint }}, modified: {{ path: m, type: timestamptz }} }}
"""
CATALOGUE = (
    f"source: {SOURCE}\nbase_url: https://host\nlimits: {{ windows_per_run: 3 }}\nstreams:"
    + STREAM.format(name="items", disposition="merge")
    + STREAM.format(name="sets", disposition="replace")
)


def run_at(start: float) -> str:
    return names.run_id(minutes(start), f"e{start:g}")


class Plans:
    """One source: executions that begin, and what the ledger and the landing zone hold then."""

    def __init__(self, zone: Zone, stand_in: StandIn) -> None:
        self.zone = zone
        self._stand_in = stand_in
        self.status: str | None = "FAILED"
        zone.put(KEY, CATALOGUE.encode())

    def plan(self, began: float, round_number: int = 0, **asked: Any) -> PlanAnswer:
        """A round of the execution that began so many minutes after the start."""
        event = PlanEvent(
            input=RunInput(source=SOURCE, catalogue=KEY, **asked),
            execution=f"e{began:g}",
            execution_arn=f"arn:e{began:g}",
            started=minutes(began),
            round=round_number,
        )
        return plan(event, self.zone, self._stand_in.warehouse(PLANNER), lambda _: self.status)

    def land(self, run: str, *windows: tuple[float, float], stream: str = "items") -> None:
        """Commits of which only the name is good."""
        for window in windows:
            name = WindowName(SOURCE, stream, run, WHOLE, interval(*window))
            self.zone.put(f"{name.folder}{COMMIT}", b"not to be read")

    def ledger(self, *rows: Row) -> None:
        ledger_holds(self._stand_in, SOURCE, *rows)

    def work(self, answer: PlanAnswer) -> list[WorkItem]:
        return msgspec.json.decode(self.zone.get(answer.extract.key), type=list[WorkItem])

    def decided(self, answer: PlanAnswer) -> Plan:
        return msgspec.json.decode(self.zone.get(names.plan(SOURCE, answer.run, answer.round)), type=Plan)

    def claim(self) -> Claim | None:
        body = self.zone.find(names.claim(SOURCE))
        return None if body is None else msgspec.json.decode(body, type=Claim)


@pytest.fixture(name="schema", scope="module")
def schema_fixture(stand_in: StandIn) -> Iterator[None]:
    stand_in.add_sources(SOURCE)
    yield
    stand_in.remove_sources(SOURCE)


@pytest.fixture
def plans(zone: Zone, stand_in: StandIn, schema: None) -> Plans:
    plans = Plans(zone, stand_in)
    plans.ledger()
    return plans


def loads(answer: PlanAnswer) -> list[tuple[str, str]]:
    return [(item.stream, item.windows_of) for item in answer.streams]


def known(start: float, end: float, as_of: float = 1000, stream: str = "items", **more: Any) -> Row:
    return row(start, end, as_of, stream=stream, **more)


def test_a_first_round(plans: Plans) -> None:
    answer = plans.plan(90, streams=["items"])
    run = run_at(90)
    assert msgspec.to_builtins(answer) == {
        "run": run,
        "round": 1,
        "extract": {
            "items": 2,
            "concurrency": 1,
            "bucket": "landing",
            "key": f"runs/{SOURCE}/{run}/work-0001.json",
        },
        "streams": [
            {
                "source": SOURCE,
                "catalogue": f"runs/{SOURCE}/{run}/catalogue.yaml",
                "stream": "items",
                "run": run,
                "windows_of": run,
            }
        ],
        "load_items": 1,
        "more": False,
    }
    assert [(one.start, one.end) for one in plans.work(answer)] == [
        (minutes(0), minutes(60)),
        (minutes(60), minutes(90)),
    ]
    assert plans.decided(answer).items == plans.work(answer)
    assert plans.claim() == Claim(run=run, execution="arn:e90", unfinished=[])


def test_what_the_ledger_settles_is_not_read_again(plans: Plans) -> None:
    plans.ledger(known(0, 60, 60), known(60, 80, run=run_at(90)))
    answer = plans.plan(90, streams=["items"])
    assert [one.start for one in plans.work(answer)] == [minutes(55), minutes(80)]
    assert plans.decided(answer).watermarks == {"items": minutes(55)}


def test_coverage_of_another_epoch_does_not_count(plans: Plans) -> None:
    plans.ledger(known(0, 90))
    assert plans.plan(90, streams=["items"]).extract.items == 0
    plans.zone.put(KEY, CATALOGUE.replace("disposition: merge", "epoch: 1").encode())
    answer = plans.plan(91, streams=["items"])
    assert [(one.start, one.epoch) for one in plans.work(answer)] == [(minutes(0), 1), (minutes(60), 1)]


@pytest.mark.parametrize("asked", [{}, {"reread": True}, {"concurrent": True}], ids=str)
def test_an_epoch_that_went_back_is_refused_before_anything_is_claimed(
    plans: Plans, asked: dict[str, bool]
) -> None:
    """What it read would be superseded by what is loaded, run after run."""
    plans.ledger(known(0, 60, stream="sets", epoch=2))
    with pytest.raises(PlanError) as refused:
        plans.plan(90, **asked)
    assert str(refused.value) == (
        "planned.sets: its `epoch` is 0, and windows of epoch 2 are loaded, which are newer than all that is read "
        "now: set `epoch` to 3 to read it anew (or to 2, if the catalogue is as it was then)"
    )
    assert plans.claim() is None
    assert plans.plan(90, streams=["items"], **asked).load_items == 1, "other streams are not held up"


def test_an_epoch_that_went_back_or_on_does_not_hinder_what_reads_nothing_or_anew(plans: Plans) -> None:
    plans.ledger(known(0, 60, stream="sets", epoch=2))
    assert loads(plans.plan(90, replay=True)) == [("items", "*"), ("sets", "*")]
    for began, epoch in ((91, 2), (92, 3)):
        plans.zone.put(
            KEY,
            CATALOGUE.replace("disposition: replace", f"disposition: replace\n    epoch: {epoch}").encode(),
        )
        assert {one.epoch for one in plans.work(plans.plan(began, streams=["sets"]))} == {epoch}


def test_a_call_that_is_repeated_goes_by_what_the_first_decided(plans: Plans) -> None:
    first = plans.plan(90)
    plans.ledger(known(0, 90, run=run_at(90)))
    again = plans.plan(90)
    assert again == first
    assert plans.work(again) == plans.decided(first).items


# Another execution.


def test_a_second_execution_is_refused_before_it_plans(plans: Plans) -> None:
    plans.plan(90)
    plans.status = "RUNNING"
    with pytest.raises(PlanError, match="the execution arn:e90 reads this source already"):
        plans.plan(91)
    assert plans.zone.find(names.plan(SOURCE, run_at(91), 1)) is None
    assert plans.plan(90).run == run_at(90), "the one that has the claim plans on"
    assert plans.plan(90, 1).round == 2


def test_a_concurrent_one_asks_nobody_and_leaves_the_claim_alone(plans: Plans) -> None:
    plans.plan(90)
    claim = plans.claim()
    plans.land(run_at(90), (0, 60))
    plans.status = "RUNNING"
    answer = plans.plan(91, concurrent=True, streams=["items"])
    assert (loads(answer), answer.extract.items) == ([("items", run_at(91))], 2)
    assert plans.claim() == claim


def test_only_the_first_round_claims(plans: Plans) -> None:
    plans.plan(90, 1)
    assert plans.claim() is None


# What runs before this one landed and did not load.


def test_leftovers_are_loaded_first_and_then_what_is_still_missing(plans: Plans) -> None:
    one, two = run_at(90), run_at(91)
    plans.plan(90)
    plans.land(one, (0, 60), (60, 90))
    plans.ledger(known(0, 60, run=one))
    first = plans.plan(91, streams=["items"])
    assert (first.extract.items, loads(first), first.load_items, first.more) == (0, [("items", one)], 1, True)
    assert {(item.run, item.catalogue) for item in first.streams} == {(two, names.catalogue(SOURCE, two))}
    assert plans.work(first) == []
    plans.ledger(known(0, 60, run=one), known(60, 90, run=one))
    second = plans.plan(91, 1, streams=["items"])
    assert [(item.start, item.end) for item in plans.work(second)] == [(minutes(90), minutes(91))]
    assert (loads(second), second.more) == ([("items", two)], False)


def test_a_leftover_that_cannot_be_loaded_is_read_again(plans: Plans) -> None:
    plans.plan(90)
    plans.land(run_at(90), (0, 60))
    assert plans.plan(91, streams=["items"]).more
    second = plans.plan(91, 1, streams=["items"])
    assert [item.start for item in plans.work(second)] == [minutes(0), minutes(60)]


@pytest.mark.parametrize("state", ["loaded", "superseded", "quarantined"])
def test_what_the_ledger_has_in_any_state_is_no_leftover(plans: Plans, state: str) -> None:
    plans.plan(90)
    plans.land(run_at(90), (0, 60))
    plans.ledger(known(0, 60, run=run_at(90), state=state))
    answer = plans.plan(91, streams=["items"])
    assert loads(answer) == [("items", run_at(91))]
    assert plans.claim() == Claim(run=run_at(91), execution="arn:e91", unfinished=[], after_failure=True)


def test_leftovers_of_several_runs(plans: Plans) -> None:
    plans.plan(90)
    plans.land(run_at(90), (0, 60))
    plans.plan(91)
    plans.land(run_at(91), (60, 90))
    plans.plan(92)
    answer = plans.plan(93)
    assert loads(answer) == [("items", run_at(90)), ("items", run_at(91))]
    claim = plans.claim()
    assert claim is not None
    assert claim.unfinished == [run_at(90), run_at(91)], "a run that landed nothing is not carried along"


def test_a_set_is_no_leftover_for_it_is_read_again(plans: Plans) -> None:
    plans.plan(90)
    plans.land(run_at(90), (0, 60), stream="sets")
    assert loads(plans.plan(91)) == [("items", run_at(91)), ("sets", run_at(91))]


def test_leftovers_of_a_stream_that_is_not_asked_for_stay(plans: Plans) -> None:
    plans.plan(90)
    plans.land(run_at(90), (0, 60))
    assert loads(plans.plan(91, streams=["sets"])) == [("sets", run_at(91))]
    claim = plans.claim()
    assert claim is not None
    assert claim.unfinished == [run_at(90)]


def test_a_first_round_of_leftovers_is_decided_once(plans: Plans) -> None:
    plans.plan(90)
    plans.land(run_at(90), (0, 60))
    first = plans.plan(91)
    plans.ledger(known(0, 60, run=run_at(90)))
    assert plans.plan(91) == first


# What histories have left is loaded in order, with what is read of them again.


@pytest.fixture
def histories(plans: Plans) -> Plans:
    text = CATALOGUE.replace("windows_per_run: 3", "windows_per_run: 2")
    plans.zone.put(KEY, (text + STREAM.format(name="states", disposition="scd2")).encode())
    return plans


def with_runs(answer: PlanAnswer) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(item.stream, item.windows_of, item.with_runs) for item in answer.streams]


def test_a_history_loads_what_is_left_of_all_runs_with_what_it_reads_again(histories: Plans) -> None:
    one, two, three = run_at(150), run_at(151), run_at(152)
    histories.plan(150)
    histories.land(one, (60, 120), stream="states")
    histories.plan(151)
    histories.land(two, (60, 120), (120, 151), stream="states")
    first = histories.plan(152, streams=["states"])
    assert [item.start for item in histories.work(first)] == [minutes(0), minutes(60)]
    assert (with_runs(first), first.more) == ([("states", three, (one, two))], True)
    assert [item.with_runs for item in histories.decided(first).loads] == [(one, two)]
    histories.ledger(*(known(0, 120, stream="states", run=run) for run in (one, three)))
    second = histories.plan(152, 1, streams=["states"])
    assert [item.start for item in histories.work(second)] == [minutes(120)]
    assert with_runs(second) == [("states", three, (one, two))]


def test_a_history_waits_for_the_round_that_reads(histories: Plans) -> None:
    one, two = run_at(90), run_at(91)
    histories.plan(90)
    for stream in ("items", "states"):
        histories.land(one, (0, 60), stream=stream)
    first = histories.plan(91, streams=["items", "states"])
    assert (with_runs(first), first.more) == ([("items", one, ())], True)
    histories.ledger(known(0, 60, run=one), known(0, 91, run=two))
    second = histories.plan(91, 1, streams=["items", "states"])
    assert with_runs(second) == [("states", two, (one,))]
    histories.ledger(known(0, 91, run=two), known(0, 91, run=two, stream="states"))
    third = histories.plan(91, 2, streams=["items", "states"])
    assert with_runs(third) == [("states", two, (one,))], "also where nothing of it is left to read"


def test_a_concurrent_run_takes_nothing_of_others(histories: Plans) -> None:
    histories.plan(90)
    histories.land(run_at(90), (0, 60), stream="states")
    answer = histories.plan(91, concurrent=True, streams=["states"])
    assert with_runs(answer) == [("states", run_at(91), ())]


def test_a_round_hands_on_only_so_many(plans: Plans, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step's answer has a size; what is left out is read again."""
    monkeypatch.setattr(leftovers, "MOST_LEFTOVERS", 2)
    for began in (90, 91, 92):
        plans.plan(began)
        plans.land(run_at(began), (0, 60))
    assert loads(plans.plan(93)) == [("items", run_at(91)), ("items", run_at(92))]
    claim = plans.claim()
    assert claim is not None
    assert claim.unfinished == [run_at(90), run_at(91), run_at(92)], "and comes with a later run"


# A replay.


def test_a_replay_plans_no_windows(plans: Plans) -> None:
    plans.plan(90)
    plans.land(run_at(90), (0, 60))
    answer = plans.plan(91, replay=True)
    assert (answer.extract.items, loads(answer)) == (0, [("items", "*"), ("sets", "*")])
    assert (answer.load_items, answer.more) == (2, False)
    assert plans.work(answer) == []
    assert plans.decided(answer).watermarks == {"items": minutes(0), "sets": minutes(0)}


def test_a_replay_of_one_stream(plans: Plans) -> None:
    assert loads(plans.plan(91, replay=True, streams=["sets"])) == [("sets", "*")]


# Sets among other streams, round by round.


def test_a_set_comes_whole_whatever_the_limit_is(plans: Plans) -> None:
    first = plans.plan(300)
    by_stream = [item.stream for item in plans.work(first)]
    assert (by_stream, first.more) == (["sets"] * 5, True)
    assert {item.set_windows for item in plans.work(first)} == {5}
    plans.ledger(known(0, 300, stream="sets", run=run_at(300)))
    second = plans.plan(300, 1)
    assert ([item.stream for item in plans.work(second)], second.more) == (["items"] * 3, True)


# What is refused.


def test_a_stream_that_is_not_there_is_refused_before_the_claim(plans: Plans) -> None:
    with pytest.raises(PlanError, match="planned: no stream 'comments'; it has items, sets"):
        plans.plan(90, streams=["comments"])
    with pytest.raises(PlanError, match=r"planned\.sets cannot be asked for a range"):
        plans.plan(90, start=minutes(0))
    assert plans.claim() is None


def test_a_catalogue_that_cannot_be_read(plans: Plans) -> None:
    plans.zone.put(KEY, b"source: planned")
    with pytest.raises(CatalogueError):
        plans.plan(90)


GOOD = {"source": "s", "catalogue": "c", "base_url": None}


def read(asked: dict[str, Any]) -> RunInput:
    event = {
        "input": asked,
        "execution": "e",
        "execution_arn": "arn",
        "started": "2026-01-01T00:00:00Z",
        "round": 0,
    }
    return read_event(event, PlanEvent).input


def test_the_input_of_an_execution() -> None:
    assert read(GOOD) == RunInput(source="s", catalogue="c")
    everything = {
        **GOOD,
        "base_url": "https://other",
        "from": "2026-01-01T02:00:00+02:00",
        "to": "2026-01-02T00:00:00Z",
        "streams": ["a"],
        "reread": True,
        "concurrent": True,
    }
    found = read(everything)
    assert (found.start, found.end) == (minutes(0), minutes(0) + timedelta(days=1))
    assert (found.base_url, found.streams, found.reread, found.concurrent) == (
        "https://other",
        ["a"],
        True,
        True,
    )
    assert read({**GOOD, "replay": True}).replay


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"force": True}, "unknown field `force`"),
        ({"from": "2026-01-01"}, "Invalid RFC3339"),
        ({"from": "2026-01-01T00:00:00"}, "timezone component"),
        ({"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "`from` .* is not before `to`"),
        ({"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "`from` .* is not before `to`"),
        ({"replay": True, "reread": True}, "`replay` loads all that has landed: leave out"),
        ({"replay": True, "to": "2026-01-01T00:00:00Z"}, "`replay` loads all that has landed: leave out"),
        ({"streams": "items"}, "Expected `array`"),
        ({"reread": "yes"}, "Expected `bool`"),
    ],
)
def test_an_input_that_cannot_be_meant(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(PlanError, match=message) as refused:
        read({**GOOD, **asked})
    assert str(refused.value).endswith(
        "with an input of source, catalogue, base_url, from, to, streams, reread, replay, from_raw, inbox, "
        "concurrent"
    )
