"""extract: a window from the endpoint to S3, once, whatever dies, repeats or runs beside it."""

import csv
import gzip
import io
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ReadTimeoutError

from xmlift import extraction
from xmlift.errors import CatalogueError, LandingError, RecordError, RowError, SourceError, XmliftError
from xmlift.extraction import ExtractAnswer, ExtractEvent, extract
from xmlift.landing.chain import Landed
from xmlift.landing.landed import landed_windows
from xmlift.landing.names import COMMIT, parse_link, parse_part
from xmlift.landing.zone import Zone
from xmlift.source.session import Answer, OutOfTimeError, Session

from .endpoint_process import EwmEndpoint
from .scripted_source import Say, ScriptedSource, page, scripted_source

RUN = "20261122T160000000000Z-x"
FROM, TO = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
SECRETS = {"ewm": {"username": "etl", "password": "etl-password"}}

CATALOGUE = """
source: tracker
base_url: https://example.com
limits: { requests_per_second: 1000, attempts: 2, timeout_seconds: 2 }
streams:
  items:
    request:
      path: /items
      query: { q: "modified>{window.from} and modified<{window.to}", token: sesame }
    page: { type: next_url, xpath: /workitem/@href, when: "/workitem/@rel='next'" }
    records: /workitem/workItem
    cursor: { type: watermark, field: modified, resolution: 1ms, start: "2026-01-01T00:00:00Z", slice: 1d }
    key: [id]
    max_rejects: 3
    columns:
      id: { path: id, type: bigint }
      modified: { path: modified, type: timestamptz }
      title: { path: title, type: varchar(10) }
    children:
      notes:
        records: note
        columns: { text: { path: ".", type: varchar(20) } }
"""


def no_time_at_all() -> float:
    """Enough for one request, not for another page."""
    return 40.0


def all_the_time() -> float:
    return 900.0


def read_secret(name: str) -> dict[str, str]:
    if name not in SECRETS:
        raise SourceError(f"the secret xmlift/test/{name} cannot be read (ResourceNotFoundException)")
    return SECRETS[name]


class Extracts:
    """One source, its catalogue in the bucket, and windows read from it."""

    def __init__(self, zone: Zone, base_url: str, text: str) -> None:
        self.zone = zone
        self.base_url = base_url
        self.key = "catalogue/tracker/x.yaml"
        self.text = text
        zone.put(self.key, text.encode())

    def change(self, old: str, new: str) -> None:
        assert old in self.text
        self.text = self.text.replace(old, new)
        self.zone.put(self.key, self.text.encode())

    def event(
        self, run: str = RUN, start: datetime = FROM, end: datetime = TO, stream: str = "items"
    ) -> ExtractEvent:
        return ExtractEvent(
            source="tracker", catalogue=self.key, run=run, stream=stream, partition="-", epoch=0,
            start=start, end=end, base_url=self.base_url,
        )  # fmt: skip

    def extract(self, time_left: Callable[[], float] = all_the_time, **options: Any) -> ExtractAnswer:
        return extract(self.event(**options), self.zone, read_secret, time_left)

    def landed(self, run: str = RUN) -> Landed:
        (landed,) = landed_windows(self.zone, f"landing/tracker/items/{run}/")
        return landed

    def files(self) -> list[str]:
        folder = self.event().window.folder
        return [key.removeprefix(folder) for key in self.zone.keys(folder)]

    def rows(self, table: str = "items", landed: Landed | None = None) -> list[dict[str, str]]:
        """What the commit's parts hold, and nothing that it does not name."""
        landed = landed or self.landed()
        found = []
        for part in landed.commit.parts_of(table):
            body = self.zone.get(f"{landed.window.folder}{part.name}")
            rows = list(csv.reader(io.StringIO(gzip.decompress(body).decode())))
            assert (len(rows), len(body)) == (part.rows, part.bytes)
            found += [dict(zip(landed.commit.columns[part.schema], row, strict=True)) for row in rows]
        return found

    def rejects(self) -> list[list[str]]:
        landed = self.landed()
        (part,) = landed.commit.parts_of("_rejects")
        body = self.zone.get(f"{landed.window.folder}{part.name}")
        return list(csv.reader(io.StringIO(gzip.decompress(body).decode())))

    def failure(self) -> dict[str, str]:
        (key,) = self.zone.keys(f"runs/tracker/{RUN}/failures/")
        return msgspec.json.decode(self.zone.get(key))


