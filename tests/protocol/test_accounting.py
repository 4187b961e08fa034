"""I5: what is read is written, rejected, out of the window or dropped; what is written is inserted, updated,
duplicate or stale; and whatever was planned is accounted for, or the run fails.

Whole runs of all dispositions with everything that may become of a record; then each count is altered by one, in
the commit or in the ledger, as a lost row would, and the report has to notice every single one.
"""

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from xmlift.checks import LoadedCounts
from xmlift.landing import commits
from xmlift.landing.chain import Landed
from xmlift.landing.commits import TableCounts
from xmlift.landing.landed import landed_windows
from xmlift.landing.names import stream_prefix
from xmlift.run_input import PlanEvent

from ..unit.steps_landing import Row, at
from .pipeline import STREAMS, Pipeline, event_of, hours, row


def random_rows(chance: random.Random, stream: str, start: float) -> list[Row]:
    """Records of a window of six hours: good ones, too long ones, some outside, some twice, some gone."""
    rows = []
    for _ in range(chance.randint(0, 9)):
        title = chance.choice(["a", "b", "", "much too long for it"])
        # A history is of records that do not go back in time.
        key = int(start) * 10 + chance.randint(1, 4) if STREAMS[stream] == "scd2" else chance.randint(1, 6)
        modified = at(start + chance.uniform(-1, 7)) if STREAMS[stream] != "scd2" else at(start + key % 5)
        gone = {"gone": "yes"} if STREAMS[stream] in ("merge", "scd2") and chance.random() < 0.2 else {}
        rows.append(row(key, modified, title, notes=chance.randint(0, 2), **gone))
    return [*rows, *rows[:1], row(99, at(start + 1), "good")]


class Run:
    """One execution, from its plan to its loads."""

    def __init__(self, pipeline: Pipeline, chance: random.Random, number: int) -> None:
        self.pipeline = pipeline
        self.event: PlanEvent = event_of(number, at(20 + 7 * number), 0, pipeline.name, pipeline.key)
        answer = pipeline.plan(self.event)
        for item in pipeline.work_list(answer):
            window = hours(item.start), hours(item.end)
            pages = [random_rows(chance, item.stream, window[0]) for _ in range(chance.randint(1, 2))]
            pipeline.land(
                item.stream,
                item.run,
                window,
                *pages,
                read_at=self.event.started,
                set_windows=item.set_windows,
            )
        for load in answer.streams:
            pipeline.load(load.stream, load.windows_of, by=load.run, with_runs=load.with_runs)

    def problems(self) -> list[str]:
        answer, told = self.pipeline.report(self.event)
        assert (answer.status == "failed") == bool(told.problems)
        return told.problems

    def warnings(self) -> list[str]:
        """Those about rows that are not accounted for."""
        _, told = self.pipeline.report(self.event)
        return [warning for warning in told.warnings if "accounts for" in warning]

    def landed(self) -> list[Landed]:
        pipeline = self.pipeline
        return [
            window
            for stream in STREAMS
            for window in landed_windows(pipeline.zone, stream_prefix(pipeline.name, stream, self.event.run))
        ]


NOT_CHECKED = {"removed", "marked", "left_out"}
"""The first is held against the rows of the table: below, and at every instant in test_observer. The others count
rows of other windows and single values; tests of their loads hold them against both."""


class Alteration(NamedTuple):
    """One count of one table of a window, one more or less than it was."""

    landed: Landed
    table: str
    count: str
    by: int


def counts_in_commits(run: Run) -> Iterator[Alteration]:
    for landed in run.landed():
        for table, counts in landed.commit.progress.tables.items():
            for count in counts.__struct_fields__:
                by = -1 if getattr(counts, count) else 1
                yield Alteration(landed, table, count, by)


def counts_in_ledger(run: Run) -> Iterator[Alteration]:
    for landed in run.landed():
        for table in sorted({part.table for part in landed.commit.parts} - {commits.REJECTS}):
            for count in sorted({*LoadedCounts.__struct_fields__} - NOT_CHECKED):
                yield Alteration(landed, table, count, 1)


