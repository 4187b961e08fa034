"""The records of one window made into rows: here, or by processes of their own where the function has more vCPUs.

Reading and converting a piece is a function of the piece and of whether its page begins with it, so that it makes
no difference which process does it: with any number of them the rows are the same. Only which part a row is in may
differ.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache, partial
from multiprocessing import get_start_method
from types import TracebackType
from typing import NamedTuple, NoReturn, Self

from xmlift.catalogue import Stream
from xmlift.errors import RowError
from xmlift.extraction.converted import ConvertedRows, Place
from xmlift.extraction.row_conversion import RowConverter
from xmlift.extraction.window_parts import LiftedRows, NumberedPart, WindowParts, row_counts
from xmlift.extraction.window_processes import SLOTS_EACH, Process
from xmlift.extraction.written_rows import RowWriter
from xmlift.landing.names import WindowName
from xmlift.layout import StreamLayout, stream_layout
from xmlift.records import Head, Lifter, LiftHere, Mapping, PieceReader, Sent

_ALONE_BYTES = 512 * 1024
"""Pages of so many bytes in all are lifted here alone: a small window has no parts of others beside ours."""


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
        return RowConverter(layout, self.stream, self.name.interval)

    def parts(self, layout: StreamLayout, process: int, processes: int) -> WindowParts:
        """The parts of one of so many processes."""
        rows = RowWriter(self.name, self.attempt, self.parsed_at)
        return WindowParts(layout, rows, first=process, step=processes)


class WindowLifting:
    """Lifts the pages of a window into parts. To be used in a `with`: at its end no process is left.

    A function is frozen between its calls, and so would they be.
    """

    def __init__(self, window: WindowToLift, processes: int) -> None:
        self.window = window
        # Another way to start a process (macOS) shares no memory with it.
        self._count = processes if get_start_method() == "fork" else 1
        self._others: list[Process] = []
        self._bytes = 0
        self.converter = window.converter()
        self.pieces = piece_reader(window.mapping)
        self._parts = self._parts_of(0)

    def _parts_of(self, process: int) -> WindowParts:
        return self.window.parts(self.converter.layout, process, self._count)

    def __enter__(self) -> Self:
        try:
            for number in range(1, self._count):
                self._others.append(Process(self.pieces, self.converter, self._parts_of(number)))
        except BaseException:
            self._end_others()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_others()

    def _end_others(self) -> None:
        for process in self._others:
            process.end()

    @property
    def bytes_written(self) -> int:
        """Compressed bytes of the parts that are not handed out."""
        return self._parts.bytes_written + sum(process.bytes_written for process in self._others)

    def page(self, place: Place, size: int) -> Lifter[LiftedRows]:
        """What lifts the records of the page of so many bytes that stands there."""
        here = LiftHere(self.pieces, lambda batch: self._kept_here(self.converter.convert(batch), place))
        self._bytes += size
        if not self._others or self._bytes <= _ALONE_BYTES:
            return here
        return _LiftTogether(self._others, place, here)

    def _kept_here(self, converted: ConvertedRows, place: Place) -> LiftedRows:
        return LiftedRows(row_counts(converted), partial(self._parts.keep, converted, place))

    def gone(self, mapping: Mapping, place: Place) -> LiftHere[LiftedRows]:
        """What lifts a page of the second feed, whose records say what is gone: they are few and small."""
        convert = self.converter.convert_gone
        return LiftHere(piece_reader(mapping), lambda batch: self._kept_here(convert(batch), place))

    def finish(self) -> Iterator[NumberedPart]:
        """The parts of what was kept since the last time. Raises RowError where a process is there no more."""
        self._bytes = 0
        others = [process.finish() for process in self._others]
        yield from self._parts.finish()  # which are put while the others finish theirs
        for parts in others:
            yield from parts()


class _LiftTogether:
    """Has other processes lift the pieces that they take, and lifts the others here meanwhile."""

    def __init__(self, others: list[Process], place: Place, here: LiftHere[LiftedRows]) -> None:
        self._others = others
        self._place = place
        self._here = here
        self.lift = here.lift
        # Until an answer is asked for, each of the others has got its pieces, and as many were lifted here.
        self.ahead = SLOTS_EACH * (len(others) + 1)

    def send(self, head: Head, piece: bytes, begins: bool) -> Sent[LiftedRows]:
        for other in self._others:
            if other.takes(head, piece):
                return other.send(head, piece, begins, self._place)
        try:
            return self._here.send(head, piece, begins)
        except RowError as error:
            return Sent(piece, partial(_tell, error))  # in its turn: a piece before it may say something else


def _tell(error: RowError) -> NoReturn:
    raise error


@lru_cache(maxsize=16)
def piece_reader(mapping: Mapping) -> PieceReader:
    """What reads the records of a mapping; what it has learned of them serves this process's next calls, too."""
    return PieceReader(mapping)
