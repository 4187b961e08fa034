"""One stream's batches of windows into the warehouse, each in one transaction (L0–L8).

Loading twice loads once: a window whose commit the ledger has is left out, and it is asked behind the lock. So a
repeated call, a second loader and a COMMIT whose answer was lost need no case of their own.
"""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.errors import WarehouseError
from xmlift.landing import names
from xmlift.landing.chain import Landed
from xmlift.landing.zone import Zone
from xmlift.layout import StreamLayout, TableLayout
from xmlift.tally import TableTally, WindowKey, ledger_entry, window_key
from xmlift.warehouse import ledger, statements, tables
from xmlift.warehouse.connection import Warehouse, one_line
from xmlift.warehouse.mutex import Mutex
from xmlift.warehouse.statements import Table
from xmlift.windows import Interval


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
        self._mutex = Mutex(warehouse, source, stream)
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
            self._mutex.autocommit(prepare, seconds)
        except (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.InvalidSchemaName) as error:
            raise WarehouseError(
                f"{self._table.qualified}: the loader may not create tables there ({one_line(error)}): migrate "
                "grants it after every apply; run `terraform apply` again"
            ) from error

    def load(self, batch: Batch, seconds: float) -> None:
        """Load a batch in one transaction. Raises WarehouseError; the warehouse is then as it was.

        LockedOutError is the one to call again after.
        """
        manifests = self._write_manifests(batch)

        def work(cursor: Cursor) -> None:
            self._load_locked(cursor, batch, manifests)

        try:
            self._mutex.transaction(work, seconds)
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
                *(ledger_entry(window, ledger.LOADED, counts) for window in batch.landed),
                *(ledger_entry(window, ledger.SUPERSEDED, {}) for window in superseded),
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
            sha = loaded.get(window_key(window))
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
        current_keys = {window_key(window) for window in current}
        return current, [window for window in landed if window_key(window) not in current_keys]

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
    ) -> dict[str, TableTally]:
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
                (*window_key(window), part.name.origin): part.rows
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

    def _apply(self, cursor: Cursor, tallies: dict[str, TableTally]) -> None:
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


def _target(schema: str, layout: TableLayout) -> Table:
    columns = tuple((name, column_type.ddl) for name, column_type in layout.columns)
    return Table(schema, layout.name, columns, layout.key, layout.version, layout.required)


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
