"""What holds for all tests."""

import os
import signal
from types import FrameType

import pytest
from hypothesis import settings

from .sharing import Shares, in_order_of_time

# A shell starts what runs in its background with interrupts ignored, and every child would inherit that: the tests
# that interrupt one are about the child.
signal.signal(signal.SIGINT, signal.default_int_handler)
# A property says nothing about the machine, which has other work to do at the same time.
settings.register_profile("any machine", settings(), deadline=None)
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    """A process of `pytest -n` is interrupted by the terminal and once more by xdist, while it stops its cloud."""
    if hasattr(config, "workerinput"):
        signal.signal(signal.SIGINT, _interrupt_once)


def _interrupt_once(_: int, __: FrameType | None) -> None:
    signal.signal(signal.SIGINT, lambda *_: None)  # not ignored: a child would inherit that
    raise KeyboardInterrupt


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        in_order_of_time(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are CPUs: whoever works on a cloud waits for it half of the time."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Shares:
    return Shares(config, log)
