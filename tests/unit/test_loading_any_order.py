"""The table is a function of the set of commits: any order, batching or repetition gives the same rows (I1).

After every load, what was inserted less what was removed is what the tables hold; and a ledger that is lost and
loaded anew, in another order and over the rows that are there, counts the same rows and changes none of them.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from xmlift.landing.chain import Landed

from .loads import Loads, event_row, texts
from .steps_landing import GONE, Row, at, run_at


class Read(NamedTuple):
    """One record as a window read it."""

    key: int
    hours: float
    notes: int = 0
    gone: bool = False
    title: str = "a"


class Window(NamedTuple):
    """One window: which run read which hours when, as the server's clock said, and what was there."""

    run: str
    start: float
    length: float
    as_of: float
    rows: tuple[Read, ...]
    epoch: int = 0

    @property
    def end(self) -> float:
        return self.start + self.length


type Order = list[list[int]]
"""Batches of windows by number; whatever is not named comes at the end, each by itself."""

RUNS = [run_at(20 + n, f"r{n}") for n in range(4)]
HOURS = st.sampled_from([1.0, 2.0, 4.0, 7.0])
# Times repeat, so that cursors tie; windows overlap in all ways.
WINDOWS = st.lists(
    st.builds(
        Window,
        st.sampled_from(RUNS),
        st.sampled_from([0, 1, 2, 5]),
        st.sampled_from([1, 3, 6]),
        st.integers(12, 14),
        st.lists(st.builds(Read, st.integers(1, 3), HOURS, st.integers(0, 2), st.booleans()), max_size=4).map(
            tuple
        ),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda window: (window.run, window.start, window.length),
)
ORDERS = st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=3), max_size=4)

LITTLE = settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
    phases=[
        Phase.explicit,
        Phase.reuse,
        Phase.generate,
    ],  # a world is loaded in seconds: shrinking takes minutes
)


def read_at(number: int, window: Window) -> float:
    """No two windows are read in the same microsecond."""
    return window.as_of + number / 1000


def land_all(loads: Loads, stream: str, windows: Sequence[Window], make: Any) -> list[Landed]:
    return [
        loads.land(
            window.run,
            (window.start, window.end),
            [make(row) for row in window.rows],
            stream=stream,
            read=read_at(number, window),
            as_of=window.as_of,
            epoch=window.epoch,
        )
        for number, window in enumerate(windows)
    ]


def load_in(loads: Loads, landed: Sequence[Landed], order: Order) -> None:
    """Load some batches as the order says, and then each window that it forgot, by itself."""
    batches = [[landed[i] for i in dict.fromkeys(batch) if i < len(landed)] for batch in order]
    for batch in [*filter(None, batches), *([window] for window in landed)]:
        assert loads.load_batch(*batch) == 0
        loads.check_sums()
    assert len(loads.ledger()) == len(landed)
    check_all_claimed(loads)


def check_all_claimed(loads: Loads) -> None:
    """Once all windows are loaded, no row is left that none of them brought."""
    for table in loads.tables():
        counts = loads.counts(table)
        total = sum(window.get("inserted", 0) - window.get("removed", 0) for window in counts)
        assert total == len(loads.rows("1", table))


def start_anew(loads: Loads) -> None:
    loads.stand_in.remove_sources(loads.name)
    loads.stand_in.add_sources(loads.name)
    for key in list(loads.zone.keys("landing/")):
        loads.zone._s3.delete_object(Bucket=loads.zone.bucket, Key=key)


def as_order(row: Read) -> Row:
    modified = {"id": row.key, "modified": at(row.hours).isoformat(), GONE: "yes" if row.gone else ""}
    return {**modified, "title": "t", "notes": texts(*map(str, range(row.notes)))}


def as_event(row: Read) -> Row:
    return event_row(row.key, row.hours, notes=texts(*map(str, range(row.notes))))


@LITTLE
@given(WINDOWS, ORDERS, ORDERS)
def test_merge(loads: Loads, windows: list[Window], order: Order, again: Order) -> None:
    start_anew(loads)
    landed = land_all(loads, "orders", windows, as_order)
    best: dict[int, tuple[Any, ...]] = {}
    for number, window in enumerate(windows):
        for place, row in enumerate(window.rows, start=1):
            version = (row.hours, read_at(number, window), window.run, place, row)
            best[row.key] = max(best.get(row.key, version), version)
    for each in (order, again):
        load_in(loads, landed, each)
        assert loads.rows('id, modified, "_run", "_row", "_deleted"', "orders") == sorted(
            (key, at(hours), run, place, row.gone) for key, (hours, _, run, place, row) in best.items()
        )
        assert loads.notes("orders") == sorted(
            (key, n + 1, str(n)) for key, (*_, row) in best.items() if not row.gone for n in range(row.notes)
        )
        loads.forget()


@LITTLE
@given(WINDOWS, ORDERS, ORDERS)
def test_append(loads: Loads, windows: list[Window], order: Order, again: Order) -> None:
    start_anew(loads)
    landed = land_all(loads, "events", windows, as_event)
    expected, notes = [], []
    for window in windows:
        kept: dict[int, Read] = {}
        # Of the rows of one window and one key the latest counts, among those of one time the last.
        for row in sorted(window.rows, key=lambda row: row.hours):
            if window.start <= row.hours < window.end:
                kept[row.key] = row
        for row in kept.values():
            covering = [other for other in windows if other.start <= row.hours < other.end]
            if max(covering, key=lambda w: (w.epoch, w.as_of, w.run, w.start, w.end)) == window:
                expected.append((row.key, at(row.hours), window.run))
                notes += [(row.key, n + 1, str(n)) for n in range(row.notes)]
    for each in (order, again):
        load_in(loads, landed, each)
        assert loads.rows('id, happened, "_run"', "events") == sorted(expected)
        assert loads.notes("events") == sorted(notes)
        loads.forget()


