"""A batch whose data cannot be loaded is halved until the windows that fail alone are found and set aside (R3)."""

from collections.abc import Callable, Iterator, Sequence

from psycopg2.extensions import cursor as Cursor  # noqa: N812 (a type)

from xmlift.errors import DataFaultError
from xmlift.landing.chain import Landed
from xmlift.tally import ledger_entry, window_key
from xmlift.telemetry import logger
from xmlift.warehouse import ledger
from xmlift.warehouse.mutex import Mutex

type Load = Callable[[Sequence[Landed]], int]
type SetAside = Callable[[Sequence[Landed], str], None]


def load_or_set_aside(
    windows: Sequence[Landed], load: Load, set_aside: SetAside, *, is_set: bool = False
) -> Iterator[int]:
    """Load a batch by as few loads as its faults allow, and answer after each how many windows it has settled.

    `load` answers how many of its windows have to wait for others. A set is loaded whole or not at all, so what is
    wrong with one window of it is wrong with the set.
    """
    pending = [windows]
    while pending:
        batch = pending.pop()
        waiting = 0
        try:
            waiting = load(batch)
        except DataFaultError as fault:
            if len(batch) > 1 and not is_set:
                middle = len(batch) // 2
                pending += [batch[middle:], batch[:middle]]
                continue
            set_aside(batch, str(fault))
        yield len(batch) - waiting


def quarantine(mutex: Mutex, windows: Sequence[Landed], reason: str, run: str, seconds: float) -> None:
    """Write to the ledger that windows cannot be loaded, and why; `run` is the one that tried.

    They are gaps: the run fails by them, and the next one reads them again.
    """
    source, stream = windows[0].window.source, windows[0].window.stream

    def write(cursor: Cursor) -> None:
        known = ledger.windows(cursor, source, stream, windows[0].window.run)
        entries = [
            ledger_entry(window, ledger.QUARANTINED, run, {}, reason)
            for window in windows
            if window_key(window) not in known
        ]
        ledger.insert(cursor, entries)

    mutex.transaction(write, seconds)
    for window in windows:
        logger.warning("quarantined", window=str(window.window), reason=reason)
