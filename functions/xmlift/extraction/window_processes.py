"""Processes beside this one that lift pieces of a window's pages, each into parts of its own.

A process answers a piece with what is to be counted of it. Its rows wait there until they are kept, which is when
the number of the first one's record is known; of a piece that was cut wrongly nothing is kept.
"""

import gc
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate, pairwise
from mmap import mmap
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from select import POLLIN, poll
from typing import Any, NamedTuple

from xmlift.errors import RowError
from xmlift.extraction.converted import ConvertedRows, Place
from xmlift.extraction.row_conversion import RowConverter
from xmlift.extraction.window_parts import LiftedRows, NumberedPart, RowCounts, WindowParts, row_counts
from xmlift.records import Batch, Head, Lifted, PieceReader, Sent, lift_piece

SLOT_BYTES = 3 * 1024 * 1024
"""For a piece on its way there, and a finished part on its way back: half as much again as a part is to have."""

SLOTS_EACH = 3
"""One piece in work, and two in store: this process comes by after a piece of its own, or a part that it puts.

With one in store the others wait now and then. More of them leave the CPU's cache.
"""

_HEAD_BYTES = 16 * 1024
"""Of what stands before a page's records, and goes with each piece: what is on its way has to fit into the pipe."""

_END_SECONDS = 1.0
"""How long the exit code is waited for of a process whose pipe has ended."""


class _Answer(NamedTuple):
    """What a process says: what it has lifted, its finished parts, and the bytes of those that are not.

    Bodies of the first parts are in the slot that came with the question, of these lengths: through the pipe, which
    holds 64 KB, a part would be on its way as long as it takes to lift a piece.
    """

    lifted: Lifted[RowCounts] | Exception | None
    finished: list[NumberedPart]
    bytes_in_work: int
    in_slot: Sequence[int] = ()


class Process:
    """A process, as it is seen from outside. A piece goes by shared memory, and what is to be said of it by a pipe.

    A pipe holds less than a piece, so that its two sides would wait for each other.
    """

    def __init__(self, pieces: PieceReader, converter: RowConverter, parts: WindowParts) -> None:
        # multiprocessing's own pools and shared memory need /dev/shm, which Lambda does not have.
        from lambda_multiprocessing import Pool  # noqa: PLC0415 (only who has the vCPUs pays for the import)

        global _own  # noqa: PLW0603 (what is inherited needs not be sent)
        self._slots = [mmap(-1, SLOT_BYTES) for _ in range(SLOTS_EACH)]
        self._pipe, theirs = Pipe()
        _own = _Lifting(pieces, converter, parts, self._slots, theirs, self._pipe)
        self._pool = Pool(1)
        _own = None
        theirs.close()
        # One task for all pieces: as a task of its own, each would take half a millisecond on its way.
        self._pool.apply_async(_serve)
        self.process: BaseProcess = self._pool.children[0].proc
        # A connection's own poll() makes a selector each time.
        self._arrived = poll()
        self._arrived.register(self._pipe, POLLIN)
        self._free = deque(range(SLOTS_EACH))
        self._on_their_way: deque[int] = deque()
        self._answers: deque[_Answer | Exception] = deque()
        self._kept: list[_Kept] = []
        self._sent = 0
        self._finished: list[NumberedPart] = []
        self._bytes_in_work = 0
        self._failed: Exception | None = None
        """Why nothing is to be had of it any more: rows that it was to keep may be lost."""

    @property
    def bytes_written(self) -> int:
        """Compressed bytes of its parts that are not handed out."""
        return self._bytes_in_work + sum(len(part.part.body) for part in self._finished)

    def takes(self, head: Head, piece: bytes) -> bool:
        """Whether there is room for a piece. Raises RowError where the process has ended."""
        self._check()
        while not self._free and self._arrived.poll(0):
            self._receive()
        return bool(self._free) and len(piece) <= SLOT_BYTES and len(head.before) <= _HEAD_BYTES

    def send(self, head: Head, piece: bytes, begins: bool, place: Place) -> Sent[LiftedRows]:
        """Send a piece that the process takes. Raises RowError where it has ended, then or when it is to answer."""
        slot = self._free.popleft()
        self._slots[slot][: len(piece)] = piece
        self._sent += 1
        self._ask(slot, _Task(self._sent, len(piece), head, begins, place))
        return Sent(piece, partial(self._lifted, self._sent))

    def _lifted(self, number: int) -> Lifted[LiftedRows] | None:
        lifted = self._answer().lifted
        if isinstance(lifted, Exception):
            raise lifted
        if lifted is None:
            return None
        return Lifted(LiftedRows(lifted.rows, partial(self._keep, number)), lifted.records, lifted.between)

    def _keep(self, piece: int, first_row: int) -> list[NumberedPart]:
        self._kept.append(_Kept(piece, first_row))
        return self._taken()

    def _taken(self) -> list[NumberedPart]:
        finished, self._finished = self._finished, []
        return finished

    def finish(self) -> Callable[[], list[NumberedPart]]:
        """Have it finish the parts of what was kept since the last time, and answer how to get them.

        Raises RowError where the process has ended.
        """
        self._check()
        self._ask(self._free.popleft(), None)

        def finished() -> list[NumberedPart]:
            self._answer()
            return self._taken()

        return finished

    def _ask(self, slot: int, task: "_Task | None") -> None:
        self._on_their_way.append(slot)
        kept, self._kept = self._kept, []
        try:
            self._pipe.send((kept, slot, task))
        except OSError as error:
            raise self._ended() from error

    def _answer(self) -> _Answer:
        """The next answer: they come in the order of what was asked."""
        if not self._answers:
            self._receive()
        answer = self._answers.popleft()
        if isinstance(answer, Exception):
            self._failed = answer
            raise answer
        self._finished += answer.finished
        self._bytes_in_work = answer.bytes_in_work
        return answer

    def _check(self) -> None:
        if self._failed is not None:
            raise self._failed

    def _receive(self) -> None:
        try:
            answer = self._pipe.recv()
        except (OSError, EOFError) as error:
            raise self._ended() from error
        slot = self._on_their_way.popleft()
        if isinstance(answer, _Answer):
            answer = _out_of_slot(answer, self._slots[slot])
        self._free.append(slot)
        self._answers.append(answer)

    def _ended(self) -> RowError:
        self.process.join(_END_SECONDS)
        self._failed = RowError(
            f"a process of the function ended in the midst of its work, with exit code {self.process.exitcode}. If "
            "that is -9, it is most likely for want of memory: lower limits.record_megabytes, or raise the memory "
            "of extract"
        )
        return self._failed

    def end(self) -> None:
        """End it, whatever it is at."""
        self.process.kill()
        self.process.join()
        self._pool.terminate()
        self._pipe.close()


