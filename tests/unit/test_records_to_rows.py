"""What paths take of records, and what they leave, as it stands in a window's rows and its commit."""

import pytest

from xmlift.errors import CatalogueError, RowError
from xmlift.extraction.extract import ExtractAnswer, extract
from xmlift.records import cutter

from .extracting import Extracts, all_the_time, fails, item, read_secret
from .scripted_source import ScriptedSource, page

COLUMNS = "      title: { path: title, type: varchar(10) }\n"


def test_lists_pairs_and_markup_reach_the_rows(extracts: Extracts, source: ScriptedSource) -> None:
    extracts.change(
        COLUMNS,
        COLUMNS + "      tags: { path: tag, many: true, type: super }\n"
        "      joined: { path: tag, many: true, join: '; ' }\n"
        "      extensions: { pairs: { records: extension, key: key, value: value }, type: super }\n"
        "      lists: { pairs: { records: extension, key: key, value: value }, many: true, type: super }\n"
        "      words: { path: text, content: text }\n"
        "      markup: { path: text, content: markup }\n",
    )
    extension = [{"key": "risk", "value": 'a "b"'}, {"key": "risk", "value": "low"}]
    source.says(
        "/items",
        page(item(1, tag=["x", "", "y"], extension=extension, text="<p>one</p><p>two<br/></p>"), item(2)),
    )
    extracts.extract()
    names = ("tags", "joined", "extensions", "lists", "words", "markup")
    assert [[row[name] for name in names] for row in extracts.rows()] == [
        [
            '["x", "y"]',
            "x; y",
            '{"risk": "a \\"b\\""}',
            '{"risk": ["a \\"b\\"", "low"]}',
            "one two",
            "<p>one</p><p>two<br/></p>",
        ],
        [""] * 6,
    ]
    assert extracts.landed().commit.progress.unmapped == {}


def test_local_names_read_a_page_in_whatever_namespaces(extracts: Extracts, source: ScriptedSource) -> None:
    extracts.change("    key: [id]\n", "    key: [id]\n    local_names: true\n")
    body = page(item(1, note="n"))
    prefixed = (
        body.replace(b"</", b"</ns2:")
        .replace(b"<w", b"<ns2:w")
        .replace(b"<ns2:workitem", b"<ns2:workitem xmlns:ns2='urn:x'")
    )
    for name in (b"id", b"modified", b"title", b"note"):
        prefixed = prefixed.replace(b"<" + name, b"<ns2:" + name)
    source.says("/items", prefixed)
    extracts.extract()
    assert [(row["id"], row["title"]) for row in extracts.rows()] == [("1", "t1")]
    assert [row["text"] for row in extracts.rows("items__notes")] == ["n"]


@pytest.mark.parametrize("processes", [1, 3])
def test_what_no_column_asks_for_is_counted_by_the_window(
    processes: int, extracts: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutter, "PIECE_BYTES", 3000)
    items = [item(number, **({"state": {"name": "x"}} if number % 2 else {}), new=1) for number in range(300)]
    source.says("/items", page(*items[:150], following="/items/1"))
    source.says("/items/1", page(*items[150:]))
    answer = extract(extracts.event(), extracts.zone, read_secret, all_the_time, processes)
    assert answer == ExtractAnswer(status="done", pages=2, records=300)
    first_of_pieces = [47, 71, 95, 119, 142], [196, 220, 243, 267, 291]
    looked_at = [*range(10), *first_of_pieces[0], *range(150, 160), *first_of_pieces[1]]
    with_state = [number for number in looked_at if number % 2]
    unmapped = extracts.landed().commit.progress.unmapped
    assert unmapped == {"new": len(looked_at), "state": len(with_state)}


def test_a_frozen_stream_fails_for_a_tag_never_declared(extracts: Extracts, source: ScriptedSource) -> None:
    extracts.change("    key: [id]\n", "    key: [id]\n    contract: freeze\n")
    source.says("/items", page(*(item(number) for number in range(60)), item(60, new=1)))
    message = fails(extracts, RowError)
    assert "1 × new in records and in no column, and the stream's contract is freeze" in message


def test_a_frozen_stream_takes_what_is_declared(extracts: Extracts, source: ScriptedSource) -> None:
    extracts.change("    key: [id]\n", "    key: [id]\n    contract: freeze\n")
    source.says("/items", page(*(item(number, note="n") for number in range(60))))
    assert extracts.extract().records == 60


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("{ type: varchar(9) }", "a column has a `path`, or `pairs` in its place"),
        ("{ path: a, pairs: { records: a, key: k, value: v }, type: super }", "write one of them"),
        ("{ path: a, join: ',' }", "write `many: true` beside it, and `path`"),
        (
            "{ pairs: { records: a, key: k, value: v }, many: true, join: ',' }",
            "write `many: true` beside it, and `path`",
        ),
        (
            "{ path: a, many: true }",
            "make a list or an object, which varchar(256) cannot hold: use type super",
        ),
        (
            "{ pairs: { records: a, key: k, value: v }, type: bigint }",
            "which bigint cannot hold: use type super",
        ),
        (
            "{ path: a, many: true, join: ',', type: super }",
            "make a text, which super cannot hold: use varchar(n)",
        ),
        ("{ path: a, content: text, type: bigint }", "make a text, which bigint cannot hold"),
        ("{ path: a, many: true, split: ',', type: super }", "split, content and nulls are for one value"),
        ("{ path: a, many: true, nulls: ['-'], type: super }", "split, content and nulls are for one value"),
        ("{ path: a, content: html }", "'html'"),
    ],
)
def test_columns_that_contradict_themselves(
    column: str, message: str, extracts: Extracts, source: ScriptedSource
) -> None:
    extracts.change(COLUMNS, f"{COLUMNS}      odd: {column}\n")
    with pytest.raises(CatalogueError) as caught:
        extracts.extract()
    assert message in str(caught.value)
    assert "odd" in str(caught.value)
    assert not source.asked
