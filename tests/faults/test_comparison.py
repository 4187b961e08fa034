"""A campaign that cannot fail proves nothing: the comparison sees what is wrong, literally."""

from datetime import UTC, datetime

import pytest
from tests.faults.comparison import history_faults
from tests.faults.differences import compared

WANTED = [(1, "open"), (2, "closed")]


def at(hour: int) -> datetime:
    return datetime(2026, 11, 22, hour, tzinfo=UTC)


STATES = [(at(1), "open", "ann"), (at(2), "closed", "ann")]
VERSIONS = [(7, "open", "ann", at(1), at(2), False), (7, "closed", "ann", at(2), None, True)]


def test_equal_rows_in_any_order_are_no_difference() -> None:
    assert not compared("items", [(2, "closed"), (1, "open")], WANTED, 1)


@pytest.mark.parametrize(
    ("found", "where", "said"),
    [
        pytest.param([(1, "open")], "lost", "items (2,) is not in the warehouse: (2, 'closed')", id="lost"),
        pytest.param(
            [*WANTED, (2, "closed")], "duplicated", "items (2,) stands 2 times in the warehouse", id="2"
        ),
        pytest.param([*WANTED, (3, "new")], "duplicated", "items (3,) should not be there", id="too many"),
        pytest.param(
            [(1, "open"), (2, "open")],
            "altered",
            "items (2,) is (2, 'open') instead of (2, 'closed')",
            id="altered",
        ),
    ],
)
def test_a_difference_is_told_by_what_is_wrong(found: list[tuple[int, str]], where: str, said: str) -> None:
    differences = compared("items", found, WANTED, 1)
    assert {name: told for name, told in vars(differences).items() if told} == {where: [said]}


def test_a_history_of_states_that_there_were_is_right() -> None:
    assert history_faults(7, VERSIONS, STATES) == []


@pytest.mark.parametrize(
    ("versions", "said"),
    [
        pytest.param([(7, "open", "bob", at(1), None, True)], "nothing was 'open' of 'bob'", id="invented"),
        pytest.param(
            [(7, "open", "ann", at(1), at(3), False), VERSIONS[1]],
            "ends at 2026-11-22 03:00:00+00:00",
            id="hole",
        ),
        pytest.param([(7, "open", "ann", at(1), at(2), False)], "its last version is closed", id="closed"),
        pytest.param([(*VERSIONS[0][:5], True), VERSIONS[1]], "ends at 2026-11-22 02:00:00+00:00", id="two"),
    ],
)
def test_a_history_with_a_fault_is_found(versions: list[tuple[object, ...]], said: str) -> None:
    assert [fault for fault in history_faults(7, versions, STATES) if said in fault]


def test_a_version_that_changes_nothing_is_found() -> None:
    states = [(at(1), "open", "ann"), (at(2), "open", "ann")]
    versions = [(7, "open", "ann", at(1), at(2), False), (7, "open", "ann", at(2), None, True)]
    assert [fault for fault in history_faults(7, versions, states) if "changes nothing" in fault]
