"""Kept coverage: the table xmlift.coverage, which spares plan the ledger.

It is kept by stream. All rows of a stream are of one overlap, that of the load which wrote last: what a window
settles depends on it (P2). Beside the stretches it has a mark for each epoch that has loaded windows, a row of no
time: without one, nothing is kept of the stream, or nothing is loaded. Whatever writes here does so behind the
stream's lock, in the transaction that changes its ledger; so it never says more than the ledger does.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)
from psycopg2.extras import execute_values

from xmlift.warehouse.coverage import Counted, microseconds, rows_of, settled_by_ledger
from xmlift.warehouse.ledger import LOADED, Entry
from xmlift.windows import EPOCH, Interval, merged, settled_by

_NO_TIME = Interval(EPOCH, EPOCH)
_PAGE = 1_000
"""Rows of one INSERT: Redshift takes statements of 16 MB, and a partition's name may have a kilobyte."""

type _Stretches = dict[tuple[int, str], list[Interval]]
"""By epoch and partition."""


def keep(cursor: Cursor, source: str, stream: str, overlap: timedelta, entries: Iterable[Entry]) -> None:
    """Take in windows of one stream that this transaction has written to the ledger. Raises WarehouseError."""
    settling: _Stretches = {}
    for entry in entries:
        if entry.state == LOADED:
            one = settled_by(Interval(entry.window_start, entry.window_end), entry.as_of, overlap)
            settling.setdefault((entry.epoch, entry.partition_id), []).append(one)
    if not settling:
        return
    near = _Near.to(settling)
    standing: _Stretches = {}
    marks = set()
    for epoch, partition, of_overlap, start, end in near.rows(cursor, source, stream):
        if start == end:
            marks.add((epoch, of_overlap))
        else:
            standing.setdefault((epoch, partition), []).append(Interval(start, end))
    if not marks.issuperset((epoch, microseconds(overlap)) for epoch in near.epochs):
        rebuild(cursor, source, stream, overlap)
        return
    joined = {
        scope: whole
        for scope in standing | settling
        if (whole := merged([*standing.get(scope, ()), *settling.get(scope, ())]))
    }
    if joined != standing:
        near.delete(cursor, source, stream)
        _insert(cursor, source, stream, overlap, joined)


def rebuild(cursor: Cursor, source: str, stream: str, overlap: timedelta) -> None:
    """Write anew, from the ledger, what is kept of a stream. Raises WarehouseError."""
    cursor.execute("DELETE FROM xmlift.coverage WHERE source = %s AND stream = %s", (source, stream))
    loaded = "SELECT DISTINCT epoch FROM xmlift.ledger WHERE source = %s AND stream = %s AND state = %s"
    epochs = [epoch for (epoch,) in rows_of(cursor, loaded, [source, stream, LOADED])]
    stretches: _Stretches = {(epoch, ""): [_NO_TIME] for epoch in epochs}
    for epoch in epochs:
        settled = settled_by_ledger(cursor, source, [Counted(stream, epoch, overlap)])
        for partition, found in settled.get(stream, {}).items():
            stretches.setdefault((epoch, partition), []).extend(found)
    _insert(cursor, source, stream, overlap, stretches)


def forget(cursor: Cursor, source: str) -> None:
    """Keep nothing of a source any more, as its ledger is forgotten. Only the administrator may."""
    cursor.execute("DELETE FROM xmlift.coverage WHERE source = %s", (source,))


class _Near(NamedTuple):
    """The stretches that may join with new ones: of the same partitions, touching the time from first to last."""

    epochs: tuple[int, ...]
    partitions: tuple[str, ...]
    whole: Interval

    @classmethod
    def to(cls, stretches: _Stretches) -> "_Near":
        intervals = [interval for each in stretches.values() for interval in each]
        return cls(
            tuple({epoch for epoch, _ in stretches}),
            tuple({partition for _, partition in stretches}),
            Interval(min(each.start for each in intervals), max(each.end for each in intervals)),
        )

    def rows(self, cursor: Cursor, source: str, stream: str) -> list[tuple[Any, ...]]:
        """(epoch, partition, overlap, from, to) of these, and of the marks."""
        return rows_of(
            cursor,
            "SELECT epoch, partition_id, overlap, covered_from, covered_to FROM xmlift.coverage\n"
            f"WHERE source = %s AND stream = %s AND (covered_from = covered_to OR ({self._condition}))\n"
            "ORDER BY covered_from",
            [source, stream, *self._values],
        )

    def delete(self, cursor: Cursor, source: str, stream: str) -> None:
        cursor.execute(
            "DELETE FROM xmlift.coverage\n"
            f"WHERE source = %s AND stream = %s AND covered_from < covered_to AND {self._condition}",
            [source, stream, *self._values],
        )

    @property
    def _condition(self) -> str:
        return "epoch IN %s AND partition_id IN %s AND covered_from <= %s AND covered_to >= %s"

    @property
    def _values(self) -> Sequence[Any]:
        return self.epochs, self.partitions, self.whole.end, self.whole.start


def _insert(cursor: Cursor, source: str, stream: str, overlap: timedelta, stretches: _Stretches) -> None:
    rows = [
        (source, stream, epoch, partition, microseconds(overlap), *interval)
        for (epoch, partition), intervals in stretches.items()
        for interval in intervals
    ]
    if rows:
        execute_values(
            cursor,
            "INSERT INTO xmlift.coverage "
            "(source, stream, epoch, partition_id, overlap, covered_from, covered_to) VALUES %s",
            rows,
            page_size=_PAGE,
        )
