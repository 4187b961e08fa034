"""extract with a second feed: after the stream's own pages those that say what is gone, in the same window."""

from collections.abc import Callable
from typing import Any

import pytest

from xmlift.catalogue import load_source
from xmlift.errors import CatalogueError, RecordError
from xmlift.source.refusals import RefusedError

from .extracting import Extracts, all_the_time, fails, item, no_time_at_all
from .scripted_source import ScriptedSource, page

FEED = """    key: [id]
    deletes:
      type: second_feed
      request: { path: /deleted, query: { since: "{window.from}" } }
      page: { type: next_url, xpath: /gone/@next }
      records: /gone/item
      columns:
        id: { path: "@id" }
        modified: { path: "@at", format: epoch_seconds }"""


@pytest.fixture
def stream(extracts: Extracts) -> Extracts:
    extracts.change("    key: [id]", FEED)
    extracts.change(
        "title: { path: title, type: varchar(10) }",
        "title: { path: title, type: varchar(10), required: true }",
    )
    return extracts


def gone(*ids: Any, following: str = "") -> bytes:
    link = f' next="{following}"' if following else ""
    return f"<gone{link}>{''.join(f'<item id="{one}" at="1767225660"/>' for one in ids)}</gone>".encode()


def test_what_is_gone_is_read_after_what_is_there(stream: Extracts, source: ScriptedSource) -> None:
    source.says("/items", page(item(1, note=["a"]), following="/items/2"))
    source.says("/items/2", page(item(2)))
    source.says("/deleted", gone(3, following="/deleted/2"))
    source.says("/deleted/2", gone(4))
    stream.extract()
    rows = [(row["id"], row["title"], row["_deleted"], row["_page"], row["_row"]) for row in stream.rows()]
    assert rows == [
        ("1", "t1", "false", "1", "1"),
        ("2", "t2", "false", "2", "1"),
        ("3", "", "true", "3", "1"),
        ("4", "", "true", "4", "1"),
    ]
    assert stream.rows()[2]["modified"] == "2026-01-01 00:01:00.000000+00"
    commit = stream.landed().commit
    assert (commit.progress.tables["items"].read, commit.progress.tables["items"].written) == (4, 4)
    assert commit.ended_by.endswith("then of the second feed: not in the last page: /gone/@next")


@pytest.mark.parametrize("time_left", [all_the_time, no_time_at_all])
def test_each_call_goes_on_in_the_feed_where_it_stopped(
    stream: Extracts, source: ScriptedSource, time_left: Callable[[], float]
) -> None:
    source.says("/items", page(item(1), following="/items/2"))
    source.says("/items/2", page(item(2)))
    source.says("/deleted", gone(3, following="/deleted/2"))
    source.says("/deleted/2", gone())
    calls = 1
    while stream.extract(time_left).status == "more":
        calls += 1
    assert calls == (1 if time_left is all_the_time else 4)
    assert [(row["id"], row["_deleted"]) for row in stream.rows()] == [
        ("1", "false"),
        ("2", "false"),
        ("3", "true"),
    ]
    assert stream.landed().commit.progress.unmatched == {}


def test_a_feed_that_answers_otherwise_fails_the_window(stream: Extracts, source: ScriptedSource) -> None:
    source.says("/items", page(item(1)))
    source.says("/deleted", b"<error>no such feed</error>")
    stream.extract()  # it may have been a moment's: the window begins anew
    for _ in range(2):
        stream.extract()
    message = fails(stream, RecordError)
    assert "the answer's root element is error, expected gone; it says: no such feed" in message


def test_a_key_that_cannot_be_typed_is_rejected_with_its_reason(
    stream: Extracts, source: ScriptedSource
) -> None:
    source.says("/items", page(item(1)))
    source.says("/deleted", gone("x", 3))
    stream.extract()
    assert [reject[2:6] for reject in stream.rejects()] == [
        ["items", "id", "x", "not a whole number for bigint"]
    ]
    assert [row["id"] for row in stream.rows()] == ["1", "3"]


