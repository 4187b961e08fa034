"""The records of one window made into rows: here, or by processes of their own where the function has more vCPUs.

Reading and converting a piece is a function of the piece and of where it stands, so that it makes no difference
which process does it. The answers are taken in the order of the pieces: with any number of processes the rows are
the same, in the same order. Only where a part ends within a page may differ.
"""

import os
import pickle
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache, partial
from itertools import cycle
from mmap import mmap
from multiprocessing import get_start_method
from multiprocessing.process import BaseProcess
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

_SLOT_BYTES = 1024 * 1024
_SLOTS_EACH = 4
"""What waits for a process while another one is behind, by a few of the scheduler's milliseconds."""

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
    """Lifts the pages of a window. To be used in a `with`: at its end no process is left.

    A function is frozen between its calls, and so would they be.
    """

    def __init__(self, window: WindowToLift, processes: int) -> None:
        self._window = window
        self._count = processes
        self._processes: _Processes | None = None
        self.converter = window.converter()
        self.pieces = piece_reader(window.mapping)

    def __enter__(self) -> Self:
        # Another way to start a process (macOS) shares no memory with it.
        if self._count > 1 and get_start_method() == "fork":
            self._processes = _Processes(self._count)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._processes is not None:
            self._processes.end()

    def page(self, place: Callable[[], Place]) -> Lifter[ConvertedRows]:
        """What lifts a page's records; `place` says where those stand that are lifted now."""

        def convert(batch: Batch) -> ConvertedRows:
            return self.converter.convert(batch, *place())

        here = LiftHere(self.pieces, convert)
        if self._processes is None:
            return here
        return _LiftByProcesses(self._processes, pickle.dumps(self._window), place, here)


class _LiftByProcesses:
    """Sends each piece to the next process."""

    def __init__(
        self,
        processes: "_Processes",
        window: bytes,
        place: Callable[[], Place],
        here: LiftHere[ConvertedRows],
    ) -> None:
        self._processes = processes
        self._window = window
        self._place = place
        self._here = here
        self.lift = here.lift
        self.ahead = len(processes.slots) - 1

    def send(self, head: Head, piece: bytes, first_row: int) -> Callable[[], Lifted[ConvertedRows] | None]:
        if len(piece) > _SLOT_BYTES:
            return self._here.send(head, piece, first_row)
        return self._processes.send(piece, (self._window, head, first_row, self._place()))


class _Slot:
    """Memory shared with a process: a piece on its way there, its rows on their way back."""

    def __init__(self) -> None:
        self.piece = mmap(-1, _SLOT_BYTES)
        self.rows = mmap(-1, 2 * _SLOT_BYTES)


_slots: list[_Slot] = []
"""Of this process and of those that it forks: what is inherited needs not be sent."""


class _Processes:
    """Processes that take turns. Pieces and rows go by shared memory, and by pipes no more than where they stand.

    A pipe holds less than a piece, so that its two sides would wait for each other.
    """

    def __init__(self, count: int) -> None:
        # multiprocessing's own pools and shared memory need /dev/shm, which Lambda does not have.
        from lambda_multiprocessing import Pool  # noqa: PLC0415 (only who has the vCPUs pays for the import)

        self.slots = [_Slot() for _ in range(count * _SLOTS_EACH)]
        _slots[:] = self.slots
        self.pools: list[Pool] = []
        for _ in range(count):
            self.pools.append(Pool(1))
            # The process's copy of our end of its pipe: without it, it ends when we do, however that is.
            (child,) = self.pools[-1].children
            self.pools[-1].apply_async(os.close, (child.parent_conn.fileno(),))
        self._turns = cycle(zip(range(len(self.slots)), cycle(self.pools), strict=False))

    def send(
        self, piece: bytes, task: tuple[bytes, Head, int, Place]
    ) -> Callable[[], Lifted[ConvertedRows] | None]:
        """Send a piece. The answers to earlier ones have to be taken before their slots' turn comes again."""
        number, pool = next(self._turns)
        self.slots[number].piece[: len(piece)] = piece
        try:
            result = pool.apply_async(_lift, (number, len(piece), *task))
        except (OSError, EOFError) as error:
            raise _ended(pool.children[0].proc) from error
        return partial(_answer, result, self.slots[number])

    def end(self) -> None:
        """End the processes, whatever they are at."""
        for pool in self.pools:
            process = pool.children[0].proc
            process.kill()
            process.join()
            pool.terminate()
        _slots.clear()


def _answer(result: "AsyncResult", slot: _Slot) -> Lifted[ConvertedRows] | None:
    process = result.child.proc
    try:
        while not result.ready():
            result.wait(_LOOK_SECONDS)
            if not result.ready() and not process.is_alive():
                raise _ended(process)
    except (OSError, EOFError) as error:
        raise _ended(process) from error
    answer: bytes | int = result.get()
    pickled = slot.rows[:answer] if isinstance(answer, int) else answer
    lifted: Lifted[ConvertedRows] | None = pickle.loads(pickled)  # noqa: S301 (from our own process)
    return lifted


def _ended(process: BaseProcess) -> RowError:
    process.join(_LOOK_SECONDS)
    return RowError(
        f"a process of the function ended in the midst of its work, with exit code {process.exitcode}. If that is "
        "-9, it is most likely for want of memory: lower limits.record_megabytes, or raise the memory of extract"
    )


def _lift(slot: int, length: int, window: bytes, head: Head, first_row: int, place: Place) -> bytes | int:
    """What a process does with a piece: how many bytes its rows have in the slot, or they themselves."""
    pieces, converter = _known(window)
    piece = _slots[slot].piece[:length]
    lifted = lift_piece(pieces, lambda batch: converter.convert(batch, *place), head, piece, first_row)
    pickled = pickle.dumps(lifted)
    if len(pickled) > len(_slots[slot].rows):
        return pickled
    _slots[slot].rows[: len(pickled)] = pickled
    return len(pickled)


@lru_cache(maxsize=1)
def _known(window: bytes) -> tuple[PieceReader, RowConverter]:
    unpickled: WindowToLift = pickle.loads(window)  # noqa: S301 (from our own process, by a pipe)
    return piece_reader(unpickled.mapping), unpickled.converter()


@lru_cache(maxsize=16)
def piece_reader(mapping: Mapping) -> PieceReader:
    """What reads the records of a mapping; what it has learned of them serves this process's next calls, too."""
    return PieceReader(mapping)