@pytest.fixture
def source() -> Iterator[ScriptedSource]:
    with scripted_source() as running:
        yield running


@pytest.fixture
def extracts(zone: Zone, source: ScriptedSource) -> Extracts:
    return Extracts(zone, source.url, CATALOGUE)


def item(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "modified": f"2026-01-01T00:00:{number % 60:02d}.000+0000",
        "title": f"t{number}",
    } | fields


def serve_pages(source: ScriptedSource, count: int, **options: Any) -> None:
    """So many pages of two records each at /items, the next ones by a server's token."""
    for number in range(count):
        path = "/items" if number == 0 else f"/items/{number}"
        following = f"/items/{number + 1}?id=_x%2By" if number + 1 < count else ""
        records = [item(2 * number, note=["a", "b"]), item(2 * number + 1)]
        source.says(path, Say(page(*records, following=following), **options))


def without_attempt(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{k: v for k, v in row.items() if k not in ("_part", "_read_at")} for row in rows]


def test_a_window_lands_with_its_rows_its_counts_and_its_clocks(
    extracts: Extracts, source: ScriptedSource
) -> None:
    serve_pages(source, 3, headers={"Date": "Sun, 22 Nov 2026 15:00:00 GMT"})
    assert extracts.extract() == ExtractAnswer(status="done", pages=3, records=6)
    commit = extracts.landed().commit
    assert [row["id"] for row in extracts.rows()] == ["0", "1", "2", "3", "4", "5"]
    assert [(row["_parent_id"], row["_position"], row["text"]) for row in extracts.rows("items__notes")] == [
        (parent, position, text) for parent in "024" for position, text in (("1", "a"), ("2", "b"))
    ]
    served = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
    assert served - timedelta(seconds=5) < commit.as_of < served, "the server's clock, not ours"
    assert commit.ended_by == "not true of the last page: /workitem/@rel='next'"
    assert (commit.start, commit.end, commit.run) == (FROM, TO, RUN)
    assert commit.parsed_at == datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
    counts = commit.progress.tables
    assert all(table.adds_up for table in counts.values())
    assert (counts["items"].read, counts["items"].written) == (6, 6)
    assert (counts["items__notes"].read, counts["items__notes"].written) == (6, 6)
    assert commit.progress.pages == 3
    assert commit.progress.bytes == sum(len(source.script[path][0].body) for path in source.script)
    assert commit.progress.seen_columns == {"items": ["id", "modified", "title"], "items__notes": ["text"]}


