"""A window lifted by several processes: the same rows as one process makes of it, in parts of their own."""

import csv
import gzip
import io
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import psutil
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from xmlift.catalogue import load_source
from xmlift.errors import RecordError, RowError
from xmlift.extraction import extract as extraction
from xmlift.extraction import window_lifting, window_parts, window_processes
from xmlift.extraction.converted import Place
from xmlift.extraction.extract import ExtractAnswer, extract
from xmlift.extraction.rooms import record_mapping
from xmlift.extraction.row_conversion import RowConverter
from xmlift.extraction.window_lifting import WindowLifting, WindowToLift
from xmlift.extraction.window_rows import WindowRows
from xmlift.landing.chain import Chain
from xmlift.landing.commits import REJECTS, Entry, Progress
from xmlift.landing.names import WindowName
from xmlift.landing.zone import Zone
from xmlift.records import Page, PieceReader, cutter
from xmlift.windows import Interval

from .extracting import Extracts, all_the_time, read_secret
from .extracting import item as read_item
from .scripted_source import Say, ScriptedSource
from .scripted_source import page as scripted_page
from .watched_s3 import Bucket, WatchedS3

READ_AT = datetime(2026, 1, 1, tzinfo=UTC)
ATTEMPT = "0123456789ab"
CATALOGUE = """
source: tracker
base_url: https://example.com
streams:
  items:
    request: { path: /items }
    records: /list/item
    key: [id]
    max_rejects: 1000
    columns:
      id: { path: id, type: bigint }
      title: { path: title, type: varchar(10) }
    children:
      notes:
        records: note
        columns: { text: { path: ".", type: varchar(2000) } }
"""

_PART, _PAGE, _ROW = -5, -4, -3
"""Where rows say in which part they are, and where they were read."""


def window_to_lift(change: tuple[str, str] = ("", "")) -> WindowToLift:
    source = load_source(CATALOGUE.replace(*change).encode(), "tracker.yaml")
    stream = source.streams["items"]
    day = Interval(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    name = WindowName("tracker", "items", "20261122T160000000000Z-x", "_", day)
    return WindowToLift(record_mapping(source, stream), stream, name, ATTEMPT, READ_AT)


class Reading:
    """One call's way through a window: pages in, parts out."""

    def __init__(self, lifting: WindowLifting, window: WindowToLift) -> None:
        self.bucket = Bucket()
        self.progress = Progress()
        self._zone = Zone(WatchedS3(self.bucket), "landing")
        self._window = window
        self._lifting = lifting
        self.rows = WindowRows(lifting, Chain(self._zone, window.name), self.progress)
        self.entries: list[Entry] = []

    def read(self, page: bytes) -> None:
        lifter = self._lifting.page(Place(self.progress.pages + 1, READ_AT), len(page))
        mapping = self._window.mapping
        for first_row, lifted in Page(io.BytesIO(page), mapping, PieceReader(mapping), lifter, 100_000):
            self.rows.add(first_row, lifted)
        self.progress.pages += 1

    def flush(self) -> list[Entry]:
        entries = self.rows.flush()
        self.entries += entries
        return entries

    def rows_of(self, entry: Entry) -> list[list[str]]:
        body = self._zone.get(f"{self._window.name.folder}{entry.name}")
        return list(csv.reader(io.StringIO(gzip.decompress(body).decode(), newline="")))

    def tables(self) -> dict[str, list[list[str]]]:
        """All rows that are named, in the order that they were read in, without the part that each is in."""
        tables: dict[str, list[list[str]]] = {}
        for entry in self.entries:
            found = self.rows_of(entry)
            assert len(found) == entry.rows
            if entry.table != REJECTS:
                assert {row.pop(_PART) for row in found} == {entry.name.origin}
            tables.setdefault(entry.table, []).extend(found)
        numbers = slice(0, 2), slice(_PAGE, _PAGE + 2)
        for table, rows in tables.items():
            where = numbers[0] if table == REJECTS else numbers[1]
            rows.sort(key=lambda row, where=where: (*map(int, row[where]), row))
        return tables


class Read(NamedTuple):
    """What became of a window."""

    tables: dict[str, list[list[str]]]
    progress: Progress
    parts: list[str]
    sequences: set[int]


def read(
    pages: list[bytes], processes: int, window: WindowToLift | None = None, flush_each: bool = False
) -> Read:
    """Read a window of these pages, which are cut into small pieces."""
    window = window or window_to_lift()
    with WindowLifting(window, processes) as lifting:
        reading = Reading(lifting, window)
        for page in pages:
            reading.read(page)
            if flush_each:
                reading.flush()
        reading.flush()
        assert reading.rows.bytes_written == 0
    parts = [str(entry.name) for entry in reading.entries]
    assert len({(entry.table, entry.sequence) for entry in reading.entries}) == len(parts)
    return Read(reading.tables(), reading.progress, parts, {entry.sequence for entry in reading.entries})


def same(read: Read) -> Any:
    """What has to be the same with any number of processes."""
    return read.tables, read.progress


def outcome(pages: list[bytes], processes: int, window: WindowToLift | None = None) -> Any:
    try:
        return same(read(pages, processes, window))
    except Exception as error:  # noqa: BLE001 (whatever it is, it has to be the same)
        return type(error), str(error)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutter, "PIECE_BYTES", 300)
    monkeypatch.setattr(window_lifting, "_ALONE_BYTES", 0)


