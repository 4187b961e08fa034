"""report: what was planned, landed and loaded, held against each other; each thing that is wrong is named."""

import gzip

import msgspec
import pytest

from xmlift.landing import commits, names
from xmlift.landing.chain import Landed
from xmlift.reporting import report as reporting
from xmlift.reporting.report import ReportAnswer, ReportEvent, RunReport, figures
from xmlift.warehouse.connection import Credentials, Warehouse
from xmlift.work import LoadItem, Plan

from .loads import Loads, event_row, item
from .runs import Run, land_all, load_all, spoil
from .steps_landing import at, run_at

RUN = run_at(12, "one")


@pytest.fixture
def run(loads: Loads) -> Run:
    loads.change("slice: 6h", "slice: 12h")
    return Run(loads)


def test_a_run_in_which_everything_adds_up(run: Run) -> None:
    assert run.plan().extract.items == 2
    land_all(run)
    load_all(run)
    answer, result = run.report()
    assert answer == ReportAnswer(
        status="succeeded",
        catch_up=False,
        message=(
            f"{run.loads.name}: items: 3 records read, 2 new, 0 changed, 0 already known, 1 rejected; "
            "events: 2 records read, 1 new, 0 changed, 0 already known, 0 rejected"
        ),
        report=f"runs/{run.loads.name}/{RUN}/report.json",
        loaded={
            "items": {"inserted": 2, "updated": 0, "removed": 0, "rejected": 1},
            "events": {"inserted": 1, "updated": 0, "removed": 0, "rejected": 0},
        },
    )
    kept = run.loads.zone.get(answer.report)
    assert msgspec.json.decode(kept, type=RunReport) == msgspec.json.decode(
        msgspec.json.encode(result), type=RunReport
    )
    items, events = result.streams
    assert (items.windows, items.landed, items.pages) == (1, 1, 1)
    assert (items.records, items.rejected, items.written, items.loaded, items.inserted) == (3, 1, 2, 2, 2)
    assert (events.records, events.written, events.out_of_window) == (2, 1, 1)
    assert items.watermark == at(0), "what held when the run was planned"
    assert items.reject_reasons == {"items.title: 12 bytes do not fit varchar(10)": 1}
    assert items.tables["items__notes"].inserted == 1
    five_minutes = 5 / 60
    assert result.complete_to["items"] == at(12 - five_minutes), (
        "what the next run reads again is not complete"
    )
    assert result.complete_to["archive"] == at(0), "nothing of it was read so far"


def test_the_report_measures_how_far_each_stream_is_behind(run: Run) -> None:
    event = ReportEvent(**run.event, round=1)
    result = RunReport(
        source="parts",
        run=RUN,
        status="failed",
        message="",
        more=False,
        streams=[],
        problems=[],
        warnings=[],
        complete_to={"items": at(12), "events": at(11)},
    )
    answer = ReportAnswer(status="failed", catch_up=False, message="", report="", loaded={})
    assert figures(event, answer, result, at(12.5)) == {
        "": {"lag": 5400.0, "run_seconds": 1800.0, "failed_runs": 1},
        "items": {"lag": 1800.0},
        "events": {"lag": 5400.0},
    }
    going_on = msgspec.structs.replace(answer, catch_up=True)
    assert figures(event, going_on, result, at(12.5))[""] == {"lag": 5400.0}, "the run has not ended"
    unknown = msgspec.structs.replace(result, complete_to={})
    assert figures(event, answer, unknown, at(12.5)) == {"": {"run_seconds": 1800.0, "failed_runs": 1}}


