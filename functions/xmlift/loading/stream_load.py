"""One stream's batches of windows into the warehouse, each in one transaction (L0–L8).

Loading twice loads once: a window whose commit the ledger has is left out, and it is asked behind the lock. So a
repeated call, a second loader and a COMMIT whose answer was lost need no case of their own.
"""

import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import NamedTuple

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.catalogue import Stream
from xmlift.catalogue.cursor import DeltaLink
from xmlift.dispositions import Chosen, Targets, continuing, counted, disposition_of, targets_of
from xmlift.errors import DataFaultError, WarehouseError
from xmlift.landing import names
from xmlift.landing.chain import Landed
from xmlift.landing.zone import Zone
from xmlift.layout import stream_layout
from xmlift.tally import TableTally, WindowKey, ledger_entry, window_key
from xmlift.warehouse import kept_coverage, ledger, left_out, statements, tables, version
from xmlift.warehouse.connection import Warehouse, one_line
from xmlift.warehouse.mutex import Mutex
from xmlift.warehouse.statements import Table
from xmlift.warehouse.tables import Prepared


class Batch(NamedTuple):
    """Windows that are loaded together, or not at all; `loaded_by` is the run that does it."""

    source: str
    stream: str
    landed: Sequence[Landed]
    loaded_by: str

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
        name: str,
        stream: Stream,
        zone: Zone,
        warehouse: Warehouse,
        copy_role_arn: str,
    ) -> None:
        self._source = source
        self._stream = name
        self._overlap = stream.cursor.overlap_time if stream.cursor else timedelta(0)
        self._declared = targets_of(
            source, stream_layout(name, stream), keeps_history=stream.disposition == "scd2"
        )
        self._targets = self._declared
        self._model = stream
        self._disposition = disposition_of(stream, self._targets)
        self._prepared: dict[str, Prepared] = {}
        self._is_delta = isinstance(stream.cursor, DeltaLink)
        self._zone = zone
        self._warehouse = warehouse
        self._mutex = Mutex(warehouse, source, name)
        self._copy_role_arn = copy_role_arn
        self.loaded = 0
        """Rows that the last batch has inserted or updated."""

    def prepare_tables(self, seconds: float = math.inf) -> None:
        """Bring the targets to the declared columns, in autocommit and only ever growing (L0)."""

        def prepare(cursor: Cursor) -> None:
            version.check(cursor)
            self._prepared = {
                table.name: tables.prepare(cursor, table, self._model.contract)
                for table in self._declared.all
            }
            tables.ensure(cursor, statements.create_mutex(self._source, self._stream))

        try:
            self._mutex.autocommit(prepare, seconds)
        except (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.InvalidSchemaName) as error:
            raise WarehouseError(
                f"{self._targets.own.qualified}: the loader may not create tables there ({one_line(error)}): "
                "migrate grants it after every apply; run `terraform apply` again"
            ) from error
        own, *children = (self._prepared[table.name].table for table in self._declared.all)
        self._targets = Targets(own, tuple(children))
        self._disposition = disposition_of(self._model, self._targets)

    def _widen_tables(self, batch: Batch, seconds: float) -> None:
        """Make room for the longest texts of a batch, in columns that are declared to grow (L0)."""
        widest: dict[str, Counter[str]] = {}
        for window in batch.landed:
            for name, widths in window.commit.progress.widths.items():
                widest[name] = widest.get(name, Counter()) | Counter(widths)
        growing = [(table, widest[table.name]) for table in self._targets.all if table.name in widest]
        if growing and self._model.contract == "evolve":

            def widen(cursor: Cursor) -> None:
                for table, widths in growing:
                    tables.widen(cursor, table, widths)

            self._mutex.autocommit(widen, seconds)

    def load(self, batch: Batch, seconds: float) -> int:
        """Load a batch in one transaction, and answer how many of its windows have to wait for others.

        Raises DataFaultError where a window of it can never be loaded, LockedOutError where the next call may, and
        another WarehouseError else; the warehouse is then as it was.
        """
        manifests, self.loaded = self._write_manifests(batch), 0
        try:
            self._widen_tables(batch, seconds)
            return self._mutex.transaction(
                lambda cursor: self._load_locked(cursor, batch, manifests), seconds
            )
        except psycopg2.Error as error:
            kind = DataFaultError if is_data_fault(error) else WarehouseError
            raise kind(
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
                if part.table in {table.name for table in self._targets.all}:
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

    def _load_locked(self, cursor: Cursor, batch: Batch, manifests: dict[tuple[str, str], str]) -> int:
        new = self._not_in_ledger(cursor, batch)
        if not new:
            return 0
        chosen = self._choose(cursor, new)
        tallies: dict[str, TableTally] = {}
        if chosen.loaded:
            loaded = batch._replace(landed=chosen.loaded)
            if {window.sha256 for window in batch.landed} != {window.sha256 for window in loaded.landed}:
                manifests = self._write_manifests(loaded)  # the first ones name too much
            if manifests or self._disposition.takes_out:
                tallies = self._stage(cursor, loaded, manifests)
                self._disposition.apply(cursor, loaded.landed, tallies)
        entries = [ledger_entry(window, ledger.LOADED, batch.loaded_by, tallies) for window in chosen.loaded]
        entries += [
            ledger_entry(window, ledger.SUPERSEDED, batch.loaded_by, {}) for window in chosen.superseded
        ]
        self.loaded = sum(entry.rows_inserted + entry.rows_updated for entry in entries)
        ledger.insert(cursor, entries)
        kept_coverage.keep(cursor, self._source, self._stream, self._overlap, entries)
        return len(chosen.left)

    def _choose(self, cursor: Cursor, landed: Sequence[Landed]) -> Chosen:
        if not self._is_delta:
            return self._disposition.choose(cursor, landed)
        going_on = continuing(cursor, self._targets, landed)
        chosen = self._disposition.choose(cursor, going_on.loaded)
        return chosen._replace(superseded=[*going_on.superseded, *chosen.superseded])

    def _not_in_ledger(self, cursor: Cursor, batch: Batch) -> list[Landed]:
        """The windows of the batch that the ledger lacks (L2). Raises WarehouseError for a changed commit."""
        runs = sorted({window.window.run for window in batch.landed})
        known = ledger.commits_of_runs(cursor, self._source, self._stream, runs)
        new = []
        for window in batch.landed:
            sha = known.get(window_key(window))
            if sha is None:
                new.append(window)
            elif sha != window.sha256:
                raise WarehouseError(
                    f"{window.window}: the ledger has it with another commit ({sha[:12]}, now "
                    f"{window.sha256[:12]}): landing is written once, so somebody changed it"
                )
        return new

    def _stage(
        self, cursor: Cursor, batch: Batch, manifests: dict[tuple[str, str], str]
    ) -> dict[str, TableTally]:
        """COPY every table's parts, and hold the rows of each part against its commit (L3)."""
        columns = {s: c for window in batch.landed for s, c in window.commit.columns.items()}
        tallies = {}
        for table in self._targets.all:
            schemas = sorted(schema for name, schema in manifests if name == table.name)
            cursor.execute(statements.create_stage(table))
            prepared = self._prepared.get(table.name, Prepared(table))
            for name, (_, declared) in prepared.narrow.items():
                cursor.execute(left_out.drop_stage_column(table, name))
                cursor.execute(left_out.add_stage_column(table, name, declared))
            staged = {name for schema in schemas for name in columns[schema]}
            self._add_columns(cursor, table, staged)
            for schema in schemas:
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
                raise DataFaultError(
                    f"{table.qualified}: COPY brought {sum(found.values())} rows in {len(found)} parts, the "
                    f"commits promise {sum(promised.values())} in {len(promised)}; rolled back"
                )
            tallies[table.name] = TableTally(written=_by_window(found))
            tallies[table.name].left_out = dict(self._leave_out(cursor, prepared, staged))
        return tallies

    def _leave_out(
        self, cursor: Cursor, prepared: Prepared, staged: set[str]
    ) -> Iterator[tuple[str, dict[WindowKey, int]]]:
        """Count by column what the target has no place for, and take it out of the stage (contract discard)."""
        table = prepared.table
        own = self._targets.own
        for name in staged.intersection(prepared.lacking):
            if own.knows_unchanged:
                cursor.execute(left_out.tell_apart(table, own, name))
            yield name, counted(cursor, left_out.count_values(table, name))
        for name, (width, _) in prepared.narrow.items():
            counts = counted(cursor, left_out.count_long(table, name, width))
            if counts:
                if own.knows_unchanged:
                    cursor.execute(left_out.tell_apart(table, own, name, width))
                cursor.execute(left_out.leave_out_long(table, name, width))
                yield name, counts

    def _add_columns(self, cursor: Cursor, table: Table, names: set[str]) -> None:
        """Give the stage the columns that an older commit has and the target never had."""
        if unknown := names - set(table.names):
            for name in sorted(unknown - set(tables.columns_of(cursor, table))):
                cursor.execute(statements.add_stage_column(table, name))


def _by_window(parts: dict[tuple[str, str, str, str], int]) -> dict[WindowKey, int]:
    counts: Counter[WindowKey] = Counter()
    for (run, partition, window, _), rows in parts.items():
        counts[run, partition, window] += rows
    return dict(counts)


# Redshift reports these as internal errors, so their text is all there is to go by.
_DATA_FAULT = re.compile(
    r"(sys_load_error_detail|stl_load_errors"  # COPY noted what is wrong with a file
    r"|NoSuchKey|S3 prefix .* does not exist|none of its files exists"  # a part is gone
    r"|cannot insert a null value)",
    re.IGNORECASE,
)


# The manifest is ours, and each call writes it anew: that it is gone says nothing of what has landed.
_MANIFEST_FAULT = re.compile(r"\s*(ERROR:\s+)?Problem reading manifest file\s*-\s*S3ServiceException:")


def is_data_fault(error: psycopg2.Error) -> bool:
    """Whether it is what a window holds that was refused, and not who loads it or when (R3)."""
    if _MANIFEST_FAULT.match(str(error)):
        return False
    kinds = psycopg2.DataError, psycopg2.IntegrityError
    return isinstance(error, kinds) or _DATA_FAULT.search(str(error)) is not None
