"""The table is a function of the set of commits: any order, batching or repetition gives the same rows (I1)."""

import itertools
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xmlift.landing.chain import Landed
from xmlift.loading import Batch

from .steps_landing import at, run_at
from .test_loading import Loads, event_row, item, texts
from .test_loading import loads as loads_fixture

loads = loads_fixture


class Read(NamedTuple):
    """One record as a window read it."""

    key: int
    hours: float
    notes: int


class Window(NamedTuple):
    """One window: which run read which cell when, as the server's clock said, and what was there."""

    run: str
    cell: int
    read: float
    as_of: float
    rows: tuple[Read, ...]


RUNS = [run_at(20 + n, f"r{n}") for n in range(3)]
ROWS = st.lists(
    st.builds(Read, st.integers(1, 3), st.sampled_from([1.0, 2.0, 7.0]), st.integers(0, 2)), max_size=4
)
# Times repeat, so that cursors tie; but two windows are never read in the same microsecond.
WINDOWS = st.lists(
    st.builds(
        Window,
        st.sampled_from(RUNS),
        st.integers(0, 1),
        st.integers(12, 15),
        st.integers(12, 15),
        ROWS.map(tuple),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda window: (window.run, window.cell),
)
ORDERS = st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=3), max_size=4)

LITTLE = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


def landed_all(loads: Loads, stream: str, windows: list[Window]) -> list[Landed]:
    make: Any = item if stream == "items" else event_row
    return [
        loads.land(
            window.run,
            (6 * window.cell, 6 * window.cell + 6),
            [make(row.key, row.hours, notes=texts(*map(str, range(row.notes)))) for row in window.rows],
            stream=stream,
            read=window.read + number / 1000,
            as_of=window.as_of,
        )
        for number, window in enumerate(windows)
    ]


def load_in(loads: Loads, stream: str, landed: list[Landed], order: list[list[int]]) -> None:
    """Load some batches as the order says, and then each window that it forgot, by itself."""
    loader = loads.loader(stream)
    loader.prepare_tables()
    chosen = [[landed[i] for i in dict.fromkeys(batch) if i < len(landed)] for batch in order]
    for batch in [*filter(None, chosen), *([window] for window in landed)]:
        loader.load(Batch(loads.name, stream, batch, RUNS[0]), 60)


def start_anew(loads: Loads) -> None:
    loads.stand_in.remove_sources(loads.name)
    loads.stand_in.add_sources(loads.name)
    for key in list(loads.zone.keys("landing/")):
        loads.zone._s3.delete_object(Bucket=loads.zone.bucket, Key=key)


@LITTLE
@given(WINDOWS, ORDERS)
def test_merge_is_a_function_of_the_commits(
    loads: Loads, windows: list[Window], order: list[list[int]]
) -> None:
    start_anew(loads)
    landed = landed_all(loads, "items", windows)
    load_in(loads, "items", landed, order)
    best: dict[int, tuple[Any, ...]] = {}
    for number, window in enumerate(windows):
        for place, row in enumerate(window.rows, start=1):
            version = (row.hours, window.read + number / 1000, window.run, place, row.notes)
            best[row.key] = max(best.get(row.key, version), version)
    assert loads.rows('id, modified, "_run", "_row"') == sorted(
        (key, at(hours), run, place) for key, (hours, _, run, place, _) in best.items()
    )
    assert loads.notes() == sorted(
        (key, n, str(n - 1)) for key, (*_, notes) in best.items() for n in range(1, notes + 1)
    )
    check_counts(loads, landed)


@LITTLE
@given(WINDOWS, ORDERS)
def test_append_is_a_function_of_the_commits(
    loads: Loads, windows: list[Window], order: list[list[int]]
) -> None:
    start_anew(loads)
    landed = landed_all(loads, "events", windows)
    load_in(loads, "events", landed, order)
    expected, notes = [], []
    for cell, readings in itertools.groupby(sorted(windows, key=lambda w: w.cell), lambda w: w.cell):
        newest = max(readings, key=lambda w: (w.as_of, w.run))
        inside = [row for row in newest.rows if 6 * cell <= row.hours < 6 * cell + 6]
        kept: dict[int, tuple[float, int]] = {}
        for row in inside:
            # Among rows of one page and one time the later one wins.
            if row.key not in kept or row.hours >= kept[row.key][0]:
                kept[row.key] = (row.hours, row.notes)
        expected += [(key, at(hours), newest.run) for key, (hours, _) in kept.items()]
        notes += [(key, n, str(n - 1)) for key, (_, count) in kept.items() for n in range(1, count + 1)]
    assert loads.rows('id, happened, "_run"', "events") == sorted(expected)
    assert loads.notes("events") == sorted(notes)
    check_counts(loads, landed)


def check_counts(loads: Loads, landed: list[Landed]) -> None:
    """Each window once in the ledger, and its counts add up."""
    ledger = loads.ledger(
        "state, rows_read, rows_written + rows_rejected + rows_out_of_window + rows_dropped, rows_written, "
        "rows_inserted + rows_updated + rows_duplicate + rows_stale"
    )
    assert len(ledger) == len(landed)
    for state, read, accounted, written, became in ledger:
        if state == "loaded":
            assert (read, written) == (accounted, became)
