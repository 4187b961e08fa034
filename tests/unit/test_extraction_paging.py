"""extract through each way of paging: each record once, also where every page is another call's."""

import re
from collections.abc import Callable, Iterator

import pytest

from xmlift.errors import RowError, SourceError, XmliftError
from xmlift.extraction.extract import ExtractAnswer
from xmlift.landing.commits import decode_link
from xmlift.landing.names import COMMIT
from xmlift.source.refusals import RefusedError

from .extracting import Extracts, all_the_time, fails, item, no_time_at_all
from .scripted_source import Asked, Say, ScriptedSource, page

RECORDS = 7
PAGE = "page: { type: next_url, xpath: /workitem/@href, when: \"/workitem/@rel='next'\" }"
QUERY = 'query: { q: "modified>{window.from} and modified<{window.to}", token: sesame }'


def numbers(extracts: Extracts) -> list[int]:
    return [int(row["id"]) for row in extracts.rows()]


def whole(extracts: Extracts, time_left: Callable[[], float] = all_the_time) -> list[int]:
    """The records of a window, however many calls it takes."""
    for _ in range(30):
        if extracts.extract(time_left).status == "done":
            return numbers(extracts)
    raise AssertionError("the window did not land")


def sent(at: int, count: int, attributes: str = "", tail: str = "", records: int = RECORDS) -> Say:
    body = page(*(item(number) for number in range(records)[at : at + count])).decode()
    body = body.replace("<workitem>", f"<workitem {attributes}>").replace("</workitem>", f"{tail}</workitem>")
    return Say(body.encode())


def by_offset(asked: Asked) -> Say:
    return sent(int(asked.query["start"]) - 1, int(asked.query["rows"]), f'total="{RECORDS}"')


def by_number(asked: Asked) -> Say:
    return sent(3 * int(asked.query["p"]), 3)


def by_token(asked: Asked) -> Say:
    at = int(asked.query.get("t", "0"))
    assert ("q" in asked.query) == (at == 0)
    assert asked.query["verb"] == "List"
    return sent(at, 3, tail=f"<t>{at + 3}</t>" if at + 3 < RECORDS else "<t/>")


def by_body(asked: Asked) -> Say:
    if asked.method == "GET":
        return Say(b'<search id="&lt;7&gt;" pages="3"/>')
    assert asked.headers["Content-Type"] == "application/soap+xml"
    assert asked.headers["X-Search"] == "<7>"
    found = re.fullmatch(rb"<more id='&lt;7&gt;' page='(\d)'/>", asked.body)
    assert found is not None
    return sent(3 * (int(found[1]) - 1), 3)


WAYS = {
    "offset": (
        by_offset,
        "page: { type: offset, parameter: start, base: 1, size: 3, total: /workitem/@total }",
        {"token: sesame": 'rows: "{size}"'},
    ),
    "page_number": (by_number, "page: { type: page_number, parameter: p, start: 0 }", {}),
    "token": (
        by_token,
        "page: { type: token, xpath: /workitem/t, parameter: t, exclusive: true }",
        {"path: /items": "path: /items?verb=List"},
    ),
    "bootstrap": (
        by_body,
        "page: { type: page_number, start: 1, size: 3 }",
        {
            QUERY: """method: POST
      headers: { Content-Type: application/soap+xml, X-Search: "{search}" }
      body: "<more id='{search}' page='{page}'/>"
      bootstrap:
        path: /items
        query: { q: "modified>{window.from} and modified<{window.to}", rows: "{size}" }
        values: { search: /search/@id, total_pages: /search/@pages }"""
        },
    ),
}


def prepare(extracts: Extracts, source: ScriptedSource, way: str) -> None:
    respond, paging, changes = WAYS[way]
    source.computed["/items"] = respond
    extracts.change(PAGE, paging)
    for old, new in changes.items():
        extracts.change(old, new)


@pytest.mark.parametrize("way", WAYS)
def test_each_record_is_read_once(extracts: Extracts, source: ScriptedSource, way: str) -> None:
    prepare(extracts, source, way)
    assert whole(extracts) == list(range(RECORDS))