SETS = st.lists(
    st.lists(st.tuples(st.integers(12, 14), st.lists(st.integers(1, 3), max_size=3)), min_size=1, max_size=2),
    min_size=1,
    max_size=len(RUNS),
)


@LITTLE
@given(SETS, ORDERS, ORDERS)
def test_replace(loads: Loads, sets: list[list[tuple[int, list[int]]]], order: Order, again: Order) -> None:
    """Each set is a list of windows: when the server was asked, and the keys that it answered with."""
    start_anew(loads)
    landed = [
        [
            loads.land(
                run,
                (number, number + 1),
                [{"id": key, "title": str(number), "notes": texts(run[-2:])} for key in keys],
                stream="lists",
                as_of=as_of,
                read=20 + number,
                set_windows=len(windows),
            )
            for number, (as_of, keys) in enumerate(windows)
        ]
        for run, windows in zip(RUNS, sets, strict=False)
    ]
    newest = max(range(len(sets)), key=lambda n: (min(as_of for as_of, _ in sets[n]), RUNS[n]))
    last = {key: number for number, (_, keys) in enumerate(sets[newest]) for key in keys}
    for each in (order, again):
        batches = [dict.fromkeys(n for n in batch if n < len(sets)) for batch in each]
        for batch in [*filter(None, batches), *([n] for n in range(len(sets)))]:
            loads.load_batch(*(window for n in batch for window in landed[n]))
            loads.check_sums()
        check_all_claimed(loads)
        assert loads.rows('id, title, "_run"', "lists") == sorted(
            (key, str(number), RUNS[newest]) for key, number in last.items()
        )
        assert loads.notes("lists") == sorted((key, 1, RUNS[newest][-2:]) for key in last)
        loads.forget()


def in_order_of_changes(windows: list[list[Read]]) -> list[list[Read]]:
    """What a server can answer to windows one after the other: no record is older than it was before."""
    newest: dict[int, float] = {}
    result = []
    for number, rows in enumerate(windows):
        moved = [
            row._replace(hours=6 * number - 0.5 + row.hours)
            for row in sorted(rows, key=lambda row: row.hours)
        ]
        result.append([row for row in moved if row.hours >= newest.get(row.key, -1)])
        newest |= {row.key: row.hours for row in result[-1]}
    return result


STATE = st.builds(
    Read,
    st.integers(1, 2),
    st.sampled_from([0.0, 0.25, 6.0, 6.25]),  # in the overlap with the window before, and with the one after
    st.just(0),
    st.sampled_from([False, False, True]),
    st.sampled_from("ab"),
)
HISTORIES = st.lists(st.lists(STATE, max_size=5), min_size=1, max_size=5).map(in_order_of_changes)
CUTS = st.sets(st.integers(1, 4))


@settings(LITTLE, max_examples=15)
@given(HISTORIES, CUTS, CUTS, st.booleans())
def test_scd2(
    loads: Loads, histories: list[list[Read]], cuts: set[int], again: set[int], is_turned: bool
) -> None:
    """Any batches in the order of time; a batch may hold its windows in any order."""
    start_anew(loads)
    windows = [
        Window(run_at(40 + n, f"s{n}"), max(0, 6 * n - 0.5), 6.5 if n else 6, 6 * n + 6, tuple(rows))
        for n, rows in enumerate(histories)
    ]
    landed = land_all(
        loads,
        "states",
        windows,
        lambda row: {**as_order(row), "title": row.title},
    )
    expected = expected_history(histories)
    for each in (cuts, again):
        ends = sorted({0, len(landed), *(cut for cut in each if cut < len(landed))})
        for start, end in pairwise(ends):
            # What lies behind the next window has to wait, and what is loaded changes nothing.
            if start and end < len(landed):
                assert loads.load_batch(*landed[end:]) == len(landed) - end
            batch = landed[max(0, start - 1) : end]
            assert loads.load_batch(*(reversed(batch) if is_turned else batch)) == 0
            loads.check_sums()
        check_all_claimed(loads)
        assert loads.rows('id, valid_from, title, "_deleted", valid_to, is_current', "states") == expected
        loads.forget()


def expected_history(histories: list[list[Read]]) -> list[tuple[Any, ...]]:
    """Of one key and time the last reading; of equal neighbours the first; each until the next one begins."""
    said: dict[int, dict[float, tuple[str, bool]]] = {}
    for row in (row for rows in histories for row in rows):
        said.setdefault(row.key, {})[row.hours] = (row.title, row.gone)
    result: list[tuple[Any, ...]] = []
    for key, versions in sorted(said.items()):
        changes: list[tuple[float, tuple[str, bool]]] = []
        for hours, content in sorted(versions.items()):
            if not changes or changes[-1][1] != content:
                changes.append((hours, content))
        ends = [*(at(hours) for hours, _ in changes[1:]), None]
        for (hours, (title, gone)), end in zip(changes, ends, strict=True):
            result.append((key, at(hours), title, gone, end, end is None))
    return result