def item(number: int, note: str = "a") -> str:
    title = "too long for it" if number % 7 == 3 else f"t{number}"
    identity = "" if number % 11 == 10 else f"<id>{number}</id>"
    return f"<item>{identity}<title>{title}</title><note>{note}</note><note>b {number}</note></item>"


def page_of(items: list[str], head: str = "") -> bytes:
    return f"<list>{head}{''.join(items)}</list>".encode()


def numbered(count: int, note: str = "a") -> list[str]:
    return [item(number, note) for number in range(count)]


def others_of(lifting: WindowLifting) -> list[Any]:
    """The processes beside this one."""
    return [other.process for other in lifting._others]


@pytest.mark.parametrize("processes", [2, 3])
def test_several_processes_make_the_rows_that_one_makes(processes: int) -> None:
    page = page_of(numbered(300))
    alone, together = read([page], 1), read([page], processes)
    assert same(together) == same(alone)
    assert alone.sequences == {0} and together.sequences == set(range(processes)), "each had its share"
    assert [row[_ROW] for row in alone.tables["items"]][:3] == ["1", "2", "3"]
    assert len(alone.tables[REJECTS]) > 20


ODD = [
    "<item/>",
    "<item><id>1</id><title><![CDATA[</item>]]></title></item>",
    "<!-- </item> -->",
    "<item>",
    "</list>",
]


@example(odd={7: ODD[1], 12: ODD[2], 34: ODD[2]}, processes=2, piece=357, part=200)
@given(
    odd=st.dictionaries(st.integers(0, 39), st.sampled_from(ODD), max_size=3),
    processes=st.integers(2, 4),
    piece=st.integers(40, 600),
    part=st.sampled_from([0, 200, 2**20]),
)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_whatever_stands_in_a_page_any_number_of_processes_makes_the_same_of_it(
    odd: dict[int, str], processes: int, piece: int, part: int
) -> None:
    pages = [page_of([odd.get(number, item(number)) for number in range(40)]), page_of(numbered(30))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutter, "PIECE_BYTES", piece)
        patch.setattr(window_parts, "PART_BYTES", part)
        assert outcome(pages, processes) == outcome(pages, 1)


def test_a_page_that_is_read_by_events_leaves_nothing_on_its_way_to_the_next() -> None:
    odd = page_of([item(number) if number else ODD[1] for number in range(40)])
    pages = [odd, page_of(numbered(60)), odd, page_of(numbered(60))]
    assert same(read(pages, 2)) == same(read(pages, 1))
    assert same(read(pages, 2, flush_each=True)) == same(read(pages, 1))


@pytest.mark.parametrize("processes", [1, 3])
def test_a_page_that_fails_leaves_nothing_on_its_way_to_the_next(processes: int) -> None:
    window = window_to_lift()
    with WindowLifting(window, processes) as lifting:
        reading = Reading(lifting, window)
        with pytest.raises(RecordError, match="larger than 100000 bytes"):
            reading.read(page_of([*numbered(20), item(20, "x" * 200_000)]))
        reading.progress.pages = 1
        reading.read(page_of(numbered(60)))
        reading.flush()
    rows = [row for row in reading.tables()["items"] if row[_PAGE] == "2"]
    assert [int(row[0]) for row in rows] == [n for n in range(60) if n % 7 != 3 and n % 11 != 10]


def test_end_tags_need_not_tell_how_many_records_a_piece_has() -> None:
    page = page_of([item(number) if number % 5 else "<item/>" + item(number) for number in range(60)])
    rows = [row[_ROW] for row in read([page], 3).tables["items"]]
    assert rows == [row[_ROW] for row in read([page], 1).tables["items"]]


def test_a_small_window_is_one_part_of_each_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_lifting, "_ALONE_BYTES", 40_000)
    page = page_of(numbered(80))
    assert len(page) * 5 < 40_000 < len(page) * 7
    assert read([page] * 5, 3).parts == read([page] * 5, 1).parts
    assert len(read([page] * 8, 3, flush_each=True).parts) == len(read([page] * 8, 1, flush_each=True).parts)
    assert len(read([page] * 8, 3).sequences) > 1


