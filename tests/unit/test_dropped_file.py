"""A file dropped into the inbox: once per version, by any name, and what cannot be read says why."""

import gzip
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmlift.catalogue import load_source
from xmlift.errors import LandingError, PlanError, RecordError, XmliftError
from xmlift.extraction.extract import ExtractEvent, extract
from xmlift.landing import names
from xmlift.landing.chain import Landed
from xmlift.landing.landed import landed_windows
from xmlift.landing.zone import Zone
from xmlift.planning.inbox_round import inbox_round, partition_of, stream_of
from xmlift.run_input import PlanEvent, read_event
from xmlift.windows import ALL_TIME
from xmlift.work import InboxObject, Plan

from .scripted_source import page

CATALOGUE = """
source: parts
base_url: https://example.com
limits: { page_megabytes: 1 }
streams:
  prices:
    inbox: true
    records: /workitem/workItem
    key: [id]
    columns: { id: { path: id, type: bigint }, title: { path: title, type: varchar(20) } }
  asked:
    request: { path: /asked }
    records: /a/b
    key: [id]
    columns: { id: { path: id, type: bigint } }
"""
KEY = "catalogue/parts/x.yaml"
SOURCE = load_source(CATALOGUE.encode(), KEY)
STARTED = datetime(2026, 1, 2, tzinfo=UTC)
RUN = "20260102T000000000000Z-e1"
XML = page({"id": 1, "title": "one"}, {"id": 2, "title": "two"})

WILD = [
    "plain.xml",
    "a b+c.xml",
    "100%.xml",
    "a%2Bb%20c.xml",
    "prices of März/é 😀.xml",
    'quo"te\\back.xml',
    "q?x=1&y=2#z;p.xml",
    "<object>.xml",
]


def event_of(inbox: dict[str, Any], round_number: int = 0) -> PlanEvent:
    """As the state machine hands it to plan."""
    return read_event(
        {
            "input": {"source": "parts", "catalogue": KEY, "base_url": None, "inbox": inbox},
            "execution": "e1",
            "execution_arn": "arn:e1",
            "started": STARTED,
            "round": round_number,
        },
        PlanEvent,
    )


def told(key: str, **more: Any) -> dict[str, Any]:
    """An object as S3 tells EventBridge of it."""
    return {"key": key, "size": 5, "etag": "b1946ac9", "version-id": "v1.A-_", "sequencer": "617f08"} | more


def round_of(inbox: dict[str, Any], *, loaded: bool = False, round_number: int = 0) -> Plan:
    event = event_of(inbox, round_number)
    assert event.input.inbox is not None
    return inbox_round(event, SOURCE, event.input.inbox, lambda name, stream, partition: loaded)


class Inbox:
    """A bucket with versions, and what extract makes of a file in it."""

    def __init__(self, zone: Zone, s3: Any) -> None:
        self.zone, self._s3 = zone, s3
        s3.put_bucket_versioning(Bucket="landing", VersioningConfiguration={"Status": "Enabled"})
        zone.put(names.catalogue("parts", RUN), CATALOGUE.encode())

    def drop(self, key: str, body: bytes) -> dict[str, Any]:
        put = self._s3.put_object(Bucket="landing", Key=key, Body=body)
        return told(key, **{"version-id": put["VersionId"], "etag": put["ETag"].strip('"')})

    def read(self, inbox: dict[str, Any]) -> Landed:
        """Plan and extract; by JSON, as the state machine hands items on."""
        (item,) = round_of(inbox).items
        event = msgspec.json.decode(msgspec.json.encode(item), type=ExtractEvent)
        assert extract(event, self.zone, lambda name: {}, lambda: 900.0).status == "done"
        (landed,) = [
            each
            for each in landed_windows(self.zone, f"landing/parts/prices/{RUN}/")
            if isinstance(each, Landed) and each.window == event.window
        ]
        return landed

    def refuses(self, inbox: dict[str, Any], kind: type[XmliftError]) -> str:
        """The one message, and nothing that could be loaded."""
        with pytest.raises(kind) as caught:
            self.read(inbox)
        assert list(landed_windows(self.zone, "landing/parts/")) == []
        return str(caught.value).partition(f" of run {RUN}: ")[2]


