"""What became of each window's rows in a load, and what the ledger is told of it."""

from collections.abc import Mapping

import msgspec

from xmlift.checks import LoadedCounts
from xmlift.landing.chain import Landed
from xmlift.warehouse import ledger

_REASON_BYTES = 1024

WindowKey = tuple[str, str, str]
"""Run, partition and interval, as rows carry them."""


def window_key(landed: Landed) -> WindowKey:
    return landed.window.run, landed.window.partition, str(landed.window.interval)


class TableTally:
    """Rows of one table by window, after each step of a load."""

    def __init__(self, written: dict[WindowKey, int]) -> None:
        self.written = written
        self.winners: dict[WindowKey, int] = {}
        self.current: dict[WindowKey, int] = {}
        self.updated: dict[WindowKey, int] = {}
        self.removed: dict[WindowKey, int] = {}
        self.marked: dict[WindowKey, int] = {}
        self.left_out: dict[str, dict[WindowKey, int]] = {}

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
            removed=self.removed.get(window, 0),
            marked=self.marked.get(window, 0),
            left_out={name: counts[window] for name, counts in self.left_out.items() if counts.get(window)},
        )


def ledger_entry(
    landed: Landed, state: str, loaded_by: str, tallies: Mapping[str, TableTally], reason: str = ""
) -> ledger.Entry:
    """What the ledger keeps of a window; `reason` says why it is quarantined."""
    commit = landed.commit
    counts = {table: tally.of(window_key(landed)) for table, tally in tallies.items()}
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
        rows_removed=own.removed,
        reason=reason.encode()[:_REASON_BYTES].decode(errors="ignore"),
        loaded_by=loaded_by,
        next_link=commit.next_link or "",
        set_windows=commit.set_windows,
        validators=msgspec.json.encode(commit.validators).decode() if commit.validators else "",
        not_modified=commit.not_modified,
    )
