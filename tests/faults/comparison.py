"""Warehouse against oracle, row by row: what is lost, double, altered, or not explained by the landing zone."""

import csv
import gzip
import io
import json
from collections import Counter, defaultdict
from datetime import datetime
from functools import cache
from itertools import pairwise
from typing import Any

from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)
from tests.faults.differences import Differences, compared
from tests.faults.oracle import HISTORY, TABLES, Oracle, Row, Table
from tests.faults.pipeline import SOURCE, Pipeline
from tests.faults.watermarks import ahead, kept_otherwise, watermarks

from xmlift.landing.names import WindowName
from xmlift.windows import parse_interval


class Comparison:
    """Compares after each run; remembers what of the landing zone it has read, and closed versions of histories."""

    def __init__(self, pipeline: Pipeline, oracle: Oracle) -> None:
        self._pipeline = pipeline
        self._oracle = oracle
        self._versions: set[Row] = set()
        self._part_rows = cache(self._read_part)
        self._commit = cache(self._read_commit)

    def at_rest(self) -> Differences:
        """All tables, their lineage, the ledger and the watermark, while nothing happens at the endpoint."""
        connection = self._pipeline.connect()
        connection.autocommit = False  # one snapshot for all
        try:
            with connection.cursor() as cursor:
                return self.of(cursor)
        finally:
            connection.close()

    def of(self, cursor: Cursor) -> Differences:
        """The same, of what one transaction sees."""
        self._oracle.look()
        differences = Differences()
        for table in TABLES:
            differences.add(self._table(cursor, table))
            differences.add(self._lineage(cursor, table.name, table.columns[: table.key]))
        differences.add(self._history(cursor))
        differences.add(self._lineage(cursor, HISTORY, ("id",)))
        differences.add(ledger_sums(cursor))
        differences.add(kept_otherwise(cursor))
        differences.add(ahead(cursor, watermarks(cursor), self._oracle))
        return differences

    def _table(self, cursor: Cursor, table: Table) -> Differences:
        cursor.execute(f"SELECT {', '.join(table.columns)} FROM {SOURCE}.{table.name}")
        return compared(table.name, cursor.fetchall(), self._oracle.rows(table), table.key)

    def _history(self, cursor: Cursor) -> Differences:
        """Versions: each a state that there was, one after the other without a hole, the last one what is now."""
        cursor.execute(
            f"SELECT id, state, owner, valid_from, valid_to, is_current FROM {SOURCE}.{HISTORY} "
            "ORDER BY id, valid_from"
        )
        versions: dict[int, list[Row]] = defaultdict(list)
        for row in cursor.fetchall():
            versions[row[0]].append(row)
        differences = compared(
            f"{HISTORY} (current)",
            [row[:3] for rows in versions.values() for row in rows if row[5]],
            [(one, *states[-1][1:]) for one, states in self._oracle.history.items()],
            1,
        )
        for one, rows in versions.items():
            differences.altered += history_faults(one, rows, self._oracle.history[one])
        started = {row[:1] + row[3:4] for rows in versions.values() for row in rows}
        differences.lost += [f"{HISTORY}: the version {gone} is gone" for gone in self._versions - started]
        self._versions = started
        return differences

    def _lineage(self, cursor: Cursor, table: str, key: tuple[str, ...]) -> Differences:
        """Whether each row stands where its lineage says, in a part that a commit names."""
        cursor.execute(
            f"SELECT _partition, _run, _window, _part, _page, _row, {', '.join(key)} FROM {SOURCE}.{table}"
        )
        differences = Differences()
        for partition, run, window, part, page, number, *values in cursor.fetchall():
            stream = table.partition("__")[0]
            folder = WindowName(SOURCE, stream, run, partition, parse_interval(window)).folder
            rows = self._part_rows(folder, table, part)
            if rows is None:
                differences.lineage.append(f"{table} {values}: no commit in {folder} names its part {part}")
            elif rows.get((str(page), str(number), *map(str, values))) != 1:
                differences.lineage.append(
                    f"{table} {values} is not page {page}, row {number} of {part} in {folder}"
                )
        return differences

    def _read_commit(self, folder: str) -> dict[str, Any] | None:
        try:
            return dict(json.loads(self._pipeline.read(f"{folder}commit.json")))
        except self._pipeline.client("s3").exceptions.NoSuchKey:
            return None

    def _read_part(self, folder: str, table: str, name: str) -> Counter[Row] | None:
        """How often each (page, row, key) stands in a part, None if the window's commit does not name it."""
        commit = self._commit(folder)
        for part in commit["parts"] if commit else ():
            if part["table"] == table and f"{part['attempt']}-{part['sequence']:05d}" == name:
                break
        else:
            return None
        assert commit is not None
        file = f"{table}-{name}-{part['rows']}-{part['schema']}-{part['sha256'][:16]}.csv.gz"
        text = gzip.decompress(self._pipeline.read(folder + file)).decode()
        columns = commit["columns"][part["schema"]]
        key = [column for spec in TABLES for column in spec.columns[: spec.key] if spec.name == table] or [
            "id"
        ]
        places = [columns.index(column) for column in ("_page", "_row", *key)]
        return Counter(tuple(row[place] for place in places) for row in csv.reader(io.StringIO(text)))


def history_faults(one: int, rows: list[Row], states: list[tuple[datetime, str, str]]) -> list[str]:
    """What is wrong with versions of one key: rows of (id, state, owner, valid_from, valid_to, is_current)."""
    faults = []
    there_were = {(modified, state, owner) for modified, state, owner in states}
    for _, state, owner, begins, _, _ in rows:
        if (begins, state, owner) not in there_were:
            faults.append(f"{HISTORY} {one}: nothing was {state!r} of {owner!r} at {begins}")
    for earlier, later in pairwise(rows):
        if earlier[4] != later[3] or earlier[5]:
            faults.append(
                f"{HISTORY} {one}: the version of {earlier[3]} ends at {earlier[4]}, not {later[3]}"
            )
        if earlier[1:3] == later[1:3]:
            faults.append(f"{HISTORY} {one}: the version of {later[3]} changes nothing")
    if rows[-1][4] is not None or not rows[-1][5]:
        faults.append(f"{HISTORY} {one}: its last version is closed")
    return faults


def ledger_sums(cursor: Cursor) -> Differences:
    """Whether, table by table, what was inserted less what was removed is what stands there."""
    cursor.execute("SELECT stream, tables FROM xmlift.ledger WHERE source = %s", (SOURCE,))
    sums: Counter[str] = Counter()
    for _, tables in cursor.fetchall():
        for table, counts in json.loads(tables).items():
            sums[table] += counts["inserted"] - counts.get("removed", 0)
    differences = Differences()
    for table in (*(spec.name for spec in TABLES), HISTORY):
        cursor.execute(f"SELECT COUNT(*) FROM {SOURCE}.{table}")
        ((rows,),) = cursor.fetchall()
        if rows != sums[table]:
            differences.ledger.append(f"{table} has {rows} rows, the ledger says {sums[table]}")
    return differences