def refusal(stream: Extracts, old: str, new: str) -> str:
    text = stream.text.replace(old, new)
    assert text != stream.text
    with pytest.raises(CatalogueError) as caught:
        load_source(text.encode(), "tracker.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            '        id: { path: "@id" }\n',
            "",
            "it needs those of the key and the cursor, and no others: id, modified",
        ),
        ("format: epoch_seconds", "format: epochs", "format 'epochs' is none"),
        (
            '{window.from}" } }\n      page',
            '{partition}" } }\n      page',
            "the second feed asks for {partition}",
        ),
        ("    key: [id]\n", "    key: [id]\n    disposition: append\n", "append has no use for deletes"),
    ],
)
def test_what_cannot_work_is_refused(stream: Extracts, old: str, new: str, said: str) -> None:
    assert said in refusal(stream, old, new)


EMPTY = '    key: [id]\n    guards: { empty: "//none" }\n'


def test_no_records_after_some_of_a_feed_is_none_of_its_ends(
    stream: Extracts, source: ScriptedSource
) -> None:
    stream.change("    key: [id]\n", EMPTY)
    source.says("/items", page(item(1), following="/items/2"))
    source.says("/items/2", b"<workitem><none/></workitem>")
    source.says("/deleted", gone())
    for _ in range(3):
        stream.extract()  # it begins anew
    said = fails(stream, RefusedError)
    assert "the answer says that there are no records, after pages that had some" in said


def test_no_records_after_some_of_the_second_feed_is_none_of_its_ends(
    stream: Extracts, source: ScriptedSource
) -> None:
    stream.change("    key: [id]\n", EMPTY)
    source.says("/items", page(item(1)))
    source.says("/deleted", gone(2, following="/deleted/2"))
    source.says("/deleted/2", b"<gone><none/></gone>")
    for _ in range(3):
        stream.extract()
    assert "after pages that had some" in fails(stream, RefusedError)


@pytest.mark.parametrize("first", [b"<workitem><none/></workitem>", b"<nothing><none/></nothing>"])
def test_no_records_in_a_feed_is_no_word_of_the_other_one(
    stream: Extracts, source: ScriptedSource, first: bytes
) -> None:
    stream.change("    key: [id]\n", EMPTY)
    source.says("/items", first)
    source.says("/deleted", b"<gone><none/></gone>")
    assert stream.extract().status == "done"
    assert stream.landed().commit.progress.pages == 2


def test_counted_pages_may_end_with_the_word_that_there_are_no_more(
    extracts: Extracts, source: ScriptedSource
) -> None:
    extracts.change(
        "page: { type: next_url, xpath: /workitem/@href, when: \"/workitem/@rel='next'\" }",
        "page: { type: offset, parameter: start, size: 1 }",
    )
    extracts.change("    key: [id]\n", EMPTY)
    source.says("/items", page(item(1)), page(item(2)), b"<workitem><none/></workitem>")
    assert extracts.extract().status == "done"
    assert [row["id"] for row in extracts.rows()] == ["1", "2"]


def test_a_second_feed_without_headers_gets_none_of_the_first(
    stream: Extracts, source: ScriptedSource
) -> None:
    """Also where a call goes on in it."""
    stream.change("path: /items\n", 'path: /items\n      headers: { X-Of-Items: "1" }\n')
    source.says("/items", page(item(1)))
    source.says("/deleted", gone(2, following="/deleted/2"))
    source.says("/deleted/2", gone(3))
    while stream.extract(no_time_at_all).status == "more":
        pass
    assert [(asked.target.split("?")[0], "X-Of-Items" in asked.headers) for asked in source.asked] == [
        ("/items", True),
        ("/deleted", False),
        ("/deleted/2", False),
    ]


NO_TIME = FEED.replace(', query: { since: "{window.from}" }', "").replace(
    '\n        modified: { path: "@at", format: epoch_seconds }', ""
)


