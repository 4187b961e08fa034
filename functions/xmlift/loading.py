"""load: what one run landed of one stream, into the warehouse, a batch of windows in each transaction (L0–L8).

Loading twice loads once: a window whose commit the ledger has is left out, and it is asked behind the lock. So a
repeated call, a second loader and a COMMIT whose answer was lost need no case of their own.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
import psycopg2
from msgspec import Struct
from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.catalogue import load_source
from xmlift.checks import LoadedCounts
from xmlift.errors import CatalogueError, WarehouseError, XmliftError
from xmlift.landing import names
from xmlift.landing.chain import Landed
from xmlift.landing.landed import landed_windows
from xmlift.landing.zone import Zone
from xmlift.layout import StreamLayout, TableLayout, stream_layout
from xmlift.telemetry import logger
from xmlift.warehouse import ledger, statements, tables
from xmlift.warehouse.connection import Warehouse, one_line
from xmlift.warehouse.statements import Table
from xmlift.windows import Interval

BATCH_WINDOWS = 1_000
BATCH_BYTES = 5 * 1024**3
RESERVE_SECONDS = 30.0
"""What a call keeps of its time to roll back and answer."""

WindowKey = tuple[str, str, str]
"""Run, partition and interval, as rows carry them."""


class LoadEvent(Struct, frozen=True, kw_only=True):
    """A stream of a run: one of the plan's load items."""

    source: str
    catalogue: str
    stream: str
    run: str


class LoadAnswer(Struct, frozen=True, kw_only=True):
    """`done`, or `more`: call again with the same event."""

    status: str
    windows: int


class Batch(NamedTuple):
    """Windows that are loaded together, or not at all."""

    source: str
    stream: str
    landed: Sequence[Landed]

    @property
    def id(self) -> str:
        """The same windows have the same id, so that a repeated load writes the same manifests."""
        digest = hashlib.sha256("".join(window.sha256 for window in self.landed).encode()).hexdigest()
        return f"{self.landed[0].window.run}/{self.source}.{self.stream}/{digest[:16]}"


def load(
    event: LoadEvent,
    zone: Zone,
    warehouse: Warehouse,
    copy_role_arn: str,
    time_left: Callable[[], float],
) -> LoadAnswer:
    """Load what this run has landed and the ledger lacks.

    Raises XmliftError that names the stream, after noting it on S3 for the report; nothing is half done then.
    """
    try:
        return _load(event, zone, warehouse, copy_role_arn, time_left)
    except (XmliftError, psycopg2.Error) as error:
        kind = type(error) if isinstance(error, XmliftError) else WarehouseError
        message = f"{event.source}.{event.stream} of run {event.run}: {one_line(error)}"
        note = {"error": kind.__name__, "message": message}
        zone.put(names.load_failure(event.source, event.stream, event.run), msgspec.json.encode(note))
        raise kind(message) from error


def _load(
    event: LoadEvent,
    zone: Zone,
    warehouse: Warehouse,
    copy_role_arn: str,
    time_left: Callable[[], float],
) -> LoadAnswer:
    source = load_source(zone.get(event.catalogue), event.catalogue)
    stream = source.streams.get(event.stream)
    if stream is None:
        raise CatalogueError(
            f"{event.catalogue}: no stream {event.stream!r}; it has {', '.join(source.streams)}"
        )
    landed = list(landed_windows(zone, names.stream_prefix(event.source, event.stream, event.run)))
    known = warehouse.transaction(
        lambda cursor: {
            entry.commit_sha for entry in ledger.of_run(cursor, event.source, event.run, event.stream)
        }
    )
    new = [window for window in landed if window.sha256 not in known]
    if not new:
        return LoadAnswer(status="done", windows=0)
    loader = StreamLoader(
        event.source,
        event.stream,
        stream_layout(event.stream, stream),
        stream.disposition,
        zone,
        warehouse,
        copy_role_arn,
    )
    loader.prepare_tables(time_left() - RESERVE_SECONDS)
    count = 0
    for windows in batches(new):
        if count and time_left() < 2 * RESERVE_SECONDS:
            return LoadAnswer(status="more", windows=count)
        loader.load(Batch(event.source, event.stream, windows), time_left() - RESERVE_SECONDS)
        count += len(windows)
        logger.info("loaded", stream=event.stream, windows=count, of=len(new))
    return LoadAnswer(status="done", windows=count)


