"""What the campaign's own tests need."""

import time
from collections.abc import Callable

import pytest


@pytest.fixture
def await_true() -> Callable[[Callable[[], bool]], None]:
    """Wait until something is so, for ten seconds at most."""

    def await_true(happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not happened():
            assert time.monotonic() < deadline, "it never happened"
            time.sleep(0.02)

    return await_true
