"""Rejected rows as they are kept."""

import json

from hypothesis import given
from hypothesis import strategies as st

from xmlift.tables.batch import ColumnRule, Reject
from xmlift.tables.rejects import RECORD_BYTES, Refused, fields_of
from xmlift.tables.types import parse_type

REJECT = Reject(3, "title", "too lo", "does not fit")


def kept(fields: dict[str, str]) -> str:
    return Refused("items", REJECT, 3, {"id": "7"}, fields).row(2, 501)[-1]


def test_a_row_says_where_it_was_what_was_wrong_and_what_it_held() -> None:
    refused = Refused("items", REJECT, 3, {"id": "7"}, {"id": "7", "title": "é € 😀"})
    assert refused.row(2, 501) == (
        *("2", "504", "items", "title", "too lo", "does not fit"),
        *('{"id": "7"}', '{"id": "7", "title": "é € 😀"}'),
    )


def test_the_longest_values_are_cut() -> None:
    record = json.loads(kept({"id": "7", "title": "€" * 65_535, "state": "open"}))
    assert (record["id"], record["state"]) == ("7", "open")
    assert "€" * 8192 in record["title"]


@given(st.dictionaries(st.text(max_size=58), st.text(max_size=9).map(lambda text: text * 5000), max_size=20))
def test_what_is_kept_of_a_record_is_bounded_and_readable(fields: dict[str, str]) -> None:
    text = kept(fields)
    assert len(text.encode()) <= RECORD_BYTES
    assert all(fields[name].startswith(value) for name, value in json.loads(text).items())


def test_the_fields_of_a_row() -> None:
    rules = [ColumnRule("a", parse_type("bigint")), ColumnRule("b", parse_type("date"))]
    assert fields_of(rules, [["1", "2"], ["x", "y"]], 1) == {"a": "2", "b": "y"}
