"""extract by deltas: a window begins with the link that it is given, and its last page says where to go on."""

import msgspec
import pytest

from xmlift.errors import SourceError
from xmlift.extraction.extract import ExtractAnswer, extract

from .extracting import Extracts, all_the_time, fails, item, read_secret
from .scripted_source import ScriptedSource, page

REQUEST = """      query: { q: "modified>{window.from} and modified<{window.to}", token: sesame }
"""
CURSOR = (
    'cursor: { type: watermark, field: modified, resolution: 1ms, start: "2026-01-01T00:00:00Z", slice: 1d }'
)


@pytest.fixture
def stream(extracts: Extracts) -> Extracts:
    extracts.change(REQUEST, "")
    extracts.change(CURSOR, "cursor: { type: delta_link, xpath: /workitem/delta/@href }")
    return extracts


def last(*items: dict[str, object], link: str) -> bytes:
    return page(*items).replace(b"</workitem>", f'<delta href="{link}"/></workitem>'.encode())


def test_the_last_page_says_where_the_next_window_begins(stream: Extracts, source: ScriptedSource) -> None:
    source.says("/items", page(item(1), following="/items/2"))
    source.says("/items/2", last(item(2), link="/changes?since=a%2Bb&amp;x=1"))
    stream.extract()
    commit = stream.landed().commit
    assert (commit.link, commit.next_link) == (None, f"{source.url}/changes?since=a%2Bb&x=1")
    assert [row["id"] for row in stream.rows()] == ["1", "2"]


def test_a_window_begins_with_its_link(stream: Extracts, source: ScriptedSource) -> None:
    source.says("/changes", last(item(3), link="/changes?since=c"))
    event = msgspec.structs.replace(stream.event(), link=f"{source.url}/changes?since=b")
    assert extract(event, stream.zone, read_secret, all_the_time) == ExtractAnswer(
        status="done", pages=1, records=1
    )
    commit = stream.landed().commit
    assert (commit.link, commit.next_link) == (event.link, f"{source.url}/changes?since=c")


def test_without_a_link_to_go_on_from_nothing_lands(stream: Extracts, source: ScriptedSource) -> None:
    source.says("/items", page(item(1)))
    message = fails(stream, SourceError)
    assert "page 1, " in message
    assert "the last page has no link to go on from (string(/workitem/delta/@href))" in message
    assert "Correct the cursor's xpath" in message


@pytest.mark.parametrize(
    ("answer", "link"),
    [
        ('<workitem><none/><delta href="/changes?since=c"/></workitem>', "/changes?since=c"),
        ("<workitem><none/></workitem>", "/changes?since=b"),
        ('<nothing><none href="/changes?since=c"/></nothing>', "/changes?since=b"),
    ],
)
def test_the_word_that_nothing_has_changed_loses_no_link(
    stream: Extracts, source: ScriptedSource, answer: str, link: str
) -> None:
    """Its own link counts; where it has none, the next run asks once more for what this one asked for."""
    stream.change("    key: [id]\n", '    key: [id]\n    guards: { empty: "//none" }\n')
    source.says("/changes", answer.encode())
    event = msgspec.structs.replace(stream.event(), link=f"{source.url}/changes?since=b")
    extract(event, stream.zone, read_secret, all_the_time)
    commit = stream.landed().commit
    assert (commit.link, commit.next_link) == (event.link, f"{source.url}{link}")
    assert commit.ended_by == "the answer says that there are no records: //none"
