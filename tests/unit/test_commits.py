"""Links and commits: one content is one sequence of bytes, and what this version does not write is refused."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmlift.errors import LandingError
from xmlift.landing import commits
from xmlift.landing.commits import Commit, Entry, Link, Progress, RawPage, Scope, TableCounts
from xmlift.landing.names import PartName, parse_part

SHA = "0123456789abcdef" * 4
AT = datetime(2026, 11, 22, 16, 15, 0, 123456, UTC)
ENTRY = Entry(
    table="work_items",
    attempt="0123456789ab",
    sequence=7,
    rows=500,
    schema="deadbeef",
    bytes=1234,
    sha256=SHA,
)
PROGRESS = Progress(
    pages=3,
    bytes=5000,
    tables={"work_items": TableCounts(read=510, written=500, rejected=10)},
    seen_columns={"work_items": ["id", "summary"]},
    rejects=10,
    reject_reasons={"work_items.id: not a whole number for bigint": 10},
    unmatched={"title": 2},
    restarts=1,
)
LINK = Link(
    attempt="0123456789ab",
    previous=None,
    parts=[ENTRY],
    progress=PROGRESS,
    as_of=AT,
    next_url="https://h/é?page=2",
    page_hashes=["0123456789abcdef"],
)
COMMIT = Commit(
    scope=Scope(source="ewm", stream="work_items", partition="-", epoch=0),
    run="20261122T161500123456Z-nightly",
    start=AT - timedelta(hours=1),
    end=AT,
    attempt="0123456789ab",
    links=2,
    parts=[ENTRY],
    columns={"deadbeef": ["id", "summary"], "0badcafe": ["text"]},
    progress=PROGRESS,
    as_of=AT,
    parsed_at=AT,
    ended_by="the last page names no next one",
    set_windows=3,
)

counts = st.integers(0, 2**53)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
moments = st.datetimes(timezones=st.just(UTC))
entries = st.builds(
    Entry,
    table=texts,
    attempt=texts,
    sequence=counts,
    rows=counts,
    schema=texts,
    bytes=counts,
    sha256=st.just(SHA),
)
raw_pages = st.builds(
    RawPage, attempt=texts, page=counts, bytes=counts, sha256=st.just(SHA), url=texts, read_at=moments
)
tables = st.dictionaries(
    texts, st.builds(TableCounts, read=counts, written=counts, rejected=counts, dropped=counts), max_size=3
)
progress = st.builds(
    Progress,
    pages=counts,
    bytes=counts,
    seconds=st.floats(0, 1e9),
    tables=tables,
    seen_columns=st.dictionaries(texts, st.lists(texts, max_size=3), max_size=3),
    reject_reasons=st.dictionaries(texts, counts, max_size=3),
    unmatched=st.dictionaries(texts, counts, max_size=3),
    restarts=counts,
    cut=st.dictionaries(texts, counts, max_size=2),
    widths=st.dictionaries(texts, st.dictionaries(texts, counts, max_size=2), max_size=2),
)
links = st.builds(
    Link,
    attempt=texts,
    previous=st.none() | st.just(SHA),
    parts=st.lists(entries, max_size=3),
    progress=progress,
    as_of=st.none() | moments,
    next_url=st.none() | texts,
    next_body=st.none() | texts,
    next_headers=st.dictionaries(texts, texts, max_size=2),
    values=st.dictionaries(texts, texts, max_size=2),
    page_hashes=st.lists(texts, max_size=3),
    raw=st.lists(raw_pages, max_size=2),
    secrets=st.lists(texts, max_size=2),
)
written_commits = st.builds(
    Commit,
    format=st.just(1),
    scope=st.builds(Scope, source=texts, stream=texts, partition=texts, epoch=counts),
    run=texts,
    start=moments,
    end=moments,
    attempt=texts,
    links=counts,
    parts=st.lists(entries, max_size=3),
    columns=st.dictionaries(texts, st.lists(texts, max_size=3), max_size=3),
    progress=progress,
    as_of=moments,
    parsed_at=moments,
    ended_by=texts,
    set_windows=counts,
    raw=st.lists(raw_pages, max_size=2),
    link=st.none() | texts,
    next_link=st.none() | texts,
)


@given(links)
def test_a_link_reads_back(link: Link) -> None:
    body = commits.encode(link)
    assert commits.decode_link(body, "key") == link
    assert commits.encode(commits.decode_link(body, "key")) == body


@given(written_commits)
def test_a_commit_reads_back(commit: Commit) -> None:
    body = commits.encode(commit)
    assert commits.decode_commit(body, "key") == commit
    assert commits.encode(commits.decode_commit(body, "key")) == body


def test_the_same_content_is_the_same_bytes_in_whatever_order_it_came() -> None:
    body = commits.encode(COMMIT)
    again = json.loads(body)

    def reversed_keys(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: reversed_keys(value[key]) for key in reversed(value)}
        return [reversed_keys(item) for item in value] if isinstance(value, list) else value

    text = json.dumps(reversed_keys(again), indent=2).encode()
    assert text != body
    assert list(again["columns"]) == ["0badcafe", "deadbeef"]
    assert commits.encode(commits.decode_commit(text, "key")) == body
    assert b" " not in body.replace(b"the last page names no next one", b"").replace(
        b"not a whole number for bigint", b""
    ).replace(b"work_items.id: ", b"")


def test_bytes_are_those_that_released_versions_wrote() -> None:
    """Their SHA-256 is in ledgers: another spelling of the same content would be another commit."""
    assert commits.encode(LINK).decode() == (
        '{"attempt":"0123456789ab","previous":null,"parts":[{"table":"work_items","attempt":"0123456789ab",'
        f'"sequence":7,"rows":500,"schema":"deadbeef","bytes":1234,"sha256":"{SHA}"}}],'
        '"progress":{"pages":3,"bytes":5000,"repaired_pages":0,"retries":0,"seconds":0.0,'
        '"tables":{"work_items":{"read":510,"written":500,"rejected":10,"out_of_window":0,"dropped":0}},'
        '"seen_columns":{"work_items":["id","summary"]},'
        '"rejects":10,"reject_reasons":{"work_items.id: not a whole number for bigint":10},'
        '"unmatched":{"title":2},"restarts":1,"cut":{},"widths":{},"unmapped":{},"unasked":0},'
        '"as_of":"2026-11-22T16:15:00.123456Z","next_url":"https://h/é?page=2",'
        '"page_hashes":["0123456789abcdef"],"next_body":null,"next_headers":{},"values":{},"raw":[],"secrets":[]}'
    )
    empty = msgspec.structs.replace(
        LINK, parts=[], progress=Progress(restarts=1), as_of=None, next_url=None, page_hashes=[]
    )
    assert commits.encode(empty).decode() == (
        '{"attempt":"0123456789ab","previous":null,"parts":[],'
        '"progress":{"pages":0,"bytes":0,"repaired_pages":0,"retries":0,"seconds":0.0,"tables":{},'
        '"seen_columns":{},"rejects":0,"reject_reasons":{},"unmatched":{},"restarts":1,"cut":{},"widths":{},"unmapped":{},"unasked":0},'
        '"as_of":null,"next_url":null,"page_hashes":[],"next_body":null,"next_headers":{},"values":{},"raw":[],"secrets":[]}'
    )
    assert (
        commits.encode(COMMIT)
        .decode()
        .endswith(
            ',"set_windows":3,"raw":[],"link":null,"next_link":null,"validators":null,"not_modified":false}'
        )
    )
    assert commits.sha256(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_link_written_before_a_count_was_kept_reads_with_nothing_counted() -> None:
    later = (b'"rejects":10,', b',"unmatched":{"title":2}', b',"restarts":1')
    body = commits.encode(LINK)
    for count in later:
        assert count in body
        body = body.replace(count, b"")
    read = commits.decode_link(body, "key").progress
    assert (read.rejects, read.unmatched, read.restarts, read.pages) == (0, {}, 0, 3)


def test_what_was_written_before_endpoints_were_asked_whether_anything_was_modified() -> None:
    body = changed(COMMIT, "validators", ...).replace(b',"not_modified":false', b"")
    read = commits.decode_commit(body, "key")
    assert (read.validators, read.not_modified) == (None, False)


def test_what_was_written_before_answers_were_kept_names_none() -> None:
    assert commits.decode_commit(changed(COMMIT, "raw", ...), "key").raw == []
    assert commits.decode_link(changed(LINK, "raw", ...), "key").raw == []


def test_what_was_written_before_texts_were_cut_or_widened_and_deltas_followed_says_nothing_of_it() -> None:
    for name in ("cut", "widths"):
        assert (
            getattr(commits.decode_commit(changed(COMMIT, f"progress.{name}", ...), "key").progress, name)
            == {}
        )
    for name in ("link", "next_link"):
        assert getattr(commits.decode_commit(changed(COMMIT, name, ...), "key"), name) is None


def test_a_commit_written_before_there_were_sets_loads_by_itself() -> None:
    assert commits.decode_commit(changed(COMMIT, "set_windows", ...), "key").set_windows == 0


def changed(document: Link | Commit, path: str, value: Any) -> bytes:
    """The document's JSON with one place changed; `...` takes the key out."""
    tree = json.loads(commits.encode(document))
    *parents, key = path.split(".")
    place: Any = tree
    for parent in parents:
        place = place[int(parent)] if parent.isdecimal() else place[parent]
    if value is ...:
        del place[key]
    else:
        place[key] = value
    return json.dumps(tree).encode()


