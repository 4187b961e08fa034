"""extract: records that say that their key is gone, and the hash by which a history knows an unchanged version."""

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from xmlift.errors import RecordError

from .extracting import Extracts, fails, item
from .scripted_source import ScriptedSource, page

TOMBSTONES = "    key: [id]\n    deletes: { type: tombstone, path: gone }"
REQUIRED = "title: { path: title, type: varchar(10), required: true }"


@pytest.fixture
def stream(extracts: Extracts) -> Extracts:
    """A stream with tombstones, whose title is required."""
    extracts.change("    key: [id]", TOMBSTONES)
    extracts.change("title: { path: title, type: varchar(10) }", REQUIRED)
    return extracts


def without_title(number: int, **fields: Any) -> dict[str, Any]:
    return {name: value for name, value in item(number, **fields).items() if name != "title"}


def test_a_tombstone_is_a_row_with_a_mark(stream: Extracts, source: ScriptedSource) -> None:
    source.says("/items", page(item(1, note=["a"]), without_title(2, gone="yes"), item(3)))
    assert stream.extract().records == 3
    rows = stream.rows()
    assert [(row["id"], row["title"], row["_deleted"]) for row in rows] == [
        ("1", "t1", "false"),
        ("2", "", "true"),
        ("3", "t3", "false"),
    ]
    assert rows[1]["modified"] == "2026-01-01 00:00:02.000000+00"
    assert list(rows[0])[:4] == ["id", "modified", "title", "_deleted"], "before the lineage"
    progress = stream.landed().commit.progress
    counts = progress.tables["items"]
    assert (counts.read, counts.written, counts.rejected) == (3, 3, 0)
    assert progress.seen_columns["items"] == ["id", "modified", "title"]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (without_title(2), "items.title: is empty, and it is required"),
        (without_title(2, gone=""), "items.title: is empty, and it is required"),
        (without_title(2, gone="  "), "items.title: is empty, and it is required"),
        (without_title(2, gone="1", id=""), "items.id: is empty, and it is required"),
        (without_title(2, gone="1", modified=""), "items.modified: is empty, and it is required"),
        (item(2, gone="1", title="much too long"), "items.title: 13 bytes do not fit varchar(10)"),
    ],
    ids=["no mark", "an empty mark", "a blank mark", "no key", "no time", "a value that does not fit"],
)
def test_of_a_tombstone_only_key_and_cursor_are_required(
    stream: Extracts, source: ScriptedSource, record: dict[str, Any], reason: str
) -> None:
    source.says("/items", page(item(1), record))
    stream.extract()
    assert [row["id"] for row in stream.rows()] == ["1"]
    progress = stream.landed().commit.progress
    assert progress.reject_reasons == {reason: 1}
    counts = progress.tables["items"]
    assert (counts.read, counts.written, counts.rejected) == (2, 1, 1)


@pytest.mark.parametrize(
    ("path", "equals", "gone"),
    [
        ("gone", None, ["1", "2", "3"]),
        ("gone", "D", ["1", "2"]),
        ("gone", "d", []),
        ("@none", None, []),
        ("gone[.='D']", None, ["1"]),
        ("gone='X'", "true", ["3"]),
        ("concat(gone, '')", "X", ["3"]),
    ],
)
def test_what_tells_a_tombstone(
    extracts: Extracts, source: ScriptedSource, path: str, equals: str | None, gone: list[str]
) -> None:
    value = f", equals: {equals!r}" if equals else ""
    extracts.change(
        "    key: [id]", f'    key: [id]\n    deletes: {{ type: tombstone, path: "{path}"{value} }}'
    )
    marks = {1: "D", 2: "\n D ", 3: "X"}
    source.says("/items", page(*(item(n, gone=marks[n]) for n in marks), item(4)))
    extracts.extract()
    assert [row["id"] for row in extracts.rows() if row["_deleted"] == "true"] == gone
    assert {row["_deleted"] for row in extracts.rows()} <= {"true", "false"}


def test_a_path_that_has_a_value_in_every_record_is_refused(
    extracts: Extracts, source: ScriptedSource
) -> None:
    extracts.change("    key: [id]", TOMBSTONES.replace("gone", "\"gone='yes'\""))
    source.says("/items", page(item(1)))
    message = fails(extracts, RecordError)
    assert "deletes path \"gone='yes'\" is true or false of every record" in message
    assert "`equals: 'true'`" in message


@pytest.mark.parametrize("path", ["gone[", "p:gone", "upper-case(gone)"])
def test_a_path_that_cannot_be_read_is_named(extracts: Extracts, source: ScriptedSource, path: str) -> None:
    extracts.change("    key: [id]", TOMBSTONES.replace("gone", f'"{path}"'))
    source.says("/items", page(item(1)))
    assert f"XPath '{path}' is not valid" in fails(extracts, RecordError)


def test_what_is_gone_has_no_children(stream: Extracts, source: ScriptedSource) -> None:
    late = item(3, gone="1", title="much too long", note=["e", "f"])
    source.says(
        "/items",
        page(item(1, note=["a", "b"]), item(2, gone="1", note=["c", "too long for a note, much"]), late),
    )
    stream.extract()
    assert [(row["_parent_id"], row["text"]) for row in stream.rows("items__notes")] == [
        ("1", "a"),
        ("1", "b"),
    ]
    progress = stream.landed().commit.progress
    counts = progress.tables["items__notes"]
    assert (counts.read, counts.written, counts.dropped, counts.rejected) == (6, 2, 2, 2)
    assert all(table.adds_up for table in progress.tables.values())
    assert progress.rejects == 1, "of the record that does not fit; its children go with it"


