"""One source on the Redshift stand-in: windows landed without an endpoint, and what became of them."""

import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from xmlift.catalogue import Source, load_source
from xmlift.checks import LoadedCounts
from xmlift.landing.chain import Landed
from xmlift.landing.zone import Zone
from xmlift.loading.load import LoadAnswer, LoadEvent, load
from xmlift.planning.plan import plan
from xmlift.reporting.report import ReportAnswer, ReportEvent, RunReport, report
from xmlift.run_input import PlanEvent, RunInput
from xmlift.warehouse.connection import Credentials, Warehouse
from xmlift.work import PlanAnswer, WorkItem

from ..unit.kept import check_kept
from ..unit.steps_landing import DAY, ReadPage, Row, land
from ..unit.warehouse_stand_in import COPY_ROLE, LOADER, PLANNER, REPORTER, StandIn
from .watched import Watch, WatchedWarehouse

_STREAM = """
  {stream}:
    request: {{ path: /x, query: {{ q: "{{window.from}}/{{window.to}}" }} }}
    records: /r/i
    cursor: {{ type: watermark, field: modified, overlap: 15m, slice: 6h, start: "2026-01-01T00:00:00Z" }}
    key: [id]
    disposition: {disposition}
    columns:
      id: {{ path: id, type: bigint }}
      modified: {{ path: m, type: timestamptz }}
      title: {{ path: t, type: varchar(10) }}
"""
_CHILDREN = """
    children:
      notes: { records: note, columns: { text: { path: ".", type: varchar(20) } } }
"""
_DELETES = """
    deletes: { type: tombstone, path: gone }
"""

STREAMS = {"items": "merge", "events": "append", "stock": "replace", "prices": "scd2"}
"""A stream of each disposition."""

OVERLAP = timedelta(minutes=15)


def catalogue(name: str) -> str:
    """The streams alike but for what becomes of their rows."""
    streams = "".join(
        _STREAM.format(stream=stream, disposition=disposition)
        + (_CHILDREN if disposition != "scd2" else "")
        + (_DELETES if disposition in ("merge", "scd2") else "")
        for stream, disposition in STREAMS.items()
    )
    return f"source: {name}\nbase_url: https://host\nlimits: {{ windows_per_run: 50 }}\nstreams:{streams}"


_numbers = itertools.count(1)


class Pipeline:
    """What a test does with its source, past the endpoint and the state machine."""

    def __init__(self, zone: Zone, stand_in: StandIn) -> None:
        self.name = f"protocol{next(_numbers):03}"
        self.zone, self.stand_in = zone, stand_in
        self.key = f"catalogue/{self.name}/x.yaml"
        text = catalogue(self.name).encode()
        zone.put(self.key, text)
        self.source: Source = load_source(text, self.key)
        stand_in.add_sources(self.name)

    def remove(self) -> None:
        check_kept(self.stand_in, self.name)
        self.stand_in.remove_sources(self.name)

    def land(
        self,
        stream: str,
        run: str,
        window: tuple[float, float],
        *pages: Sequence[Row],
        read_at: datetime,
        as_of: datetime | None = None,
        **options: Any,
    ) -> Landed:
        """Land a window; its pages were read a second after each other. By default a set has this one alone."""
        if STREAMS[stream] == "replace":
            options.setdefault("set_windows", 1)
        read = [ReadPage(rows, read_at + timedelta(seconds=n)) for n, rows in enumerate(pages)]
        return land(self.zone, self.source, stream, run, window, read, as_of=as_of or read_at, **options)

    def load(
        self,
        stream: str,
        windows_of: str,
        warehouse: Warehouse | None = None,
        *,
        by: str = "",
        seconds: float = 600,
        with_runs: tuple[str, ...] = (),
    ) -> LoadAnswer:
        """One call of load for what a run has landed, by that run or a later one."""
        event = LoadEvent(
            source=self.name,
            catalogue=self.key,
            stream=stream,
            run=by or windows_of,
            windows_of=windows_of,
            with_runs=with_runs,
        )
        return load(event, self.zone, warehouse or self.warehouse(), COPY_ROLE, lambda: seconds)

    def warehouse(self, watch: Watch | None = None) -> Warehouse:
        """The warehouse as load has it, watched or not."""
        if watch is None:
            return self.stand_in.warehouse(LOADER)
        return WatchedWarehouse(self.stand_in.address, lambda: Credentials(f"IAMR:{LOADER}", "right"), watch)

    def plan(self, event: PlanEvent) -> PlanAnswer:
        """One call of plan; an execution that is not this one has failed."""
        return plan(event, self.zone, self.stand_in.warehouse(PLANNER), lambda _: "FAILED")

    def report(self, event: PlanEvent) -> tuple[ReportAnswer, RunReport]:
        """One call of report for the same execution."""
        return report(
            ReportEvent(**msgspec.structs.asdict(event)), self.zone, self.stand_in.warehouse(REPORTER)
        )

    def work_list(self, answer: PlanAnswer) -> list[WorkItem]:
        """The windows that plan has written down for the Map."""
        return msgspec.json.decode(self.zone.get(answer.extract.key), type=list[WorkItem])

    def rows(self, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
        return sorted(self.stand_in.run(f'SELECT {columns} FROM "{self.name}"."{table}"'), key=repr)

    def tables(self) -> Iterator[str]:
        """The tables that hold rows, children too."""
        found = self.stand_in.run(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s ORDER BY 1", self.name
        )
        return (name for (name,) in found if not name.endswith("__mutex"))

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table."""
        return {table: self.rows(table) for table in self.tables()}

    def ledger(self, columns: str = "stream, run, window_name, state") -> list[tuple[Any, ...]]:
        return sorted(self.stand_in.run(f"SELECT {columns} FROM xmlift.ledger WHERE source = %s", self.name))

    def sums(self) -> dict[str, int]:
        """What the ledger says each table holds: what its windows inserted, less what they removed."""
        held = dict.fromkeys(self.tables(), 0)
        for (tables,) in self.ledger("tables"):
            for table, counts in msgspec.json.decode(tables, type=dict[str, LoadedCounts]).items():
                held[table] += counts.inserted - counts.removed
        return held

    def everything(self) -> Any:
        """All that a load may change."""
        return self.contents(), self.ledger("run, window_name, state, commit_sha, tables")

    def forget(self) -> None:
        """Empty the tables and the ledger; what has landed stays."""
        for table in list(self.tables()):
            self.stand_in.run(f'DELETE FROM "{self.name}"."{table}"')
        self.stand_in.forget(self.name)


def hours(instant: datetime) -> float:
    """Hours since these tests' first day, as `land` takes windows."""
    return (instant - DAY) / timedelta(hours=1)


def row(key: int, modified: datetime, title: str = "", notes: int = 0, **more: Any) -> Row:
    """A record with so many notes."""
    return {
        "id": key,
        "modified": modified.isoformat(),
        "title": title,
        "notes": [{"text": f"{title}{n}"} for n in range(notes)],
    } | more


def event_of(
    run: int, started: datetime, round_number: int, source: str, catalogue: str = "x.yaml"
) -> PlanEvent:
    """What plan is told in a round of the execution of this number."""
    return PlanEvent(
        input=RunInput(source=source, catalogue=catalogue),
        execution=f"e{run}",
        execution_arn=f"arn:e{run}",
        started=started,
        round=round_number,
    )