def test_the_second_run_tells_what_was_known(run: Run) -> None:
    run.plan()
    land_all(run)
    load_all(run)
    later = Run(run.loads, "two", 13)
    later.plan()
    start = 12 - 5 / 60
    run.loads.land(later.run, (start, 12), [item(2, 2, "b")], as_of=13, read=11)
    run.loads.land(later.run, (12, 13), [item(1, 12.5, "a2")], as_of=13)
    run.loads.land(later.run, (12, 13), [], stream="events", as_of=13)
    run.loads.land(later.run, (start, 12), [], stream="events", as_of=13)
    for stream in ("items", "events"):
        run.loads.load(later.run, stream)
    answer, result = later.report()
    assert answer.status == "succeeded", answer.message
    assert "items: 2 records read, 0 new, 1 changed, 1 already known, 0 rejected" in answer.message
    assert result.streams[0].watermark == at(start)


def test_what_remains_asks_for_another_round(run: Run) -> None:
    run.loads.change("streams:", "limits: { windows_per_run: 1 }\nstreams:")
    first = run.plan()
    assert (first.extract.items, first.more, first.round) == (1, True, 1)
    run.loads.land(run.run, (0, 12), [event_row(1, 1)], stream="events")
    run.loads.load(run.run, "events")
    answer, _ = run.report()
    assert (answer.status, answer.catch_up) == ("succeeded", True)
    second = run.plan(first.round)
    assert (second.extract.items, second.more, second.round) == (1, False, 2)
    assert second.extract.key != first.extract.key
    run.loads.land(run.run, (0, 12), [item(1, 1)])
    run.loads.load(run.run)
    answer, result = run.report()
    assert (answer.status, answer.catch_up) == ("succeeded", False)
    assert [stream.windows for stream in result.streams] == [1, 1], "all rounds of the run are told"


@pytest.mark.parametrize(("most", "goes_on"), [(42, True), (41, False)])
def test_a_run_ends_before_its_history_is_full(
    run: Run, monkeypatch: pytest.MonkeyPatch, most: int, goes_on: bool
) -> None:
    """One round of 30 events, with one load of 12."""
    monkeypatch.setattr(reporting, "MOST_EVENTS", most)
    run.loads.change("streams:", "limits: { windows_per_run: 1 }\nstreams:")
    assert run.plan().load_items == 1
    run.loads.land(run.run, (0, 12), [event_row(1, 1)], stream="events")
    run.loads.load(run.run, "events")
    answer, result = run.report()
    assert (answer.status, answer.catch_up, result.more) == ("succeeded", goes_on, True)
    assert answer.message.endswith("the next run goes on") is not goes_on
    assert answer.message == result.message


def test_a_years_catching_up_stays_below_what_step_functions_allows() -> None:
    one = LoadItem(source="s", catalogue="c", stream="t", run="r", windows_of="r")
    rounds = [Plan(items=[], loads=[one] * 4, more=True, watermarks={})] * 300
    assert reporting._events(rounds) == 300 * (30 + 4 * 12) == 23_400
    assert reporting.MOST_EVENTS + 7_000 == 25_000


def test_a_failed_run_does_not_go_on(run: Run) -> None:
    run.loads.change("streams:", "limits: { windows_per_run: 1 }\nstreams:")
    run.plan()
    answer, _ = run.report()
    assert (answer.status, answer.catch_up) == ("failed", False)


def test_the_plan_is_the_work_list_and_its_streams(run: Run) -> None:
    answer = run.plan()
    listed = msgspec.json.decode(run.loads.zone.get(answer.extract.key))
    assert answer.extract.bucket == run.loads.zone.bucket
    assert [(one["stream"], one["from"], one["to"]) for one in listed] == [
        (stream, "2026-01-01T00:00:00Z", "2026-01-01T12:00:00Z") for stream in ("events", "items")
    ]
    assert [(one.stream, one.run) for one in answer.streams] == [("events", RUN), ("items", RUN)]
    assert answer.load_items == 2


def test_a_window_that_left_a_note_is_told_in_its_words(run: Run) -> None:
    run.plan()
    items, _ = land_all(run)
    load_all(run)
    delete(run, items)
    note = {"error": "SourceError", "message": f"{items.window}: HTTP 503 down"}
    run.loads.zone.put(names.failure(items.window), msgspec.json.encode(note))
    assert run.problem() == f"{items.window}: HTTP 503 down"


