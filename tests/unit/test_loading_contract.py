"""Contracts against real transactions: what a table may become where the catalogue declares more than it has."""

import pytest

from xmlift.errors import RowError, WarehouseError

from .loads import ONE, TWO, Loads, item, texts
from .steps_landing import Row

TITLE = "title: {{ path: t, type: varchar(10) }}".replace("{{", "{").replace("}}", "}")
OWN = f"      modified: {{ path: m, type: timestamptz }}\n      {TITLE}\n    children"


def columns(loads: Loads, title: str, more: str = "", contract: str = "evolve") -> None:
    """Other columns for the stream `items`, and its contract."""
    own = OWN.replace(TITLE, f"title: {title}" + more)
    first = loads.text.index("  events:")
    items = (
        loads.text[:first]
        .replace(OWN, own)
        .replace("    key: [id]\n", f"    key: [id]\n    contract: {contract}\n")
    )
    assert items != loads.text[:first]
    loads.text = items + loads.text[first:]
    loads.change("", "")


def width(loads: Loads, column: str, table: str = "items") -> int:
    ((found,),) = loads.stand_in.run(
        "SELECT character_maximum_length FROM information_schema.columns "
        "WHERE table_schema = %s AND table_name = %s AND column_name = %s",
        loads.name,
        table,
        column,
    )
    return int(found)


def wide(loads: Loads) -> None:
    columns(loads, "{ path: t, type: varchar(10), too_long: widen }")
    note = 'text: { path: ".", type: varchar(20) } }\n        children: { words'
    assert note in loads.text
    loads.change(note, note.replace("varchar(20)", "varchar(20), too_long: widen"))


def test_a_column_that_may_grow_is_as_wide_as_what_came(loads: Loads) -> None:
    wide(loads)
    first = loads.land(ONE, (0, 6), [item(1, 1, "é" * 30, notes=texts("n" * 21)), item(2, 2, "short")])
    assert first.commit.progress.widths == {"items": {"title": 60}, "items__notes": {"text": 21}}
    loads.load_batch(first)
    assert (width(loads, "title"), width(loads, "text", "items__notes")) == (60, 21)
    assert loads.rows() == [(1, "é" * 30), (2, "short")]
    loads.load_batch(loads.land(TWO, (6, 12), [item(3, 7, "x" * 59)]))
    assert width(loads, "title") == 60, "it only grows"
    assert loads.load(TWO).status == "done"


def test_a_text_that_is_cut_is_counted(loads: Loads) -> None:
    columns(loads, "{ path: t, type: varchar(5), too_long: cut }")
    landed = loads.land(ONE, (0, 6), [item(1, 1, "éééé"), item(2, 2, "short")])
    assert landed.commit.progress.cut == {"items.title": 1}
    loads.load_batch(landed)
    assert loads.rows() == [(1, "éé"), (2, "short")]


def test_a_frozen_table_is_made_once_and_not_changed_any_more(loads: Loads) -> None:
    columns(loads, "{ path: t, type: varchar(10) }", contract="freeze")
    loads.load_batch(loads.land(ONE, (0, 6), [item(1, 1, "a")]))
    columns_before = loads.columns("items")
    loads.change(
        "type: varchar(10) }\n    children",
        "type: varchar(30) }\n      size: { path: s, type: bigint }\n    children",
    )
    loads.land(TWO, (6, 12), [item(2, 7, "b")])
    told = (
        r"it has no column size BIGINT; column title is VARCHAR\(10\), declared VARCHAR\(30\)\), and the stream's "
        "contract is freeze: take the declaration back"
    )
    with pytest.raises(WarehouseError, match=told):
        loads.load(TWO)
    assert loads.columns("items") == columns_before
    assert loads.rows() == [(1, "a")]


def test_a_text_that_is_too_long_fails_a_frozen_window(loads: Loads) -> None:
    columns(loads, "{ path: t, type: varchar(10) }", contract="freeze")
    with pytest.raises(
        RowError, match=r"column title: 11 bytes do not fit varchar\(10\).*contract is freeze"
    ):
        loads.land(ONE, (0, 6), [item(1, 1, "eleven long")])


def test_what_a_table_has_no_place_for_is_left_out_and_counted(loads: Loads) -> None:
    loads.load_batch(loads.land(ONE, (0, 6), [item(1, 1, "a")]))
    more = "\n      size: { path: s, type: bigint }\n      tags: { path: tags, type: super }"
    columns(loads, "{ path: t, type: varchar(20) }", more, contract="discard")
    rows: list[Row] = [
        item(2, 7, "fits", size=3, tags="x"),
        item(3, 7, "eleven long", size=4),
        item(4, 7, "n" * 21),
    ]
    landed = loads.land(TWO, (6, 12), rows)
    assert landed.commit.progress.cut == {"items.title": 1}, "beyond what is declared it is cut"
    loads.load_batch(landed)
    assert loads.rows() == [(1, "a"), (2, "fits"), (3, None), (4, None)]
    assert {"size", "tags"}.isdisjoint(loads.columns("items"))
    assert width(loads, "title") == 10
    assert loads.counts("items")[1] == {
        "written": 3,
        "inserted": 3,
        "left_out": {"size": 2, "tags": 1, "title": 2},
    }


def test_what_no_row_can_do_without_is_not_left_out(loads: Loads) -> None:
    loads.load_batch(loads.land(ONE, (0, 6), [item(1, 1, "a")]))
    columns(loads, "{ path: t, type: varchar(10) }", "\n      part: { path: p }", contract="discard")
    loads.change("key: [id]\n    contract", "key: [id, part]\n    contract")
    with pytest.raises(WarehouseError, match=r"items\" has no place for part, which no row can do without"):
        loads.loader().prepare_tables()
