"""Tables grow with the catalogue, and take commits that were written by another one."""

import pytest

from xmlift.errors import WarehouseError
from xmlift.landing.zone import Zone
from xmlift.warehouse import tables

from .loads import ONE, THREE, TWO, Loads, item
from .steps_landing import at
from .warehouse_stand_in import LOADER, StandIn


def test_a_column_that_is_new_in_the_catalogue_is_added(loads: Loads) -> None:
    loads.land(ONE, (0, 6), [item(1, 1, "a"), item(4, 1, "d")])
    loads.load(ONE)
    loads.land(TWO, (6, 12), [item(2, 7, "b")])  # landed before the change, loaded after it
    loads.change(
        "title: { path: t, type: varchar(10) }",
        "size: { path: s, type: integer }\n      title: { path: t, type: varchar(10) }",
    )
    loads.land(TWO, (12, 18), [item(3, 13, "c") | {"size": 7}, item(1, 14, "a2") | {"size": 8}])
    assert loads.load(TWO).windows == 2
    assert loads.rows("id, title, size") == [(1, "a2", 8), (2, "b", None), (3, "c", 7), (4, "d", None)]


def test_a_text_is_widened_and_never_narrowed(loads: Loads) -> None:
    loads.load(ONE)
    loads.land(ONE, (0, 6), [item(1, 1, "a" * 10)])
    loads.load(ONE)
    loads.change("varchar(10)", "varchar(12)")
    loads.land(TWO, (6, 12), [item(2, 7, "b" * 12)])
    loads.load(TWO)
    loads.change("varchar(12)", "varchar(5)")
    loads.land(THREE, (12, 18), [item(3, 13, "c")])
    loads.load(THREE)
    assert loads.rows() == [(1, "a" * 10), (2, "b" * 12), (3, "c")]


