"""A batch: columns typed together, and a row rejected once, for its first column that does not fit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmlift.errors import RowError
from xmlift.tables.batch import ColumnRule, Reject, Typed, kept_rows, typed
from xmlift.tables.lengths import cut_to
from xmlift.tables.spelling import Spelling
from xmlift.tables.types import parse_type

ID = ColumnRule("id", parse_type("bigint"), required=True)
NAME = ColumnRule("name", parse_type("varchar(4)"))
TAGS = ColumnRule("tags", parse_type("super"), spelling=Spelling("|"), required=True)


def test_rows_stay_in_place_and_each_reject_has_its_reason() -> None:
    columns = [["1", "x", "", " 4"], ["ann", "robert", "robert", ""], ["|a|b|", "c", "", ""]]
    assert typed([ID, NAME, TAGS], columns) == Typed(
        [["1", "", "", "4"], ["ann", "", "", ""], ['["a", "b"]', '["c"]', "", ""]],
        [
            Reject(1, "id", "x", "not a whole number for bigint"),
            Reject(2, "id", "", "is empty, and it is required"),
            Reject(3, "tags", "", "is empty, and it is required"),
        ],
        {},
    )


def test_a_column_that_is_not_required_may_be_empty() -> None:
    assert typed([NAME], [["", "", "a"]]).rejects == []


def test_a_refused_value_of_a_required_column_is_not_called_empty() -> None:
    assert typed([ID], [["x"]]).rejects == [Reject(0, "id", "x", "not a whole number for bigint")]


def test_a_text_that_is_too_long_is_rejected_cut_or_kept_for_a_wider_column() -> None:
    texts = ["ab", "\u00e9\u00e9x", "x" * 70_000, "x\u00e9\u00e9"]
    assert [reject.row for reject in typed([NAME], [texts]).rejects] == [1, 2, 3]
    assert typed([NAME._replace(too_long="cut")], [texts]) == Typed(
        [["ab", "\u00e9\u00e9", "xxxx", "x\u00e9"]], [], {"name": [1, 2, 3]}
    )
    widened = typed([NAME._replace(too_long="widen")], [texts])
    assert widened.columns == [["ab", "\u00e9\u00e9x", "", "x\u00e9\u00e9"]]
    assert widened.rejects == [Reject(2, "name", "x" * 200, "70000 bytes do not fit varchar(65535)")]


def test_a_text_that_is_too_long_fails_what_is_frozen() -> None:
    frozen = NAME._replace(too_long="fail")
    assert typed([ID, frozen], [["x"], ["abcd"]]).rejects == [
        Reject(0, "id", "x", "not a whole number for bigint")
    ]
    with pytest.raises(RowError, match=r"column name: 5 bytes do not fit varchar\(4\).*contract is freeze"):
        typed([ID, frozen], [["1"], ["abcde"]])


@given(st.text("a\u00e9\u20ac\U0001f600", max_size=8), st.integers(1, 12))
def test_a_cut_text_is_the_longest_beginning_that_fits(text: str, size: int) -> None:
    (cut,), rows = cut_to(size, [text])
    beginnings = [text[:end] for end in range(len(text) + 1) if len(text[:end].encode()) <= size]
    assert cut == beginnings[-1]
    assert rows == ([] if cut == text else [0])


def test_a_long_value_is_shown_in_part() -> None:
    (reject,) = typed([NAME], [["x" * 5000]]).rejects
    assert reject.value == "x" * 200
    assert reject.reason == "5000 bytes do not fit varchar(4)"


def test_a_rule_too_few_is_a_mistake_of_the_program() -> None:
    with pytest.raises(ValueError, match="longer"):
        typed([ID], [["1"], ["2"]])


def test_kept_rows_are_those_asked_for() -> None:
    assert kept_rows([["a", "b", "c"], ["1", "2", "3"]], [0, 2]) == [["a", "c"], ["1", "3"]]
    assert kept_rows([["a"], ["1"]], []) == [[], []]
    assert kept_rows([], []) == []


def test_nothing_is_copied_where_all_rows_are_kept() -> None:
    columns = [["a", "b"], ["1", "2"]]
    assert kept_rows(columns, range(2)) is columns


@given(
    st.lists(st.tuples(st.sampled_from(["1", "x", ""]), st.sampled_from(["ok", "too long", ""])), max_size=8)
)
def test_every_row_is_either_fit_or_rejected_exactly_once(rows: list[tuple[str, str]]) -> None:
    columns = [[row[0] for row in rows], [row[1] for row in rows]]
    values, rejects, _ = typed([ID, NAME], columns)
    assert [len(column) for column in values] == [len(rows)] * 2
    at_fault = [index for index, (number, name) in enumerate(rows) if number != "1" or name == "too long"]
    assert [reject.row for reject in rejects] == at_fault
    for index in set(range(len(rows))) - set(at_fault):
        assert (values[0][index], values[1][index]) == rows[index]


def test_a_tombstone_has_to_have_what_identifies_it_and_nothing_else() -> None:
    key = ColumnRule("key", parse_type("bigint"), identifying=True)
    columns = [["1", "", "3", ""], ["a", "b", "", ""], ["x", "x", "", "x"]]
    rejects = typed([key, NAME._replace(required=True), TAGS], columns, tombstones={2, 3}).rejects
    empty = "is empty, and it is required"
    assert rejects == [Reject(1, "key", "", empty), Reject(3, "key", "", empty)]
    living = typed([key, NAME._replace(required=True), TAGS], columns).rejects
    assert living == [*rejects[:1], Reject(2, "name", "", empty), rejects[1]]


@given(
    st.lists(
        st.tuples(st.sampled_from(["1", ""]), st.sampled_from(["a", ""]), st.booleans()),
        min_size=1,
        max_size=8,
    )
)
def test_a_row_is_rejected_for_what_its_kind_has_to_have(rows: list[tuple[str, str, bool]]) -> None:
    key = ColumnRule("key", parse_type("bigint"), identifying=True)
    tombstones = {index for index, (_, _, gone) in enumerate(rows) if gone}
    columns = [[row[0] for row in rows], [row[1] for row in rows]]
    _, rejects, _ = typed([key, NAME._replace(required=True)], columns, tombstones)
    assert [reject.row for reject in rejects] == [
        index for index, (number, name, gone) in enumerate(rows) if not number or (not name and not gone)
    ]
