"""What a run loaded of windows that other runs read: those that were left undone, and in a replay all of them."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from xmlift.catalogue import Source
from xmlift.landing import names
from xmlift.landing.zone import Zone
from xmlift.loading.selection import unloaded_windows, whole_sets
from xmlift.warehouse import ledger
from xmlift.warehouse.connection import Warehouse
from xmlift.warehouse.ledger import Recovered
from xmlift.work import ALL_RUNS, LoadItem, Plan

_NAMED = 5
"""How many quarantined windows are named: of a long replay they may be many."""


class Recovery(NamedTuple):
    """What was loaded, and what was not.

    What a replay does not load is a problem, since that is all it was to do. What an earlier run left undone and
    cannot be loaded is a gap, which this run reads again.
    """

    found: list[Recovered]
    problems: list[str]
    warnings: list[str]


def recovered_windows(
    zone: Zone, warehouse: Warehouse, source: Source, run: str, plans: Sequence[Plan]
) -> Recovery:
    """Held against what the run's plans say was to be loaded. Flat but for a replay: that lists what has landed."""
    loads = list(
        dict.fromkeys(
            load for plan in plans for load in plan.loads if load.windows_of != run or load.with_runs
        )
    )
    if not loads:
        return Recovery([], [], [])
    found, aside = warehouse.transaction(
        lambda cursor: (
            ledger.recovered(cursor, source.source, run),
            ledger.quarantined(cursor, source.source, run, _NAMED),
        )
    )
    loaded = [each for each in found if each.state != ledger.QUARANTINED]
    replayed = [load for load in loads if load.windows_of == ALL_RUNS]
    words = [*_notes(zone, loads), *_quarantined(found, aside)]
    if not replayed:
        return Recovery(loaded, [], words)
    problems = [*words, *(left for load in replayed for left in _left(zone, warehouse, source, load))]
    return Recovery(loaded, problems, [])


def _notes(zone: Zone, loads: Sequence[LoadItem]) -> Iterator[str]:
    """What loads that failed have left to say."""
    for load in loads:
        if load.windows_of == load.run:
            continue  # told with the run's own windows
        note = zone.find(names.load_failure(load.source, load.stream, load.run, load.windows_of))
        if note is not None:
            yield str(msgspec.json.decode(note)["message"])


def _quarantined(found: Sequence[Recovered], aside: Sequence[ledger.Entry]) -> Iterator[str]:
    for entry in aside:
        yield (
            f"{entry.source}.{entry.stream} window {entry.window_name} of run {entry.run}: quarantined: "
            f"{entry.reason}"
        )
    count = sum(each.windows for each in found if each.state == ledger.QUARANTINED)
    if count > len(aside):
        yield f"{count - len(aside)} more windows are quarantined"


def _left(zone: Zone, warehouse: Warehouse, source: Source, load: LoadItem) -> Iterator[str]:
    """What has landed and a replay has not loaded, also where its function left no word."""
    windows = unloaded_windows(zone, warehouse, load.source, load.stream, load.windows_of)
    if source.streams[load.stream].disposition == "replace":
        # A set that has not landed whole counts for nothing.
        windows = [landed.window for whole in whole_sets(zone, windows) for landed in whole]
    if not windows:
        return
    remedy = "replay again"
    if source.streams[load.stream].disposition == "scd2":
        # Once the next run has read on from the gap, a replay would come too late for what lies after it.
        remedy = "let the next run read what is missing before it, then rebuild-ledger again"
    yield (
        f"{load.source}.{load.stream}: {len(windows)} windows have landed and are not loaded, the first is "
        f"{windows[0]}: {remedy}"
    )
