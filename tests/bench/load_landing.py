"""A landing zone full of rows, for what is measured after it: written as extract writes it, without an endpoint.

Rows are those of work items: sixteen columns of their own beside the lineage that every row carries.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from isal import igzip

from xmlift.catalogue import Source, load_source
from xmlift.landing import names
from xmlift.landing.chain import Chain
from xmlift.landing.commits import Commit, Entry, Progress, Scope, TableCounts
from xmlift.landing.names import WindowName
from xmlift.landing.zone import Zone
from xmlift.layout import stream_layout
from xmlift.windows import Interval

SOURCE, STREAM = "bench", "work_items"
CATALOGUE_KEY = "catalogue/bench/x.yaml"
CATALOGUE = b"""
source: bench
base_url: https://host
streams:
  work_items:
    request: { path: /workitem, query: { q: "{window.from}/{window.to}" } }
    records: /workitem/workItem
    cursor: { type: watermark, field: modified, overlap: 5m, slice: 1h, start: "2026-01-01T00:00:00Z" }
    key: [id]
    columns:
      id: { path: id, type: bigint }
      summary: { path: summary, type: varchar(1024) }
      modified: { path: modified, type: timestamptz }
      created: { path: created, type: timestamptz }
      archived: { path: archived, type: boolean }
      state: { path: state/name, type: varchar(64) }
      state_group: { path: state/group, type: varchar(64) }
      owner: { path: owner/name, type: varchar(128) }
      owner_id: { path: owner/userId, type: varchar(128) }
      project_area: { path: projectArea/name, type: varchar(256) }
      category: { path: category/name, type: varchar(256) }
      item_type: { path: type/name, type: varchar(64) }
      severity: { path: severity/name, type: varchar(64) }
      priority: { path: priority/name, type: varchar(64) }
      planned_for: { path: target/name, type: varchar(256) }
      duration: { path: duration, type: bigint }
"""
START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
_ATTEMPT = "0123456789ab"
_TAILS = 997


class Landing(NamedTuple):
    """What stands in the zone, and the same rows as CSV without a header."""

    run: str
    columns: tuple[str, ...]
    csv: bytes
    packed: int


def source() -> Source:
    return load_source(CATALOGUE, CATALOGUE_KEY)


def window_of(number: int, run: str, of: str = SOURCE) -> WindowName:
    """The window of this number: an hour each, one after the other."""
    return WindowName(
        of, STREAM, run, names.WHOLE, Interval(START + number * HOUR, START + (number + 1) * HOUR)
    )


def run_of(number: int, windows: int) -> str:
    """A run that began after the end of the last of so many windows."""
    return names.run_id(START + (windows + 1) * HOUR + timedelta(seconds=number), f"bench{number}")


def land(zone: Zone, run: str, rows: int, windows: int, first: int = 0) -> Landing:
    """Rows with keys from 1 on, in so many windows of one part each, the first of this number."""
    zone.put(CATALOGUE_KEY, CATALOGUE)
    table = stream_layout(STREAM, source().streams[STREAM]).table
    csv, packed = [], 0
    for number in range(windows):
        keys = range(rows * number // windows + 1, rows * (number + 1) // windows + 1)
        window = window_of(first + number, run)
        text = _csv(window, keys)
        csv.append(text)
        packed += _land_window(zone, window, text, len(keys), table.fingerprint, list(table.column_names))
    return Landing(run, table.column_names, b"".join(csv), packed)


def land_windows(zone: Zone, windows: Sequence[WindowName], rows: int) -> None:
    """The same rows in each of these windows."""
    table = stream_layout(STREAM, source().streams[STREAM]).table
    for window in windows:
        csv = _csv(window, range(1, rows + 1))
        _land_window(zone, window, csv, rows, table.fingerprint, list(table.column_names))


def _land_window(
    zone: Zone, window: WindowName, csv: bytes, rows: int, schema: str, columns: list[str]
) -> int:
    body = igzip.compress(csv, 2)
    entry = Entry(
        table=STREAM, attempt=_ATTEMPT, sequence=0, rows=rows, schema=schema, bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
    )  # fmt: skip
    chain = Chain(zone, window)
    chain.put_part(entry.name, body)
    chain.commit(
        Commit(
            scope=Scope(source=window.source, stream=STREAM, partition=names.WHOLE, epoch=0),
            run=window.run,
            start=window.interval.start,
            end=window.interval.end,
            attempt=_ATTEMPT,
            links=0,
            parts=[entry],
            columns={schema: columns},
            progress=Progress(pages=1, tables={STREAM: TableCounts(read=rows, written=rows)}),
            as_of=names.run_started(window.run),
            parsed_at=names.run_started(window.run),
            ended_by="the bench said so",
        )
    )
    return len(body)


def _csv(window: WindowName, keys: range) -> bytes:
    """One part's rows. What differs from row to row is made by row, the rest by pattern: rows are many."""
    started = _instant(names.run_started(window.run))
    lineage = f"{names.WHOLE},{window.run},{window.interval},{_ATTEMPT}-00000,1"
    modified = window.interval.start + timedelta(minutes=1)
    tails = [
        f"{_instant(modified + timedelta(seconds=n))},2025-11-0{n % 9 + 1} 10:00:00.000000+00:00,false,"
        f"{('New', 'In Progress', 'Done')[n % 3]},{('open', 'inprogress', 'closed')[n % 3]},Engineer {n},e{n:05},"
        f"Quality Management (Change),Platform/Component {n % 50},{('Task', 'Defect', 'Story')[n % 3]},"
        f"{('Normal', 'Major', 'Blocker')[n % 3]},{('Low', 'High', 'Unassigned')[n % 3]},Release {n % 20}.0,"
        f"{n * 3600000},{lineage}"
        for n in range(_TAILS)
    ]
    read = f"{started},{started}\n"
    lines = [
        f'{key},"Work item {key}: the build fails on node {key % 89}, see log",{tails[key % _TAILS]},{row},{read}'
        for row, key in enumerate(keys, start=1)
    ]
    return "".join(lines).encode()


def _instant(time: datetime) -> str:
    return time.isoformat(sep=" ", timespec="microseconds")