@pytest.fixture
def inbox(zone: Zone, s3: Any) -> Inbox:
    return Inbox(zone, s3)


@pytest.mark.parametrize("name", WILD)
def test_a_file_of_any_name_is_read(inbox: Inbox, name: str) -> None:
    landed = inbox.read(inbox.drop(f"inbox/parts/prices/{name}", XML))
    assert landed.commit.progress.tables["prices"].written == 2
    assert landed.window.interval == ALL_TIME


def test_a_key_is_taken_as_it_stands(inbox: Inbox) -> None:
    """What S3 encodes for queues and functions it tells EventBridge as it is: decoded, it would be another one."""
    plain = inbox.drop("inbox/parts/prices/a b+c.xml", page({"id": 1}))
    as_for_queues = inbox.drop("inbox/parts/prices/a+b%2Bc.xml", XML)
    assert inbox.read(plain).commit.progress.tables["prices"].written == 1
    assert inbox.read(as_for_queues).commit.progress.tables["prices"].written == 2


def test_the_very_version_is_read_and_as_old_as_it_is(inbox: Inbox, s3: Any) -> None:
    key = "inbox/parts/prices/a.xml"
    first = inbox.drop(key, XML)
    second = inbox.drop(key, page({"id": 3, "title": "three"}))
    landed = inbox.read(first)
    assert landed.commit.progress.tables["prices"].written == 2
    modified = s3.head_object(Bucket="landing", Key=key, VersionId=first["version-id"])["LastModified"]
    assert landed.commit.as_of == modified
    assert inbox.read(second).window.partition != landed.window.partition


def test_without_versions_the_content_tells_one_file_from_the_next(inbox: Inbox) -> None:
    key = "inbox/parts/prices/a.xml"
    first = inbox.drop(key, XML) | {"version-id": ""}
    assert inbox.read(first).commit.progress.tables["prices"].written == 2
    changed = inbox.drop(key, page({"id": 3})) | {"version-id": ""}
    assert partition_of(_object(changed)) != partition_of(_object(first))
    returned = inbox.drop(key, XML) | {"version-id": "", "sequencer": "617f09"}
    assert returned["etag"] == first["etag"]
    assert inbox.read(returned).window.partition != inbox.read(dict(first)).window.partition
    assert partition_of(_object(first)) == partition_of(_object(dict(first))), "told twice, read once"
    assert partition_of(_object(first)).endswith(f"-{first['etag']}-617f08")
    gone = first | {"key": key, "etag": "0123"}
    with pytest.raises(LandingError, match="cannot be read: PreconditionFailed"):
        inbox.read(gone)


def _object(inbox: dict[str, Any]) -> InboxObject:
    return msgspec.convert(inbox, InboxObject)


@pytest.mark.parametrize(
    "body", [gzip.compress(XML, mtime=0), gzip.compress(XML[:40], mtime=0) + gzip.compress(XML[40:], mtime=0)]
)
def test_gzip_is_unpacked_whatever_it_is_called(inbox: Inbox, body: bytes) -> None:
    landed = inbox.read(inbox.drop("inbox/parts/prices/a.xml.gz", body))
    assert landed.commit.progress.tables["prices"].written == 2
    assert landed.commit.progress.bytes == len(XML)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_may_begin_with_a_byte_order_mark(inbox: Inbox, encoding: str) -> None:
    text = XML.decode().replace('<?xml version="1.0"?>\n', "")
    landed = inbox.read(inbox.drop("inbox/parts/prices/a.xml", text.encode(encoding)))
    assert landed.commit.progress.tables["prices"].written == 2


