"""The protocol's decisions over a ledger and a table in memory: hundreds of worlds in seconds."""

from datetime import datetime
from typing import Any

from xmlift.catalogue import load_source
from xmlift.planning.missing import missing_windows
from xmlift.planning.plan import counted_coverage
from xmlift.warehouse import coverage, kept_coverage, ledger
from xmlift.warehouse.coverage import Covered
from xmlift.windows import Interval, merged, settled_by

from .pipeline import event_of
from .worlds import OVERLAP, Reading

CATALOGUE = """
source: world
base_url: https://host
limits: {{ windows_per_run: {limit} }}
streams:
  items:
    request: {{ path: /items, query: {{ q: "{{window.from}}/{bound}" }} }}
    records: /r/i
    cursor: {{ type: watermark, field: modified, slice: 2h, overlap: 15m, start: "2026-01-01T00:00:00Z" }}
    key: [id]
    disposition: {disposition}
    columns:
      id: {{ path: id, type: bigint }}
      modified: {{ path: m, type: timestamptz }}
"""


class MemoryReader:
    """plan's windows as they are decided, over a table that a few lines keep."""

    def __init__(self, limit: int, *, bounded: bool = True, append: bool = False) -> None:
        text = CATALOGUE.format(
            limit=limit,
            bound="{window.to}" if bounded else "",
            disposition="append" if append else "merge",
        )
        self._source = load_source(text.encode(), "x.yaml")
        self._append = append
        self._landed: dict[int, list[Reading]] = {}
        self._loaded: list[Reading] = []
        self._run = ""

    def plan(self, run: int, started: datetime, round_number: int) -> tuple[list[Interval], bool]:
        event = event_of(run, started, round_number, "world")
        self._run = event.run
        plan = missing_windows(event, self._source, self._settled(), self._own())
        return [Interval(item.start, item.end) for item in plan.items], plan.more

    def _settled(self) -> Covered:
        settled = [settled_by(reading.window, reading.as_of, OVERLAP) for reading in self._loaded]
        return {"items": {"-": merged(settled)}}

    def _own(self) -> Covered:
        return {
            "items": {"-": merged(reading.window for reading in self._loaded if reading.run == self._run)}
        }

    def land(self, run: int, reading: Reading) -> None:
        self._landed.setdefault(run, []).append(reading._replace(run=self._run))

    def load(self, run: int) -> None:
        self._loaded += self._landed.pop(run, [])

    def table(self) -> set[tuple[int, datetime, int]]:
        return self._appended() if self._append else self._merged()

    def _merged(self) -> set[tuple[int, datetime, int]]:
        best: dict[int, tuple[datetime, datetime, int]] = {}
        for reading in self._loaded:
            for row in reading.rows:
                version = (row.cursor, reading.read_at, row.number)
                best[row.key] = max(best.get(row.key, version), version)
        return {(key, cursor, number) for key, (cursor, _, number) in best.items()}

    def _appended(self) -> set[tuple[int, datetime, int]]:
        """For each instant the newest reading that covers it counts."""
        rows = set()
        newest_first = sorted(self._loaded, key=lambda reading: (reading.as_of, reading.run), reverse=True)
        for place, reading in enumerate(newest_first):
            for row in reading.rows:
                inside = reading.window.start <= row.cursor < reading.window.end
                newer = (other.window for other in newest_first[:place])
                if inside and not any(window.start <= row.cursor < window.end for window in newer):
                    rows.add((row.key, row.cursor, row.number))
        return rows


class LedgerReader(MemoryReader):
    """The same, where the ledger and what it settles are the warehouse's own."""

    def __init__(self, connection: Any, limit: int, *, bounded: bool = True, append: bool = False) -> None:
        super().__init__(limit, bounded=bounded, append=append)
        self._connection = connection
        with self._connection as transaction, transaction.cursor() as cursor:
            cursor.execute("DELETE FROM xmlift.ledger WHERE source = 'world'")
            kept_coverage.forget(cursor, "world")

    def load(self, run: int) -> None:
        entries = [_entry(reading) for reading in self._landed.get(run, [])]
        super().load(run)
        with self._connection as transaction, transaction.cursor() as cursor:
            if entries:
                ledger.insert(cursor, entries)
                kept_coverage.keep(cursor, "world", "items", OVERLAP, entries)

    def _settled(self) -> Covered:
        """Which must be the same by what is kept and by the windows."""
        counted = counted_coverage(self._source)
        with self._connection as transaction, transaction.cursor() as cursor:
            settled = coverage.settled(cursor, "world", counted)
            assert settled == coverage.settled_by_ledger(cursor, "world", counted)
            return settled

    def _own(self) -> Covered:
        with self._connection as transaction, transaction.cursor() as cursor:
            return coverage.of_run(cursor, "world", self._run)


def _entry(reading: Reading) -> ledger.Entry:
    known: dict[str, Any] = {
        "source": "world",
        "stream": "items",
        "partition_id": "-",
        "window_name": str(reading.window),
        "window_start": reading.window.start,
        "window_end": reading.window.end,
        "run": reading.run,
        "state": ledger.LOADED,
        "as_of": reading.as_of,
        "not_modified": False,
    }
    texts = dict.fromkeys(("commit_sha", "tables", "reason", "loaded_by", "next_link", "validators"), "")
    return ledger.Entry(**dict.fromkeys(ledger.Entry._fields, 0) | texts | known)
