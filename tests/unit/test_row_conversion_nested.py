"""Children to any depth: each goes where the one goes that it is in, and says where that stands."""

import csv
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmlift.catalogue import Source, load_source
from xmlift.catalogue.children import position_columns
from xmlift.errors import CatalogueError
from xmlift.extraction.converted import ConvertedRows
from xmlift.extraction.row_conversion import RowConverter
from xmlift.landing.commits import TableCounts
from xmlift.layout import stream_layout
from xmlift.windows import Interval

from .steps_landing import Row, batch_of

CATALOGUE = """
source: shop
base_url: https://host
streams:
  orders:
    request: { path: /orders }
    records: /r/o
    key: [id]
    columns: { id: { path: id, type: bigint } }
    children:
      lines:
        records: line
        columns: { amount: { path: a, type: bigint } }
        children:
          notes:
            records: note
            columns: { text: { path: ., type: varchar(4), too_long: cut } }
            children:
              words: { records: w, columns: { word: { path: ., type: varchar(4), too_long: widen } } }
      tags: { records: tag, columns: { name: { path: ., type: varchar(4) } } }
"""
DAY = datetime(2026, 1, 1, tzinfo=UTC)


def catalogue(text: str = CATALOGUE) -> Source:
    return load_source(text.encode(), "shop.yaml")


def converted(*orders: Row) -> ConvertedRows:
    stream = catalogue().streams["orders"]
    converter = RowConverter(stream_layout("orders", stream), stream, Interval(DAY, DAY + timedelta(days=1)))
    return converter.convert(batch_of(stream, orders))


def rows(result: ConvertedRows, table: str) -> list[tuple[str, ...]]:
    if table not in result.tables:
        return []
    return [tuple(row) for row in csv.reader(result.tables[table].lines, strict=True)]


def test_a_deeper_child_has_the_records_key_and_all_positions() -> None:
    result = converted(
        {
            "id": 7,
            "lines": [
                {"amount": 1},
                {"amount": 2, "notes": [{"text": "a"}, {"text": "b", "words": [{"word": "w"}]}]},
            ],
        },
        {"id": 8, "lines": [{"amount": 3, "notes": [{"text": "c"}]}], "tags": [{"name": "t"}]},
    )
    assert rows(result, "orders__lines") == [("7", "1", "1"), ("7", "2", "2"), ("8", "1", "3")]
    assert rows(result, "orders__lines__notes") == [
        ("7", "2", "1", "a"),
        ("7", "2", "2", "b"),
        ("8", "1", "1", "c"),
    ]
    assert rows(result, "orders__lines__notes__words") == [("7", "2", "2", "1", "w")]
    assert rows(result, "orders__tags") == [("8", "1", "t")]


def test_what_is_in_a_rejected_child_goes_with_it() -> None:
    note = {"text": "n", "words": [{"word": "w"}]}
    result = converted(
        {"id": 1, "lines": [{"amount": "x", "notes": [note, note]}, {"amount": 2, "notes": [note]}]},
        {"id": "y", "lines": [{"amount": 3, "notes": [note]}]},
    )
    assert rows(result, "orders__lines") == [("1", "2", "2")]
    assert rows(result, "orders__lines__notes") == [("1", "2", "1", "n")]
    assert rows(result, "orders__lines__notes__words") == [("1", "2", "1", "1", "w")]
    assert result.tables["orders__lines__notes"].counts == TableCounts(read=4, written=1, rejected=3)
    assert result.tables["orders__lines__notes__words"].counts == TableCounts(read=4, written=1, rejected=3)
    assert [refused.row(1, 1)[2:5] for refused in result.rejects] == [
        ("orders", "id", "y"),
        ("orders__lines", "amount", "x"),
    ]


def test_a_rejected_deeper_child_is_told_by_all_its_positions() -> None:
    result = converted(
        {"id": 1, "lines": [{"amount": 2, "notes": [{"text": "n", "words": [{"word": "é" * 40_000}]}]}]}
    )
    assert [refused.row(1, 1)[6] for refused in result.rejects] == [
        '{"_parent_id": "1", "_parent_parent_position": "1", "_parent_position": "1", "_position": "1"}'
    ]


def test_texts_that_are_cut_or_that_want_a_wider_column_are_counted() -> None:
    notes = [{"text": "12345", "words": [{"word": "éééé"}]}, {"text": "1234"}, {"text": "123456"}]
    result = converted(
        {"id": 1, "lines": [{"amount": 2, "notes": notes}]}, {"id": "x", "lines": [{"notes": notes}]}
    )
    assert result.tables["orders__lines__notes"].cut == {"text": 2}
    assert result.tables["orders__lines__notes__words"].widths == {"word": 8}
    assert rows(result, "orders__lines__notes")[0] == ("1", "1", "1", "1234")
    assert (result.tables["orders"].cut, result.tables["orders"].widths) == ({}, {})


words = st.fixed_dictionaries({"word": st.sampled_from(["a", "b"])})
notes = st.fixed_dictionaries({"text": st.sampled_from(["", "n"]), "words": st.lists(words, max_size=2)})
lines = st.fixed_dictionaries({"amount": st.sampled_from(["1", "x"]), "notes": st.lists(notes, max_size=3)})
orders = st.fixed_dictionaries({"id": st.sampled_from(["1", "2", "x"]), "lines": st.lists(lines, max_size=3)})


@given(st.lists(orders, max_size=4))
def test_the_tables_are_what_a_walk_through_the_records_finds(given_orders: list[dict[str, Any]]) -> None:
    expected: dict[str, list[tuple[str, ...]]] = {"lines": [], "lines__notes": [], "lines__notes__words": []}
    for order in given_orders:
        for at, line in enumerate(order["lines"], start=1):
            if order["id"] == "x" or line["amount"] == "x":
                continue
            expected["lines"].append((order["id"], str(at), line["amount"]))
            for below, note in enumerate(line["notes"], start=1):
                expected["lines__notes"].append((order["id"], str(at), str(below), note["text"]))
                for last, word in enumerate(note["words"], start=1):
                    place = order["id"], str(at), str(below), str(last), word["word"]
                    expected["lines__notes__words"].append(place)
    result = converted(*given_orders)
    assert {table: rows(result, f"orders__{table}") for table in expected} == expected
    assert all(table.counts.adds_up for table in result.tables.values())


def test_positions_have_a_name_each() -> None:
    assert position_columns(0) == ("_position",)
    assert position_columns(2) == ("_parent_parent_position", "_parent_position", "_position")


def test_a_key_that_would_be_a_position_is_refused() -> None:
    text = CATALOGUE.replace("{ id: { path: id, type: bigint } }", "{ position: { path: id, type: bigint } }")
    with pytest.raises(CatalogueError, match=r"two columns _parent_position: .*otherwise than 'position'"):
        catalogue(text.replace("[id]", "[position]"))


def test_a_table_whose_name_no_warehouse_takes_is_refused() -> None:
    text = CATALOGUE.replace(" notes:", f" {'n' * 58}:").replace(" words:", f" {'w' * 58}:")
    with pytest.raises(CatalogueError, match="more than 118 characters: use shorter names"):
        catalogue(text)


def test_what_is_wrong_with_a_deeper_child_is_told_with_its_place() -> None:
    text = CATALOGUE.replace("varchar(4), too_long: widen", "varchr(4)")
    with pytest.raises(
        CatalogueError, match=r"orders: child lines: child notes: child words: column word: unknown type"
    ):
        catalogue(text)