@pytest.mark.parametrize(
    ("body", "kind", "why"),
    [
        (b"", XmliftError, "is empty: was the upload broken off? Drop it again"),
        (b" \n", XmliftError, "is empty: was the upload broken off? Drop it again"),
        (gzip.compress(b"", mtime=0), XmliftError, "is empty: was the upload broken off? Drop it again"),
        (b"<!DOCTYPE html><html/>", XmliftError, "is an HTML page, not XML: most often an error or login"),
        (
            b"\xef\xbb\xbf\n<HTML><body/>",
            XmliftError,
            "is an HTML page, not XML: most often an error or login",
        ),
        (
            b"PK\x03\x04",
            XmliftError,
            "is not XML: it begins with b'PK\\x03\\x04'. An archive or an encrypted",
        ),
        (b"-----BEGIN PGP MESSAGE-----", XmliftError, "is not XML: it begins with b'-----BEGIN PGP M'."),
        (gzip.compress(XML, mtime=0)[:-4], XmliftError, "its gzip is broken off. Drop it again, whole"),
        (b"<" + b"x" * 1024 * 1024, XmliftError, "has 1048577 bytes, more than 1048576: make it smaller"),
        (
            gzip.compress(b"<" + b" " * 1024 * 1024, mtime=0),
            XmliftError,
            "unpacked it has more than 1048576 bytes",
        ),
        (XML[:-12], RecordError, "page 1, s3://landing/inbox/parts/prices/a.xml: "),
        (b"<other/>", RecordError, "page 1, s3://landing/inbox/parts/prices/a.xml: "),
    ],
)
def test_what_cannot_be_read_fails_and_loads_nothing(
    inbox: Inbox, body: bytes, kind: type[XmliftError], why: str
) -> None:
    assert why in inbox.refuses(inbox.drop("inbox/parts/prices/a.xml", body), kind)


def test_a_file_that_is_gone_says_so(inbox: Inbox, s3: Any) -> None:
    dropped = inbox.drop("inbox/parts/prices/a.xml", XML)
    s3.delete_object(Bucket="landing", Key=dropped["key"], VersionId=dropped["version-id"])
    said = inbox.refuses(dropped, XmliftError)
    where = f"s3://landing/inbox/parts/prices/a.xml (version {dropped['version-id']})"
    assert f"{where} is not there: it was deleted" in said


def test_what_is_told_again_is_not_read_again() -> None:
    assert round_of(told("inbox/parts/prices/a.xml"), loaded=True) == Plan(
        items=[], loads=[], more=False, watermarks={}
    )
    assert round_of(told("inbox/parts/prices/a.xml"), round_number=1).items == []


def test_a_folder_is_no_file() -> None:
    assert round_of(told("inbox/parts/prices/", size=0)).items == []


@pytest.mark.parametrize(
    "key",
    ["inbox/parts/asked/a.xml", "inbox/parts/nobody/a.xml", "inbox/other/prices/a.xml", "inbox/parts/a.xml"],
)
def test_a_file_that_no_stream_takes_is_refused(key: str) -> None:
    with pytest.raises(PlanError) as caught:
        round_of(told(key))
    assert str(caught.value) == (
        f"parts: {key} is dropped where no stream takes it: drop it under inbox/parts/prices/"
    )


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.text(min_size=1, alphabet="ab.+/_-"))
def test_a_partition_names_a_folder(name: str, version: str) -> None:
    dropped = InboxObject(key=f"inbox/parts/prices/{name}", version=version)
    window = names.WindowName("parts", "prices", RUN, partition_of(dropped), ALL_TIME)
    assert names.parse_window(f"{window.folder}commit.json")[0] == window
    assert len(window.folder) < 500
    assert stream_of(SOURCE, dropped)[0] == "prices"


@pytest.mark.parametrize(
    "more",
    [{"streams": ["prices"]}, {"reread": True}, {"replay": True}, {"from_raw": True}, {"from": STARTED}],
)
def test_a_run_for_a_file_reads_nothing_else(more: dict[str, Any]) -> None:
    event = {"input": {"source": "parts", "catalogue": KEY, "inbox": told("inbox/parts/prices/a")} | more}
    with pytest.raises(
        PlanError, match="`inbox` reads one dropped file: leave out all that asks for something"
    ):
        read_event(event | {"execution": "e", "execution_arn": "a", "started": STARTED}, PlanEvent)
