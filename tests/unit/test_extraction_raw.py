"""keep_raw: answers are kept as they came, and read once more without asking the endpoint."""

import gzip
from datetime import datetime
from typing import Any

import msgspec
import pytest

from xmlift.errors import LandingError, RecordError
from xmlift.extraction.extract import extract
from xmlift.landing import names
from xmlift.landing.names import COMMIT

from .extracting import (
    RUN,
    Extracts,
    Killed,
    all_the_time,
    item,
    kill_before,
    no_time_at_all,
    read_secret,
    serve_pages,
    without_attempt,
)
from .scripted_source import Say, ScriptedSource, page
from .test_extraction_second_feed import FEED as SECOND_FEED
from .test_extraction_second_feed import gone

AGAIN = "20261123T160000000000Z-again"


@pytest.fixture
def keeps(extracts: Extracts) -> Extracts:
    extracts.change("    max_rejects: 3", "    max_rejects: 3\n    keep_raw: 30d")
    return extracts


def raw_bodies(extracts: Extracts, run: str = RUN) -> list[bytes]:
    """What the commit's answers hold, in their order."""
    landed = extracts.landed(run)
    keys = [f"{landed.window.raw_folder}{kept.name}" for kept in landed.commit.raw]
    return [gzip.decompress(extracts.zone.get(key)) for key in keys]


def served(source: ScriptedSource) -> list[bytes]:
    """What it answers at each path in the end."""
    return [said[-1].body for said in source.script.values()]


def reparse(extracts: Extracts, time_left: Any = all_the_time, run: str = AGAIN) -> Any:
    event = msgspec.structs.replace(extracts.event(run=run), raw_run=RUN)
    return extract(event, extracts.zone, read_secret, time_left)


def test_without_keep_raw_nothing_is_kept(extracts: Extracts, source: ScriptedSource) -> None:
    serve_pages(source, 2)
    extracts.extract()
    assert list(extracts.zone.keys("raw/")) == []
    assert extracts.landed().commit.raw == []


def test_answers_are_kept_as_they_came(keeps: Extracts, source: ScriptedSource) -> None:
    serve_pages(source, 3, gzip=True)
    keeps.extract()
    assert raw_bodies(keeps) == served(source)
    landed = keeps.landed()
    keys = list(keeps.zone.keys("raw/"))
    assert [names.parse_raw(key) for key in keys] == [
        (landed.window, kept.name) for kept in landed.commit.raw
    ]
    assert [kept.page for kept in landed.commit.raw] == [1, 2, 3]
    assert [kept.url.removeprefix(source.url) for kept in landed.commit.raw] == [
        "/items?q=modified>2025-12-31T23:59:59.999%2B0000 and modified<2026-01-02T00:00:00.000%2B0000&token=***",
        "/items/1?id=***",
        "/items/2?id=***",
    ]
    read_at = {row["_page"]: row["_read_at"] for row in keeps.rows()}
    assert [datetime.fromisoformat(read_at[str(kept.page)]) for kept in landed.commit.raw] == [
        kept.read_at for kept in landed.commit.raw
    ]


def test_calls_that_go_on_from_each_other_keep_each_answer_once(
    keeps: Extracts, source: ScriptedSource
) -> None:
    serve_pages(source, 3)
    while keeps.extract(no_time_at_all).status == "more":
        pass
    assert raw_bodies(keeps) == served(source)
    assert len({kept.attempt for kept in keeps.landed().commit.raw}) > 1


