"""`inbox` and `keep_raw` of a stream: what they go with, and what is said of what they do not."""

import pytest

from xmlift.catalogue import Stream, load_source
from xmlift.errors import CatalogueError

STREAM = """
source: parts
base_url: https://example.com
streams:
  prices:
    {more}
    records: /a/b
    key: [id]
    columns: {{ id: {{ path: id, type: bigint }}, at: {{ path: at, type: timestamptz }} }}
"""
REQUEST = "request: { path: /p, query: { q: '{window.from} {window.to}' } }"
CURSOR = "cursor: { type: watermark, field: at }"


def stream_of(*more: str) -> Stream:
    text = STREAM.format(more="\n    ".join(more))
    return load_source(text.encode(), "x.yaml").streams["prices"]


@pytest.mark.parametrize(
    "more",
    [
        ("inbox: true",),
        ("inbox: true", CURSOR),
        ("inbox: true", CURSOR, "disposition: append"),
        ("inbox: true", REQUEST, CURSOR),
        ("inbox: true", REQUEST, CURSOR, "disposition: append"),
        ("inbox: true", "deletes: { type: tombstone, path: gone }"),
        ("inbox: true", "keep_raw: 30d"),
    ],
)
def test_a_stream_may_have_an_inbox(more: tuple[str, ...]) -> None:
    stream = stream_of(*more)
    assert stream.inbox
    assert (stream.request is None) == (REQUEST not in more)
    assert stream.is_bounded == (REQUEST in more)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        (
            ("inbox: true", "request: { path: /p }", "cursor: { type: delta_link, xpath: /a/@l }"),
            "a dropped file has no link to go on from: leave out `inbox`, or the cursor delta_link",
        ),
        ((), "a stream needs a `request`, or `inbox: true` where its records come as files"),
        (("inbox: false",), "a stream needs a `request`, or `inbox: true` where its records come as files"),
        (("inbox: true", "disposition: replace"), "has to know all, or their order: use merge or append"),
        (("inbox: true", "disposition: scd2", CURSOR), "has to know all, or their order: use merge"),
        (("inbox: true", "disposition: append"), "append needs a watermark cursor, by whose time the rows"),
        (("inbox: true", "cursor: { type: full }"), "of cursors only watermark tells something of a file"),
        (
            ("inbox: true", "page: { type: next_url, xpath: /a/@href }"),
            "nothing is asked for: leave out `page`",
        ),
        (("inbox: true", "after: [prices]"), "without a `request` nothing is asked for: leave out `after`"),
        ((REQUEST, CURSOR, "keep_raw: 30"), "keep_raw"),
        ((REQUEST, CURSOR, "keep_raw: 0d"), "keep_raw"),
    ],
)
def test_what_does_not_go_together_says_so(more: tuple[str, ...], why: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        stream_of(*more)
    assert why in str(caught.value)
    assert "prices" in str(caught.value)
