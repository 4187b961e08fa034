"""extract: a later page that is refused lets the window begin anew, with nothing kept of what was read (E3)."""

from collections.abc import Callable
from typing import Any

import pytest

from xmlift.errors import RecordError, RowError, SourceError, XmliftError
from xmlift.extraction import extract as extraction
from xmlift.extraction.extract import ExtractAnswer
from xmlift.landing import commits
from xmlift.landing.names import COMMIT, parse_link, parse_part
from xmlift.source.refusals import OutOfTimeError, RefusedError, UnauthorizedError

from .extracting import (
    Extracts,
    all_the_time,
    fails,
    item,
    no_time_at_all,
    result,
    serve_pages,
    twin_before,
    uninterrupted,
)
from .scripted_source import Say, ScriptedSource, page

SECOND = "/items/1"
ANEW = "chain-001-00000.json"
OSLC_ERROR = (
    b'<?xml version="1.0" encoding="UTF-8"?><oslc_cm:error xmlns:oslc_cm="http://open-services.net/xmlns/cm/1.0/">\n'
    b"<oslc_cm:status>500</oslc_cm:status><oslc_cm:message>Query _x expired.</oslc_cm:message></oslc_cm:error>\n"
)
LOGIN_PAGE = Say(b"<html><title>Sign in</title></html>", headers={"Content-Type": "text/html"})
WHOLE_PAGE = page(item(2, note=["a", "b"]), item(3))

REFUSALS = [
    pytest.param(Say(OSLC_ERROR), RecordError, "Query _x expired.", id="a token expired, as EWM says it"),
    pytest.param(Say(b"<e>gone</e>", 400), RefusedError, "HTTP 400 Bad Request: gone", id="400"),
    pytest.param(Say(b"who?", 401), UnauthorizedError, "HTTP 401 Unauthorized: who?", id="401"),
    pytest.param(Say(b"no", 403), RefusedError, "HTTP 403 Forbidden: no", id="403"),
    pytest.param(Say(b"", 404), RefusedError, "HTTP 404 Not Found: (no text)", id="404"),
    pytest.param(Say(b"gone", 410), RefusedError, "HTTP 410 Gone: gone", id="410"),
    pytest.param(Say(b"<m>CRRED0108E</m>", 500), RefusedError, "CRRED0108E", id="500 for good"),
    pytest.param(LOGIN_PAGE, RefusedError, "an HTML page (Sign in)", id="a login page"),
    pytest.param(Say(b"<!DOCTYPE html><p>hello"), RefusedError, "an HTML page", id="HTML called XML"),
    pytest.param(Say(b""), RecordError, "empty", id="nothing"),
    pytest.param(Say(b"<workitem>&nope;</workitem>"), RecordError, "not well-formed", id="an unknown entity"),
    pytest.param(
        Say(WHOLE_PAGE[: -len("</workitem>")]), RecordError, "cut short", id="cut behind the last record"
    ),
    pytest.param(
        Say(WHOLE_PAGE[: WHOLE_PAGE.index(b"</workItem>") + len("</workItem>")]),
        RecordError,
        "cut short",
        id="cut between records",
    ),
    pytest.param(
        Say(WHOLE_PAGE[: WHOLE_PAGE.index(b"</note>")]), RecordError, "cut short", id="cut in a record"
    ),
    pytest.param(Say(b"<!DOCTYPE w [<!ENTITY e 'x'>]><w>&e;</w>"), RecordError, "DOCTYPE", id="a DOCTYPE"),
    pytest.param(
        Say(b"<workitem><workitem/></workitem>"), RecordError, "1 × workitem where workItem", id="records renamed"
    ),
]  # fmt: skip


def links(extracts: Extracts) -> list[str]:
    return [file for file in extracts.files() if parse_link(file)]


def parts(extracts: Extracts) -> set[str]:
    return {file for file in extracts.files() if parse_part(file)}


def named(extracts: Extracts) -> set[str]:
    return {str(part.name) for part in extracts.landed().commit.parts}


def refuse_once(source: ScriptedSource, answer: Say, path: str = SECOND) -> None:
    source.script[path] = [answer, *source.script[path]]


def refuse(source: ScriptedSource, answer: Say, path: str = SECOND) -> None:
    source.script[path] = [answer]


