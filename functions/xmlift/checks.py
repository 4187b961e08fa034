"""The equations by which nothing is lost without being noticed (I5). Pure: counts in, sentences out."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from xmlift.landing.chain import Landed
from xmlift.landing.commits import REJECTS, TableCounts


class LoadedCounts(Struct, kw_only=True):
    """What became of one table's written rows: `written = inserted + updated + duplicate + stale`.

    `duplicate` lost against another row of its key in the same batch, `stale` against the row in the target;
    a child is counted with its record, and is `inserted` or `stale`. `removed` are rows of other windows that this
    one took out: at every instant, what all windows inserted less what they removed is what the table holds.
    `marked` are rows of other windows that stay and count as deleted from then on, since a set of all lacks them;
    `left_out` are values, by column, that the table has no place for (contract discard).
    """

    written: int = 0
    duplicate: int = 0
    stale: int = 0
    inserted: int = 0
    updated: int = 0
    removed: int = 0
    marked: int = 0
    left_out: dict[str, int] = {}

    def __add__(self, other: "LoadedCounts") -> "LoadedCounts":
        return LoadedCounts(
            written=self.written + other.written,
            duplicate=self.duplicate + other.duplicate,
            stale=self.stale + other.stale,
            inserted=self.inserted + other.inserted,
            updated=self.updated + other.updated,
            removed=self.removed + other.removed,
            marked=self.marked + other.marked,
            left_out={
                name: self.left_out.get(name, 0) + other.left_out.get(name, 0)
                for name in {**self.left_out, **other.left_out}
            },
        )

    @property
    def adds_up(self) -> bool:
        return self.written == self.duplicate + self.stale + self.inserted + self.updated


class LoadedWindow(NamedTuple):
    """What the ledger says of a window: its state, the commit that was loaded, and the counts per table."""

    state: str
    commit_sha: str
    tables: Mapping[str, LoadedCounts]


def window_faults(landed: Landed, loaded: LoadedWindow) -> Iterator[str]:
    """What does not add up between a window's commit and its row in the ledger."""
    if loaded.commit_sha != landed.sha256:
        yield f"{landed.window}: another commit was loaded than the one that stands on S3"
    counted = landed.commit.progress.tables
    # Also what nobody counted: rows of a table that only the parts or only the ledger know.
    written = {part.table for part in landed.commit.parts} - {REJECTS}
    for table in sorted({*counted, *written, *loaded.tables}):
        counts = counted.get(table, TableCounts())
        if not counts.adds_up:
            yield (
                f"{landed.window}: {table}: {counts.read} read ≠ {counts.written} written + {counts.rejected} "
                f"rejected + {counts.out_of_window} out of the window + {counts.dropped} dropped"
            )
        rows = sum(part.rows for part in landed.commit.parts_of(table))
        if rows != counts.written:
            yield f"{landed.window}: {table}: {counts.written} written, but the parts hold {rows} rows"
        if loaded.state != "loaded":
            continue
        in_ledger = loaded.tables.get(table, LoadedCounts())
        if in_ledger.written != counts.written or not in_ledger.adds_up:
            yield (
                f"{landed.window}: {table}: {counts.written} written ≠ {in_ledger.inserted} inserted + "
                f"{in_ledger.updated} updated + {in_ledger.duplicate} duplicate + {in_ledger.stale} stale"
            )


def unseen_columns(declared: Sequence[str], seen: Sequence[str]) -> list[str]:
    """Declared columns that never had a value: most likely paths that match nothing."""
    return [column for column in declared if column not in set(seen)]
