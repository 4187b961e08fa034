"""I7: the stand-in refuses what Redshift refuses, and a run costs the same after ten years as on its first day.

What the stand-in refuses is tested where it stands; the rules of the protocol that lean on it are named here. The
costs of plan, load and report are counted in requests to S3, keys listed, statements, rows and bytes fetched.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from xmlift.landing.zone import Zone
from xmlift.loading.load import LoadEvent, load
from xmlift.planning.plan import plan
from xmlift.reporting.report import ReportEvent, report

from ..mutants.mutants import ROOT, unknown_tests
from ..unit.steps_landing import DAY, at, run_at
from ..unit.warehouse_stand_in import COPY_ROLE, LOADER, PLANNER, REPORTER, StandIn
from .pipeline import Pipeline, event_of, hours, row
from .watched import Moment, WatchedWarehouse

_WIRE, _DIALECT = (
    "tests/local/redshift/test_redshift_wire.py",
    "tests/local/redshift/test_redshift_dialect.py",
)


@pytest.mark.parametrize(
    ("rule", "refusal"),
    [
        ("L0", f"{_WIRE}::test_a_column_is_not_widened_in_a_transaction"),
        ("L1", f"{_WIRE}::test_the_snapshot_is_taken_at_the_first_statement"),
        ("L1", f"{_WIRE}::test_lock_blocks_readers_of_its_table_alone"),
        ("L4", f"{_DIALECT}::test_merge_that_redshift_refuses"),
        ("L6", f"{_WIRE}::test_truncate_commits"),
        ("R1", f"{_WIRE}::test_a_lost_client_rolls_back"),
        ("R2", f"{_WIRE}::test_a_transaction_is_found_and_ended"),
        ("R3", f"{_WIRE}::test_a_conflict_is_1023"),
    ],
)
def test_what_a_rule_leans_on_is_refused(rule: str, refusal: str) -> None:
    assert unknown_tests([refusal]) == []
    assert f"**{rule}" in Path(ROOT, "docs", "protocol.md").read_text(encoding="utf-8")


STREAMS = ["items", "events", "prices"]
"""A set is read whole by each run, and costs what it holds."""

MINUTES = 100_000


class Costs:
    """Counts what S3 and the warehouse are asked, and what they answer."""

    def __init__(self, s3: Any) -> None:
        self.counts: Counter[str] = Counter()
        self._events = s3.meta.events

    @contextmanager
    def counted(self) -> Iterator[None]:
        self._events.register("after-call.s3", self._asked)
        yield
        self._events.unregister("after-call.s3", self._asked)

    def _asked(self, model: Any, parsed: dict[str, Any], **_: Any) -> None:
        self.counts[model.name] += 1
        self.counts["keys listed"] += parsed.get("KeyCount", 0)

    def warehouse(self, stand_in: StandIn, role: str) -> WatchedWarehouse:
        credentials = stand_in.warehouse(role)._credentials
        return WatchedWarehouse(stand_in.address, credentials, self._told, self._fetched)

    def _told(self, moment: Moment, _: Any) -> None:
        self.counts["statements"] += moment.after

    def _fetched(self, rows: list[tuple[Any, ...]]) -> None:
        self.counts["rows fetched"] += len(rows)
        self.counts["bytes fetched"] += len(repr(rows))


def fill_ledger(pipeline: Pipeline, windows: int) -> None:
    """So many loaded windows of each stream over the same time, of a thousand runs, settled to their end."""
    pipeline.stand_in.run(
        """INSERT INTO xmlift.ledger (source, stream, partition_id, epoch, window_name, window_start, window_end,
            run, state, commit_sha, as_of, pages, rows_read, rows_rejected, rows_out_of_window, rows_dropped,
            rows_written, rows_duplicate, rows_stale, rows_inserted, rows_updated, tables)
        SELECT %s, stream, '-', 0, to_char(n, 'FM000000') || stream, begins, begins + length,
            'run' || (n %% 1000)::text, 'loaded', md5(n::text), %s, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, '{}'
        FROM unnest(%s) AS stream, (SELECT n, %s::timestamptz + n * length AS begins, length
            FROM generate_series(0, %s) AS n, (SELECT %s::interval AS length) AS of_all) AS windows""",
        pipeline.name,
        DAY + timedelta(minutes=MINUTES) + timedelta(days=1),
        STREAMS,
        DAY,
        windows - 1,
        timedelta(minutes=MINUTES) / windows,
    )


def fill_landing(pipeline: Pipeline, commits: int) -> None:
    """What older runs have landed: nobody has to look at it."""
    for number in range(commits):
        folder = f"landing/{pipeline.name}/items/20251231T000000{number:06}Z-old/-"
        pipeline.zone.put(f"{folder}/20260101T000000000000Z_20260102T000000000000Z/commit.json", b"{}")


def cost_of_a_run(pipeline: Pipeline, costs: Costs) -> None:
    """Plan, land a few rows, load and report."""
    stand_in, zone = pipeline.stand_in, pipeline.zone
    event = event_of(1, DAY + timedelta(minutes=MINUTES, days=2), 0, pipeline.name, pipeline.key)
    event = msgspec.structs.replace(event, input=msgspec.structs.replace(event.input, streams=STREAMS))
    with costs.counted():
        answer = plan(event, zone, costs.warehouse(stand_in, PLANNER), lambda _: "SUCCEEDED")
    items = pipeline.work_list(answer)
    assert 20 < len(items) < 40
    for item in items:
        window = hours(item.start), hours(item.end)
        pipeline.land(item.stream, item.run, window, [row(1, item.start)], read_at=event.started)
    with costs.counted():
        for one in answer.streams:
            told = LoadEvent(**msgspec.structs.asdict(one))
            done = load(told, zone, costs.warehouse(stand_in, LOADER), COPY_ROLE, lambda: 600)
            assert done.status == "done"
        told = ReportEvent(**msgspec.structs.asdict(event))
        _, reported = report(told, zone, costs.warehouse(stand_in, REPORTER))
    assert reported.problems == []


def test_a_run_costs_the_same_however_much_went_before(zone: Zone, stand_in: StandIn, s3: Any) -> None:
    counted = []
    # Of each of three streams.
    for windows, commits in ((34, 10), (34_000, 1_100)):
        pipeline, costs = Pipeline(zone, stand_in), Costs(s3)
        fill_ledger(pipeline, windows)
        fill_landing(pipeline, commits)
        cost_of_a_run(pipeline, costs)
        pipeline.remove()
        counted.append(costs.counts)
    assert counted[0] == counted[1]
    assert all(counted[0][what] for what in ("ListObjectsV2", "statements", "rows fetched", "bytes fetched"))


def test_a_load_is_spared_what_its_batch_does_not_need(zone: Zone, stand_in: StandIn) -> None:
    """Ranked is where a key comes twice, merged where one is there, deleted what is stale, and else nothing."""
    pipeline = Pipeline(zone, stand_in)
    first, second, third = (run_at(hour, "x") for hour in (12, 13, 14))
    dear = (
        'CREATE TEMP TABLE "losers_items"',
        "MERGE",
        'INSERT INTO "' + pipeline.name,
        'DELETE FROM "stage_items"',
    )

    def asked(run: str, *rows: int, version: float) -> list[int]:
        told: list[str] = []
        records = [row(key, DAY + timedelta(hours=version), notes=0) for key in rows]
        pipeline.land("items", run, (0, 6), records, read_at=at(12 + version))
        pipeline.load(
            "items",
            run,
            pipeline.warehouse(lambda moment, _: told.append(moment.sql) if moment.after else None),
        )
        return [sum(sql.startswith(start) for sql in told) for start in dear]

    assert asked(first, 1, 2, version=2) == [0, 0, 2, 0], "keys that are new: into the table and its children"
    assert asked(second, 2, 3, version=3) == [0, 1, 1, 0]
    assert asked(third, 1, 4, 4, version=1) == [1, 1, 1, 2], "the loser of a key, and what is stale"
    pipeline.remove()