def test_a_text_that_another_loader_has_just_widened_is_wide_enough(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads.loader().prepare_tables()
    found = tables.columns_of
    before = loads.stand_in.warehouse(LOADER).autocommit(
        lambda cursor: found(cursor, loads.loader()._targets.own)
    )
    loads.change("varchar(10)", "varchar(12)")
    loads.loader().prepare_tables()
    answers = iter([before])
    monkeypatch.setattr(
        tables, "columns_of", lambda cursor, table: next(answers, None) or found(cursor, table)
    )
    loads.loader().prepare_tables()


@pytest.mark.parametrize(
    ("declared", "found", "changed"),
    [
        ('"decimal(18,6)"', "DECIMAL(18,6)", '"decimal(20,8)"'),
        ("date", "DATE", "timestamp"),
        ("integer", "INTEGER", "bigint"),
        ("varchar(10)", r"VARCHAR\(10\)", "bigint"),
        ("double", "DOUBLE PRECISION", "varchar(10)"),
    ],
)
def test_a_type_that_was_changed_is_refused_before_it_cuts_values(
    loads: Loads, declared: str, found: str, changed: str
) -> None:
    title = "title: { path: t, type: varchar(10) }"
    loads.change(title, f"{title}\n      more: {{ path: p, type: {declared} }}")
    loads.loader().prepare_tables()
    loads.loader().prepare_tables()
    loads.change(f"path: p, type: {declared}", f"path: p, type: {changed}")
    with pytest.raises(
        WarehouseError, match=r"column more is .*restore the type, or give the column another name"
    ):
        loads.loader().prepare_tables()


def test_types_arrive_as_they_are_declared(loads: Loads) -> None:
    loads.change(
        "title: { path: t, type: varchar(10) }",
        """title: { path: t, type: varchar(10) }
      price: { path: p, type: "decimal(18,6)" }
      ratio: { path: r, type: double }
      open: { path: o, type: boolean }
      day: { path: d, type: date }
      tags: { path: g, type: super, split: "|" }""",
    )
    row = item(1, 1, 'a,"b\n') | {
        "price": "18750.740001", "ratio": "0.1", "open": "true", "day": "2026-02-28", "tags": 'x|"ä"|',
    }  # fmt: skip
    loads.land(ONE, (0, 6), [row, item(2, 1)])
    loads.load(ONE)
    first, second = loads.rows("id, title, price::text, ratio, open, day::text, tags::text")
    assert first == (1, 'a,"b\n', "18750.740001", 0.1, True, "2026-02-28", '["x", "\\"ä\\""]')
    assert second == (2, None, None, None, None, None, None)


def test_a_schema_that_was_not_granted_says_what_to_do(zone: Zone, stand_in: StandIn) -> None:
    name = "notgranted"
    stand_in.run(f"CREATE SCHEMA {name}")
    loads = Loads(name, zone, stand_in)
    loads.land(ONE, (0, 6), [item(1, 1)])
    with pytest.raises(WarehouseError, match="terraform apply"):
        loads.load(ONE)


def test_without_a_migrated_source_the_schema_is_named(zone: Zone, stand_in: StandIn) -> None:
    loads = Loads("nowhere", zone, stand_in)
    loads.land(ONE, (0, 6), [item(1, 1)])
    with pytest.raises(WarehouseError, match=r"nowhere.*terraform apply"):
        loads.load(ONE)


def test_a_column_that_only_older_commits_have_is_left_behind(loads: Loads) -> None:
    """The table is new, as in a replay; in one that has the column, it stays as it is."""
    size, title = "\n      size: { path: s, type: integer }", "title: { path: t, type: varchar(10) }"
    text = 'columns: { text: { path: ".", type: varchar(20) } }'
    by = 'columns: { text: { path: ".", type: varchar(20) }, by: { path: b } }'
    loads.change(title, title + size)
    loads.change(text, by)
    note = {"text": "x", "by": "ann"}
    old = loads.land(ONE, (0, 6), [item(1, 1, "a", notes=[note]) | {"size": 7}])
    loads.change(size, "")
    loads.change(by, text)
    new = loads.land(TWO, (6, 12), [item(2, 7, "b")])
    loads.load_batch(old, new)
    loads.load_batch(loads.land(THREE, (12, 18), [item(1, 13, "c")]))
    assert loads.rows("*")[0][:3] == (1, at(13), "c")
    assert "size" not in loads.columns("items")
    assert "by" not in loads.columns("items__notes")
    assert loads.counts("items__notes")[0] == {"written": 1, "inserted": 1}


def test_a_column_that_older_commits_lack_is_null_though_it_is_required_now(loads: Loads) -> None:
    old = loads.land(ONE, (0, 6), [item(1, 1, "a")])
    title = "title: { path: t, type: varchar(10) }"
    loads.change(title, f"{title}\n      size: {{ path: s, type: integer, required: true }}")
    loads.load_batch(old, loads.land(TWO, (6, 12), [item(2, 7, "b") | {"size": 7}]))
    assert loads.rows("id, size") == [(1, None), (2, 7)]


def test_a_row_without_its_key_or_its_origin_is_refused_by_the_table(loads: Loads) -> None:
    for stream in ("items", "events", "orders", "lists", "states"):
        loads.loader(stream).prepare_tables()
    never_null = {table: loads.columns(table, nullable="NO") for table in loads.tables()}
    lineage = {"_partition", "_run", "_window", "_part", "_page", "_row", "_read_at", "_parsed_at"}
    assert never_null == {
        "items": {"id", "modified", *lineage},
        "items__notes": {"_parent_id", "_position", *lineage},
        "events": {"id", "happened", *lineage},
        "events__notes": {"_parent_id", "_position", *lineage},
        "orders": {"id", "modified", *lineage},
        "orders__notes": {"_parent_id", "_position", *lineage},
        "lists": {"id", *lineage},
        "lists__notes": {"_parent_id", "_position", *lineage},
        "items__notes__words": {"_parent_id", "_parent_position", "_position", *lineage},
        "events__notes__words": {"_parent_id", "_parent_position", "_position", *lineage},
        "lists__notes__words": {"_parent_id", "_parent_position", "_position", *lineage},
        "states": {"id", "modified", *lineage},
    }
    assert {"_deleted", "_hash", "valid_from", "valid_to", "is_current"} <= loads.columns("states")
    assert "_hash" not in loads.columns("orders")
