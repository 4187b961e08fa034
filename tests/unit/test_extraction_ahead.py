"""extract: the next page is fetched while one is parsed, and nothing but the time that takes is changed by it."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xmlift.errors import RowError, XmliftError
from xmlift.extraction import extract as extraction
from xmlift.extraction import page_reader
from xmlift.extraction.extract import ExtractAnswer, extract
from xmlift.extraction.window_rows import WindowRows
from xmlift.landing import commits
from xmlift.landing.names import parse_link
from xmlift.landing.zone import Zone
from xmlift.source.ahead import FetchAhead
from xmlift.source.answer import Answer
from xmlift.source.session import Session
from xmlift.source.walk import PageRequest

from .extracting import CATALOGUE, Extracts, all_the_time, fails, item, read_secret, result, serve_pages
from .scripted_source import Say, ScriptedSource, page, scripted_source
from .watched_s3 import Bucket, WatchedS3

HEAD_OR_TAIL = 'page: { type: next_url, xpath: "/workitem/next[last()]" }'
PAGE_ATTRIBUTE = "page: { type: next_url, xpath: /workitem/@href, when: \"/workitem/@rel='next'\" }"
PATIENCE = 20.0


def linked(number: int, head: str = "", tail: str = "") -> bytes:
    """A page of one record, with a link before it, behind it, or both: the last one counts."""
    before, behind = (f"<next>{url}</next>" if url else "" for url in (head, tail))
    record = page(item(number)).partition(b"<workitem>")[2].removesuffix(b"</workitem>").decode()
    return f"<workitem>{before}{record}{behind}</workitem>".encode()


class Fetched:
    """The bodies of all answers, and the moment when the second one is there."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.second = threading.Event()

    def add(self, body: Any) -> None:
        self.bodies.append(body)
        if len(self.bodies) > 1:
            self.second.set()

    @property
    def open(self) -> list[Any]:
        return [body for body in self.bodies if not body.closed]


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> Fetched:
    noted = Fetched()
    fetch = Session.fetch

    def noting(session: Session, request: PageRequest) -> Answer:
        answer = fetch(session, request)
        noted.add(answer.body)
        return answer

    monkeypatch.setattr(Session, "fetch", noting)
    return noted


