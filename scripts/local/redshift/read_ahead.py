"""What comes next, read by a thread of its own while this one still works at what came before."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Full, Queue
from typing import NamedTuple

_LOOK_SECONDS = 0.1


class _End(NamedTuple):
    """No more items: there are none, or reading them failed."""

    error: Exception | None


@contextmanager
def read_ahead[T](items: Iterator[T], room: int) -> Iterator[Iterator[T]]:
    """The same items in the same order, what they raise in its place; at most `room` of them wait to be taken."""
    waiting: Queue[T | _End] = Queue(room)
    left = threading.Event()

    def put(item: T | _End) -> None:
        while not left.is_set():
            try:
                waiting.put(item, timeout=_LOOK_SECONDS)
            except Full:
                continue
            return

    def read() -> None:
        error: Exception | None = None
        try:
            for item in items:
                put(item)
                if left.is_set():
                    return
        except Exception as raised:  # noqa: BLE001 - it is raised where the items are taken
            error = raised
        put(_End(error))

    def taken() -> Iterator[T]:
        while not isinstance(item := waiting.get(), _End):
            yield item
        if item.error is not None:
            raise item.error

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield taken()
    finally:
        left.set()
        reader.join()
