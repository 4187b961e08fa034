"""The raw zone: an answer goes in as it came, and comes out byte by byte the same, of whatever size."""

import gzip
import io
import zlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xmlift.errors import LandingError
from xmlift.landing import names
from xmlift.landing.names import WindowName
from xmlift.landing.raw import RawZone, raw_answer, unpacked
from xmlift.landing.zone import Zone
from xmlift.windows import Interval

AT = datetime(2026, 1, 1, 6, 0, 0, 123456, UTC)
RUN = "20260102T000000000000Z-x"
WINDOW = WindowName("ewm", "items", RUN, "a/b", Interval(AT, AT + timedelta(hours=1)))
ATTEMPT = "0123456789ab"


def test_answers_are_kept_in_order_under_names_that_read_back(zone: Zone) -> None:
    raw = RawZone(zone, WINDOW, ATTEMPT)
    raw.keep(io.BytesIO(b"<one/>"), 1, "https://h/one?token=***", AT)
    raw.keep(io.BytesIO(b"<two/>"), 2, "https://h/two", AT + timedelta(seconds=1))
    one, two = raw.flush()
    assert (one.attempt, one.page, one.url, one.read_at) == (ATTEMPT, 1, "https://h/one?token=***", AT)
    assert raw.flush() == []
    assert [names.parse_raw(key) for key in zone.keys("raw/")] == [(WINDOW, one.name), (WINDOW, two.name)]
    body = zone.get(f"{WINDOW.raw_folder}{one.name}")
    assert (gzip.decompress(body), len(body)) == (b"<one/>", one.bytes)
    with raw_answer(zone, WINDOW, two) as answer:
        assert answer.read() == b"<two/>"


def test_an_answer_is_kept_from_its_beginning_however_far_it_was_read(zone: Zone) -> None:
    raw, body = RawZone(zone, WINDOW, ATTEMPT), io.BytesIO(b"<one/>")
    body.read()
    raw.keep(body, 1, "", AT)
    with raw_answer(zone, WINDOW, raw.flush()[0]) as answer:
        assert answer.read() == b"<one/>"


def test_a_kept_answer_that_is_gone_says_what_to_do(zone: Zone, s3: Any) -> None:
    raw = RawZone(zone, WINDOW, ATTEMPT)
    raw.keep(io.BytesIO(b"<one/>"), 1, "", AT)
    (page,) = raw.flush()
    key = f"{WINDOW.raw_folder}{page.name}"
    s3.put_object(Bucket="landing", Key=key, Body=gzip.compress(b"<another/>"))
    with pytest.raises(LandingError, match="is not what its window's commit names: restore"):
        raw_answer(zone, WINDOW, page)
    s3.delete_object(Bucket="landing", Key=key)
    with pytest.raises(LandingError, match="is gone: it is older than the stream's `keep_raw`"):
        raw_answer(zone, WINDOW, page)


MEGABYTE = 1024 * 1024
LARGE = bytes(range(256)) * (20 * 1024)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=20), st.sampled_from([1, 10, 256 * 1024, MEGABYTE]))
def test_what_goes_in_comes_out(zone: Zone, some: bytes, times: int) -> None:
    content = some * times
    raw = RawZone(zone, WINDOW, ATTEMPT)
    raw.keep(io.BytesIO(content), 1, "", AT)
    with raw_answer(zone, WINDOW, raw.flush()[0]) as answer:
        assert answer.read() == content


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=20), st.sampled_from([1, 256 * 1024])), min_size=1, max_size=3))
def test_a_file_of_several_members_is_all_of_them(members: list[tuple[bytes, int]]) -> None:
    contents = [some * times for some, times in members]
    packed = b"".join(gzip.compress(content) for content in contents)
    with unpacked(io.BytesIO(packed)) as plain:
        assert plain.read() == b"".join(contents)


# No time in them, which would be a part of the tests' names: processes that share the tests have to agree on those.
@pytest.mark.parametrize(
    ("packed", "why"),
    [
        (b"", "broken off"),
        (gzip.compress(LARGE, mtime=0)[:-9], "broken off"),
        (gzip.compress(b"a", mtime=0) + gzip.compress(b"b", mtime=0)[:10], "broken off"),
        (gzip.compress(b"abc", mtime=0)[:-5] + b"12345", "damaged"),
        (b"<xml/>", "damaged"),
        (zlib.compress(b"abc"), "damaged"),
    ],
)
def test_a_damaged_file_says_so(packed: bytes, why: str) -> None:
    with pytest.raises(LandingError, match=why):
        unpacked(io.BytesIO(packed))


def test_a_file_that_unpacks_into_too_much_is_left_off_where_it_does() -> None:
    bomb = gzip.compress(b"\0" * (64 * MEGABYTE))
    reader = io.BytesIO(bomb * 50)
    with pytest.raises(LandingError, match="unpacked it has more than 1000000 bytes"):
        unpacked(reader, most_bytes=1_000_000)
    with unpacked(io.BytesIO(gzip.compress(b"x" * 1000)), most_bytes=1000) as plain:
        assert len(plain.read()) == 1000
