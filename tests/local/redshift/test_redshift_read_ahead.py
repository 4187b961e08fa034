"""Reading ahead changes nothing: the same items in the same order, errors in their place, and an end."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.redshift.read_ahead import read_ahead


@given(st.lists(st.integers()), st.integers(1, 4))
def test_the_items_are_the_same(items: list[int], room: int) -> None:
    with read_ahead(iter(items), room) as ahead:
        assert list(ahead) == items


def test_an_error_comes_after_what_was_read_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("broken")

    found = []
    with pytest.raises(OSError, match="broken"), read_ahead(items(), 1) as ahead:
        found += [next(ahead), next(ahead)]
        next(ahead)
    assert found == [1, 2]


def test_who_leaves_early_leaves_no_thread() -> None:
    before = threading.active_count()
    with read_ahead(iter(range(1_000_000)), 2) as ahead:
        assert next(ahead) == 0
    assert threading.active_count() == before


def test_it_reads_before_it_is_asked() -> None:
    read = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        read.set()
        yield 2

    with read_ahead(items(), 2) as ahead:
        assert read.wait(10)
        assert list(ahead) == [1, 2]
