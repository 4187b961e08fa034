"""What a run did to one stream: counts gathered from commits and from the ledger, and what they suggest."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from xmlift.catalogue import Stream
from xmlift.catalogue.children import child_places
from xmlift.catalogue.deletes import SecondFeed
from xmlift.catalogue.paging import NextUrlPaging, TokenPaging
from xmlift.checks import LoadedCounts, unseen_columns
from xmlift.landing.chain import Landed
from xmlift.landing.commits import REJECTS
from xmlift.planning.missing import is_first_load
from xmlift.warehouse import ledger
from xmlift.warehouse.ledger import Recovered
from xmlift.work import PartitionsSeen

_MANY_RECORDS = 100
_SHOWN = 20
_SMALLEST_PAGE = 10


class StreamReport(Struct, kw_only=True):
    """One stream of a run. Counts are of its own table; `tables` has all of them.

    `windows` are those that the run planned, `superseded` those of them that gave way to what was loaded,
    `not_modified` those of which the endpoint said that nothing had changed; `recovered` are those of other runs
    that it loaded: their rows are among the inserted, updated, stale, duplicate and removed ones. `partitions` are
    those that were there when the run began to read the stream. `cut` counts texts by `<table>.<column>`,
    `unmapped` records by the path of what they have and no column asks for. `unpaged` says of windows that all end
    with their first page why that may be too early. `began_at` is where the stream stood before the run.
    `rejects` is the key of the first part with rejected rows.
    """

    stream: str
    windows: int = 0
    landed: int = 0
    quarantined: int = 0
    superseded: int = 0
    recovered: int = 0
    pages: int = 0
    bytes: int = 0
    records: int = 0
    rejected: int = 0
    out_of_window: int = 0
    dropped: int = 0
    written: int = 0
    inserted: int = 0
    updated: int = 0
    removed: int = 0
    stale: int = 0
    duplicates: int = 0
    loaded: int = 0
    retries: int = 0
    restarts: int = 0
    repaired_pages: int = 0
    seconds: float = 0.0
    watermark: datetime | None = None
    tables: dict[str, LoadedCounts] = {}
    reject_reasons: dict[str, int] = {}
    unseen_columns: dict[str, list[str]] = {}
    unmatched: dict[str, int] = {}
    not_modified: int = 0
    partitions: PartitionsSeen | None = None
    cut: dict[str, int] = {}
    unmapped: dict[str, int] = {}
    unpaged: str = ""
    began_at: datetime | None = None
    rejects: str = ""

    def add_landed(self, window: Landed) -> None:
        """What was read of a window."""
        progress = window.commit.progress
        self.landed += 1
        self.not_modified += window.commit.not_modified
        self.pages += progress.pages
        self.bytes += progress.bytes
        self.retries += progress.retries
        self.restarts += progress.restarts
        self.repaired_pages += progress.repaired_pages
        self.seconds = round(self.seconds + progress.seconds, 3)
        if (own := progress.tables.get(self.stream)) is not None:
            self.records += own.read
            self.rejected += own.rejected
            self.out_of_window += own.out_of_window
            self.dropped += own.dropped
            self.written += own.written
        for part in window.commit.parts_of(REJECTS):
            self.rejects = self.rejects or f"{window.window.folder}{part.name}"
        _add(self.reject_reasons, progress.reject_reasons)
        _add(self.unmatched, progress.unmatched)
        _add(self.cut, progress.cut)
        _add(self.unmapped, progress.unmapped)

    def add_loaded(self, entry: ledger.Entry, counts: Mapping[str, LoadedCounts]) -> None:
        """What became of a window's rows."""
        self.inserted += entry.rows_inserted
        self.updated += entry.rows_updated
        self.removed += entry.rows_removed
        self.stale += entry.rows_stale
        self.duplicates += entry.rows_duplicate
        self.loaded += entry.rows_inserted + entry.rows_updated
        for table, more in counts.items():
            self.tables[table] = self.tables.get(table, LoadedCounts()) + more

    def add_recovered(self, found: Recovered) -> None:
        """What became of the rows of other runs' windows."""
        self.recovered += found.windows
        self.inserted += found.inserted
        self.updated += found.updated
        self.removed += found.removed
        self.stale += found.stale
        self.duplicates += found.duplicates
        self.loaded += found.inserted + found.updated

    def note_unseen(self, model: Stream, landed: Iterable[Landed]) -> None:
        """Declared columns that had no value in any record of the run, where that tells something.

        In a stream's first load it does, and where many records were read; that the three changes of an hour lack
        a resolution does not.
        """
        if not is_first_load(model, self.began_at) or (self.partitions and not self.partitions.are_new):
            self.unmatched = {}  # a feed without news has its title and links all the same
            if self.records < _MANY_RECORDS:
                return
        seen: dict[str, set[str]] = {}
        for window in landed:
            for table, columns in window.commit.progress.seen_columns.items():
                seen.setdefault(table, set()).update(columns)
        declared = {
            self.stream: list(model.columns),
            **{place.table: list(place.child.columns) for place in child_places(self.stream, model.children)},
        }
        for table, columns in declared.items():
            if table in seen and (missing := unseen_columns(columns, sorted(seen[table]))):
                self.unseen_columns[table] = missing

    def note_paging(self, model: Stream, landed: Sequence[Landed]) -> None:
        """Windows that all end with their first page, though one looks full: a wrong path does that.

        How many records fill a page is what a number in the query says, or what several windows have.
        """
        if not isinstance(model.page, NextUrlPaging | TokenPaging) or model.request is None:
            return
        feeds = 2 if isinstance(model.deletes, SecondFeed) else 1
        if any(window.commit.progress.pages > feeds for window in landed):
            return
        counts = [
            own.read
            for window in landed
            if (own := window.commit.progress.tables.get(self.stream)) is not None
        ]
        most = max(counts, default=0)
        if most < _SMALLEST_PAGE:
            return
        if str(most) in map(str, model.request.query.values()):
            self.unpaged = f"one of {most} records, as many as the request asks for at a time"
        elif counts.count(most) > 1:
            self.unpaged = f"{counts.count(most)} of {most} records each"
        elif self.began_at is not None and is_first_load(model, self.began_at):
            self.unpaged = f"{self.records} records in the stream's first load"

    def warnings(self, source: str) -> Iterator[str]:
        """What is no failure, and most likely a mistake in the catalogue."""
        where = f"{source}.{self.stream}"
        if self.unmatched and not self.records:
            found = ", ".join(
                f"{count} × {name.rpartition('}')[2]}" for name, count in self.unmatched.items()
            )
            yield (
                f"{where}: no record in {self.pages} pages; where records are expected stand {found}: "
                "is `records` right?"
            )
        if self.unpaged:
            yield (
                f"{where}: no window has a second page: {self.unpaged}: is page.xpath right? Where one answer "
                "holds everything, write `page: {type: none}`"
            )
        yield from self._told_of_partitions(where)
        if self.unmapped:
            yield f"{where}: seen, not mapped: {_counts(self.unmapped)}"
        if self.cut:
            yield f"{source}: texts cut to the width of their column: {_counts(self.cut)}"
        for table, counts in self.tables.items():
            if counts.left_out:
                yield (
                    f"{source}.{table}: values left out, since the table lacks these columns (contract discard): "
                    f"{_counts(counts.left_out)}"
                )
        for table, columns in self.unseen_columns.items():
            yield f"{source}.{table}: never a value in {', '.join(columns)}: are their paths right?"
        if self.rejected:
            kept = f". They are kept with their values, first in {self.rejects}" if self.rejects else ""
            yield f"{where}: {self.rejected} rows rejected: {'; '.join(self.reject_reasons)}{kept}"
        if self.superseded and not (self.unmatched and not self.records):
            yield (
                f"{where}: {self.superseded} windows of this run are superseded: what is loaded counts as newer, "
                "and nothing of them is in the table. If no other run read it meanwhile, look into the ledger for "
                "an `as_of` in the future, and raise the stream's `epoch`"
            )

    def _told_of_partitions(self, where: str) -> Iterator[str]:
        if self.partitions is not None and self.partitions.gone:
            named = ", ".join(self.partitions.gone_names)
            more = self.partitions.gone - len(self.partitions.gone_names)
            yield (
                f"{where}: partitions that were read before and are gone ({self.partitions.gone}): {named}"
                f"{f' and {more} more' if more else ''}. Nothing of them is read any more; their rows stay, save "
                "where a set replaces the table"
            )

    @property
    def touched(self) -> bool:
        """Whether rows of the stream met its table."""
        return bool(self.loaded or self.removed or self.stale or self.duplicates)

    @property
    def words(self) -> str:
        """The stream's part of the run's message."""
        known = self.stale + self.duplicates
        changes = f"{self.inserted} new, {self.updated} changed, {known} already known"
        if self.removed:
            changes += f", {self.removed} taken out"
        if marked := sum(counts.marked for counts in self.tables.values()):
            changes += f", {marked} gone"
        recovered = f"{self.recovered} windows of other runs loaded" if self.recovered else ""
        if recovered and not self.windows:
            return f"{self.stream}: {recovered}, {changes}"
        of_partitions = f" of {self.partitions.words}" if self.partitions else ""
        read = (
            f"{self.stream}: {self.records} records{of_partitions} read, {changes}, {self.rejected} rejected"
        )
        if self.not_modified:
            read += f", {self.not_modified} of {self.windows} windows not modified"
        return f"{read}, {recovered}" if recovered else read


def _counts(found: Mapping[str, int]) -> str:
    """What was counted, most of it first, and not endlessly."""
    most = sorted(found.items(), key=lambda one: (-one[1], one[0]))
    more = f" and {len(most) - _SHOWN} more" if len(most) > _SHOWN else ""
    return ", ".join(f"{name} ({count})" for name, count in most[:_SHOWN]) + more


def _add(sums: dict[str, int], more: Mapping[str, int]) -> None:
    for name, count in more.items():
        sums[name] = sums.get(name, 0) + count
