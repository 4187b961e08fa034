"""Readings of all (L6): what such a set lacks is marked as deleted, in whatever order sets and windows are loaded.

A set tells of its own moment. Rows read after it are left alone, and rows that were read before it and come later
are marked when they come, so that an old reading brings nothing back.
"""

from collections.abc import Sequence
from typing import NamedTuple

from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.catalogue import Stream
from xmlift.catalogue.cursor import Window
from xmlift.dispositions.disposition import (
    Chosen,
    Targets,
    age_of,
    check_whole,
    gives_way,
    reading_of,
)
from xmlift.landing.chain import Landed
from xmlift.tally import TableTally, WindowKey, window_key
from xmlift.telemetry import logger
from xmlift.warehouse import absent, deltas, ledger
from xmlift.warehouse.absent import Asked
from xmlift.windows import Interval


def newest_readings(cursor: Cursor, targets: Targets, landed: Sequence[Landed]) -> Chosen:
    """Of full readings the newest of each partition; what is loaded and newer supersedes them.

    What is parsed once more from kept answers is as old as it was, and the later run of it counts. One that was not
    modified brings nothing and takes no place: what it says again is an older one.
    """
    newest = ledger.newest_ages(cursor, targets.source, targets.stream)
    loaded: list[Landed] = []
    superseded: list[Landed] = []
    for windows in sorted(_together(landed), key=age_of, reverse=True):
        if all(window.commit.not_modified for window in windows):
            loaded += windows
            continue
        age = age_of(windows)
        partitions = {window.window.partition for window in windows}
        if any(partition in newest and newest[partition] >= age for partition in partitions):
            superseded += windows
        else:
            loaded += windows
            newest |= dict.fromkeys(partitions, age)
    return Chosen(loaded, superseded)


def check_sets(landed: Sequence[Landed]) -> None:
    """Raises WarehouseError where only some windows of a set are there."""
    for windows in _together(landed):
        if windows[0].commit.set_windows:
            check_whole(windows)


def _together(landed: Sequence[Landed]) -> list[list[Landed]]:
    """The windows of each set, and each other window by itself."""
    sets: dict[str, list[Landed]] = {}
    for window in landed:
        if window.commit.set_windows:
            sets.setdefault(window.window.run, []).append(window)
    return [*sets.values(), *([window] for window in landed if not window.commit.set_windows)]


class _Set(NamedTuple):
    """The windows of a set, and the first one of each partition, which counts for it."""

    windows: Sequence[Landed]
    first: dict[str, WindowKey]


class SetMarks:
    """Marks what sets lack, in the course of one load."""

    def __init__(self, targets: Targets, stream: Stream) -> None:
        self._targets = targets
        self._by = stream.cursor_field or ("_window" if isinstance(stream.cursor, Window) else None)

    def giving_way(self, cursor: Cursor, landed: Sequence[Landed]) -> list[Landed]:
        """The windows of sets that found nothing at all, and may not tell of it. Raises DataFaultError."""
        return [
            window
            for windows in _together(landed)
            if windows[0].commit.set_windows and gives_way(cursor, self._targets, windows)
            for window in windows
        ]

    def note_staged(self, cursor: Cursor, landed: Sequence[Landed]) -> None:
        """Before anything staged is compared with the target."""
        table = self._targets.own
        sets = deltas.sets_of_partitions(cursor, self._targets.source, self._targets.stream)
        read: dict[str, list[Landed]] = {}
        for window in landed:
            read.setdefault(window.window.partition, []).append(window)
        older = False
        for partition, windows in read.items():
            for newer in sets.get(partition, ()):
                if any(reading_of(window).as_of < newer.as_of for window in windows):
                    asked = self._asked(newer.interval)
                    cursor.execute(absent.mark_older(table, asked), (partition, newer.as_of))
                    older = True
        if older:
            for child in self._targets.children:
                cursor.execute(absent.delete_children_of_marked(child, table))
        if _set_among(landed):
            cursor.execute(absent.pick_seen(table))

    def _asked(self, interval: Interval) -> Asked | None:
        """Which rows a set tells of that was asked for a time: those of the past before `start` are none of its."""
        return None if self._by is None else Asked(self._by, interval)

    def mark(self, cursor: Cursor, landed: Sequence[Landed], tallies: dict[str, TableTally]) -> None:
        """After what is staged has come to the target: what the set lacks is gone."""
        whole = _set_among(landed)
        if whole is None:
            return
        table = self._targets.own
        _, as_of, _ = age_of(whole.windows)
        if any(_rejected(window) for window in whole.windows):
            # One of them may be any key: nothing is known to be gone.
            logger.warning(
                "a set with rejected rows marks nothing", stream=table.name, run=whole.windows[0].window.run
            )
            return
        read = [window.window.interval for window in whole.windows]
        asked = self._asked(Interval(min(read).start, max(interval.end for interval in read)))
        cursor.execute(absent.pick_missing(table, sorted(whole.first), asked), (as_of,))
        cursor.execute(absent.count_missing(table))
        tallies[table.name].marked = {whole.first[partition]: count for partition, count in cursor.fetchall()}
        if not tallies[table.name].marked:
            return
        cursor.execute(absent.mark_missing(table))
        for child in self._targets.children:
            cursor.execute(absent.count_missing_children(child, table))
            removed = tallies[child.name].removed
            for partition, count in cursor.fetchall():
                window = whole.first[partition]
                removed[window] = removed.get(window, 0) + count
            cursor.execute(absent.delete_missing_children(child, table))


def _rejected(landed: Landed) -> int:
    own = landed.commit.progress.tables.get(landed.window.stream)
    return own.rejected if own else 0


def _set_among(landed: Sequence[Landed]) -> _Set | None:
    windows = [window for window in landed if window.commit.set_windows]
    first = {window.window.partition: window_key(window) for window in reversed(windows)}
    return _Set(windows, first) if windows else None
