"""What is made of a page's records, piece by piece: here and now, or elsewhere while the next piece is cut."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from xmlift.records.columns import NONE, NestedRows
from xmlift.records.cutter import Head
from xmlift.records.pieces import PieceReader


class Batch(NamedTuple):
    """Some records of a page, in its order.

    `unmapped` says how many of those looked at hold what the mapping does not ask for, by its path.
    """

    columns: list[Sequence[str]]
    nested: tuple[NestedRows, ...]
    unmapped: dict[str, int] = NONE

    @property
    def records(self) -> int:
        """How many records these are."""
        return len(self.columns[0])


class Lifted[Rows](NamedTuple):
    """What became of a piece's records, how many they are, and what stood between them and is none."""

    rows: Rows
    records: int
    between: bytes


class Sent[Rows](NamedTuple):
    """A piece on its way, and how to get what became of it: None where it was cut wrongly."""

    piece: bytes
    answer: Callable[[], Lifted[Rows] | None]


class Lifter[Rows](Protocol):
    """What is made of records. It may be given `ahead` pieces before the answer to an earlier one is asked for."""

    @property
    def ahead(self) -> int: ...

    def send(self, head: Head, piece: bytes, begins: bool) -> Sent[Rows]:
        """Take a piece, and answer how to get what became of it. `begins`: it is the first one of its page."""

    def lift(self, batch: Batch) -> Rows:
        """What is made of a batch that was read otherwise."""


class LiftHere[Rows]:
    """Lifts one piece after the other, here and now."""

    ahead = 0

    def __init__(self, pieces: PieceReader, lift: Callable[[Batch], Rows]) -> None:
        self._pieces = pieces
        self.lift = lift

    def send(self, head: Head, piece: bytes, begins: bool) -> Sent[Rows]:
        lifted = lift_piece(self._pieces, self.lift, head, piece, begins)
        return Sent(piece, lambda: lifted)


def lift_piece[Rows](
    pieces: PieceReader, lift: Callable[[Batch], Rows], head: Head, piece: bytes, begins: bool
) -> Lifted[Rows] | None:
    """Read a piece and make of its records what is to be made of them; None where it was cut wrongly."""
    read = pieces.read(head, piece, begins)
    if read is None:
        return None
    batch = Batch(*read.columns)
    return Lifted(lift(batch), batch.records, read.between)
