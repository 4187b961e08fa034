"""extract: many calls, dead calls and calls beside it make of a window what one call would."""

from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from xmlift.errors import LandingError
from xmlift.extraction import extract as extraction
from xmlift.extraction.extract import ExtractAnswer
from xmlift.landing.names import COMMIT, parse_link, parse_part
from xmlift.source.answer import Answer
from xmlift.source.refusals import LongPauseError, OutOfTimeError
from xmlift.source.session import Session

from .extracting import (
    Extracts,
    Killed,
    all_the_time,
    fails,
    kill_before,
    no_time_at_all,
    result,
    serve_pages,
    twin_before,
    uninterrupted,
)
from .scripted_source import Say, ScriptedSource


def test_a_pause_that_outlasts_a_call_is_not_left_to_the_next_one(
    extracts: Extracts, source: ScriptedSource
) -> None:
    """Which would ask at once: the window fails, and a redrive goes on with that page."""
    serve_pages(source, 3)
    source.script["/items/1"].insert(0, Say(b"busy", 503, {"Retry-After": "3600"}))
    message = fails(extracts, LongPauseError)
    assert "page 2: http://127.0.0.1" in message
    assert "a pause of 3600 s" in message
    assert source.targets("/items/1") == ["/items/1?id=_x%2By"]
    assert extracts.extract() == ExtractAnswer(status="done", pages=3, records=6)
    assert len(source.targets("/items")) == 1


def test_a_page_that_does_not_fit_what_is_left_of_a_call_is_the_next_calls(
    extracts: Extracts, source: ScriptedSource
) -> None:
    """The time is up in the second one: the call lands what it has, and the next has all of its own."""
    serve_pages(source, 3)
    whole = uninterrupted(extracts, 3)
    source.asked.clear()

    def until_the_second_page() -> float:
        return 900.0 if not source.targets("/items/1") else 30.0

    assert extracts.extract(until_the_second_page) == ExtractAnswer(status="more", pages=1, records=2)
    assert extracts.extract().status == "done"
    assert len(source.targets("/items")) == 1, "the first page is not read again"
    assert result(extracts) == whole


def test_a_page_that_does_not_fit_a_whole_call_is_told(extracts: Extracts, source: ScriptedSource) -> None:
    serve_pages(source, 1)

    def until_it_is_asked_for() -> float:
        return 30.0 if source.asked else 900.0

    with pytest.raises(OutOfTimeError, match=r"within the function's time.*smaller pages"):
        extracts.extract(until_it_is_asked_for)
    assert "within the function's time" in extracts.failure()["message"]


