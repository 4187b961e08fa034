"""The records of one window made into rows: here, or by processes of their own where the function has more vCPUs.

Reading and converting a piece is a function of the piece and of where it stands, so that it makes no difference
which process does it. The answers are taken in the order of the pieces: with any number of processes the parts
have the same bytes.
"""

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from functools import lru_cache
from queue import SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from xmlift.catalogue import Stream
from xmlift.errors import RowError
from xmlift.landing.names import WindowName
from xmlift.layout import stream_layout
from xmlift.records import Batch, Head, Lifted, Lifter, LiftHere, Mapping, PieceReader, lift_piece
from xmlift.row_conversion import ConvertedRows, RowConverter

if TYPE_CHECKING:
    from lambda_multiprocessing.main import AsyncResult

_LOOK_SECONDS = 1.0
"""How often a process that does not answer is looked at: whether it is still there."""


class Place(NamedTuple):
    """Where records are read (the page's number in the window, and when), and the part that they go to."""

    page: int
    read_at: datetime
    sequence: int


class WindowToLift(NamedTuple):
    """All that decides what becomes of a window's records."""

    mapping: Mapping
    stream: Stream
    name: WindowName
    attempt: str
    parsed_at: datetime

    def converter(self) -> RowConverter:
        """What makes rows of its records."""
        layout = stream_layout(self.name.stream, self.stream)
        return RowConverter(layout, self.stream, self.name, self.attempt, self.parsed_at)


class WindowLifting:
    """Lifts the pages of a window. To be used in a `with`: at its end neither process nor thread is left.

    A function is frozen between its calls, and so would they be.
    """

    def __init__(self, window: WindowToLift, processes: int) -> None:
        self._window = window
        self._count = processes
        self._processes: _Processes | None = None
        self._ended = ExitStack()
        self.converter = window.converter()
        self.pieces = piece_reader(window.mapping)

    def __enter__(self) -> Self:
        if self._count > 1:
            self._processes = self._ended.enter_context(_Processes(self._count))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.close()

    def page(self, place: Callable[[], Place]) -> Lifter[ConvertedRows]:
        """What lifts a page's records; `place` says where those stand that are lifted now."""

        def convert(batch: Batch) -> ConvertedRows:
            return self.converter.convert(batch, *place())

        if self._processes is None:
            return LiftHere(self.pieces, convert)
        return _LiftByProcesses(self._processes, pickle.dumps(self._window), place, convert)


class _LiftByProcesses:
    """Sends each piece to the process that is free next."""

    def __init__(
        self,
        processes: "_Processes",
        window: bytes,
        place: Callable[[], Place],
        lift: Callable[[Batch], ConvertedRows],
    ) -> None:
        self._processes = processes
        self._window = window
        self._place = place
        self.lift = lift
        # One more for each, so that none waits while the main process is busy with the rows of another.
        self.ahead = 2 * processes.count

    def send(self, head: Head, piece: bytes, first_row: int) -> Callable[[], Lifted[ConvertedRows] | None]:
        return self._processes.send(self._window, head, piece, first_row, self._place())


class _Processes:
    """Processes, and for each a thread that hands it one piece after the other.

    None has two at a time: both ends of a pipe could wait for each other to read.
    """

    def __init__(self, count: int) -> None:
        # It works with pipes: multiprocessing's own pools need /dev/shm, which Lambda does not have.
        from lambda_multiprocessing import Pool  # noqa: PLC0415 (only who has the vCPUs pays for the import)

        self.count = count
        self.pools: list[Pool] = [Pool(1) for _ in range(count)]  # before any thread is there to be forked
        self._idle: SimpleQueue[Pool] = SimpleQueue()
        for pool in self.pools:
            self._idle.put(pool)
        self._threads = ThreadPoolExecutor(count, "lift")

    def send(
        self, window: bytes, head: Head, piece: bytes, first_row: int, place: Place
    ) -> Callable[[], Lifted[ConvertedRows] | None]:
        return self._threads.submit(self._lift, (window, head, piece, first_row, place)).result

    def _lift(self, task: tuple[bytes, Head, bytes, int, Place]) -> Lifted[ConvertedRows] | None:
        pool = self._idle.get()
        try:
            return _answer(pool.apply_async(_lift, task))
        except OSError as error:
            raise _ended() from error
        finally:
            self._idle.put(pool)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(cancel_futures=True)
        for pool in self.pools:
            pool.terminate()


def _answer(result: "AsyncResult") -> Lifted[ConvertedRows] | None:
    while not result.ready():
        result.wait(_LOOK_SECONDS)
        if not result.ready() and not result.child.proc.is_alive():
            raise _ended()
    lifted: Lifted[ConvertedRows] | None = result.get()
    return lifted


def _ended() -> RowError:
    return RowError(
        "a process of the function ended in the midst of its work, most likely for want of memory: lower "
        "limits.record_megabytes, or raise the memory of extract"
    )


def _lift(
    window: bytes, head: Head, piece: bytes, first_row: int, place: Place
) -> Lifted[ConvertedRows] | None:
    """What a process does with a piece."""
    pieces, converter = _known(window)
    return lift_piece(pieces, lambda batch: converter.convert(batch, *place), head, piece, first_row)


@lru_cache(maxsize=1)
def _known(window: bytes) -> tuple[PieceReader, RowConverter]:
    unpickled: WindowToLift = pickle.loads(window)  # noqa: S301 (from our own process, by a pipe)
    return piece_reader(unpickled.mapping), unpickled.converter()


@lru_cache(maxsize=16)
def piece_reader(mapping: Mapping) -> PieceReader:
    """What reads the records of a mapping: what it has learned of them serves the function's next calls, too."""
    return PieceReader(mapping)