def all_calls(extracts: Extracts, time_left: Callable[[], float] = all_the_time) -> int:
    """How many calls it took until the window had landed."""
    calls = 1
    while extracts.extract(time_left).status == "more":
        calls += 1
    return calls


@pytest.mark.parametrize(("answer", "kind", "words"), REFUSALS)
def test_a_later_page_that_is_refused_begins_the_window_anew(
    extracts: Extracts,
    source: ScriptedSource,
    monkeypatch: pytest.MonkeyPatch,
    answer: Say,
    kind: type[XmliftError],
    words: str,
) -> None:
    serve_pages(source, 3)
    whole = uninterrupted(extracts, 3)
    source.asked.clear()
    monkeypatch.setattr(extraction, "CHECKPOINT_PAGES", 1)
    refuse_once(source, answer)
    assert extracts.extract() == ExtractAnswer(status="more", pages=0, records=0)
    before = parts(extracts)
    assert links(extracts) == ["chain-000-00000.json", ANEW]
    assert extracts.extract() == ExtractAnswer(status="done", pages=3, records=6)
    assert [len(source.targets(path)) for path in ("/items", SECOND, "/items/2")] == [2, 2, 1]
    assert result(extracts) == whole
    assert extracts.landed().commit.progress.restarts == 1
    assert before
    assert not before & named(extracts), "what was read before is garbage, and so never loaded"
    assert not list(extracts.zone.keys("runs/")), "nothing failed"


@pytest.mark.parametrize(("answer", "kind", "words"), REFUSALS)
def test_the_first_page_fails_the_window_at_once(
    extracts: Extracts, source: ScriptedSource, answer: Say, kind: type[XmliftError], words: str
) -> None:
    source.says("/items", answer)
    message = fails(extracts, kind)
    assert words in message
    assert "anew" not in message
    assert extracts.files() == []
    assert len(source.asked) == 1


@pytest.mark.parametrize(("answer", "kind", "words"), REFUSALS)
def test_what_is_refused_each_time_fails_the_window_and_says_how_often_and_why(
    extracts: Extracts, source: ScriptedSource, answer: Say, kind: type[XmliftError], words: str
) -> None:
    serve_pages(source, 3)
    refuse(source, answer)
    assert [extracts.extract().status for _ in range(3)] == ["more"] * 3
    message = fails(extracts, kind)
    assert words in message
    assert f"{source.url}{SECOND}?id=***" in message
    assert message.endswith(
        "; the window was begun anew 3 times before, each time since a later page was refused"
    )
    assert links(extracts) == [f"chain-{restart:03d}-00000.json" for restart in (1, 2, 3)]
    assert len(source.targets(SECOND)) == 4
    assert "begun anew 3 times" in fails(extracts, kind), "a redrive of the window is no fourth restart"
    assert len(links(extracts)) == 3


def test_a_first_page_that_is_refused_after_a_restart_tells_of_it(
    extracts: Extracts, source: ScriptedSource
) -> None:
    serve_pages(source, 2)
    refuse(source, LOGIN_PAGE)
    extracts.extract()
    refuse(source, LOGIN_PAGE, "/items")
    message = fails(extracts, RefusedError)
    assert message.endswith("; the window was begun anew once before, since a later page was refused")
    assert links(extracts) == [ANEW]


