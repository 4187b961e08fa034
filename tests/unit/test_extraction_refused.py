"""extract: what is wrong with an answer, a row or a catalogue is one clear message, or a reject with its reason."""

import socket

import pytest

from xmlift.errors import CatalogueError, LandingError, RecordError, RowError, SourceError, XmliftError
from xmlift.source.refusals import RefusedError

from .extracting import (
    Extracts,
    fails,
    item,
    no_time_at_all,
    serve_pages,
)
from .scripted_source import Say, ScriptedSource, page

URL = "/items?q=modified>2025-12-31T23:59:59.999%2B0000 and"


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (Say(b"<html><title>Sign in</title></html>"), RefusedError, ["HTML page (Sign in)", "auth"]),
        (Say(b"<workitem><workItem></workitem>"), RecordError, ["not well-formed", "repair"]),
        (Say(page(item(1))[:-20]), RecordError, ["cut short"]),
        (Say(page(item(1))[: -len("</workitem>")]), RecordError, ["cut short"]),
        (Say(b""), RecordError, ["empty"]),
        (Say(b"  \n"), RecordError, ["empty"]),
        (
            Say(b"<error><message>no such query</message></error>"),
            RecordError,
            ["root element is error", "no such query"],
        ),
        (Say(b"<!DOCTYPE x [<!ENTITY e 'x'>]><workitem>&e;</workitem>"), RecordError, ["DOCTYPE"]),
        (Say(b"<h1>gone</h1>", 404), RefusedError, ["page 1: http", "HTTP 404", "gone", "request.path"]),
        (Say(b"denied", 403), RefusedError, ["HTTP 403", "auth"]),
        (Say(b"down", 503), SourceError, ["HTTP 503", "gave up after 2 tries", "next run"]),
        (
            Say(b"<m>CRRED0108E: Illegal fields</m>", 500),
            RefusedError,
            ["CRRED0108E: Illegal fields", "request"],
        ),
        (Say(hang_up=True), SourceError, ["gave up after 2 tries"]),
        (Say(page(item(1)), promised=9999), SourceError, ["IncompleteRead"]),
        (
            Say(status=302, headers={"Location": "https://elsewhere.example/"}),
            SourceError,
            ["elsewhere", "origin"],
        ),
    ],
)
def test_bad_answers_are_one_clear_message(
    extracts: Extracts,
    source: ScriptedSource,
    answer: Say,
    kind: type[XmliftError],
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("xmlift.source.session.random.uniform", lambda low, high: 0)
    source.says("/items", answer)
    message = fails(extracts, kind)
    assert "elsewhere" in words or f"{source.url}{URL}" in message
    for word in words:
        assert word in message


def test_a_time_out_is_one_clear_message(extracts: Extracts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xmlift.source.session.random.uniform", lambda low, high: 0)
    extracts.change("timeout_seconds: 2", "timeout_seconds: 0.05")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        extracts.base_url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        message = fails(extracts, SourceError)
    assert "Read timed out" in message


@pytest.mark.parametrize("following", ["https://elsewhere.example/items", "https://127.0.0.1:port/"])
def test_a_next_page_elsewhere_is_refused(extracts: Extracts, source: ScriptedSource, following: str) -> None:
    source.says("/items", page(item(1), following=following))
    fails(extracts, SourceError)


@pytest.mark.parametrize(
    ("old", "new", "kind", "words"),
    [
        (
            "    records: /workitem/workItem",
            "    recods: /workitem/workItem",
            CatalogueError,
            ["tracker.items", "recods", "records"],
        ),
        ("    records: /workitem/workItem\n", "", CatalogueError, ["tracker.items", "records"]),
        (
            "type: bigint",
            "type: number",
            CatalogueError,
            ["tracker.items", "unknown type 'number'", "bigint"],
        ),
        ("key: [id]", "key: [number]", CatalogueError, ["tracker.items", "'number'", "id, modified, title"]),
        (
            "field: modified",
            "field: changed",
            CatalogueError,
            ["tracker.items", "'changed'", "id, modified, title"],
        ),
        ("slice: 1d", "slice: monthly", CatalogueError, ["tracker.items", "monthly", "5m"]),
        ("source: tracker", "source: tracker\nsource: again", CatalogueError, ["stands twice"]),
        ("path: title", "path: 'title['", RecordError, ["'title['"]),
        ("path: title", "path: 'p:title'", RecordError, ["p:title"]),
        ("path: title", "path: 'upper-case(title)'", RecordError, ["upper-case(title)"]),
        ("records: /workitem/workItem", "records: /workitem/p:workItem", RecordError, ["'p'", "namespaces"]),
        (
            "xpath: /workitem/@href",
            "xpath: '/workitem/@href['",
            SourceError,
            ["page.xpath", "/workitem/@href["],
        ),
        (
            "xpath: /workitem/@href",
            "xpath: '/p:workitem/@href'",
            SourceError,
            ["page.xpath", "/p:workitem/@href"],
        ),
        ("records: note\n", "records: 'note['\n", RecordError, ["'note['"]),
        (
            "limits:",
            "auth: { type: basic, secret: nobody }\nlimits:",
            SourceError,
            ["xmlift/test/nobody", "cannot be read"],
        ),
    ],
)
def test_a_wrong_catalogue_is_one_clear_message(
    extracts: Extracts, source: ScriptedSource, old: str, new: str, kind: type[XmliftError], words: list[str]
) -> None:
    serve_pages(source, 1)
    extracts.change(old, new)
    message = " ".join(_fails_of_any_form(extracts, kind).split())
    for word in words:
        assert word in message


def _fails_of_any_form(extracts: Extracts, kind: type[XmliftError]) -> str:
    """YAML's own messages take several lines; everything else is as for bad answers."""
    with pytest.raises(kind) as caught:
        extracts.extract()
    assert extracts.failure()["error"] == kind.__name__
    return str(caught.value)


def test_a_catalogue_or_stream_that_is_not_there_is_named(extracts: Extracts) -> None:
    with pytest.raises(CatalogueError, match="no stream 'others'; it has items"):
        extracts.extract(stream="others")
    extracts.key = "catalogue/tracker/gone.yaml"
    with pytest.raises(LandingError, match=r"s3://landing/catalogue/tracker/gone.yaml does not exist"):
        extracts.extract()


def test_rows_that_do_not_fit_go_to_the_rejects_with_the_reason(
    extracts: Extracts, source: ScriptedSource
) -> None:
    records = [item(1), item(2, title="much too long", note=["lost"]), item(3, modified="")]
    source.says("/items", page(*records))
    extracts.extract()
    commit = extracts.landed().commit
    assert [row["id"] for row in extracts.rows()] == ["1"]
    counts = commit.progress.tables["items"]
    assert (counts.read, counts.written, counts.rejected) == (3, 1, 2)
    children = commit.progress.tables["items__notes"]
    assert (children.read, children.written, children.rejected) == (1, 0, 1), "it goes where its record went"
    second, third = extracts.rejects()
    assert second == [
        *("1", "2", "items", "title", "much too long", "13 bytes do not fit varchar(10)", '{"id": "2"}'),
        '{"id": "2", "modified": "2026-01-01T00:00:02.000+0000", "title": "much too long"}',
    ]
    assert third == [
        *("1", "3", "items", "modified", "", "is empty, and it is required", '{"id": "3"}'),
        '{"id": "3", "modified": "", "title": "t3"}',
    ]
    assert commit.progress.rejects == 2
    assert commit.progress.reject_reasons == {
        "items.title: 13 bytes do not fit varchar(10)": 1,
        "items.modified: is empty, and it is required": 1,
    }


def test_a_rejected_child_is_kept_with_its_parents_key(extracts: Extracts, source: ScriptedSource) -> None:
    source.says("/items", page(item(1), item(7, note=["fits", "much too long for a note"])))
    extracts.extract()
    (reject,) = extracts.rejects()
    assert reject == [
        *("1", "2", "items__notes", "text", "much too long for a note", "24 bytes do not fit varchar(20)"),
        *('{"_parent_id": "7", "_position": "2"}', '{"text": "much too long for a note"}'),
    ]
    counts = extracts.landed().commit.progress.tables["items__notes"]
    assert (counts.read, counts.written, counts.rejected) == (2, 1, 1)


def test_children_that_go_with_their_record_are_no_rejects_of_their_own(
    extracts: Extracts, source: ScriptedSource
) -> None:
    notes = ["much too long for a note", *"abcdef"]
    source.says("/items", page(item(1), item(2, id="x", note=notes)))
    extracts.extract()
    progress = extracts.landed().commit.progress
    counts = progress.tables["items__notes"]
    assert (counts.read, counts.written, counts.rejected) == (7, 0, 7)
    assert progress.rejects == 1
    assert [row[2] for row in extracts.rejects()] == ["items"]


def test_children_of_a_record_outside_the_window_are_outside_with_it(
    extracts: Extracts, source: ScriptedSource
) -> None:
    extracts.change("    key: [id]", "    key: [id]\n    disposition: append")
    outside = item(2, modified="2026-01-02T00:00:00.000+0000", note=["much too long for a note", *"abcd"])
    source.says("/items", page(item(1, note=["a"]), outside, item(3, title="much too long", note=["b", "c"])))
    extracts.extract()
    progress = extracts.landed().commit.progress
    own, children = progress.tables["items"], progress.tables["items__notes"]
    assert (own.read, own.written, own.rejected, own.out_of_window) == (3, 1, 1, 1)
    assert (children.read, children.written, children.rejected, children.out_of_window) == (8, 1, 2, 5)
    assert all(table.adds_up for table in progress.tables.values())
    assert progress.rejects == 1


def test_too_many_rejects_fail_the_window(extracts: Extracts, source: ScriptedSource) -> None:
    source.says("/items", page(item(0), *(item(n, id=f"x{n}") for n in range(1, 5))))
    message = fails(extracts, RowError)
    assert "4 rows were rejected, more than max_rejects 3" in message
    assert "4 × items.id: not a whole number for bigint" in message
    assert f"page 1, {source.url}/items" in message


def test_rejects_are_counted_over_calls(extracts: Extracts, source: ScriptedSource) -> None:
    source.says("/items", page(item(1), item(2, id="x"), item(3, id="x"), following="/items/1"))
    source.says("/items/1", page(item(4), item(5, id="x"), item(6, id="x")))
    assert extracts.extract(no_time_at_all).status == "more"
    assert "4 rows were rejected" in fails(extracts, RowError)


def test_a_column_that_no_record_has_is_told_by_the_rejects(
    extracts: Extracts, source: ScriptedSource
) -> None:
    """A path that matches nothing leaves the key empty: no record can be used, and that is no empty window."""
    extracts.change("id: { path: id,", "id: { path: identifier,")
    source.says("/items", page(item(1), item(2)))
    message = fails(extracts, RowError)
    assert "all 2 records were rejected" in message
    assert "items.id: is empty, and it is required" in message


def test_a_page_beyond_the_limit_is_one_clear_message(extracts: Extracts, source: ScriptedSource) -> None:
    extracts.change("attempts: 2", "attempts: 2, page_megabytes: 1")
    source.says("/items", page(item(1, title="x" * 1_100_000)))
    assert "limits.page_megabytes" in fails(extracts, SourceError)


def test_a_page_that_is_repaired_is_counted(extracts: Extracts, source: ScriptedSource) -> None:
    extracts.change("max_rejects: 3", "max_rejects: 3\n    repair: true")
    source.says("/items", page(item(1)).replace(b"t1", b"a & b"))
    extracts.extract()
    assert extracts.landed().commit.progress.repaired_pages == 1
    assert extracts.rows()[0]["title"] == "a  b"