def parse_after(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen before each batch's rows are taken."""
    add = WindowRows.add

    def later(rows: WindowRows, *batch: Any, **place: Any) -> None:
        happens()
        add(rows, *batch, **place)

    monkeypatch.setattr(WindowRows, "add", later)


@pytest.fixture
def expected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URLs that were asked for ahead."""
    urls: list[str] = []
    monkeypatch.setattr(FetchAhead, "expect", lambda _, request: urls.append(request.url))
    return urls


def paths(source: ScriptedSource) -> list[str]:
    return [asked.target.partition("?")[0] for asked in source.asked]


def fetching_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("fetch-ahead")]


def test_the_next_page_is_asked_for_before_one_is_parsed(
    extracts: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_pages(source, 3)
    happened: list[str] = []
    asked = [threading.Event() for _ in range(3)]

    def tell(number: int) -> None:
        happened.append(f"page {number} asked for")
        asked[number].set()

    for number, path in enumerate(("/items", "/items/1", "/items/2")):
        source.script[path][0].meanwhile = lambda number=number: tell(number)
    parsed = iter(range(3))

    def parse() -> None:
        number = next(parsed)
        assert asked[min(number + 1, 2)].wait(PATIENCE)
        happened.append(f"page {number} parsed")

    parse_after(monkeypatch, parse)
    assert extracts.extract() == ExtractAnswer(status="done", pages=3, records=6)
    assert happened == [
        "page 0 asked for",
        "page 1 asked for",
        "page 0 parsed",
        "page 2 asked for",
        "page 1 parsed",
        "page 2 parsed",
    ]
    assert fetching_threads() == []


@pytest.mark.parametrize(("room", "ahead"), [(-1, []), (0, ["/items/1"])])
def test_beside_a_large_page_no_other_is_held(
    extracts: Extracts,
    source: ScriptedSource,
    monkeypatch: pytest.MonkeyPatch,
    expected: list[str],
    room: int,
    ahead: list[str],
) -> None:
    source.says("/items", page(item(1), following="/items/1"))
    source.says("/items/1", page(item(2)))
    monkeypatch.setattr(page_reader, "AHEAD_BYTES", len(source.script["/items"][0].body) + room)
    assert extracts.extract().pages == 2
    assert expected == [f"{source.url}{path}" for path in ahead]


def test_a_page_that_only_its_end_names_is_asked_for_in_its_turn(
    extracts: Extracts, source: ScriptedSource, expected: list[str]
) -> None:
    extracts.change(PAGE_ATTRIBUTE, HEAD_OR_TAIL)
    source.says("/items", linked(1, tail="/items/1"))
    source.says("/items/1", linked(2))
    assert extracts.extract() == ExtractAnswer(status="done", pages=2, records=2)
    assert (paths(source), expected) == (["/items", "/items/1"], [])


def test_a_head_that_was_wrong_costs_one_request_and_is_believed_no_more(
    extracts: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch, fetched: Fetched
) -> None:
    extracts.change(PAGE_ATTRIBUTE, HEAD_OR_TAIL)
    source.says("/items", linked(1, head="/wrong/1", tail="/items/1"))
    source.says("/items/1", linked(2, head="/wrong/2", tail="/items/2"))
    source.says("/items/2", linked(3))
    source.says("/wrong/1", linked(9, head="/wrong/3"))
    parse_after(monkeypatch, lambda: fetched.second.wait(PATIENCE))
    assert extracts.extract() == ExtractAnswer(status="done", pages=3, records=3)
    assert paths(source) == ["/items", "/wrong/1", "/items/1", "/items/2"]
    assert [row["id"] for row in extracts.rows()] == ["1", "2", "3"]
    assert (len(fetched.bodies), fetched.open) == (4, [])


def test_a_page_after_what_turns_out_to_be_the_last_one_is_dropped(
    extracts: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch, fetched: Fetched
) -> None:
    extracts.change("/workitem/@rel='next'", "not(/workitem/last)")
    source.says("/items", page(item(1), following="/items/1").replace(b"</workitem>", b"<last/></workitem>"))
    source.says("/items/1", page(item(2)))
    parse_after(monkeypatch, lambda: fetched.second.wait(PATIENCE))
    assert extracts.extract() == ExtractAnswer(status="done", pages=1, records=1)
    assert paths(source) == ["/items", "/items/1"]
    assert (len(fetched.bodies), fetched.open) == (2, [])
    assert fetching_threads() == []


def test_a_page_that_names_itself_is_not_asked_for_again(extracts: Extracts, source: ScriptedSource) -> None:
    source.says("/items", page(item(1), following="/items/1"))
    source.says("/items/1", page(item(2), following="/items/1"))
    assert extracts.extract().status == "more"
    assert paths(source) == ["/items", "/items/1"]


def test_a_call_that_fails_leaves_neither_thread_nor_body(
    extracts: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch, fetched: Fetched
) -> None:
    source.says("/items", page(*(item(n, id="x") for n in range(4)), following="/items/1"))
    source.says("/items/1", page(item(5)))
    parse_after(monkeypatch, lambda: fetched.second.wait(PATIENCE))
    assert "4 rows were rejected" in fails(extracts, RowError)
    assert paths(source) == ["/items", "/items/1"]
    assert (len(fetched.bodies), fetched.open) == (2, [])
    assert fetching_threads() == []


def test_what_an_early_request_fails_with_is_told_in_its_turn(
    extracts: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page before it has landed, and the window begins anew as if it had been asked for later."""
    monkeypatch.setattr(extraction, "CHECKPOINT_PAGES", 1)
    asked = threading.Event()
    source.says("/items", page(item(1), following="/items/1"))
    source.says("/items/1", Say(b"no", 403, meanwhile=asked.set), page(item(2)))
    parse_after(monkeypatch, lambda: asked.wait(PATIENCE))
    assert extracts.extract().status == "more"
    assert [file for file in extracts.files() if parse_link(file)] == [
        "chain-000-00000.json",
        "chain-001-00000.json",
    ]
    assert extracts.extract() == ExtractAnswer(status="done", pages=2, records=2)


def test_the_tries_of_an_early_request_are_counted(extracts: Extracts, source: ScriptedSource) -> None:
    serve_pages(source, 2)
    source.script["/items/1"].insert(0, Say(b"busy", 503, {"Retry-After": "0"}))
    extracts.extract()
    assert extracts.landed().commit.progress.retries == 1


# --- with and without ---

Page = Callable[[int, str], list[Say]]
KINDS: dict[str, Page] = {
    "head": lambda n, url: [Say(linked(n, head=url))],
    "tail": lambda n, url: [Say(linked(n, tail=url))],
    "both": lambda n, url: [Say(linked(n, head=url, tail=url))],
    "wrong head": lambda n, url: [Say(linked(n, head="/elsewhere", tail=url))],
    "wrong end": lambda n, url: [Say(linked(n, head="/elsewhere"))],
    "compressed": lambda n, url: [Say(linked(n, head=url), gzip=True)],
    "no record": lambda n, url: [Say(f"<workitem><next>{url}</next></workitem>".encode())],
    "busy": lambda n, url: [Say(b"busy", 503, {"Retry-After": "0"}), Say(linked(n, head=url))],
    "refused": lambda n, url: [Say(b"no", 403)],
    "moved": lambda n, url: [Say(status=302, headers={"Location": "https://elsewhere.example/"})],
    "cut short": lambda n, url: [Say(linked(n, head=url)[:-4])],
    "the same": lambda n, url: [Say(linked(n, head="/items"))],
    "itself": lambda n, url: [Say(linked(n, head=f"/items/{n}"))],
    "foreign": lambda n, url: [Say(linked(n, head="https://elsewhere.example/"))],
    "no URL": lambda n, url: [Say(linked(n, head="https://host:port/"))],
    "not typed": lambda n, url: [Say(linked(n, head=url).replace(b"2026-01-01T", b"on "))],
}


def read_chain(source: ScriptedSource, kinds: list[str]) -> tuple[Any, ...]:
    """What calls make of a chain of pages until it ends: answers, links, rows; and how many calls there were."""
    source.asked.clear()
    for number, kind in enumerate(kinds):
        following = f"/items/{number + 1}" if number + 1 < len(kinds) else ""
        source.says(f"/items/{number}" if number else "/items", *KINDS[kind](number, following))
    source.says("/elsewhere", linked(99))
    text = CATALOGUE.replace(PAGE_ATTRIBUTE, HEAD_OR_TAIL).replace("max_rejects: 3", "max_rejects: 1")
    extracts = Extracts(Zone(WatchedS3(Bucket()), "landing"), source.url, text)
    ends: list[object] = []
    while not ends or ends[-1] == "more":
        try:
            ends.append(extract(extracts.event(), extracts.zone, read_secret, all_the_time).status)
        except XmliftError as error:
            ends.append((type(error).__name__, str(error)))
    keys = [f"{extracts.event().window.folder}{file}" for file in extracts.files() if parse_link(file)]
    links = [commits.decode_link(extracts.zone.get(key), key) for key in keys]
    told = [
        (link.next_url, link.page_hashes, link.progress.pages, link.progress.tables, len(link.parts))
        for link in links
    ]
    return ends, told, result(extracts) if ends[-1] == "done" else None


@given(kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4))
@settings(deadline=None, max_examples=25)
def test_a_window_is_the_same_with_and_without(kinds: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch, scripted_source() as source:
        patch.setattr(extraction, "CHECKPOINT_PAGES", 1)
        ahead = read_chain(source, kinds)
        asked_ahead = len(source.asked)
        patch.setattr(page_reader, "AHEAD_BYTES", -1)
        assert read_chain(source, kinds) == ahead
        assert 0 <= asked_ahead - len(source.asked) <= len(ahead[0]), "one request in vain for a call at most"
        assert fetching_threads() == []