FOREIGN = [
    ("surprise", 1),
    ("attempt", ...),
    ("attempt", None),
    ("parts", {}),
    ("parts.0.surprise", 1),
    ("parts.0.rows", "500"),
    ("parts.0.rows", -1),
    ("parts.0.bytes", 1.5),
    ("parts.0.sha256", SHA[:-1]),
    ("parts.0.sha256", SHA.upper()),
    ("parts.0.schema", ...),
    ("progress.surprise", 1),
    ("progress.pages", True),
    ("progress.restarts", -1),
    ("progress.restarts", None),
    ("progress.tables.work_items.surprise", 1),
    ("progress.tables.work_items.read", -1),
    ("as_of", "yesterday"),
    ("as_of", "2026-11-22T16:15:00"),
    ("as_of", 1_700_000_000),
]


@pytest.mark.parametrize(("path", "value"), [*FOREIGN, ("previous", "abc"), ("next_url", 7)])
def test_a_link_of_another_shape_is_refused_by_its_key(path: str, value: Any) -> None:
    with pytest.raises(LandingError, match=r"^landing/x/chain: not a link that this version writes"):
        commits.decode_link(changed(LINK, path, value), "landing/x/chain")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *FOREIGN,
        ("format", 2),
        ("scope.surprise", 1),
        ("scope.epoch", "0"),
        ("start", "2026-11-22T16:15:00"),
        ("columns.deadbeef", "id"),
        ("run", ...),
        ("as_of", None),
        ("set_windows", -1),
        ("set_windows", "3"),
        ("set_windows", None),
    ],
)
def test_a_commit_of_another_shape_is_refused_by_its_key(path: str, value: Any) -> None:
    with pytest.raises(LandingError, match=r"^landing/x/commit\.json: not a commit that this version writes"):
        commits.decode_commit(changed(COMMIT, path, value), "landing/x/commit.json")


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b"{}", b"\xff", b'{"format":1}', b"{}garbage"])
def test_bytes_that_are_no_document_are_refused(body: bytes) -> None:
    with pytest.raises(LandingError, match=r"^key: "):
        commits.decode_link(body, "key")
    with pytest.raises(LandingError, match=r"^key: "):
        commits.decode_commit(body, "key")