def test_a_window_that_failed_goes_on_where_it_was_when_it_is_called_again(
    extracts: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_pages(source, 3)
    good = source.script[SECOND]
    monkeypatch.setattr(extraction, "CHECKPOINT_PAGES", 1)
    refuse(source, LOGIN_PAGE)
    for _ in range(3):
        extracts.extract()
    fails(extracts, RefusedError)
    source.script[SECOND] = good
    first_pages = len(source.targets("/items"))
    assert extracts.extract() == ExtractAnswer(status="done", pages=3, records=6)
    assert len(source.targets("/items")) == first_pages


def test_counts_and_clocks_begin_anew(extracts: Extracts, source: ScriptedSource) -> None:
    hours = iter(("10", "11", "12", "13"))

    def serve(answer: bytes | None = None) -> None:
        first = page(item(0, id="x"), item(1), following=SECOND)
        source.says("/items", Say(first, headers={"Date": f"Sun, 22 Nov 2026 {next(hours)}:00:00 GMT"}))
        source.says(SECOND, answer or page(item(2)))

    serve(OSLC_ERROR)
    assert extracts.extract().status == "more"
    serve()
    assert extracts.extract().status == "done"
    commit = extracts.landed().commit
    assert commit.as_of.hour == 10, (
        "the clock of the first page that was read for these rows, less its answer's"
    )
    assert commit.as_of.minute == 59
    progress = commit.progress
    assert (progress.pages, progress.rejects, progress.restarts) == (2, 1, 1)
    own = progress.tables["items"]
    assert (own.read, own.written, own.rejected) == (3, 2, 1)
    assert len(extracts.rejects()) == 1


def test_the_empty_link_names_nothing(extracts: Extracts, source: ScriptedSource) -> None:
    serve_pages(source, 2)
    refuse(source, LOGIN_PAGE)
    extracts.extract()
    key = f"{extracts.event().window.folder}{ANEW}"
    link = commits.decode_link(extracts.zone.get(key), key)
    assert link == commits.Link(
        attempt=link.attempt,
        previous=None,
        parts=[],
        progress=commits.Progress(restarts=1),
        as_of=None,
        next_url=None,
        page_hashes=[],
    )


@pytest.mark.parametrize("restarts", [1, 2, 3])
def test_later_calls_go_on_at_the_newest_restart(
    extracts: Extracts, source: ScriptedSource, restarts: int
) -> None:
    """One page a call: each restart is found by a call that knows nothing of it."""
    serve_pages(source, 4)
    whole = uninterrupted(extracts, 4)
    source.script["/items/2"] = [Say(OSLC_ERROR)] * restarts + source.script["/items/2"]
    assert all_calls(extracts, no_time_at_all) == 3 * restarts + 4
    assert result(extracts) == whole
    assert extracts.landed().commit.progress.restarts == restarts
    assert extracts.landed().commit.links == 1 + 3, "the empty one, and one for each page but the last"
    expected = [(restart, number) for restart in range(restarts + 1) for number in range(3 if restart else 2)]
    last = (restarts, 3)
    assert [parse_link(file) for file in links(extracts)] == [*expected, last]


# --- pages that come twice ---


def test_a_circle_of_pages_is_refused_in_the_end(extracts: Extracts, source: ScriptedSource) -> None:
    source.says("/items", page(item(1), following="/items/1"))
    source.says("/items/1", page(item(2), following="/items/2"))
    source.says("/items/2", page(item(3), following="/items/1"))
    assert [extracts.extract().status for _ in range(3)] == ["more"] * 3
    message = fails(extracts, RefusedError)
    assert (
        f"{source.url}/items/1: the endpoint names this page a second time: it answers in a circle" in message
    )
    assert "begun anew 3 times" in message


def test_a_circle_is_seen_across_calls(extracts: Extracts, source: ScriptedSource) -> None:
    source.says("/items", page(item(1), following="/items/1"))
    source.says("/items/1", page(item(2), following="/items/1"))
    assert [extracts.extract(no_time_at_all).status for _ in range(9 + 2)] == ["more"] * 11
    assert "answers in a circle" in fails(extracts, RefusedError)
    assert len(source.targets("/items/1")) == 4, "once in each of four chains"


def test_a_page_that_came_once_in_the_place_of_another_is_read_anew(
    extracts: Extracts, source: ScriptedSource
) -> None:
    """A cache answers the second page's URL with the first page: its link leads to the second page again."""
    serve_pages(source, 3)
    whole = uninterrupted(extracts, 3)
    refuse_once(source, source.script["/items"][0])
    assert extracts.extract().status == "more"
    assert extracts.extract().status == "done"
    assert result(extracts) == whole


# --- what is no reason to begin anew ---


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (Say(b"down", 503), SourceError, "gave up after 2 tries"),
        (Say(hang_up=True), SourceError, "gave up after 2 tries"),
        (Say(WHOLE_PAGE, promised=9999), SourceError, "IncompleteRead"),
        (Say(status=302, headers={"Location": "https://elsewhere.example/"}), SourceError, "origin"),
        (Say(page(*(item(n, id="x") for n in range(4)))), RowError, "4 rows were rejected"),
    ],
)
def test_a_later_page_that_fails_otherwise_fails_the_window_and_keeps_its_place(
    extracts: Extracts,
    source: ScriptedSource,
    monkeypatch: pytest.MonkeyPatch,
    answer: Say,
    kind: type[XmliftError],
    words: str,
) -> None:
    monkeypatch.setattr("xmlift.source.session.random.uniform", lambda low, high: 0)
    monkeypatch.setattr(extraction, "CHECKPOINT_PAGES", 1)
    serve_pages(source, 3)
    good = source.script[SECOND]
    refuse(source, answer)
    message = fails(extracts, kind)
    assert words in message
    assert "anew" not in message
    assert links(extracts) == ["chain-000-00000.json"]
    source.script[SECOND] = good
    assert extracts.extract() == ExtractAnswer(status="done", pages=3, records=6)
    assert len(source.targets("/items")) == 1, "the first page is not read again"