def test_every_row_knows_where_it_was_read(extracts: Extracts, source: ScriptedSource) -> None:
    serve_pages(source, 2)
    extracts.extract()
    landed = extracts.landed()
    origins = {part.name.origin for part in landed.commit.parts_of("items")}
    for number, row in enumerate(extracts.rows()):
        assert (row["_run"], row["_window"], row["_partition"]) == (RUN, str(landed.window.interval), "-")
        assert (row["_page"], row["_row"]) == (str(number // 2 + 1), str(number % 2 + 1))
        assert row["_part"] in origins


def test_the_request_asks_for_more_than_the_window_and_never_with_a_bare_plus(
    extracts: Extracts, source: ScriptedSource
) -> None:
    serve_pages(source, 2)
    extracts.extract()
    first, second = (asked.target for asked in source.asked)
    assert first == (
        "/items?q=modified%3E2025-12-31T23%3A59%3A59.999%2B0000%20and%20modified%3C2026-01-02T00%3A00%3A00.000%2B0000"
        "&token=sesame"
    )
    assert second == "/items/1?id=_x%2By", "the server's own link, as it wrote it"


def test_without_a_servers_clock_ours_counts_less_the_allowed_skew(
    extracts: Extracts, source: ScriptedSource
) -> None:
    serve_pages(source, 1)
    before = datetime.now(UTC)
    extracts.extract()
    as_of = extracts.landed().commit.as_of
    assert before <= as_of + extraction.MAX_SKEW <= datetime.now(UTC)


def test_a_landed_window_is_not_read_again(extracts: Extracts, source: ScriptedSource) -> None:
    serve_pages(source, 1)
    extracts.extract()
    files, asked = extracts.files(), len(source.asked)
    assert extracts.extract() == ExtractAnswer(status="done", pages=0, records=0)
    assert (extracts.files(), len(source.asked)) == (files, asked)


def test_an_empty_answer_is_a_landed_window(extracts: Extracts, source: ScriptedSource) -> None:
    source.says("/items", b"<workitem/>")
    assert extracts.extract() == ExtractAnswer(status="done", pages=1, records=0)
    assert extracts.landed().commit.parts == []


def test_an_answer_of_other_things_lands_and_they_are_told(
    extracts: Extracts, source: ScriptedSource
) -> None:
    source.says("/items", b"<workitem rel='next' href='/items/1'><title/><link/></workitem>")
    source.says("/items/1", b"<workitem><link/></workitem>")
    assert extracts.extract() == ExtractAnswer(status="done", pages=2, records=0)
    assert extracts.landed().commit.progress.unmatched == {"link": 2, "title": 1}


def test_a_page_with_records_is_not_searched_for_others(extracts: Extracts, source: ScriptedSource) -> None:
    source.says("/items", page(item(1)).replace(b"</workitem>", b"<workItems/></workitem>"))
    extracts.extract()
    assert extracts.landed().commit.progress.unmatched == {}


def test_a_records_path_that_is_nearly_the_pages_is_refused(
    extracts: Extracts, source: ScriptedSource
) -> None:
    extracts.change("records: /workitem/workItem", "records: /workitem/workitem")
    source.says("/items", page(item(1), item(2)))
    message = fails(extracts, RecordError)
    assert "'/workitem/workitem' matches nothing, but the page has 2 × workItem" in message


# --- going on ---


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


_WHOLE: dict[int, tuple[Any, ...]] = {}


def uninterrupted(extracts: Extracts, pages: int) -> tuple[Any, ...]:
    """What a single undisturbed call makes of so many served pages, found out once."""
    if pages not in _WHOLE:
        run = "20261122T160000000000Z-whole"
        extracts.extract(run=run)
        _WHOLE[pages] = result(extracts, run)
    return _WHOLE[pages]


def result(extracts: Extracts, run: str = RUN) -> tuple[Any, ...]:
    """All of a landed window that does not name its run or its calls."""
    landed = extracts.landed(run)
    progress = landed.commit.progress
    tables = [
        [
            {k: v for k, v in row.items() if k != "_run"}
            for row in without_attempt(extracts.rows(table, landed))
        ]
        for table in ("items", "items__notes")
    ]
    return (
        *tables,
        progress.tables,
        progress.pages,
        progress.bytes,
        progress.seen_columns,
        progress.reject_reasons,
    )


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


class Killed(BaseException):
    """The function's process is gone."""


def kill_before(monkeypatch: pytest.MonkeyPatch, zone: Zone, write: int) -> None:
    """Let a call die instead of its n-th write."""
    put_object = zone._s3.put_object
    writes = iter(range(1, 1000))

    def dying(**request: Any) -> Any:
        if next(writes) == write:
            raise Killed
        return put_object(**request)

    monkeypatch.setattr(zone._s3, "put_object", dying)


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


def twin_before(
    monkeypatch: pytest.MonkeyPatch, extracts: Extracts, name: Callable[[str], Any], time_left: Any
) -> list[ExtractAnswer]:
    """Let a twin do its work the instant before this call writes the object."""
    put_object = extracts.zone._s3.put_object
    answers: list[ExtractAnswer] = []

    def beaten(**request: Any) -> Any:
        if name(request["Key"].rpartition("/")[2]) and not answers:
            answers.append(ExtractAnswer(status="", pages=0, records=0))
            answers[0] = extracts.extract(time_left)
        return put_object(**request)

    monkeypatch.setattr(extracts.zone._s3, "put_object", beaten)
    return answers


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


# --- what is not right with the input ---


def fails(extracts: Extracts, kind: type[XmliftError], **options: Any) -> str:
    """The one message of a failed window, which names it, and stands on S3 as well."""
    with pytest.raises(kind) as caught:
        extracts.extract(**options)
    message = str(caught.value)
    assert message.startswith("tracker.items window 20260101T000000000000Z_20260102T000000000000Z of run "), (
        message
    )
    assert "\n" not in message
    assert extracts.failure() == {"error": kind.__name__, "message": message}
    assert COMMIT not in extracts.files()
    for hidden in ("sesame", "etl-password"):
        assert hidden not in message
    return message


URL = "/items?q=modified>2025-12-31T23:59:59.999%2B0000 and"


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (Say(b"<html><title>Sign in</title></html>"), SourceError, ["HTML page (Sign in)", "auth"]),
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
        (Say(b"<h1>gone</h1>", 404), SourceError, ["HTTP 404", "gone", "request.path"]),
        (Say(b"denied", 403), SourceError, ["HTTP 403", "auth"]),
        (Say(b"down", 503), SourceError, ["HTTP 503", "gave up after 2 tries", "next run"]),
        (
            Say(b"<m>CRRED0108E: Illegal fields</m>", 500),
            SourceError,
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


def test_a_second_page_that_is_bad_is_named_and_what_went_before_stays(
    extracts: Extracts, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_pages(source, 3)
    good = source.script["/items/1"]
    source.says("/items/1", b"<workitem><workItem>")
    monkeypatch.setattr(extraction, "CHECKPOINT_PAGES", 1)
    assert f"page 2, {source.url}/items/1?id=***" in fails(extracts, RecordError)
    source.script["/items/1"] = good
    asked = len(source.asked)
    assert extracts.extract() == ExtractAnswer(status="done", pages=3, records=6)
    assert len(source.asked) == asked + 2, "the first page is not read again"


def test_a_circle_of_pages_is_refused(extracts: Extracts, source: ScriptedSource) -> None:
    source.says("/items", page(item(1), following="/items/1"))
    source.says("/items/1", page(item(2), following="/items/2"))
    source.says("/items/2", page(item(3), following="/items/1"))
    assert "answers in a circle" in fails(extracts, SourceError)


def test_a_circle_is_seen_across_calls(extracts: Extracts, source: ScriptedSource) -> None:
    source.says("/items", page(item(1), following="/items/1"))
    source.says("/items/1", page(item(2), following="/items/1"))
    assert extracts.extract(no_time_at_all).status == "more"
    assert extracts.extract(no_time_at_all).status == "more"
    assert "answers in a circle" in fails(extracts, SourceError)


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
        ("xpath: /workitem/@href", "xpath: '/workitem/@href['", SourceError, ["paging", "/workitem/@href["]),
        (
            "xpath: /workitem/@href",
            "xpath: '/p:workitem/@href'",
            SourceError,
            ["paging", "/p:workitem/@href"],
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


# --- the whole way, against EWM ---


@pytest.fixture
def ewm(zone: Zone, ewm_endpoint: EwmEndpoint) -> Extracts:
    text = (Path(__file__).parents[2] / "terraform/sources/ewm.yaml").read_text()
    text = text.replace("source: ewm\n", "source: tracker\n").replace("  work_items:", "  items:")
    text = text.replace("size: 500", "size: 7").replace(
        "requests_per_second: 20", "requests_per_second: 1000"
    )
    return Extracts(zone, f"{ewm_endpoint.url}/ccm", text)


def test_all_of_ewm_lands_as_the_endpoint_has_it(ewm: Extracts, ewm_endpoint: EwmEndpoint) -> None:
    window = {"start": datetime(2020, 1, 1, tzinfo=UTC), "end": datetime.now(UTC) + timedelta(hours=1)}
    ewm_endpoint.fault(path="/ccm/rpt", kind="truncate", after=2)
    ewm_endpoint.fault(path="/ccm/rpt", kind="reset", after=1)
    ewm_endpoint.fault(path="/ccm/rpt", kind="status", status=503, retry_after=0)
    with pytest.raises(RecordError, match="cut short"):
        ewm.extract(**window)
    ewm_endpoint.expire(sessions=True)
    while ewm.extract(no_time_at_all, **window).status == "more":
        pass
    truth = {str(one["id"]): one for one in ewm_endpoint.truth()}
    landed = list(landed_windows(ewm.zone, f"landing/tracker/items/{RUN}/"))
    assert len(landed) == 1
    rows = {row["id"]: row for row in ewm.rows()}
    assert rows.keys() == truth.keys()
    for key, row in rows.items():
        assert row["summary"] == (truth[key]["summary"] or "")
        assert datetime.fromisoformat(row["modified"]) == datetime.fromisoformat(truth[key]["modified"])
        assert msgspec.json.decode(row["tags"] or "[]") == (truth[key]["tags"] or [])
    comments = [(row["_parent_id"], row["_position"], row["content"]) for row in ewm.rows("items__comments")]
    assert sorted(comments) == sorted(
        (key, str(n), comment["content"] or "")
        for key, one in truth.items()
        for n, comment in enumerate(one["comments"], start=1)
    )
