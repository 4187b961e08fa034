"""The soak can fail: what is wrong with a table, a count or a function's memory is found and told."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.errors import LocalError

from . import oracle, source, summary
from .memory import Memory
from .oracle import Contents
from .runs import Run

NOW = datetime(2026, 11, 22, 20, tzinfo=UTC)
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


def grid_moment(cell: int) -> datetime:
    """The very instant at which a cell of 67 days begins."""
    return datetime(1970, 1, 1, tzinfo=UTC) + cell * timedelta(days=67)


def contents(*rows: tuple[Any, ...]) -> Contents:
    return Contents("items", ("id", "summary", "created"), list(rows))


WANTED = contents((1, "one", MOMENT), (2, None, MOMENT), (3, "three", MOMENT))


def test_the_same_rows_are_no_difference_whatever_zone_their_times_are_told_in() -> None:
    told_elsewhere = MOMENT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    there = contents((1, "one", told_elsewhere), (2, None, MOMENT), (3, "three", MOMENT))
    assert oracle.differences(there, WANTED) == []


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        pytest.param(WANTED.rows[:2], "items: None instead of (3, 'three'", id="lost"),
        pytest.param([*WANTED.rows, WANTED.rows[2]], "items: (3, 'three'", id="double"),
        pytest.param([(1, "one", MOMENT), (2, "", MOMENT), WANTED.rows[2]], "items: (2, ''", id="empty"),
        pytest.param([(1, "oné", MOMENT), *WANTED.rows[1:]], "items: (1, 'oné'", id="other text"),
        pytest.param(
            [(1, "one", MOMENT + timedelta(milliseconds=1)), *WANTED.rows[1:]],
            "items: (1, 'one', datetime.datetime(2026, 1, 2, 3, 4, 5, 679000",
            id="other time",
        ),
    ],
)
def test_a_row_that_is_lost_double_or_changed_is_told(rows: list[tuple[Any, ...]], told: str) -> None:
    (first, *others) = oracle.differences(contents(*rows), WANTED)
    assert first == f"items: {len(rows)} rows instead of 3, other contents"
    assert any(other.startswith(told) for other in others), others


def test_the_rows_that_are_wanted_come_from_the_record_by_the_catalogues_paths() -> None:
    record = {
        "id": 7,
        "modified": "2026-01-02T03:04:05.678Z",
        "created": "2025-01-02T03:04:05.678Z",
        "summary": "Export <draft>",
        "description": "",
        "tags": ["a", "b"],
        "modifiedBy": {"name": "Ann Lee"},
    }
    journal = source.load(source.catalogue(1, NOW)).streams["journal"]
    row = tuple(oracle.values(record, journal.columns))
    assert row == (
        7,
        MOMENT,
        MOMENT.replace(year=2025),
        "Export <draft>",
        None,
        ["a", "b"],
        "Ann Lee",
    )


@given(
    st.timedeltas(timedelta(0), timedelta(days=3650)).map(NOW.__add__)
    | st.integers(300, 400).map(grid_moment)
)
def test_whenever_it_starts_there_are_fifty_windows_and_all_of_the_endpoints_past_is_in_them(
    now: datetime,
) -> None:
    streams = source.load(source.catalogue(1001, now)).streams
    assert len(streams) == source.STREAMS
    assert sum(source.windows(stream, now) for stream in streams.values()) == 50
    for stream in streams.values():
        assert stream.cursor is not None
        assert stream.cursor.start_time <= now - timedelta(days=730, hours=1)


def test_a_function_that_takes_all_it_has_or_was_never_seen_is_a_fault() -> None:
    memory = Memory.__new__(Memory)
    memory.sizes, memory.peaks = {"load": 512, "plan": 512}, {"load": 512.0, "plan": 511.9}
    (fault,) = memory.faults()
    assert fault.startswith("load took 512 MB of the 512 MB that it has: ")
    memory.peaks = {"plan": 67.0}
    assert memory.faults() == ["no process of load was ever seen: its memory is not known"]


RUN = Run(
    number=1,
    windows=50,
    records=100000,
    new=25000,
    seconds=20.0,
    steps={"Plan": 0.5, "Extract": 16.0},
    memory={"plan": 67.2, "load": 69.7},
)


def test_the_table_stands_between_its_marks_and_nothing_else_changes(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text("before\n<!-- soak:begin -->\nold\n<!-- soak:end -->\nafter\n")
    summary.write(file, [RUN], {"plan": 512, "load": 512})
    text = file.read_text()
    assert text.startswith("before\n<!-- soak:begin -->\n| run | windows | records |")
    assert text.endswith("\n<!-- soak:end -->\nafter\n")
    assert "old" not in text
    assert "| 1 | 50 | 100,000 | 25,000 | 0 | 20.0 | 5,000 | 67 | 70 |" in text
    assert "Plan 0.5 s, Extract 16.0 s" in text
    summary.write(file, [RUN], {"plan": 512, "load": 512})
    assert file.read_text() == text


def test_a_page_without_the_marks_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    file.write_text("nothing\n")
    with pytest.raises(LocalError, match="soak:begin"):
        summary.write(file, [RUN], {"plan": 512})
    assert file.read_text() == "nothing\n"