def test_a_page_that_is_too_slow_for_a_call_is_none(extracts: Extracts, source: ScriptedSource) -> None:
    serve_pages(source, 2)
    extracts.extract(no_time_at_all)
    with pytest.raises(OutOfTimeError):
        extracts.extract(lambda: 20.0)
    assert links(extracts) == ["chain-000-00000.json"]


# --- twins ---


def test_of_two_calls_that_begin_anew_one_does(
    extracts: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_pages(source, 3)
    whole = uninterrupted(extracts, 3)
    source.script[SECOND] = [Say(OSLC_ERROR)] * 2 + source.script[SECOND]
    with monkeypatch.context() as patch:
        twin = twin_before(patch, extracts, lambda file: file == ANEW, all_the_time)
        assert extracts.extract().status == "more"
    assert twin[0].status == "more"
    assert links(extracts) == [ANEW], "and not a second one behind it"
    assert all_calls(extracts) == 1
    assert result(extracts) == whole
    assert extracts.landed().commit.progress.restarts == 1


def run_beside(
    monkeypatch: pytest.MonkeyPatch, extracts: Extracts, name: Callable[[str], Any], work: Callable[[], Any]
) -> None:
    """Do some work the instant before a call writes an object of that name, once."""
    put_object = extracts.zone._s3.put_object
    done: list[bool] = []

    def beside(**request: Any) -> Any:
        if name(request["Key"].rpartition("/")[2]) and not done:
            done.append(True)
            work()
        return put_object(**request)

    monkeypatch.setattr(extracts.zone._s3, "put_object", beside)


def test_who_comes_late_to_a_restart_changes_nothing_of_the_window_that_landed(
    extracts: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_pages(source, 3)
    whole = uninterrupted(extracts, 3)
    source.script[SECOND] = [Say(OSLC_ERROR)] * 2 + source.script[SECOND]
    with monkeypatch.context() as patch:
        run_beside(patch, extracts, lambda file: file == ANEW, lambda: all_calls(extracts))
        assert extracts.extract().status == "more"
    landed, files = extracts.landed(), extracts.files()
    assert extracts.extract() == ExtractAnswer(status="done", pages=0, records=0)
    assert (extracts.landed(), extracts.files()) == (landed, files)
    assert result(extracts) == whole


@pytest.mark.parametrize("name", [parse_part, parse_link, lambda file: file == COMMIT])
def test_who_goes_on_with_a_chain_that_was_left_harms_nobody(
    extracts: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch, name: Callable[[str], Any]
) -> None:
    """A twin is refused a page and begins anew, which this call, of before, never learns."""
    serve_pages(source, 4)
    whole = uninterrupted(extracts, 4)
    monkeypatch.setattr(extraction, "CHECKPOINT_PAGES", 2)

    def twin() -> None:
        good = source.script["/items/3"]
        refuse(source, Say(OSLC_ERROR), "/items/3")
        assert extracts.extract().status == "more"
        source.script["/items/3"] = good

    with monkeypatch.context() as patch:
        run_beside(patch, extracts, name, twin)
        extracts.extract()
    all_calls(extracts)
    assert ANEW in links(extracts)
    assert result(extracts) == whole
    attempts = {part.attempt for part in extracts.landed().commit.parts}
    assert len(attempts) == 1, "the parts of one chain, whichever"


def test_a_call_that_fails_after_its_twin_has_landed_the_window_did_not_fail(
    extracts: Extracts, source: ScriptedSource
) -> None:
    serve_pages(source, 2)
    bad = Say(page(*(item(n, id="x") for n in range(4))), meanwhile=lambda: all_calls(extracts))
    refuse_once(source, bad)
    assert extracts.extract() == ExtractAnswer(status="done", pages=0, records=0)
    assert not list(extracts.zone.keys("runs/")), "no failure is noted"
