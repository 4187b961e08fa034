"""Fetching ahead: one request at a time, what was fetched in vain is let go, and waits are cut short."""

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from xmlift.errors import SourceError
from xmlift.source import session as session_module
from xmlift.source.ahead import FetchAhead
from xmlift.source.answer import Answer
from xmlift.source.login import NoLogin
from xmlift.source.refusals import DiskFullError
from xmlift.source.session import Politeness, Session
from xmlift.source.urls import origin
from xmlift.source.walk import PageRequest

from ..scripted_source import Say, ScriptedSource

NOW = datetime(2026, 11, 22, 16, tzinfo=UTC)
PATIENT = Politeness(timeout=20, attempts=4, requests_per_second=1000, page_bytes=100_000_000)


class Scripted:
    """A session that answers each URL with its path, or raises what was written for it, once."""

    def __init__(self, **raised: Exception) -> None:
        self.raised = raised
        self.begun: list[str] = []
        self.bodies: list[Any] = []
        self._asking = threading.Lock()

    def fetch(self, request: PageRequest) -> Answer:
        url = request.url
        assert self._asking.acquire(blocking=False), "one request at a time"
        try:
            self.begun.append(url)
            if error := self.raised.pop(url, None):
                raise error
            self.bodies.append(io.BytesIO(url.encode()))
            return Answer(url, self.bodies[-1], len(url), NOW, NOW, 0)
        finally:
            self._asking.release()

    @contextmanager
    def giving_up(self) -> Iterator[None]:
        yield


def ahead(session: Scripted) -> FetchAhead:
    return FetchAhead(cast(Session, session))


def test_what_was_expected_is_asked_for_once() -> None:
    session = Scripted()
    with ahead(session) as fetching:
        assert fetching.fetch(PageRequest("a")).url == "a"
        fetching.expect(PageRequest("b"))
        assert fetching.fetch(PageRequest("b")).url == "b"
        assert fetching.fetch(PageRequest("c")).url == "c"
    assert session.begun == ["a", "b", "c"]


def test_after_a_wrong_expectation_there_is_no_other() -> None:
    session = Scripted()
    with ahead(session) as fetching:
        fetching.expect(PageRequest("wrong"))
        assert fetching.fetch(PageRequest("a")).url == "a"
        fetching.expect(PageRequest("b"))
        assert session.begun == ["wrong", "a"]
    assert [body.closed for body in session.bodies] == [True, False]


def test_what_is_not_fetched_any_more_is_closed() -> None:
    session = Scripted()
    with ahead(session) as fetching:
        fetching.expect(PageRequest("a"))
    assert [body.closed for body in session.bodies] == [True]


def test_an_error_nobody_asks_for_is_none() -> None:
    with ahead(Scripted(a=SourceError("no"))) as fetching:
        fetching.expect(PageRequest("a"))


def test_an_error_is_raised_where_its_page_is_asked_for() -> None:
    session = Scripted(a=SourceError("no"))
    with ahead(session) as fetching:
        fetching.expect(PageRequest("a"))
        with pytest.raises(SourceError, match="no"):
            fetching.fetch(PageRequest("a"))
    assert session.begun == ["a"]


def test_a_page_without_room_beside_the_one_before_is_fetched_again() -> None:
    session = Scripted(a=DiskFullError("full"))
    with ahead(session) as fetching:
        fetching.expect(PageRequest("a"))
        assert fetching.fetch(PageRequest("a")).url == "a"
    assert session.begun == ["a", "a"]


def session_of(source: ScriptedSource) -> Session:
    return Session(source.url, NoLogin(), PATIENT)


def given_up(source: ScriptedSource, say: Callable[[threading.Event], Say]) -> None:
    """Expect a page, and end the call once it was asked for: the session's next request is as any other."""
    asked = threading.Event()
    source.says("/a", say(asked))
    source.says("/b", b"<b/>")
    session = session_of(source)
    with FetchAhead(session) as fetching:
        fetching.expect(PageRequest(f"{source.url}/a"))
        assert asked.wait(20)
    assert len(source.asked) == 1
    with session.fetch(PageRequest(f"{source.url}/b")).body as body:
        assert body.read() == b"<b/>"


def test_a_pause_ends_with_the_call(source: ScriptedSource) -> None:
    """The test would take a minute otherwise, and ask four times."""
    given_up(source, lambda asked: Say(b"", 503, {"Retry-After": "60"}, meanwhile=asked.set))


def test_a_long_answer_is_not_read_to_its_end(
    source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is given up after its first piece, and the connection with it."""
    read: list[int] = []
    pieces = Session._pieces

    def counted(session: Session, url: str, response: Any) -> Iterator[bytes]:
        for piece in pieces(session, url, response):
            read.append(len(piece))
            yield piece

    monkeypatch.setattr(Session, "_pieces", counted)
    monkeypatch.setitem(session_module._asked_at, origin(source.url), float("-inf"))
    session = session_of(source)
    source.says("/a", b"<a>" + b" " * 10_000_000 + b"</a>")
    with session.giving_up(), pytest.raises(SourceError, match="/a: nobody waits for this page any more"):
        session.fetch(PageRequest(f"{source.url}/a"))
    assert len(read) == 1
