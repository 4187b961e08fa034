"""Pieces lifted by several processes: the same rows in the same order as one process makes of them."""

import io
import os
import pickle
import signal
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xmlift.catalogue import load_source
from xmlift.errors import RowError
from xmlift.landing.names import WindowName
from xmlift.records import Batch, Page, PieceReader, cutter
from xmlift.rooms import record_mapping
from xmlift.row_conversion import ConvertedRows
from xmlift.window_lifting import Place, WindowLifting, WindowToLift
from xmlift.windows import Interval

READ_AT = datetime(2026, 1, 1, tzinfo=UTC)
CATALOGUE = """
source: tracker
base_url: https://example.com
streams:
  items:
    request: { path: /items }
    records: /list/item
    key: [id]
    columns:
      id: { path: id, type: bigint }
      title: { path: title, type: varchar(10) }
    children:
      notes:
        records: note
        columns: { text: { path: ".", type: varchar(20) } }
"""


def window_to_lift(change: tuple[str, str] = ("", "")) -> WindowToLift:
    source = load_source(CATALOGUE.replace(*change).encode(), "tracker.yaml")
    stream = source.streams["items"]
    day = Interval(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    name = WindowName("tracker", "items", "20261122T160000000000Z-x", "_", day)
    return WindowToLift(record_mapping(source, stream), stream, name, "attempt", READ_AT)


def lifted(page: bytes, processes: int, window: WindowToLift | None = None) -> list[ConvertedRows]:
    """What becomes of a page cut into small pieces."""
    window = window or window_to_lift()
    rows: list[ConvertedRows] = []
    with WindowLifting(window, processes) as lifting:
        lifter = lifting.page(lambda: Place(1, READ_AT, 0))
        rows.extend(Page(io.BytesIO(page), window.mapping, PieceReader(window.mapping), lifter, 100_000))
    return rows


def processes_of(lifting: WindowLifting) -> list[Any]:
    """The processes beside this one."""
    pools = lifting._processes.pools if lifting._processes else []
    return [child.proc for pool in pools for child in pool.children]


def together(converted: list[ConvertedRows]) -> dict[str, bytes]:
    """All rows by table, however they were cut into pieces."""
    names = {name for rows in converted for name in rows.tables}
    tables = {
        name: b"".join(rows.tables[name].csv for rows in converted if name in rows.tables) for name in names
    }
    return tables | {"rejects": repr([row for rows in converted for row in rows.rejects]).encode()}


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutter, "PIECE_BYTES", 300)


def item(number: int) -> str:
    title = "too long for it" if number % 7 == 3 else f"t{number}"
    return f"<item><id>{number}</id><title>{title}</title><note>a</note><note>b {number}</note></item>"


def page_of(items: list[str]) -> bytes:
    return f"<list>{''.join(items)}</list>".encode()


def test_two_processes_make_the_rows_that_one_makes() -> None:
    page = page_of([item(number) for number in range(200)])
    rows = lifted(page, 2)
    assert len(rows) > 20, "the page was cut into many pieces"
    assert rows == lifted(page, 1)
    lines = together(rows)["items"].splitlines()
    assert lines[0].startswith(b"0,t0,_,20261122T160000000000Z-x,") and lines[0].split(b",")[7] == b"1"
    assert lines[-1].startswith(b"198,t198,") and lines[-1].split(b",")[7] == b"199"


ODD = [
    "<item/>",
    "<item><id>1</id><title><![CDATA[</item>]]></title></item>",
    "<!-- </item> -->",
    "<item>",
    "</list>",
]


@given(
    odd=st.dictionaries(st.integers(0, 39), st.sampled_from(ODD), max_size=3),
    processes=st.integers(2, 4),
)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_whatever_stands_in_a_page_any_number_of_processes_makes_the_same_of_it(
    odd: dict[int, str], processes: int
) -> None:
    page = page_of([odd.get(number, item(number)) for number in range(40)])

    def outcome(count: int) -> Any:
        try:
            return together(lifted(page, count))
        except Exception as error:  # noqa: BLE001 (whatever it is, it has to be the same)
            return type(error), str(error)

    assert outcome(processes) == outcome(1)


def test_a_page_that_is_read_by_events_leaves_nothing_on_its_way_to_the_next() -> None:
    window = window_to_lift()
    odd = page_of([item(number) if number else ODD[1] for number in range(40)])
    plain = page_of([item(number) for number in range(100, 160)])
    with WindowLifting(window, 2) as lifting:
        found = []
        for body in (odd, plain, odd, plain):
            lifter = lifting.page(lambda: Place(1, READ_AT, 0))
            page = Page(io.BytesIO(body), window.mapping, PieceReader(window.mapping), lifter, 100_000)
            found.append(together(list(page)))
    assert found == [together(lifted(body, 1)) for body in (odd, plain, odd, plain)]


def test_records_are_numbered_anew_after_a_piece_whose_end_tags_do_not_tell_their_number() -> None:
    page = page_of([item(number) if number % 5 else "<item/>" + item(number) for number in range(60)])
    rows = [line.split(b",")[7] for line in together(lifted(page, 3))["items"].splitlines()]
    assert rows == [line.split(b",")[7] for line in together(lifted(page, 1))["items"].splitlines()]
    assert rows == sorted(rows, key=int)


def test_a_process_that_is_killed_is_told_of() -> None:
    window = window_to_lift()
    with WindowLifting(window, 2) as lifting:
        lifter = lifting.page(lambda: Place(1, READ_AT, 0))
        for process in processes_of(lifting):
            os.kill(process.pid, signal.SIGKILL)
            process.join()
        page = Page(
            io.BytesIO(page_of([item(1)] * 20)), window.mapping, PieceReader(window.mapping), lifter, 9999
        )
        with pytest.raises((RowError, BrokenPipeError, ConnectionResetError)):
            list(page)


def test_no_process_is_left_at_the_end() -> None:
    with WindowLifting(window_to_lift(), 2) as lifting:
        processes = processes_of(lifting)
        assert all(process.is_alive() for process in processes)
    assert not any(process.is_alive() for process in processes)


def test_processes_end_with_the_one_that_started_them() -> None:
    """However it ends: a function that is killed leaves nobody behind."""
    program = """
import os, signal, sys
sys.path[:0] = sys.argv[1:]
from tests.unit.test_window_lifting import WindowLifting, processes_of, window_to_lift
lifting = WindowLifting(window_to_lift(), 3).__enter__()
print(*(process.pid for process in processes_of(lifting)), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    told = subprocess.run(
        [sys.executable, "-c", program, *sys.path], capture_output=True, text=True, check=False
    )
    pids = [int(pid) for pid in told.stdout.split()]
    assert len(pids) == 3, told.stderr
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=30)
    assert not alive


def test_one_process_is_no_process_beside_this_one() -> None:
    with WindowLifting(window_to_lift(), 1) as lifting:
        assert processes_of(lifting) == []


def test_what_is_sent_is_all_that_decides() -> None:
    """A batch converted by what came out of a pickle has the bytes that the original makes."""
    window = window_to_lift()
    batch = Batch(1, [["1", "x"], ["a", "b"]], ())
    place = Place(3, READ_AT, 2)
    again: WindowToLift = pickle.loads(pickle.dumps(window))
    assert again == window
    assert again.converter().convert(batch, *place) == window.converter().convert(batch, *place)