# --- the hash of a version ---


@pytest.fixture
def history(extracts: Extracts) -> Extracts:
    children = extracts.text[extracts.text.index("    children:") :]
    extracts.change(children, "")
    extracts.change("    key: [id]", "    key: [id]\n    disposition: scd2")
    return extracts


def hashes(extracts: Extracts) -> list[str]:
    return [row["_hash"] for row in extracts.rows()]


def test_the_hash_is_that_of_what_a_record_says(history: Extracts, source: ScriptedSource) -> None:
    source.says(
        "/items",
        page(
            item(1, title="a"),
            item(1, title="a", modified="2026-01-01T05:00:00.000+0000"),
            item(1, title="b"),
            item(2, title="a"),
            item(1, title=""),
            item(1, id="01", title="a"),
        ),
    )
    history.extract()
    first, touched, changed, other, less, written_otherwise = hashes(history)
    assert touched == first, "a record touched without a change is no new version"
    assert written_otherwise == first, "of the typed values, not of how the endpoint writes them"
    assert len({first, changed, other, less}) == 4
    assert all(len(one) == 16 and int(one, 16) >= 0 for one in hashes(history))
    assert list(history.rows()[0])[3] == "_hash"


def test_the_hash_is_the_one_that_released_versions_wrote(history: Extracts, source: ScriptedSource) -> None:
    """Histories stand on them: another hash of the same content would open a version of every row."""
    source.says("/items", page(item(1, title="a")))
    history.extract()
    assert hashes(history) == ["c013014d9f203346"], 'the start of the SHA-256 of {"id":"1","title":"a"}'


def test_a_column_more_changes_the_hash_only_of_rows_that_have_it(
    history: Extracts, source: ScriptedSource
) -> None:
    source.says("/items", page(item(1), item(2, owner="ann")))
    history.extract()
    before = hashes(history)
    history.change(
        "      id: { path: id, type: bigint }",
        "      owner: { path: owner }\n      id: { path: id, type: bigint }",
    )
    run = "20261122T170000000000Z-y"
    history.extract(run=run)
    after = [row["_hash"] for row in history.rows("items", history.landed(run))]
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_a_deletion_is_news_whatever_it_repeats(history: Extracts, source: ScriptedSource) -> None:
    history.change("    key: [id]", TOMBSTONES)
    source.says("/items", page(item(1), item(1, gone="1"), item(1)))
    history.extract()
    living, gone, again = hashes(history)
    assert living == again != gone
    assert [row["_deleted"] for row in history.rows()] == ["false", "true", "false"]
    assert list(history.rows()[0])[3:5] == ["_deleted", "_hash"]


# --- with a transform ---


@pytest.fixture
def transform(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Any], Any]], None]:
    """Let a function be the transform `t.f`."""

    def use(function: Callable[[Any], Any]) -> None:
        package, module = ModuleType("transforms"), ModuleType("transforms.t")
        package.__path__ = []
        module.f = function  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "transforms", package)
        monkeypatch.setitem(sys.modules, "transforms.t", module)

    return use


def test_marks_and_hashes_follow_their_records_through_a_transform(
    history: Extracts, source: ScriptedSource, transform: Callable[[Callable[[Any], Any]], None]
) -> None:
    """It sees the declared columns only, turns the order round and drops a record."""
    history.change("    key: [id]", f"{TOMBSTONES}\n    transform: t.f")
    history.change("title: { path: title, type: varchar(10) }", REQUIRED)
    seen: list[list[str]] = []

    def turned(frame: Any) -> Any:
        seen.append(list(frame.columns))
        frame["title"] = frame["title"].str.upper()
        return frame[frame["id"] != "4"].iloc[::-1]

    transform(turned)
    records = [item(1), without_title(2, gone="1"), item(3), without_title(4, gone="1"), without_title(5)]
    source.says("/items", page(*records))
    history.extract()
    assert seen == [["id", "modified", "title"]]
    rows = history.rows()
    assert [(row["id"], row["title"], row["_deleted"], row["_row"]) for row in rows] == [
        ("3", "T3", "false", "3"),
        ("2", "", "true", "2"),
        ("1", "T1", "false", "1"),
    ]
    progress = history.landed().commit.progress
    counts = progress.tables["items"]
    assert (counts.read, counts.written, counts.dropped, counts.rejected) == (5, 3, 1, 1)
    assert counts.adds_up
    assert progress.reject_reasons == {"items.title: is empty, and it is required": 1}


def test_the_identity_as_transform_changes_nothing(
    history: Extracts, source: ScriptedSource, transform: Callable[[Callable[[Any], Any]], None]
) -> None:
    history.change("    key: [id]", TOMBSTONES)
    source.says("/items", page(item(1), item(2, gone="1"), item(3)))
    history.extract()
    plain = [{**row, "_run": "", "_part": "", "_read_at": "", "_parsed_at": ""} for row in history.rows()]
    history.change("    key: [id]", "    key: [id]\n    transform: t.f")
    transform(lambda frame: frame)
    run = "20261122T170000000000Z-y"
    history.extract(run=run)
    rows = history.rows("items", history.landed(run))
    assert [{**row, "_run": "", "_part": "", "_read_at": "", "_parsed_at": ""} for row in rows] == plain
