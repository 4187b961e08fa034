"""Cursors and the order of streams: what a catalogue may say of them, and what it is told when it may not."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from xmlift.catalogue import Source
from xmlift.catalogue.order import in_order, waits_for
from xmlift.catalogue.stream import Stream
from xmlift.errors import SourceError
from xmlift.extraction.rooms import window_walk
from xmlift.windows import Interval

BOUNDED = {"path": "/i", "query": {"q": "{window.from}|{window.to}"}}


def stream_document(**more: Any) -> dict[str, Any]:
    columns = {"id": {"path": "id", "type": "bigint"}, "at": {"path": "at", "type": "timestamptz"}}
    return {"request": {"path": "/i"}, "records": "/r/i", "columns": columns, "key": ["id"], **more}


def stream(**more: Any) -> Stream:
    return msgspec.convert(stream_document(**more), Stream)


def source(**streams: dict[str, Any]) -> Source:
    return msgspec.convert({"source": "s", "base_url": "https://host", "streams": streams}, Source)


def asked(cursor: dict[str, Any]) -> str:
    """The query that a window of this cursor is asked for by."""
    one = stream(request=BOUNDED, cursor=cursor)
    bounds = Interval(datetime(2026, 6, 1, 10, 30, tzinfo=UTC), datetime(2026, 6, 1, 22, 30, tzinfo=UTC))
    walk = window_walk(source(a=stream_document(request=BOUNDED, cursor=cursor)), one, bounds, "-")
    first = walk.first()
    assert first is not None
    return first.url


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "2026-06-01T10%3A29%3A59.999999%2B0000%7C2026-06-01T22%3A30%3A00.000000%2B0000"),
        (
            {"format": "%Y-%m-%dT%H:%M:%S%:z", "resolution": "1s"},
            "2026-06-01T10%3A29%3A59%2B00%3A00%7C2026-06-01T22%3A30%3A00%2B00%3A00",
        ),
        ({"format": "%Y-%m-%dT%H:%M:%S.%fZ", "resolution": "1ms"}, "2026-06-01T10%3A29%3A59.999Z%7C"),
        ({"format": "%Y/%m/%d", "resolution": "1d"}, "2026%2F05%2F31%7C2026%2F06%2F02"),
        ({"format": "%Y%m%d%H%M", "resolution": "1m"}, "202606011029%7C202606012230"),
        ({"format": "epoch_seconds", "resolution": "1s"}, "1780309799%7C1780353000"),
        ({"format": "epoch_milliseconds", "resolution": "1ms"}, "1780309799999%7C1780353000000"),
        (
            {"format": "%Y-%m-%d %H:%M", "resolution": "1m", "zone": "Europe/Berlin"},
            "2026-06-01%2012%3A29%7C2026-06-02%2000%3A30",
        ),
        (
            {"format": "%Y-%m-%dT%H:%M%z", "resolution": "1m", "zone": "-05:30"},
            "2026-06-01T04%3A59-0530%7C2026-06-01T17%3A00-0530",
        ),
    ],
)
def test_a_time_is_asked_for_as_the_server_wants_it(options: dict[str, str], expected: str) -> None:
    for cursor in ({"type": "window"}, {"type": "watermark", "field": "at"}):
        url = asked({**cursor, **options})
        assert url.startswith(f"https://host/i?q={expected}"), url


def test_what_each_cursor_says_of_time() -> None:
    window = stream(request=BOUNDED, cursor={"type": "window", "lag": "2h", "slice": "1d"}).cursor
    assert window is not None
    assert (window.overlap_time, window.slice_time) == (timedelta(hours=2), timedelta(days=1))
    for cursor in ({"type": "full"}, {"type": "delta_link", "xpath": "/r/@d"}):
        found = stream(cursor=cursor).cursor
        assert found is not None
        assert (found.overlap_time, found.slice_time) == (timedelta(0), None)
        assert found.start_time == datetime(1970, 1, 1, tzinfo=UTC)
    assert stream(cursor={"type": "watermark", "field": "at"}).cursor_field == "at"
    assert stream(request=BOUNDED, cursor={"type": "window"}).cursor_field is None


@pytest.mark.parametrize(
    "request_of",
    [
        {"path": "/p", "query": {"where": "area='{partition}'"}},
        {"path": "/p?where=area%3D%27{partition}%27"},
        {"path": "/p", "bootstrap": {"path": "/{partition}?a='{partition}'", "values": {"x": "/x"}}},
    ],
)
def test_a_partition_that_would_change_the_query_is_not_asked_for(request_of: dict[str, Any]) -> None:
    one = stream(request=request_of, for_each={"stream": "areas", "field": "id"})
    bounds = Interval(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC))
    asked_of = source(areas=stream_document())
    window_walk(asked_of, one, bounds, "Area 51")
    with pytest.raises(SourceError, match=r"\"O'Brien\" cannot stand for \{partition\}"):
        window_walk(asked_of, one, bounds, "O'Brien")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"request": BOUNDED}, "needs a cursor of type watermark or window"),
        ({"request": BOUNDED, "cursor": {"type": "full"}}, "needs a cursor of type watermark or window"),
        ({"cursor": {"type": "window"}}, "use both {window.from} and {window.to} in the request"),
        ({"cursor": {"type": "delta_link", "xpath": "@d"}, "disposition": "replace"}, "brings what changed"),
        (
            {
                "cursor": {"type": "delta_link", "xpath": "@d"},
                "page": {"type": "offset", "parameter": "o", "size": 5},
            },
            "no list whose pages could be counted: use a `page` of type next_url, token or none",
        ),
        (
            {"cursor": {"type": "delta_link", "xpath": "@d"}, "page": {"type": "page_number", "parameter": "p"}},
            "no list whose pages could be counted",
        ),
        (
            {
                "cursor": {"type": "delta_link", "xpath": "@d"},
                "page": {"type": "token", "xpath": "@t", "parameter": "t", "exclusive": True},
            },
            "sent in the query of the link: name it as `page.parameter`, and leave out `exclusive`",
        ),
        (
            {
                "cursor": {"type": "delta_link", "xpath": "@d"},
                "page": {"type": "token", "xpath": "@t"},
                "request": {"path": "/p", "headers": {"X-Token": "{token}"}},
            },
            "sent in the query of the link",
        ),
        ({"cursor": {"type": "window", "zone": "Mars/Olympus"}, "request": BOUNDED}, "unknown zone 'Mars/Olympus'"),
        ({"cursor": {"type": "window", "format": "epoch_seconds"}, "request": BOUNDED}, "tells no finer time"),
        ({"cursor": {"type": "window"}, "request": BOUNDED, "disposition": "append"}, "needs a watermark cursor"),
        ({"request": {"path": "/{partition}"}}, "needs `for_each`: {stream, field}"),
        ({"for_each": {"stream": "areas", "field": "id"}}, "say {partition} in its request"),
    ],
)  # fmt: skip
def test_a_cursor_that_cannot_be_meant(options: dict[str, Any], message: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        stream(**options)
    assert message in str(refused.value)


EACH = {"for_each": {"stream": "areas", "field": "id"}, "request": {"path": "/{partition}/items"}}


def test_streams_stand_behind_what_they_wait_for() -> None:
    found = source(
        results=stream_document(**{**EACH, "for_each": {"stream": "plans", "field": "id"}}, after=["areas"]),
        plans=stream_document(**EACH),
        areas=stream_document(),
        other=stream_document(after=["results", "results"]),
    )
    order = in_order(found.streams)
    assert order.index("areas") < order.index("plans") < order.index("results") < order.index("other")
    assert waits_for(found.streams["results"]) == ["areas", "plans"]
    assert waits_for(found.streams["other"]) == ["results"]


@pytest.mark.parametrize(
    ("streams", "message"),
    [
        ({"a": {"after": ["b"]}}, "a: after: no stream 'b'; it may be a"),
        ({"a": EACH}, "a: for_each: no stream 'areas'; it may be a"),
        ({"a": {**EACH, "for_each": {"stream": "b", "field": "nix"}}, "b": {}}, "b has no column 'nix'; it has at"),
        (
            {"a": {**EACH, "for_each": {"stream": "b", "field": "at"}}, "b": {}},
            "b.at is of type timestamptz, whose values are no names of partitions: use a column of varchar, bigint",
        ),
        ({"a": {"after": ["a"]}}, "in a circle: a → a: take one `after` or `for_each` of these out"),
        ({"a": {"after": ["b"]}, "b": {"after": ["c"]}, "c": {"after": ["a"]}}, "in a circle: "),
        ({"areas": {"after": ["b"]}, "b": EACH}, "in a circle: "),
    ],
)  # fmt: skip
def test_an_order_that_cannot_be_kept(streams: dict[str, dict[str, Any]], message: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        source(**{name: stream_document(**more) for name, more in streams.items()})
    assert message in str(refused.value)


def test_a_circle_is_named_in_the_order_of_waiting() -> None:
    waiting = {"a": {"after": ["b"]}, "b": {"after": ["c"]}, "c": {"after": ["a"]}, "d": {"after": ["a"]}}
    with pytest.raises(msgspec.ValidationError) as refused:
        source(**{name: stream_document(**more) for name, more in waiting.items()})
    circle = str(refused.value).partition("circle: ")[2].partition(": take")[0].split(" → ")
    assert circle[0] == circle[-1]
    assert all(waiting[one]["after"] == [two] for one, two in pairwise(circle))