@pytest.fixture
def whole(extracts: Extracts) -> Extracts:
    """A stream that is read whole each time, by no time of its records."""
    text = extracts.text
    cursor = next(line for line in text.splitlines() if "cursor:" in line)
    extracts.change(cursor, "    cursor: { type: full }")
    query = next(line for line in text.splitlines() if "query:" in line)
    extracts.change(f"\n{query}", "")
    extracts.change("    key: [id]", NO_TIME)
    return extracts


@pytest.mark.parametrize("time_left", [all_the_time, no_time_at_all])
def test_what_no_time_tells_of_is_gone_first_and_then_there(
    whole: Extracts, source: ScriptedSource, time_left: Callable[[], float]
) -> None:
    """A key in both was restored: the log of what was deleted still has it."""
    source.says("/deleted", gone(1, following="/deleted/2"))
    source.says("/deleted/2", gone(3))
    source.says("/items", page(item(1), following="/items/2"))
    source.says("/items/2", page(item(2)))
    while whole.extract(time_left).status == "more":
        pass
    rows = whole.rows()
    assert [(row["id"], row["_deleted"]) for row in rows] == [
        ("1", "true"),
        ("3", "true"),
        ("1", "false"),
        ("2", "false"),
    ]
    assert rows[0]["_read_at"] < rows[2]["_read_at"]
    assert whole.landed().commit.ended_by.startswith("of the second feed: ")


@pytest.mark.parametrize("is_empty", ["/deleted", "/items"])
def test_either_feed_may_have_none_where_what_is_gone_comes_first(
    whole: Extracts, source: ScriptedSource, is_empty: str
) -> None:
    whole.change("    key: [id]\n", EMPTY)
    source.says("/deleted", gone(1))
    source.says("/items", page(item(2)))
    source.says(
        is_empty, b"<gone><none/></gone>" if is_empty == "/deleted" else b"<workitem><none/></workitem>"
    )
    whole.extract()
    assert [row["id"] for row in whole.rows()] == (["2"] if is_empty == "/deleted" else ["1"])


def test_no_records_after_some_is_no_end_where_what_is_gone_comes_first(
    whole: Extracts, source: ScriptedSource
) -> None:
    whole.change("    key: [id]\n", EMPTY)
    source.says("/deleted", gone(1))
    source.says("/items", page(item(1), following="/items/2"))
    source.says("/items/2", b"<workitem><none/></workitem>")
    for _ in range(3):
        whole.extract()
    assert "no records, after pages that had some" in fails(whole, RefusedError)


def test_a_second_feed_that_is_read_first_and_a_first_call_are_refused(whole: Extracts) -> None:
    bootstrap = (
        "path: /items\n      query: { v: '{v}' }\n      bootstrap: { path: /s, values: { v: /r/v } }\n"
    )
    said = refusal(whole, "path: /items\n", bootstrap)
    assert "then the stream's request can have no `bootstrap`" in said


def test_a_first_feed_without_headers_gets_none_of_the_second(
    extracts: Extracts, source: ScriptedSource
) -> None:
    """Also where what is gone is read first, and a call goes on in what is there."""
    extracts.change(
        'cursor: { type: watermark, field: modified, resolution: 1ms, start: "2026-01-01T00:00:00Z", slice: 1d }',
        "cursor: { type: full }",
    )
    extracts.change(
        '      query: { q: "modified>{window.from} and modified<{window.to}", token: sesame }\n', ""
    )
    feed = FEED.replace('query: { since: "{window.from}" }', 'headers: { X-Of-Gone: "1" }')
    extracts.change(
        "    key: [id]", feed.replace('\n        modified: { path: "@at", format: epoch_seconds }', "")
    )
    source.says("/items", page(item(1), following="/items/2"))
    source.says("/items/2", page(item(2)))
    source.says("/deleted", gone(3))
    while extracts.extract(no_time_at_all).status == "more":
        pass
    assert [(asked.target, "X-Of-Gone" in asked.headers) for asked in source.asked] == [
        ("/deleted", True),
        ("/items", False),
        ("/items/2", False),
    ]