def test_a_window_that_left_nothing_is_told_as_such(run: Run) -> None:
    run.plan()
    items, _ = land_all(run)
    load_all(run)
    delete(run, items)
    assert run.problem().startswith(f"{items.window}: has not landed, and left no message")


def delete(run: Run, landed: Landed) -> None:
    run.loads.zone._s3.delete_object(Bucket=run.loads.zone.bucket, Key=f"{landed.window.folder}commit.json")


def test_a_window_that_is_not_loaded_is_told(run: Run) -> None:
    run.plan()
    items, _ = land_all(run)
    run.loads.load(run.run, "events")
    assert run.problem() == f"{items.window}: has landed, but is not loaded; the next run reads it again"


def test_a_window_with_a_damaged_commit_is_told_and_the_others_are_accounted_for(run: Run) -> None:
    run.plan()
    items, _ = land_all(run)
    key = f"{items.window.folder}commit.json"
    run.loads.zone.put(key, b"{")
    load_all(run)
    assert run.problem() == (
        f"{items.window}: its commit is damaged ({key}: not a commit that this version writes: Input data was "
        "truncated). Restore the object's earlier version, or delete it; unless the window is loaded, it is a gap, "
        "which the next run reads"
    )
    _, result = run.report()
    assert [(stream.stream, stream.landed, stream.inserted) for stream in result.streams] == [
        ("items", 0, 0), ("events", 1, 1)
    ]  # fmt: skip


def test_a_window_loaded_by_another_commit_is_told(run: Run) -> None:
    run.plan()
    items, _ = land_all(run)
    load_all(run)
    changed = msgspec.structs.replace(items.commit, ended_by="somebody")
    run.loads.zone.put(f"{items.window.folder}commit.json", commits.encode(changed))
    assert "another commit was loaded" in run.problem()


def test_counts_of_extract_that_do_not_add_up_are_told(run: Run) -> None:
    run.plan()
    items, _ = land_all(run)
    items.commit.progress.tables["items"].read += 1
    run.loads.zone.put(f"{items.window.folder}commit.json", commits.encode(items.commit))
    load_all(run)
    assert "items: 4 read ≠ 2 written + 1 rejected" in run.problem()


def test_counts_of_load_that_do_not_add_up_are_told(run: Run) -> None:
    run.plan()
    land_all(run)
    load_all(run)
    run.loads.stand_in.run(
        """UPDATE xmlift.ledger SET tables = replace(tables, '"inserted":2', '"inserted":1') WHERE source = %s""",
        run.loads.name,
    )
    assert "items: 2 written ≠ 1 inserted" in run.problem()
    drop_items(run)


def test_a_key_that_stands_twice_is_told(run: Run) -> None:
    run.plan()
    land_all(run)
    load_all(run)
    run.loads.stand_in.run(
        f"INSERT INTO {run.loads.name}.items SELECT * FROM {run.loads.name}.items WHERE id = 1"
    )
    assert run.problem() == (
        f"{run.loads.name}.items: 1 keys stand more than once in the table. If its `disposition` or `key` was "
        "changed over the rows that it had, drop it and its children, and rebuild-ledger loads them anew from what "
        "has landed"
    )
    drop_items(run)


def drop_items(run: Run) -> None:
    """The table was tampered with: its rows are not what the ledger counted."""
    run.loads.stand_in.run(f"DROP TABLE {run.loads.name}.items")


