"""The tables that a stream makes: names, columns in the order of the CSV, keys and versions."""

import pytest

from xmlift.catalogue import Stream, load_source
from xmlift.layout import LINEAGE, TableLayout, stream_layout
from xmlift.tables.types import parse_type
from xmlift.warehouse import statements

STREAM = """\
source: ewm
base_url: https://elm.example.com/ccm
streams:
  work_items:
    request: {path: /rpt}
    records: /r/i
    key: [id, area]
    columns:
      summary: {path: s, type: varchar(10), required: true}
      id: {path: id, type: bigint}
      area: {path: a}
      modified: {path: m, type: timestamptz}
    cursor: {type: watermark, field: modified}
    children:
      comments: {records: c, columns: {text: {path: ., type: varchar(20)}, by: {path: b, required: true}}}
      links: {records: l, columns: {url: {path: "@href"}}}
"""
LINEAGE_NAMES = ("_partition", "_run", "_window", "_part", "_page", "_row", "_read_at", "_parsed_at")


def stream(text: str = STREAM, name: str = "work_items") -> Stream:
    return load_source(text.encode(), "ewm.yaml").streams[name]


def test_a_streams_own_table() -> None:
    table = stream_layout("work_items", stream()).table
    assert table.name == "work_items"
    assert table.column_names == ("summary", "id", "area", "modified", *LINEAGE_NAMES)
    assert dict(table.columns)["id"].ddl == "BIGINT"
    assert dict(table.columns)["area"].ddl == "VARCHAR(256)"
    assert table.key == ("id", "area")
    assert table.version == ("modified", "_read_at", "_parsed_at")
    assert table.required == {"summary", "id", "area", "modified", *LINEAGE_NAMES}


def test_its_children() -> None:
    layout = stream_layout("work_items", stream())
    comments, links = layout.children
    assert layout.tables == (layout.table, comments, links)
    assert comments.name == "work_items__comments"
    assert comments.column_names == ("_parent_id", "_parent_area", "_position", "text", "by", *LINEAGE_NAMES)
    assert dict(comments.columns)["_parent_id"].ddl == "BIGINT", "as the parent's key is"
    assert dict(comments.columns)["_position"].ddl == "INTEGER"
    assert comments.key == ("_parent_id", "_parent_area")
    assert comments.version == ("_read_at", "_parsed_at")
    assert comments.required == {"_parent_id", "_parent_area", "_position", "by", *LINEAGE_NAMES}
    assert links.name == "work_items__links"


def test_without_a_cursor_the_reading_is_the_version() -> None:
    text = STREAM.replace("    cursor: {type: watermark, field: modified}\n", "")
    assert stream_layout("work_items", stream(text)).table.version == ("_read_at", "_parsed_at")


DELETES = "    deletes: {type: tombstone, path: '@gone'}\n"


def without_children(text: str) -> str:
    return text[: text.index("    children:")]


def test_tombstones_have_a_column_and_need_no_more_than_key_and_cursor() -> None:
    table, comments, _ = stream_layout("work_items", stream(STREAM + DELETES)).tables
    assert table.column_names == ("summary", "id", "area", "modified", "_deleted", *LINEAGE_NAMES)
    assert dict(table.columns)["_deleted"].ddl == "BOOLEAN"
    assert table.required == {"id", "area", "modified", *LINEAGE_NAMES}
    assert "_deleted" not in comments.column_names
    assert "by" in comments.required, "a child is written with a record that is no tombstone"


def test_a_history_has_the_hash_of_each_version() -> None:
    text = without_children(STREAM) + "    disposition: scd2\n"
    table = stream_layout("work_items", stream(text)).table
    assert table.column_names == ("summary", "id", "area", "modified", "_hash", *LINEAGE_NAMES)
    assert dict(table.columns)["_hash"].ddl == "VARCHAR(16)"
    assert table.required == {"summary", "id", "area", "modified", *LINEAGE_NAMES}
    both = stream_layout("work_items", stream(text + DELETES)).table
    assert both.column_names == ("summary", "id", "area", "modified", "_deleted", "_hash", *LINEAGE_NAMES)


@pytest.mark.parametrize("disposition", ["merge", "replace"])
def test_other_dispositions_have_neither(disposition: str) -> None:
    table = stream_layout("work_items", stream(STREAM + f"    disposition: {disposition}\n")).table
    assert table.column_names == ("summary", "id", "area", "modified", *LINEAGE_NAMES)


def test_lineage_has_room_for_what_is_written_into_it() -> None:
    types = dict(LINEAGE)
    assert tuple(types) == LINEAGE_NAMES
    assert types["_window"].size >= len("20261122T161500123456Z_20261122T161500123456Z")
    assert types["_part"].size >= len("0123456789ab-") + 10
    assert types["_run"].size >= len("20261122T161500123456Z-") + 3 * 80, "an execution's name, quoted"


def table(*columns: tuple[str, str]) -> TableLayout:
    typed = tuple((name, parse_type(text)) for name, text in columns)
    return TableLayout("t", typed, (), (), frozenset())


def test_the_fingerprint_is_that_of_names_types_and_order() -> None:
    base = table(("a", "bigint"), ("b", "varchar(5)"))
    assert base.fingerprint == "7638eb68", (
        "of `a bigint` and `b varchar(5)`, as parts of released versions are named"
    )
    assert base._replace(name="other", key=("a",)).fingerprint == base.fingerprint
    others = [
        table(("a", "bigint"), ("b", "varchar(6)")),
        table(("a", "integer"), ("b", "varchar(5)")),
        table(("b", "varchar(5)"), ("a", "bigint")),
        table(("a", "bigint"), ("c", "varchar(5)")),
        table(("a", "bigint")),
        table(("a", "decimal(5,1)")),
        table(("a", "decimal(5,2)")),
    ]
    prints = {one.fingerprint for one in (base, *others)}
    assert len(prints) == 8
    assert all(len(one) == 8 and int(one, 16) >= 0 for one in prints)


def test_what_the_longest_names_make_fits_into_redshift() -> None:
    longest = "x" * 58
    text = (
        STREAM.replace("work_items", longest)
        .replace("comments", longest)
        .replace("[id, area]", f"[{longest}]")
    )
    text = text.replace("      id: {", f"      {longest}: {{")
    layout = stream_layout(longest, stream(text, longest))
    for made in layout.tables:
        target = statements.Table("ewm", made.name, (), made.key, made.version, made.required)
        names = [target.stage, target.losers, *made.column_names, f"{longest}__mutex"]
        assert max(len(name.strip('"').encode()) for name in names) <= 127


@pytest.mark.parametrize("length", [59, 127])
def test_a_longer_name_is_refused(length: int) -> None:
    with pytest.raises(Exception, match="length <= 58"):
        stream(STREAM.replace("work_items", "x" * length), "x" * length)