def test_the_bodies_of_pages_are_let_go(
    extracts: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies: list[Any] = []
    fetch = Session.fetch

    def kept(session: Session, url: str) -> Answer:
        answer = fetch(session, url)
        bodies.append(answer.body)
        return answer

    monkeypatch.setattr(Session, "fetch", kept)
    serve_pages(source, 2)
    extracts.extract()
    assert [body.closed for body in bodies] == [True, True]


def test_without_time_a_call_stops_after_a_page_and_the_next_goes_on(
    extracts: Extracts, source: ScriptedSource
) -> None:
    serve_pages(source, 4)
    answers = [extracts.extract(no_time_at_all) for _ in range(4)]
    assert [answer.status for answer in answers] == ["more", "more", "more", "done"]
    assert [answer.pages for answer in answers] == [1, 2, 3, 4], "each call reads a page, or none ever ends"
    assert len(source.asked) == 4, "no page is read twice"


@pytest.mark.parametrize("every", [1, 2, 3])
def test_checkpoints_do_not_change_the_result(
    extracts: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    serve_pages(source, 7)
    whole = uninterrupted(extracts, 7)
    monkeypatch.setattr(extraction, "CHECKPOINT_PAGES", every)
    extracts.extract()
    assert extracts.landed().commit.links == 6 // every
    assert result(extracts) == whole


def test_neither_do_continuations(extracts: Extracts, source: ScriptedSource) -> None:
    serve_pages(source, 5)
    whole = uninterrupted(extracts, 5)
    while extracts.extract(no_time_at_all).status == "more":
        pass
    assert result(extracts) == whole


def test_a_call_that_goes_on_sets_checkpoints_as_the_first_one_does(
    extracts: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_pages(source, 9)
    extracts.extract(no_time_at_all)
    monkeypatch.setattr(extraction, "CHECKPOINT_PAGES", 2)
    extracts.extract()
    assert extracts.landed().commit.links == 1 + 3, "after pages 1, 3, 5, 7; the ninth is the commit's"


def test_many_bytes_are_a_checkpoint_too(
    extracts: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_pages(source, 3)
    monkeypatch.setattr(extraction, "CHECKPOINT_BYTES", 0)
    extracts.extract()
    assert extracts.landed().commit.links == 2


@pytest.mark.parametrize("write", range(1, 10))
def test_a_kill_before_any_write_changes_nothing(
    extracts: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch, write: int
) -> None:
    """Two parts and a link for each of two pages, then two parts and the commit."""
    serve_pages(source, 3)
    whole = uninterrupted(extracts, 3)
    monkeypatch.setattr(extraction, "CHECKPOINT_PAGES", 1)
    with monkeypatch.context() as patch:
        kill_before(patch, extracts.zone, write)
        with pytest.raises(Killed):
            extracts.extract()
    assert COMMIT not in extracts.files()
    extracts.extract()
    assert result(extracts) == whole
    named = {str(part.name) for part in extracts.landed().commit.parts}
    parts = {file for file in extracts.files() if parse_part(file)}
    assert named <= parts, "what the dead call wrote and no link named is never named"


def test_a_kill_between_part_and_link_leaves_garbage_that_nothing_names(
    extracts: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_pages(source, 2)
    with monkeypatch.context() as patch:
        kill_before(patch, extracts.zone, 3)
        with pytest.raises(Killed):
            extracts.extract()
    garbage = set(extracts.files())
    assert len(garbage) == 2
    extracts.extract()
    assert not garbage & {str(part.name) for part in extracts.landed().commit.parts}


def test_a_twin_that_commits_first_wins(
    extracts: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_pages(source, 2)
    whole = uninterrupted(extracts, 2)
    twin = twin_before(monkeypatch, extracts, lambda file: file == COMMIT, all_the_time)
    assert extracts.extract().status == "done"
    assert twin[0].status == "done"
    assert result(extracts) == whole
    assert len({part.attempt for part in extracts.landed().commit.parts}) == 1


@pytest.mark.parametrize("time_left", [all_the_time, no_time_at_all])
def test_a_twin_that_writes_the_link_first_wins(
    extracts: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch, time_left: Any
) -> None:
    serve_pages(source, 5)
    whole = uninterrupted(extracts, 5)
    monkeypatch.setattr(extraction, "CHECKPOINT_PAGES", 2)
    twin = twin_before(monkeypatch, extracts, parse_link, time_left)
    assert extracts.extract().status == "more", "whoever lost starts from what stands"
    assert twin
    while extracts.extract().status == "more":
        pass
    assert result(extracts) == whole


def test_a_link_whose_answer_was_lost_is_ones_own(
    extracts: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_pages(source, 3)
    whole = uninterrupted(extracts, 3)
    monkeypatch.setattr(extraction, "CHECKPOINT_PAGES", 1)
    put_object = extracts.zone._s3.put_object
    lost: set[str] = set()

    def losing(**request: Any) -> Any:
        answer = put_object(**request)
        if "IfNoneMatch" in request and request["Key"] not in lost:
            lost.add(request["Key"])
            raise ReadTimeoutError(endpoint_url="https://s3")
        return answer

    monkeypatch.setattr(extracts.zone._s3, "put_object", losing)
    assert extracts.extract().status == "done"
    assert len(lost) == 3
    assert result(extracts) == whole
    assert extracts.landed().commit.links == 2


def test_a_chain_that_does_not_fit_together_is_refused(extracts: Extracts, source: ScriptedSource) -> None:
    serve_pages(source, 4)
    for _ in range(2):
        extracts.extract(no_time_at_all)
    folder = extracts.event().window.folder
    extracts.zone.put(f"{folder}chain-000-00000.json", extracts.zone.get(f"{folder}chain-000-00001.json"))
    with pytest.raises(LandingError, match="does not follow the link before it"):
        extracts.extract()