def test_any_count_that_is_altered_fails_the_report(pipeline: Pipeline) -> None:
    chance = random.Random(4)
    runs = [Run(pipeline, chance, number) for number in range(2)]
    run = runs[1]
    assert [run.problems() for run in runs] == [[], []]
    assert all_that_may_become_of_a_record(pipeline)
    for altered in chance.sample(list(counts_in_commits(run)), 8):
        with_counts(pipeline, altered, _in_commit(altered))
        assert run.problems(), f"commit: {altered.table}.{altered.count} {altered.by:+}"
        with_counts(pipeline, altered, altered.landed.commit)
    for altered in chance.sample(list(counts_in_ledger(run)), 8):
        before = tables_of(pipeline, altered)
        counts = msgspec.json.decode(before, type=dict[str, LoadedCounts])
        own = counts.setdefault(altered.table, LoadedCounts())
        setattr(own, altered.count, getattr(own, altered.count) + altered.by)
        set_ledger(pipeline, altered, "tables", msgspec.json.encode(counts).decode())
        assert run.problems(), f"ledger: {altered.table}.{altered.count} {altered.by:+}"
        set_ledger(pipeline, altered, "tables", before)
    assert run.problems() == []


def test_rows_that_no_load_brought_or_took_are_told(pipeline: Pipeline) -> None:
    """That is no fault of the run: somebody else changed the table."""
    run = Run(pipeline, random.Random(6), 1)
    assert run.warnings() == []
    for number, stream in enumerate(STREAMS):
        column = ("rows_inserted", "rows_removed")[number % 2]
        (altered, *_) = [Alteration(each, "", "", 0) for each in run.landed() if each.window.stream == stream]
        change = f"UPDATE xmlift.ledger SET {column} = {column} + %s {_OF_WINDOW}"
        pipeline.stand_in.run(change, 1, *_window(pipeline, altered))
        (warning,) = run.warnings()
        assert warning.startswith(f"{pipeline.name}.{stream}: "), warning
        pipeline.stand_in.run(change, -1, *_window(pipeline, altered))
    assert run.problems() == []


def all_that_may_become_of_a_record(pipeline: Pipeline) -> bool:
    """Whether it all happened: nothing would be seen of what never does."""
    assert {stream for (stream,) in pipeline.ledger("stream")} == set(STREAMS)
    ledger = pipeline.ledger(
        "rows_rejected, rows_out_of_window, rows_duplicate, rows_stale, rows_inserted, rows_updated, rows_removed"
    )
    return all(sum(counts) for counts in zip(*ledger, strict=True))


def _in_commit(altered: Alteration) -> commits.Commit:
    tables = dict(altered.landed.commit.progress.tables)
    counts: dict[str, Any] = msgspec.structs.asdict(tables[altered.table])
    tables[altered.table] = TableCounts(**counts | {altered.count: counts[altered.count] + altered.by})
    progress = msgspec.structs.replace(altered.landed.commit.progress, tables=tables)
    return msgspec.structs.replace(altered.landed.commit, progress=progress)


def with_counts(pipeline: Pipeline, altered: Alteration, commit: commits.Commit) -> None:
    """Put a commit in the place of the window's own, and let the ledger know it as the one that was loaded."""
    body = commits.encode(commit)
    pipeline.zone.put(f"{altered.landed.window.folder}commit.json", body)
    set_ledger(pipeline, altered, "commit_sha", commits.sha256(body))


_OF_WINDOW = "WHERE source = %s AND stream = %s AND run = %s AND window_name = %s"


def _window(pipeline: Pipeline, altered: Alteration) -> tuple[str, ...]:
    window = altered.landed.window
    return pipeline.name, window.stream, window.run, str(window.interval)


def tables_of(pipeline: Pipeline, altered: Alteration) -> str:
    ((tables,),) = pipeline.stand_in.run(
        f"SELECT tables FROM xmlift.ledger {_OF_WINDOW}", *_window(pipeline, altered)
    )
    return tables


def set_ledger(pipeline: Pipeline, altered: Alteration, column: str, value: str) -> None:
    sql = f"UPDATE xmlift.ledger SET {column} = %s {_OF_WINDOW}"
    pipeline.stand_in.run(sql, value, *_window(pipeline, altered))