@pytest.mark.parametrize("way", WAYS)
def test_each_page_may_be_another_calls(extracts: Extracts, source: ScriptedSource, way: str) -> None:
    prepare(extracts, source, way)
    assert whole(extracts, no_time_at_all) == list(range(RECORDS))
    asked = [(asked.target, asked.body) for asked in source.asked]
    assert len(asked) == len(set(asked)), "what one call asked for, no other one asks for again"


def test_the_first_call_is_made_once_and_its_clock_is_the_windows(
    extracts: Extracts, source: ScriptedSource
) -> None:
    prepare(extracts, source, "bootstrap")
    search = Say(b'<search id="&lt;7&gt;" pages="3"/>', headers={"Date": "Thu, 01 Jan 2026 00:00:00 GMT"})
    source.computed["/items"] = lambda asked: search if asked.method == "GET" else by_body(asked)
    assert whole(extracts, no_time_at_all) == list(range(RECORDS))
    assert [asked.method for asked in source.asked] == ["GET", "POST", "POST", "POST"]
    assert str(extracts.landed().commit.as_of) <= "2026-01-01 00:00:00+00:00"


def test_what_a_first_call_captured_is_shown_by_no_page(extracts: Extracts, source: ScriptedSource) -> None:
    """Neither where it stands in the request, nor in what the server says, nor by a call that goes on."""
    prepare(extracts, source, "bootstrap")
    extracts.change("key: [id]", "key: [id]\n    guards: { error: //fault }")
    search, gone = (
        b'<search id="s3arch&amp;id" pages="3"/>',
        b"<workitem><fault>s3arch&amp;id is gone</fault></workitem>",
    )
    source.computed["/items"] = lambda asked: Say(search if asked.method == "GET" else gone)
    assert "error in HTTP 200: *** is gone" in fails(extracts, RefusedError)
    source.computed["/items"] = lambda asked: Say(search) if asked.method == "GET" else sent(0, 3)
    assert extracts.extract(no_time_at_all).status == "more"
    (link,) = [file for file in extracts.files() if file.startswith("chain")]
    body = extracts.zone.get(f"{extracts.event().window.folder}{link}")
    assert decode_link(body, link).secrets == ["s3arch&id"]


def test_a_first_call_that_finds_nothing_is_an_empty_window(
    extracts: Extracts, source: ScriptedSource
) -> None:
    prepare(extracts, source, "bootstrap")
    source.computed["/items"] = lambda _: Say(b'<search id="7" pages="0"/>')
    assert extracts.extract() == ExtractAnswer(status="done", pages=0, records=0)
    assert extracts.landed().commit.parts == []
    assert extracts.landed().commit.ended_by == "the pages amount to their total"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"<search pages='3'/>", "request.bootstrap.values.search"),
        (b"<fault>no such field</fault>", "it says: no such field"),
        (b"<search", "not well-formed"),
        (b"<search pages='3'><env>sesame</env><key>1</key></search>", "what stands there: search, env, key"),
        (
            b"<search pages='3'><defaultKey>sesame</defaultKey></search>",
            "what stands there: search, defaultKey",
        ),
        (b"<r><env>sesame</env><Fault><why>no such field</why></Fault></r>", "it says: no such field"),
    ],
)
def test_a_first_call_that_fails_is_told(
    extracts: Extracts, source: ScriptedSource, answer: bytes, said: str
) -> None:
    prepare(extracts, source, "bootstrap")
    source.computed["/items"] = lambda _: Say(answer)
    message = fails(extracts, SourceError)
    assert "first call, http://127.0.0.1" in message
    assert said in message
    assert len(source.asked) == 1


def test_records_that_move_between_counted_pages_begin_the_window_anew(
    extracts: Extracts, source: ScriptedSource
) -> None:
    prepare(extracts, source, "offset")
    totals: Iterator[int] = iter([7, 8, 8, 8, 8, 8])

    def respond(asked: Asked) -> Say:
        total = next(totals)
        return sent(int(asked.query["start"]) - 1, 3, f'total="{total}"', records=total)

    source.computed["/items"] = respond
    assert whole(extracts) == list(range(8))
    assert extracts.landed().commit.progress.restarts == 1