@pytest.mark.parametrize("write", range(1, 12))
def test_a_call_that_dies_at_any_write_leaves_nothing_that_counts(
    keeps: Extracts, source: ScriptedSource, write: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_pages(source, 3)
    with monkeypatch.context() as patched:
        kill_before(patched, keeps.zone, write)
        try:
            while keeps.extract(no_time_at_all).status == "more":
                pass
        except Killed:
            assert COMMIT not in keeps.files()
    while keeps.extract(no_time_at_all).status == "more":
        pass
    assert raw_bodies(keeps) == served(source)
    assert len(keeps.rows()) == 6


def test_answers_of_a_window_that_began_anew_are_those_of_its_last_restart(
    keeps: Extracts, source: ScriptedSource
) -> None:
    serve_pages(source, 2)
    source.says("/items/1", Say(b"expired", 410), *source.script["/items/1"])
    assert keeps.extract().status == "more"
    assert keeps.extract().status == "done"
    assert raw_bodies(keeps) == served(source)
    assert len(list(keeps.zone.keys("raw/"))) == 3, "the first one of the first restart counts no more"


def test_a_changed_mapping_reads_kept_answers_and_asks_nobody(
    keeps: Extracts, source: ScriptedSource
) -> None:
    serve_pages(source, 3)
    keeps.extract()
    keeps.change("title: { path: title, type: varchar(10) }", "heading: { path: title, type: varchar(20) }")
    fresh = "20261122T170000000000Z-fresh"
    keeps.extract(run=fresh)
    asked = len(source.asked)
    assert reparse(keeps).status == "done"
    assert len(source.asked) == asked

    first, again = keeps.landed(), keeps.landed(AGAIN)
    assert again.commit.as_of == first.commit.as_of
    assert again.commit.raw == [], "kept once is enough"
    assert again.commit.ended_by == first.commit.ended_by
    assert again.commit.progress.bytes == first.commit.progress.bytes

    def content(run: str) -> Any:
        rows = without_attempt(keeps.rows(landed=keeps.landed(run)))
        return [{k: v for k, v in row.items() if k not in ("_run", "_parsed_at")} for row in rows]

    assert content(AGAIN) == content(fresh)
    read_at = [row["_read_at"] for row in keeps.rows(landed=first)]
    assert [row["_read_at"] for row in keeps.rows(landed=again)] == read_at, "by which newer readings win"
    assert {row["_parsed_at"] for row in keeps.rows(landed=again)} == {"2026-11-23 16:00:00.000000+00:00"}


def test_a_reparse_goes_on_where_its_call_before_stopped(keeps: Extracts, source: ScriptedSource) -> None:
    serve_pages(source, 3)
    keeps.extract()
    assert reparse(keeps, no_time_at_all).status == "more"
    while reparse(keeps, no_time_at_all).status == "more":
        pass
    first, again = keeps.landed(), keeps.landed(AGAIN)
    assert len(keeps.rows(landed=again)) == 6
    assert again.commit.as_of == first.commit.as_of


def test_a_page_that_the_new_mapping_cannot_read_fails_at_once(
    keeps: Extracts, source: ScriptedSource
) -> None:
    serve_pages(source, 2)
    keeps.extract()
    folder = keeps.landed().window.raw_folder
    keeps.change("records: /workitem/workItem", "records: /other/workItem")
    with pytest.raises(RecordError, match=f"page 1, s3://landing/{folder}.*"):
        reparse(keeps)


def test_a_window_without_kept_answers_says_so(extracts: Extracts, source: ScriptedSource) -> None:
    serve_pages(source, 2)
    extracts.extract()
    with pytest.raises(LandingError, match=r"of the 2 answers that .* was made of 0 are kept: read it from"):
        reparse(extracts)


def test_an_answer_that_is_gone_fails_the_window(keeps: Extracts, source: ScriptedSource, s3: Any) -> None:
    source.says("/items", page(item(1)))
    keeps.extract()
    (key,) = keeps.zone.keys("raw/")
    s3.delete_object(Bucket="landing", Key=key)
    with pytest.raises(LandingError, match="is gone: it is older than the stream's `keep_raw`"):
        reparse(keeps)
    assert list(keeps.zone.keys(f"landing/tracker/items/{AGAIN}/")) == []


def test_a_second_feed_is_kept_and_read_again_as_what_it_is(keeps: Extracts, source: ScriptedSource) -> None:
    keeps.change("    key: [id]", SECOND_FEED)
    source.says("/items", page(item(1), following="/items/2"))
    source.says("/items/2", page(item(2)))
    source.says("/deleted", gone(3))
    keeps.extract()
    assert [kept.gone for kept in keeps.landed().commit.raw] == [False, False, True]
    assert reparse(keeps, no_time_at_all).status == "more"
    while reparse(keeps, no_time_at_all).status == "more":
        pass
    again = [(row["id"], row["_deleted"], row["_page"]) for row in keeps.rows(landed=keeps.landed(AGAIN))]
    assert again == [("1", "false", "1"), ("2", "false", "2"), ("3", "true", "3")]


def test_an_answer_that_says_that_there_is_none_ends_no_kept_pages(
    keeps: Extracts, source: ScriptedSource
) -> None:
    keeps.change("    key: [id]", f"    guards: {{ empty: /none }}\n{SECOND_FEED}")
    source.says("/items", b"<none/>")
    source.says("/deleted", gone(3))
    keeps.extract()
    assert reparse(keeps).status == "done"
    assert [row["id"] for row in keeps.rows(landed=keeps.landed(AGAIN))] == ["3"]


def test_what_is_kept_stays_of_the_epoch_that_it_was_read_for(
    keeps: Extracts, source: ScriptedSource
) -> None:
    """A raised epoch wants all of it asked for anew: what was asked for before may lack what is new in it."""
    serve_pages(source, 1)
    keeps.extract()
    event = msgspec.structs.replace(keeps.event(run=AGAIN), raw_run=RUN, epoch=1)
    extract(event, keeps.zone, read_secret, all_the_time)
    assert keeps.landed(AGAIN).commit.scope.epoch == 0