def test_a_flush_names_the_rows_of_the_pages_before_it_and_no_others() -> None:
    window = window_to_lift()
    with WindowLifting(window, 3) as lifting:
        reading = Reading(lifting, window)
        for number in (1, 2, 3):
            reading.read(page_of(numbered(100)))
            entries = reading.flush()
            rows = [row for entry in entries if entry.table == "items" for row in reading.rows_of(entry)]
            assert {row[_PAGE] for row in rows} == {str(number)}
            assert sum(table.written for table in reading.progress.tables.values()) == sum(
                entry.rows for entry in reading.entries if entry.table != REJECTS
            )
        assert reading.flush() == []


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_parts_larger_than_a_pipe_are_put_while_the_page_is_read(
    processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutter, "PIECE_BYTES", 50_000)
    monkeypatch.setattr(window_parts, "PART_BYTES", 400_000)
    chance = random.Random(1)
    page = page_of([item(number, chance.randbytes(900).hex()) for number in range(4000)])
    window = window_to_lift()
    with WindowLifting(window, processes) as lifting:
        reading = Reading(lifting, window)
        reading.read(page)
        put = len(reading.bucket.objects)
        assert put >= 4, "not all of it is in memory"
        assert reading.rows.bytes_written > 2_500_000
        reading.flush()
    largest = [entry for entry in reading.entries if entry.bytes > 250_000]
    assert len(largest) > 4 and all(entry.bytes < 1_000_000 for entry in largest)
    assert len({entry.sequence % processes for entry in largest}) == processes
    assert len({(entry.table, entry.sequence) for entry in reading.entries}) == len(reading.entries)
    rows = reading.tables()["items"]
    assert [int(row[_ROW]) for row in rows] == [n + 1 for n in range(4000) if n % 7 != 3 and n % 11 != 10]


@pytest.mark.parametrize("most", [0, 17])
def test_the_limit_on_rejects_is_that_of_all_processes_together(most: int) -> None:
    window = window_to_lift(("max_rejects: 1000", f"max_rejects: {most}"))
    page = page_of(numbered(300))
    kind, message = outcome([page], 3, window)
    assert kind is RowError and f"more than max_rejects {most}" in message
    assert (kind, message) == outcome([page], 1, window)