@pytest.mark.parametrize("way", ["offset", "page_number"])
def test_a_server_that_sends_one_page_again_and_again(
    extracts: Extracts, source: ScriptedSource, way: str
) -> None:
    prepare(extracts, source, way)
    stamps = iter(range(100))
    source.computed["/items"] = lambda _: sent(0, 3, f'at="{next(stamps)}" total="{RECORDS}"')
    for _ in range(3):
        assert extracts.extract().status == "more"
    message = fails(extracts, RefusedError)
    assert "page 2, http://127.0.0.1" in message
    assert "those of a page before" in message
    assert "begun anew 3 times" in message


def test_pages_without_records_are_no_repetition(extracts: Extracts, source: ScriptedSource) -> None:
    """Both feeds end with an empty page, and they look the same."""
    extracts.change(
        "key: [id]",
        """key: [id]
    deletes:
      type: second_feed
      request: { path: /gone, query: { since: "{window.from}", before: "{window.to}" } }
      page: { type: page_number, parameter: p, start: 0 }
      records: /workitem/workItem
      columns: { id: { path: id }, modified: { path: modified } }""",
    )
    prepare(extracts, source, "page_number")
    source.computed["/gone"] = lambda asked: sent(3 * int(asked.query["p"]), 3, records=0)
    assert whole(extracts) == list(range(RECORDS))
    assert len(source.targets("/gone")) == 1


def test_pages_without_end_have_one(extracts: Extracts, source: ScriptedSource) -> None:
    extracts.change("attempts: 2", "attempts: 2, pages_per_window: 3")
    for number in range(4):
        path = "/items" if number == 0 else f"/items/{number}"
        source.says(path, page(item(number), following=f"/items/{number + 1}"))
    message = fails(extracts, SourceError)
    assert "/items/3: 3 pages were read, and yet another one follows" in message
    assert "limits.pages_per_window" in message
    assert source.targets("/items/3") in ([], ["/items/3"])


GUARDS = 'guards: { error: "/workitem/error | /fault", empty: "/workitem/error[@code=\'none\']" }'
FAULTS = [b"<fault>Query _x expired.</fault>", b"<workitem><error>Query _x expired.</error></workitem>"]


@pytest.mark.parametrize("fault", FAULTS)
def test_an_error_in_a_200_fails_the_window(extracts: Extracts, source: ScriptedSource, fault: bytes) -> None:
    extracts.change("key: [id]", f"key: [id]\n    {GUARDS}")
    source.says("/items", fault)
    message = fails(extracts, RefusedError)
    assert "page 1, http://127.0.0.1" in message
    assert "an error in HTTP 200: Query _x expired." in message
    assert "token=***" in message


@pytest.mark.parametrize("fault", FAULTS)
def test_an_error_in_a_later_200_begins_the_window_anew(
    extracts: Extracts, source: ScriptedSource, fault: bytes
) -> None:
    extracts.change("key: [id]", f"key: [id]\n    {GUARDS}")
    source.says("/items", page(item(0), following="/items/1"))
    source.says("/items/1", fault, page(item(1)))
    assert whole(extracts) == [0, 1]
    assert extracts.landed().commit.progress.restarts == 1


def test_what_says_that_there_is_nothing_is_an_empty_window(
    extracts: Extracts, source: ScriptedSource
) -> None:
    extracts.change("key: [id]", f"key: [id]\n    {GUARDS}")
    source.says("/items", b"<workitem><error code='none'>noRecordsMatch</error></workitem>")
    assert extracts.extract() == ExtractAnswer(status="done", pages=1, records=0)
    commit = extracts.landed().commit
    assert "says that there are no records" in commit.ended_by
    assert commit.progress.unmatched == {}


def test_what_says_so_by_another_root_is_one_as_well(extracts: Extracts, source: ScriptedSource) -> None:
    extracts.change("key: [id]", "key: [id]\n    guards: { empty: /nothing }")
    source.says("/items", b"<nothing/>")
    assert extracts.extract() == ExtractAnswer(status="done", pages=1, records=0)


def test_after_records_nothing_cannot_be_all(extracts: Extracts, source: ScriptedSource) -> None:
    extracts.change("key: [id]", "key: [id]\n    guards: { empty: /nothing }")
    source.says("/items", page(item(0), following="/items/1"))
    source.says("/items/1", b"<nothing/>")
    for _ in range(3):
        assert extracts.extract().status == "more"
    assert "after pages that had some" in fails(extracts, RefusedError)