def test_rows_that_no_load_brought_or_took_are_a_warning(run: Run) -> None:
    run.plan()
    land_all(run)
    load_all(run)
    name = run.loads.name
    (rejected,) = run.report()[1].warnings
    told, _, key = rejected.partition(". They are kept with their values, first in ")
    assert told == f"{name}.items: 1 rows rejected: items.title: 12 bytes do not fit varchar(10)"
    assert key.rpartition("/")[2].startswith("_rejects-")
    assert b"far too long" in gzip.decompress(run.loads.zone.get(key))
    shift = (
        "UPDATE xmlift.ledger SET rows_inserted = rows_inserted + %s WHERE source = %s AND stream = 'items'"
    )
    run.loads.stand_in.run(shift, 1, name)
    answer, result = run.report()
    run.loads.stand_in.run(shift, -1, name)
    assert answer.status == "succeeded"
    assert result.warnings[1:] == [
        f"{name}.items: 2 rows, the ledger accounts for 3: something else than a load changed the table; "
        "rebuild-ledger loads again what has landed"
    ]


def test_several_problems_are_all_kept_and_the_first_ones_shown(run: Run) -> None:
    run.loads.change("slice: 12h", "slice: 1h")
    run.plan()
    answer, result = run.report()
    assert len(result.problems) == 24
    assert "(and 19 more)" in answer.message
    assert result.status == "failed"


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ('{"errorMessage": "it gave up", "errorType": "WarehouseError"}', "WarehouseError: it gave up"),
        ("plain words", "WarehouseError: plain words"),
        ("[1]", "WarehouseError: [1]"),
        ("", "WarehouseError: "),
    ],
)  # fmt: skip
def test_a_failure_of_the_state_machine_is_told(run: Run, cause: str, words: str) -> None:
    run.plan()
    land_all(run)
    load_all(run)
    assert run.problem(failure={"Error": "WarehouseError", "Cause": cause}) == words


def test_a_run_that_failed_before_it_had_a_plan(run: Run) -> None:
    assert (
        run.problem(failure={"Error": "CatalogueError", "Cause": "no such key"})
        == "CatalogueError: no such key"
    )


def test_what_is_wrong_with_a_window_comes_before_the_maps_word(run: Run) -> None:
    run.plan()
    load_all(run)
    _, result = run.report(failure={"Error": "States.ExceedToleratedFailureThreshold", "Cause": "x"})
    assert "has not landed" in result.problems[0]
    assert result.problems[-1] == "States.ExceedToleratedFailureThreshold: x"


def test_a_hook_comes_before_what_it_kept_from_being_read(run: Run) -> None:
    run.plan()
    load_all(run)
    failure = {
        "Where": "the hook before_extract",
        "Error": "Closed",
        "Cause": '{"errorMessage": "no way in"}',
    }
    _, result = run.report(failure=failure)
    assert result.problems[0] == "the hook before_extract failed: Closed: no way in"
    assert result.problems[1:] == [f"{run.loads.name}: 2 windows were not read; the next run reads them"]


def test_a_catalogue_that_is_gone_is_told(run: Run) -> None:
    run.event["input"] = msgspec.structs.replace(run.event["input"], catalogue="catalogue/gone.yaml")
    assert "catalogue/gone.yaml does not exist" in run.problem()


def test_a_run_goes_on_with_its_own_copy_of_the_catalogue(run: Run) -> None:
    run.plan()
    run.event["input"] = msgspec.structs.replace(run.event["input"], catalogue="catalogue/taken/away.yaml")
    answer = run.plan(round_number=1)
    assert {stream.catalogue for stream in answer.streams} == {names.catalogue(run.loads.name, run.run)}
    land_all(run)
    load_all(run)
    assert run.report()[0].status == "succeeded"


def test_a_warehouse_that_is_not_there_is_told(run: Run) -> None:
    run.plan()
    nobody = run.loads.stand_in.address._replace(port=1)
    closed = Warehouse(nobody, lambda: Credentials("u", "hunter2"), "test", sleep=lambda _: None)
    problem = run.problem(warehouse=closed)
    assert "no connection to 127.0.0.1:1/warehouse" in problem
    assert "hunter2" not in problem