def batches(landed: Sequence[Landed]) -> Iterator[list[Landed]]:
    """Windows in order, cut into batches of bounded number and size."""
    batch: list[Landed] = []
    size = 0
    for window in landed:
        window_size = sum(part.bytes for part in window.commit.parts)
        if batch and (len(batch) == BATCH_WINDOWS or size + window_size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(window)
        size += window_size
    if batch:
        yield batch


class StreamLoader:
    """Loads batches of one stream."""

    def __init__(
        self,
        source: str,
        stream: str,
        layout: StreamLayout,
        disposition: str,
        zone: Zone,
        warehouse: Warehouse,
        copy_role_arn: str,
    ) -> None:
        self._source = source
        self._stream = stream
        self._table = _target(source, layout.table)
        self._children = [_target(source, child) for child in layout.children]
        self._disposition = disposition
        self._zone = zone
        self._warehouse = warehouse
        self._copy_role_arn = copy_role_arn

    @property
    def _tables(self) -> list[Table]:
        return [self._table, *self._children]

    def prepare_tables(self, seconds: float = math.inf) -> None:
        """Bring the targets to the declared columns, in autocommit and only ever growing (L0)."""

        def prepare(cursor: Cursor) -> None:
            for table in self._tables:
                tables.prepare(cursor, table)
            tables.ensure(cursor, statements.create_mutex(self._source, self._stream))

        try:
            self._warehouse.autocommit(prepare, seconds)
        except (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.InvalidSchemaName) as error:
            raise WarehouseError(
                f"{self._table.qualified}: the loader may not create tables there ({one_line(error)}): migrate "
                "grants it after every apply; run `terraform apply` again"
            ) from error

    def load(self, batch: Batch, seconds: float) -> None:
        """Load a batch in one transaction. Raises WarehouseError; the warehouse is then as it was."""
        manifests = self._write_manifests(batch)

        def work(cursor: Cursor) -> None:
            cursor.execute(statements.lock(self._source, self._stream))
            self._load_locked(cursor, batch, manifests)

        try:
            self._warehouse.transaction(work, seconds)
        except psycopg2.Error as error:
            raise WarehouseError(
                f"loading {len(batch.landed)} windows was rolled back: {one_line(error)}{self._load_errors(error)}"
            ) from error

    def _load_errors(self, error: psycopg2.Error) -> str:
        """What COPY noted about a bad file: it survives the rollback, and another session can read it."""
        if "sys_load_error_detail" not in str(error).lower():
            return ""
        files = f"s3://{self._zone.bucket}/landing/{self._source}/{self._stream}/"
        with suppress(psycopg2.Error, WarehouseError):  # the error that we have matters more
            rows = self._warehouse.autocommit(lambda cursor: tables.load_errors(cursor, files))
            return "".join(f"; {row}" for row in rows)
        return ""

    def _write_manifests(self, batch: Batch) -> dict[tuple[str, str], str]:
        """One manifest per table and schema: the URL that COPY reads it from (L0)."""
        urls: dict[tuple[str, str], list[dict[str, object]]] = {}
        for window in batch.landed:
            for part in window.commit.parts:
                if part.table in {table.name for table in self._tables}:
                    urls.setdefault((part.table, part.schema), []).append(
                        {
                            "url": f"s3://{self._zone.bucket}/{window.window.folder}{part.name}",
                            "mandatory": True,
                            "meta": {"content_length": part.bytes},
                        }
                    )
        manifests = {}
        for (table, schema), entries in urls.items():
            key = names.manifest(batch.id, table, schema)
            self._zone.put(key, json.dumps({"entries": entries}).encode())
            manifests[table, schema] = f"s3://{self._zone.bucket}/{key}"
        return manifests

    def _load_locked(self, cursor: Cursor, batch: Batch, manifests: dict[tuple[str, str], str]) -> None:
        new = self._not_in_ledger(cursor, batch)
        if len(new) < len(batch.landed):
            # Somebody loaded a part of this batch meanwhile: its manifests name too much.
            if new:
                rest = batch._replace(landed=new)
                self._load_locked(cursor, rest, self._write_manifests(rest))
            return
        superseded: list[Landed] = []
        if self._disposition == "append":
            current, superseded = self._take_cells(cursor, batch.landed)
            if superseded:
                batch = batch._replace(landed=current)
                manifests = self._write_manifests(batch)
        counts = self._stage(cursor, batch, manifests) if manifests else {}
        if manifests:
            self._apply(cursor, counts)
        ledger.insert(
            cursor,
            [
                *(_entry(window, ledger.LOADED, counts) for window in batch.landed),
                *(_entry(window, ledger.SUPERSEDED, {}) for window in superseded),
            ],
        )

    def _not_in_ledger(self, cursor: Cursor, batch: Batch) -> list[Landed]:
        """The windows of the batch that the ledger lacks (L2). Raises WarehouseError for a changed commit."""
        loaded = {
            (run, entry.partition_id, entry.window_name): entry.commit_sha
            for run in {window.window.run for window in batch.landed}
            for entry in ledger.of_run(cursor, self._source, run, self._stream)
        }
        new = []
        for window in batch.landed:
            sha = loaded.get(_key(window))
            if sha is None:
                new.append(window)
            elif sha != window.sha256:
                raise WarehouseError(
                    f"{window.window}: the ledger has it with another commit ({sha[:12]}, now "
                    f"{window.sha256[:12]}): landing is written once, so somebody changed it"
                )
        return new

    def _take_cells(self, cursor: Cursor, landed: Sequence[Landed]) -> tuple[list[Landed], list[Landed]]:
        """Which readings of their cells count, the newest of each, and take out what older ones brought (L5)."""
        before = ledger.overlapping(
            cursor,
            self._source,
            self._stream,
            landed[0].commit.scope.epoch,
            Interval(min(w.commit.start for w in landed), max(w.commit.end for w in landed)),
        )
        self._refuse_other_grid(landed, before)
        newest: dict[tuple[str, datetime], tuple[datetime, str]] = {}
        for cell, age in [
            *(((entry.partition_id, entry.window_start), (entry.as_of, entry.run)) for entry in before),
            *(((window.window.partition, window.commit.start), _age(window)) for window in landed),
        ]:
            newest[cell] = max(newest.get(cell, age), age)
        current = [w for w in landed if newest[w.window.partition, w.commit.start] == _age(w)]
        replaced = {(w.window.partition, w.commit.start) for w in current}
        for partition in sorted({partition for partition, _ in replaced}):
            windows = tuple(
                entry.window_name
                for entry in before
                if entry.partition_id == partition and (partition, entry.window_start) in replaced
            )
            for table in self._tables if windows else []:
                cursor.execute(statements.delete_windows(table), (partition, windows))
        current_keys = {_key(window) for window in current}
        return current, [window for window in landed if _key(window) not in current_keys]

    def _refuse_other_grid(self, landed: Sequence[Landed], before: Sequence[ledger.Entry]) -> None:
        """Cells of one grid never overlap; those of another would bring rows twice, or take some away (L5)."""
        starts = {(window.window.partition, window.commit.start) for window in landed}
        for entry in before:
            if (entry.partition_id, entry.window_start) in starts:
                continue
            for window in landed:
                if window.window.partition == entry.partition_id and (
                    window.commit.start < entry.window_end and entry.window_start < window.commit.end
                ):
                    raise WarehouseError(
                        f"{window.window}: overlaps the loaded cell {entry.window_name} and does not begin with "
                        "it: the cursor's start or slice was changed. Restore them, or name the stream anew"
                    )

    def _stage(
        self, cursor: Cursor, batch: Batch, manifests: dict[tuple[str, str], str]
    ) -> dict[str, "TableTally"]:
        """COPY every table's parts, and hold the rows of each part against its commit (L3)."""
        columns = {s: c for window in batch.landed for s, c in window.commit.columns.items()}
        tallies = {}
        for table in self._tables:
            cursor.execute(statements.create_stage(table))
            for schema in sorted(schema for name, schema in manifests if name == table.name):
                url = manifests[table.name, schema]
                cursor.execute(statements.copy(table, columns[schema], url, self._copy_role_arn))
            cursor.execute(statements.count_by_part(table))
            found = {(run, part, window, origin): n for run, part, window, origin, n in cursor.fetchall()}
            promised = {
                (*_key(window), part.name.origin): part.rows
                for window in batch.landed
                for part in window.commit.parts_of(table.name)
            }
            if found != promised:
                raise WarehouseError(
                    f"{table.qualified}: COPY brought {sum(found.values())} rows in {len(found)} parts, the "
                    f"commits promise {sum(promised.values())} in {len(promised)}; rolled back"
                )
            tallies[table.name] = TableTally(written=_by_window(found))
        return tallies

    def _apply(self, cursor: Cursor, tallies: dict[str, "TableTally"]) -> None:
        """From the stages to the targets: the winners of each key, and with them their children."""
        table, own = self._table, tallies[self._table.name]
        # Append has no history to compete with: only a record that one window read twice is dropped.
        among = table.key if self._disposition == "merge" else ("_partition", "_window", *table.key)
        cursor.execute(statements.pick_winners(table, among if table.key else statements.RECORD))
        own.winners = _counted(cursor, table.winners)
        if self._disposition == "merge":
            cursor.execute(statements.delete_stale(table))
        own.current = _counted(cursor, table.winners)
        if self._disposition == "merge":
            cursor.execute(statements.count_updates(table))
            own.updated = {(run, part, window): n for run, part, window, n in cursor.fetchall()}
            cursor.execute(statements.merge(table))
        else:
            cursor.execute(statements.insert_from(table, table.winners))
        for child in self._children:
            tally = tallies[child.name]
            cursor.execute(statements.count_children(child, table))
            tally.winners = dict(tally.written)
            tally.current = {(run, part, window): n for run, part, window, n in cursor.fetchall()}
            if self._disposition == "merge":
                cursor.execute(statements.delete_children(child, table))
            cursor.execute(statements.insert_children(child, table))


class TableTally:
    """Rows of one table by window, after each step of a load."""

    def __init__(self, written: dict[WindowKey, int]) -> None:
        self.written = written
        self.winners: dict[WindowKey, int] = {}
        self.current: dict[WindowKey, int] = {}
        self.updated: dict[WindowKey, int] = {}

    def of(self, window: WindowKey) -> LoadedCounts:
        """What became of a window's rows."""
        written, winners = self.written.get(window, 0), self.winners.get(window, 0)
        current, updated = self.current.get(window, 0), self.updated.get(window, 0)
        return LoadedCounts(
            written=written,
            duplicate=written - winners,
            stale=winners - current,
            inserted=current - updated,
            updated=updated,
        )


def _target(schema: str, layout: TableLayout) -> Table:
    columns = tuple((name, column_type.ddl) for name, column_type in layout.columns)
    return Table(schema, layout.name, columns, layout.key, layout.version, layout.required)


def _key(landed: Landed) -> WindowKey:
    return landed.window.run, landed.window.partition, str(landed.window.interval)


def _age(landed: Landed) -> tuple[datetime, str]:
    return landed.commit.as_of.astimezone(UTC), landed.window.run


def _by_window(parts: dict[tuple[str, str, str, str], int]) -> dict[WindowKey, int]:
    counts: Counter[WindowKey] = Counter()
    for (run, partition, window, _), rows in parts.items():
        counts[run, partition, window] += rows
    return dict(counts)


def _counted(cursor: Cursor, relation: str) -> dict[WindowKey, int]:
    cursor.execute(statements.count_by_window(relation))
    return {(run, partition, window): count for run, partition, window, count in cursor.fetchall()}


def _entry(landed: Landed, state: str, tallies: dict[str, TableTally]) -> ledger.Entry:
    commit = landed.commit
    counts = {table: tally.of(_key(landed)) for table, tally in tallies.items()}
    own = counts.get(landed.window.stream, LoadedCounts())
    read = commit.progress.tables.get(landed.window.stream)
    return ledger.Entry(
        source=landed.window.source,
        stream=landed.window.stream,
        partition_id=landed.window.partition,
        epoch=commit.scope.epoch,
        window_name=str(landed.window.interval),
        window_start=commit.start,
        window_end=commit.end,
        run=landed.window.run,
        state=state,
        commit_sha=landed.sha256,
        as_of=commit.as_of,
        pages=commit.progress.pages,
        rows_read=read.read if read else 0,
        rows_rejected=read.rejected if read else 0,
        rows_out_of_window=read.out_of_window if read else 0,
        rows_dropped=read.dropped if read else 0,
        rows_written=own.written,
        rows_duplicate=own.duplicate,
        rows_stale=own.stale,
        rows_inserted=own.inserted,
        rows_updated=own.updated,
        tables=msgspec.json.encode(counts).decode(),
    )