def test_without_a_guard_another_root_is_what_it_was(extracts: Extracts, source: ScriptedSource) -> None:
    source.says("/items", b"<fault>no</fault>")
    with pytest.raises(XmliftError, match="root element is fault, expected workitem; it says: no"):
        extracts.extract()
    assert COMMIT not in extracts.files()


def told(day: str, *numbers: int) -> list[dict[str, object]]:
    return [item(number, modified=f"{day}T00:00:00.000+0000") for number in numbers]


OUTSIDE = "2025-06-01"


@pytest.mark.parametrize(
    ("outside", "inside", "fits"), [(10, 0, True), (11, 0, False), (11, 11, True), (12, 11, False)]
)
def test_a_server_that_ignores_the_window_is_told(
    extracts: Extracts, source: ScriptedSource, outside: int, inside: int, fits: bool
) -> None:
    records = [*told(OUTSIDE, *range(outside)), *told("2026-01-01", *range(100, 100 + inside))]
    source.says("/items", page(*records, following="/items/1"))
    source.says("/items/1", page(item(200)))
    if fits:
        assert len(whole(extracts)) == outside + inside + 1
        assert extracts.landed().commit.progress.unasked == outside
        return
    message = fails(extracts, RowError)
    assert "page 1, http://127.0.0.1" in message
    assert f"{outside} of {outside + inside} records have a time outside the window" in message
    assert "rows_outside_window: ignore" in message


def test_a_stream_may_say_that_they_are_meant_to_come(extracts: Extracts, source: ScriptedSource) -> None:
    extracts.change("key: [id]", "key: [id]\n    guards: { rows_outside_window: ignore }")
    source.says("/items", page(*told(OUTSIDE, *range(30))))
    assert len(whole(extracts)) == 30


def test_the_bounds_that_were_asked_for_are_those_of_the_servers_resolution(
    extracts: Extracts, source: ScriptedSource
) -> None:
    extracts.change("resolution: 1ms", "resolution: 1d")
    source.says("/items", page(*told("2025-12-31", *range(15)), *told("2026-01-02", *range(20, 35))))
    assert len(whole(extracts)) == 30
    assert extracts.landed().commit.progress.unasked == 0


@pytest.mark.parametrize(
    ("asked", "day", "fits"),
    [
        ("modified>{window.from}", OUTSIDE, False),
        ("modified>{window.from}", "2026-06-01", True),
        ("modified<{window.to}", "2026-06-01", False),
        ("modified<{window.to}", OUTSIDE, True),
        ("all", OUTSIDE, True),
    ],
)
def test_of_a_bound_that_stands_alone_the_server_is_told_as_well(
    extracts: Extracts, source: ScriptedSource, asked: str, day: str, *, fits: bool
) -> None:
    extracts.change("modified>{window.from} and modified<{window.to}", asked)
    source.says("/items", page(*told(day, *range(11))))
    if fits:
        assert len(whole(extracts)) == 11
    else:
        assert "11 of 11 records have a time outside the window that was asked for" in fails(
            extracts, RowError
        )


@pytest.mark.parametrize(("query", "fits"), [("", True), (', query: { since: "{window.from}" }', False)])
def test_a_second_feed_is_held_to_what_it_was_asked_itself(
    extracts: Extracts, source: ScriptedSource, query: str, *, fits: bool
) -> None:
    """A log of all that was ever deleted may come whole."""
    feed = f"""    key: [id]
    deletes:
      type: second_feed
      request: {{ path: /deleted{query} }}
      records: /gone/item
      columns: {{ id: {{ path: "@id" }}, modified: {{ path: "@at" }} }}"""
    extracts.change("    key: [id]", feed)
    source.says("/items", page(item(1)))
    gone = "".join(f'<item id="{number}" at="{OUTSIDE}T00:00:00Z"/>' for number in range(20, 32))
    source.says("/deleted", f"<gone>{gone}</gone>".encode())
    if fits:
        assert len(whole(extracts)) == 13
    else:
        assert "12 of 13 records have a time outside the window" in fails(extracts, RowError)