def test_columns_that_never_had_a_value_are_noted_and_no_failure(run: Run) -> None:
    run.plan()
    run.loads.land(run.run, (0, 12), [item(1, 1), item(2, 2)])
    run.loads.land(run.run, (0, 12), [], stream="events")
    load_all(run)
    answer, result = run.report()
    assert answer.status == "succeeded"
    assert result.streams[0].unseen_columns == {"items": ["title"]}
    assert result.streams[1].unseen_columns == {}, "nothing was read, so nothing is told by its absence"
    assert result.warnings == [f"{run.loads.name}.items: never a value in title: are their paths right?"]


def test_a_few_changes_without_a_value_are_no_warning(run: Run) -> None:
    run.plan()
    land_all(run)
    load_all(run)
    later = Run(run.loads, "two", 13)
    later.plan()
    run.loads.land(later.run, (12, 13), [item(1, 12.5)], as_of=13)
    run.loads.load(later.run)
    _, result = later.report()
    assert result.streams[0].records == 1
    assert result.streams[0].unseen_columns == {}


def test_what_stands_where_records_are_expected_is_told(run: Run) -> None:
    run.plan()
    run.loads.land(run.run, (0, 12), [], unmatched={"ticket": 6})
    _, result = run.report()
    (warning,) = result.warnings
    assert warning.startswith(
        f"{run.loads.name}.items: no record in 1 pages; where records are expected stand 6 × ticket"
    )


def test_nothing_to_do_is_a_success(run: Run) -> None:
    run.plan()
    land_all(run)
    load_all(run)
    for stream in ("items", "events"):
        run.loads.stand_in.run(
            "UPDATE xmlift.ledger SET as_of = %s WHERE source = %s AND stream = %s",
            at(99),
            run.loads.name,
            stream,
        )
    run.loads.stand_in.run("DELETE FROM xmlift.coverage WHERE source = %s", run.loads.name)
    again = Run(run.loads, "again", 12)
    assert again.plan().extract.items == 0
    answer, result = again.report()
    assert answer.status == "succeeded"
    assert result.streams[0].watermark == at(12)


# --- what is set aside, what is superseded ---


def test_a_quarantined_window_fails_the_run_with_its_reason(run: Run) -> None:
    run.plan()
    items, _ = land_all(run)
    spoil(run, items)
    load_all(run)
    problem = run.problem()
    assert problem.startswith(f"{items.window}: quarantined: ")
    assert "cannot be unpacked" in problem
    _, result = run.report()
    assert [stream.quarantined for stream in result.streams] == [1, 0]
    assert sum(stream.quarantined for stream in result.streams) == 1


def test_a_superseded_set_is_no_fault_and_is_told(loads: Loads) -> None:
    """Another run has read the whole later, and was faster."""
    slow, fast = Run(loads, "slow", 12, streams=["lists"]), Run(loads, "fast", 13, streams=["lists"])
    for each in (slow, fast):
        (one,) = msgspec.json.decode(loads.zone.get(each.plan().extract.key))
        assert one["set_windows"] == 1
    epoch_hours = -56 * 365.25 * 24  # a stream without a cursor is read since 1970
    for each, end in ((slow, 12), (fast, 13)):
        loads.land(each.run, (epoch_hours, end), [{"id": 1}], stream="lists", set_windows=1)
    for each in (fast, slow):
        loads.load(each.run, "lists")
    answer, result = slow.report()
    assert answer.status == "succeeded", answer.message
    (lists,) = result.streams
    assert (lists.landed, lists.superseded, lists.inserted) == (1, 1, 0)
    assert sum(stream.superseded for stream in result.streams) == 1
    assert result.warnings[1:] == [
        f"{loads.name}.lists: 1 windows of this run are superseded: what is loaded counts as newer, and nothing of "
        "them is in the table. If no other run read it meanwhile, look into the ledger for an `as_of` in the "
        "future, and raise the stream's `epoch`"
    ]
    assert len(fast.report()[1].warnings) == 1, "neither has titles"