def fail_at(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the conversion of whatever holds that item fail."""
    convert = RowConverter.convert

    def failing(converter: RowConverter, batch: Any) -> Any:
        if str(number) in batch.columns[0]:
            raise RowError(f"the transform failed at item {number}")
        return convert(converter, batch)

    monkeypatch.setattr(RowConverter, "convert", failing)


def test_what_a_process_cannot_do_is_told_in_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    fail_at(51, monkeypatch)
    page = page_of(numbered(100))
    assert outcome([page], 3)[0] is RowError
    assert outcome([page], 3) == outcome([page], 1)


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_what_a_piece_fails_by_takes_no_finished_part_with_it(
    processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces within a comment are cut wrongly, and tried nevertheless: what becomes of them tells nothing."""
    fail_at(900, monkeypatch)
    monkeypatch.setattr(window_parts, "PART_BYTES", 0)
    monkeypatch.setattr(cutter, "PIECE_BYTES", 2000)
    for before in (40, 80, 120):
        comment = f"<!-- {item(900) * 300} -->"
        found = read([page_of([*numbered(before), comment, *numbered(50)])], processes)
        assert len(found.tables["items"]) == found.progress.tables["items"].written > 50


def kill_others(lifting: WindowLifting) -> None:
    for process in others_of(lifting):
        os.kill(process.pid, signal.SIGKILL)
        process.join()


@pytest.mark.parametrize(
    "happens", [lambda reading: reading.read(page_of(numbered(20))), lambda reading: reading.flush()]
)
def test_a_process_that_is_killed_is_told_of(happens: Callable[[Reading], Any]) -> None:
    window = window_to_lift()
    with WindowLifting(window, 2) as lifting:
        reading = Reading(lifting, window)
        reading.read(page_of(numbered(100)))
        kill_others(lifting)
        with pytest.raises(RowError, match=r"ended in the midst of its work, with exit code -9\. If"):
            happens(reading)


def test_a_process_that_was_killed_is_told_of_whoever_asks() -> None:
    head = cutter.find_head(b"<list><item>", ("list", "item"))
    assert head is not None
    with WindowLifting(window_to_lift(), 2) as lifting:
        (other,) = lifting._others
        os.kill(other.process.pid or 0, signal.SIGSTOP)
        sent = [other.send(head, item(1).encode(), False, Place(1, READ_AT)) for _ in range(3)]
        kill_others(lifting)
        for ask in (*(piece.answer for piece in sent), lambda: list(lifting.finish())):
            with pytest.raises(RowError, match="exit code -9"):
                ask()


def test_a_process_that_is_killed_at_work_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    convert, ours = RowConverter.convert, os.getpid()

    def killed(converter: RowConverter, batch: Any) -> Any:
        if os.getpid() != ours and batch.columns[0][0] > "150":
            os.kill(os.getpid(), signal.SIGKILL)
        return convert(converter, batch)

    monkeypatch.setattr(RowConverter, "convert", killed)
    kind, message = outcome([page_of(numbered(300))], 3)
    assert kind is RowError and "exit code -9" in message


def test_no_process_is_left_at_the_end() -> None:
    with WindowLifting(window_to_lift(), 3) as lifting:
        processes = others_of(lifting)
        assert len(processes) == 2 and all(process.is_alive() for process in processes)
    assert not any(process.is_alive() for process in processes)


def test_none_is_left_where_another_one_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[window_processes.Process] = []

    def one_alone(*given: Any) -> window_processes.Process:
        if made:
            raise OSError("no more processes")
        made.append(window_processes.Process(*given))
        return made[0]

    monkeypatch.setattr(window_lifting, "Process", one_alone)
    with pytest.raises(OSError, match="no more processes"), WindowLifting(window_to_lift(), 3):
        pass
    assert not made[0].process.is_alive()


def test_processes_end_with_the_one_that_started_them() -> None:
    """However it ends: a function that is killed leaves nobody behind."""
    program = """
import os, signal, sys
sys.path[:0] = sys.argv[1:]
from tests.unit.test_window_lifting import WindowLifting, others_of, window_to_lift
lifting = WindowLifting(window_to_lift(), 4).__enter__()
print(*(process.pid for process in others_of(lifting)), flush=True)
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
        assert others_of(lifting) == []


@pytest.mark.parametrize("room", [("SLOT_BYTES", 200), ("_HEAD_BYTES", 10)])
def test_what_does_not_fit_on_the_way_is_lifted_here(
    room: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window_processes, *room)
    pages = [page_of(numbered(100), head="<!-- a long head -->")]
    together = read(pages, 2)
    assert same(together) == same(read(pages, 1))
    assert together.sequences == {0}


# The thread of the endpoint that answers these tests waits, and holds nothing that a process could inherit.
forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def serve(source: ScriptedSource, count: int, size: int = 40) -> None:
    """So many pages of so many records."""
    for number in range(count):
        following = f"/items/{number + 1}" if number + 1 < count else ""
        records = [read_item(size * number + record, note=["a", "b"]) for record in range(size)]
        path = "/items" if number == 0 else f"/items/{number}"
        source.says(path, Say(scripted_page(*records, following=following)))


def by_place(rows: list[dict[str, str]]) -> list[tuple[str, ...]]:
    kept = [{k: v for k, v in row.items() if k not in ("_run", "_part", "_read_at")} for row in rows]
    return sorted(tuple(row.values()) for row in kept)


@forks
def test_a_window_of_many_links_has_the_same_rows_by_several_processes(
    extracts: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extraction, "CHECKPOINT_PAGES", 2)
    serve(source, 5)
    done = ExtractAnswer(status="done", pages=5, records=200)
    runs = ["20261122T160000000000Z-one", "20261122T160000000000Z-three"]
    for run, processes in zip(runs, (1, 3), strict=True):
        answer = extract(extracts.event(run=run), extracts.zone, read_secret, all_the_time, processes)
        assert answer == done
    one, three = map(extracts.landed, runs)
    for table in ("items", "items__notes"):
        assert by_place(extracts.rows(table, one)) == by_place(extracts.rows(table, three))
        parts = [part.sequence for part in three.commit.parts_of(table)]
        assert len(set(parts)) == len(parts) > len(one.commit.parts_of(table))
    assert one.commit.progress.tables == three.commit.progress.tables


@forks
def test_a_page_that_fails_half_way_is_in_no_part_that_is_named(
    extracts: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extraction, "CHECKPOINT_PAGES", 1)
    monkeypatch.setattr(window_parts, "PART_BYTES", 0)
    monkeypatch.setattr(extraction, "MOST_RESTARTS", 0)
    serve(source, 2, size=200)
    whole = source.script["/items/1"][0].body
    source.script["/items/1"] = [Say(whole[: len(whole) * 3 // 4])]
    with pytest.raises(RecordError, match="cut short"):
        extract(extracts.event(), extracts.zone, read_secret, all_the_time, 3)
    (link,) = Chain(extracts.zone, extracts.event().window).links
    assert link.progress.pages == 1
    assert sum(part.rows for part in link.parts if part.table == "items") == 200
    named = {str(part.name) for part in link.parts}
    assert named < {file for file in extracts.files() if file.endswith(".gz")}, "what is put and not named"