def test_an_entry_knows_its_parts_name() -> None:
    assert ENTRY.name == PartName("work_items", "0123456789ab", 7, 500, "deadbeef", SHA[:16])
    assert parse_part(str(ENTRY.name)) == ENTRY.name
    other = msgspec.structs.replace(ENTRY, table="_rejects")
    commit = msgspec.structs.replace(COMMIT, parts=[other, ENTRY, other])
    assert commit.parts_of("work_items") == [ENTRY]


@pytest.mark.parametrize(
    ("read", "written", "rejected", "out_of_window", "dropped", "adds_up"),
    [(0, 0, 0, 0, 0, True), (10, 4, 3, 2, 1, True), (10, 4, 3, 2, 0, False), (9, 4, 3, 2, 1, False)],
)
def test_counts_add_up_or_they_do_not(
    read: int, written: int, rejected: int, out_of_window: int, dropped: int, adds_up: bool
) -> None:
    own = TableCounts(
        read=read, written=written, rejected=rejected, out_of_window=out_of_window, dropped=dropped
    )
    assert own.adds_up is adds_up
    assert own + TableCounts() == own
    assert own + own == TableCounts(
        read=2 * read,
        written=2 * written,
        rejected=2 * rejected,
        out_of_window=2 * out_of_window,
        dropped=2 * dropped,
    )