class _Kept(NamedTuple):
    """A piece whose rows count, and the number of its first record in the page."""

    piece: int
    first_row: int


class _Task(NamedTuple):
    """A piece to lift: its number, how long it is, and its page's head; whether that begins with it."""

    number: int
    length: int
    head: Head
    begins: bool
    place: Place


class _Waiting(NamedTuple):
    """Rows of a piece that are not kept yet."""

    piece: int
    place: Place
    rows: ConvertedRows


class _Lifting:
    """What a process has of its own: its parts, and rows that are not kept yet."""

    def __init__(
        self,
        pieces: PieceReader,
        converter: RowConverter,
        parts: WindowParts,
        slots: list[mmap],
        own_end: "Connection[Any, Any]",
        other_end: "Connection[Any, Any]",
    ) -> None:
        self._pieces = pieces
        self._convert = converter.convert
        self._parts = parts
        self._slots = slots
        self._pipe = own_end
        self._other_end = other_end
        self._waiting: deque[_Waiting] = deque()

    def serve(self) -> None:
        """Answer what is asked, for as long as there is somebody who asks."""
        self._other_end.close()  # or the pipe would never end
        # What is there already is not looked at by garbage collection: it would copy all that it marks.
        gc.freeze()
        while True:
            try:
                kept, slot, task = self._pipe.recv()
            except EOFError:
                raise SystemExit from None
            try:
                answer = _into_slot(self._answer(kept, self._slots[slot], task), self._slots[slot])
            except Exception as error:  # noqa: BLE001 (whatever it is, the one who asked is to know it)
                self._pipe.send(error)
            else:
                self._pipe.send(answer)

    def _answer(self, kept: list[_Kept], slot: mmap, task: _Task | None) -> _Answer:
        finished = self._keep(kept)
        if task is None:
            return _Answer(None, finished + self._parts.finish(), 0)
        lifted: Lifted[RowCounts] | Exception | None
        try:
            lifted = self._lift(task, slot[: task.length])
        except Exception as error:  # noqa: BLE001 (parts that are finished are answered whatever becomes of the piece)
            lifted = error
        return _Answer(lifted, finished, self._parts.bytes_written)

    def _lift(self, task: _Task, piece: bytes) -> Lifted[RowCounts] | None:
        def convert(batch: Batch) -> RowCounts:
            converted = self._convert(batch)
            self._waiting.append(_Waiting(task.number, task.place, converted))
            return row_counts(converted)

        return lift_piece(self._pieces, convert, task.head, piece, task.begins)

    def _keep(self, kept: list[_Kept]) -> list[NumberedPart]:
        """Keep the rows of these pieces. Of those that were sent before them no other will be kept any more."""
        finished: list[NumberedPart] = []
        for piece, first_row in kept:
            while (waiting := self._waiting.popleft()).piece != piece:
                pass
            finished += self._parts.keep(waiting.rows, waiting.place, first_row)
        return finished


def _into_slot(answer: _Answer, slot: mmap) -> _Answer:
    """The answer with the bodies of its parts in the slot, as far as they fit."""
    end = 0
    lengths: list[int] = []
    without: list[NumberedPart] = []
    for part in answer.finished:
        body = part.part.body
        if end + len(body) > SLOT_BYTES:
            break
        slot[end : end + len(body)] = body
        end += len(body)
        lengths.append(len(body))
        without.append(_with_body(part, b""))
    return answer._replace(finished=without + answer.finished[len(without) :], in_slot=lengths)


def _out_of_slot(answer: _Answer, slot: mmap) -> _Answer:
    """The answer as it was before."""
    ends = list(accumulate(answer.in_slot, initial=0))
    found = [
        _with_body(part, slot[start:end])
        for part, (start, end) in zip(answer.finished, pairwise(ends), strict=False)
    ]
    return answer._replace(finished=found + answer.finished[len(found) :], in_slot=())


def _with_body(part: NumberedPart, body: bytes) -> NumberedPart:
    return part._replace(part=part.part._replace(body=body))


_own: _Lifting | None = None
"""Of this process, as it was when it was forked."""


def _serve() -> None:
    assert _own is not None
    _own.serve()
