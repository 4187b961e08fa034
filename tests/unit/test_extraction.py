"""extract: a window from the endpoint to S3, once, whatever dies, repeats or runs beside it."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import msgspec
import pytest

from xmlift.errors import RecordError
from xmlift.extraction.extract import ExtractAnswer, ExtractEvent, extract
from xmlift.extraction.page_reader import MAX_SKEW
from xmlift.landing.landed import landed_windows
from xmlift.landing.zone import Zone

from .endpoint_process import EwmEndpoint
from .extracting import (
    FROM,
    RUN,
    TO,
    Extracts,
    all_the_time,
    fails,
    item,
    no_time_at_all,
    read_secret,
    serve_pages,
)
from .scripted_source import ScriptedSource, page


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
    assert before <= as_of + MAX_SKEW <= datetime.now(UTC)


def test_a_server_that_is_ahead_of_us_does_not_tell_the_time(
    extracts: Extracts, source: ScriptedSource
) -> None:
    """Whatever was read of the future would stand as the newest until then."""
    serve_pages(
        source, 1, headers={"Date": format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)}
    )
    before = datetime.now(UTC)
    extracts.extract()
    commit = extracts.landed().commit
    assert before <= commit.as_of <= datetime.now(UTC)
    assert [row["_read_at"] for row in extracts.rows()] == [
        commit.as_of.isoformat(sep=" ", timespec="microseconds")
    ] * 2, "our clock before the request"


def test_a_commit_knows_its_epoch_and_the_set_that_it_belongs_to(
    extracts: Extracts, source: ScriptedSource
) -> None:
    serve_pages(source, 1)
    item_of_a_set = {**msgspec.to_builtins(extracts.event()), "epoch": 4, "set_windows": 7}
    event = msgspec.convert(item_of_a_set, ExtractEvent)
    extract(event, extracts.zone, read_secret, all_the_time)
    commit = extracts.landed().commit
    assert (commit.scope.epoch, commit.set_windows) == (4, 7)
    other = msgspec.structs.replace(extracts.event(), run="20261122T170000000000Z-y")
    extract(other, extracts.zone, read_secret, all_the_time)
    assert extracts.landed(other.run).commit.set_windows == 0, "by itself"


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


# --- the whole way, against EWM ---


@pytest.fixture
def ewm(zone: Zone, ewm_endpoint: EwmEndpoint) -> Extracts:
    text = (Path(__file__).parents[2] / "terraform/sources/ewm.yaml").read_text()
    text = text.replace("source: ewm\n", "source: tracker\n").replace("  work_items:", "  items:")
    text = text.replace("    resource:", "    request: { query: { size: 7 } }\n    resource:")
    text = text.replace("requests_per_second: 20", "requests_per_second: 1000")
    return Extracts(zone, f"{ewm_endpoint.url}/ccm", text)


def test_all_of_ewm_lands_as_the_endpoint_has_it(ewm: Extracts, ewm_endpoint: EwmEndpoint) -> None:
    window = {"start": datetime(2020, 1, 1, tzinfo=UTC), "end": datetime.now(UTC) + timedelta(hours=1)}
    ewm_endpoint.fault(path="/ccm/rpt", kind="truncate", after=2)
    ewm_endpoint.fault(path="/ccm/rpt", kind="reset", after=1)
    ewm_endpoint.fault(path="/ccm/rpt", kind="status", status=503, retry_after=0)
    assert ewm.extract(**window).status == "more", "a page cut short: begun anew"
    ewm_endpoint.expire(sessions=True)
    assert ewm.extract(no_time_at_all, **window).status == "more"
    ewm_endpoint.expire(queries=True)
    assert ewm.extract(no_time_at_all, **window).status == "more", (
        "the second page's token is gone: begun anew"
    )
    ewm_endpoint.fault(path="/ccm/rpt", kind="html", after=3)
    assert ewm.extract(**window).status == "more", "a login page: begun anew"
    while ewm.extract(no_time_at_all, **window).status == "more":
        pass
    truth = {str(one["id"]): one for one in ewm_endpoint.truth()}
    landed = list(landed_windows(ewm.zone, f"landing/tracker/items/{RUN}/"))
    assert len(landed) == 1
    assert landed[0].commit.progress.restarts == 3
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
