"""URLs: what a window's request is built from, and what a message shows of it."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xmlift.errors import SourceError
from xmlift.source.urls import format_time, joined, masked, origin, shown, widened
from xmlift.source.wording import words
from xmlift.windows import Interval

_FROM, _TO = datetime(1900, 1, 1), datetime(2200, 1, 1)  # noqa: DTZ001 (hypothesis adds the zone itself)
INSTANTS = st.datetimes(_FROM, _TO, timezones=st.just(UTC))
RESOLUTIONS = st.one_of(
    st.sampled_from([timedelta(microseconds=1), timedelta(milliseconds=1), timedelta(seconds=1)]),
    st.timedeltas(timedelta(microseconds=1), timedelta(days=1)),
)


@given(INSTANTS, INSTANTS, RESOLUTIONS, INSTANTS)
def test_the_widened_interval_holds_every_instant_of_the_window(
    start: datetime, end: datetime, resolution: timedelta, instant: datetime
) -> None:
    """Also as the server sees it, which cuts times to its resolution and may exclude both bounds."""
    window = Interval(min(start, end), max(start, end))
    asked = widened(window, resolution)
    assert asked.start < window.start
    assert asked.end >= window.end
    if window.start <= instant < window.end:
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        stored = epoch + (instant - epoch) // resolution * resolution
        assert asked.start < stored < asked.end


@given(INSTANTS, INSTANTS, RESOLUTIONS)
def test_the_widened_interval_is_no_wider_than_it_must(
    start: datetime, end: datetime, resolution: timedelta
) -> None:
    window = Interval(min(start, end), max(start, end))
    asked = widened(window, resolution)
    assert window.start - asked.start <= 2 * resolution
    assert asked.end - window.end < resolution


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("window", "resolution", "asked"),
    [
        (
            ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
            1,
            ("2025-12-31T23:59:59Z", "2026-01-02T00:00:00Z"),
        ),
        (
            ("2026-01-01T00:00:00.5Z", "2026-01-02T00:00:00.000001Z"),
            1,
            ("2025-12-31T23:59:59Z", "2026-01-02T00:00:01Z"),
        ),
        (
            ("2026-01-01T05:00:00Z", "2026-01-02T05:00:00Z"),
            86400,
            ("2025-12-31T00:00:00Z", "2026-01-03T00:00:00Z"),
        ),
    ],
)
def test_widening_by_example(window: tuple[str, str], resolution: int, asked: tuple[str, str]) -> None:
    found = widened(Interval(at(window[0]), at(window[1])), timedelta(seconds=resolution))
    assert found == Interval(at(asked[0]), at(asked[1]))


@pytest.mark.parametrize(
    ("template", "resolution", "text"),
    [
        ("%Y-%m-%dT%H:%M:%S.%f%z", timedelta(milliseconds=1), "2026-11-22T16:05:09.012+0000"),
        ("%Y-%m-%dT%H:%M:%S.%f%z", timedelta(microseconds=1), "2026-11-22T16:05:09.012345+0000"),
        ("%Y-%m-%dT%H:%M:%S.%f%z", timedelta(seconds=1), "2026-11-22T16:05:09.012+0000"),
        ("%Y-%m-%d", timedelta(days=1), "2026-11-22"),
        ("%d.%m.%Y %H:%M", timedelta(minutes=1), "22.11.2026 16:05"),
    ],
)
def test_times_are_written_as_the_endpoint_reads_them(
    template: str, resolution: timedelta, text: str
) -> None:
    # 18:05 in a zone two hours ahead: what is sent is UTC.
    instant = datetime.fromisoformat("2026-11-22T18:05:09.012345+02:00")
    assert format_time(instant, template, resolution) == text


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://host/a", "https://host:443/b?c", True),
        ("http://host/a", "http://host:80/", True),
        ("https://HOST/a", "https://host/", True),
        ("https://host/", "http://host/", False),
        ("https://host/", "https://host:8443/", False),
        ("https://host/", "https://host.evil.example/", False),
        ("https://host/", "https://host@evil.example/", False),
        ("https://host/", "https://sub.host/", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(one: str, other: str, same: bool) -> None:
    assert (origin(one) == origin(other)) is same


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://etl:pa55@host:8443/a?b=1", "https://host:8443/a?b=1"),
        ("https://host/a?access_token=x1&size=5", "https://host/a?access_token=***&size=5"),
        (
            "https://host/a?apiKey=x1&API_KEY=x2&client_secret=x3",
            "https://host/a?apiKey=***&API_KEY=***&client_secret=***",
        ),
        (
            "https://host/a?X-Amz-Signature=x1&password=x2&Passwd=x3",
            "https://host/a?X-Amz-Signature=***&password=***&Passwd=***",
        ),
        ("https://host/a?q=modified%3E2026 x%2By", "https://host/a?q=modified>2026 x%2By"),
        (
            "https://host/a?since=2026-01-01T00:00:00.000%2B0000",
            "https://host/a?since=2026-01-01T00:00:00.000%2B0000",
        ),
        (
            "https://host/a?day=2026-01-01&pos=&to=2026-01-01T00:00Z",
            "https://host/a?day=2026-01-01&pos=&to=2026-01-01T00:00Z",
        ),
        (
            "https://host/a?key=1&access_key=2&sig=3&sid=4&pwd=5&code=6&jsessionid=7",
            "https://host/a?key=***&access_key=***&sig=***&sid=***&pwd=***&code=***&jsessionid=***",
        ),
        (
            "https://host/a?id=_Kx29%2BsfQ%3D%3D&x=hunter2&cursor=MTIz",
            "https://host/a?id=***&x=***&cursor=***",
        ),
        ("https://host/a?x=12345678901234567890", "https://host/a?x=***"),
        ("https://host/a?sesame&size=5", "https://host/a?***&size=5"),
        ("https://host/a;jsessionid=0A1B/b;v=1?size=5", "https://host/a/b?size=5"),
        ("https://host/a?%6Bey=5", "https://host/a?%6Bey=***"),
        ("https://host/a#access_token=x1", "https://host/a"),
    ],
)
def test_what_a_message_shows(url: str, text: str) -> None:
    assert shown(url) == text


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "token", "My-Auth", "passWord"]), st.from_regex("[0-9]{8}", fullmatch=True)
        )
    )
)
def test_no_secret_parameter_is_ever_shown(parameters: list[tuple[str, str]]) -> None:
    url = "https://user:87654321@host/a?" + "&".join(f"{name}={value}" for name, value in parameters)
    shown_values = [value for name, value in parse_qsl(urlsplit(shown(url)).query) if name != "a"]
    assert all(value == "***" for value in shown_values if not value.endswith("…"))
    assert "87654321" not in shown(url).partition("?")[0]


def test_long_urls_are_cut_for_messages() -> None:
    text = shown("https://host/a?fields=(" + "x" * 5000)
    assert len(text) == 300
    assert text.endswith("…")


TOKEN = "t0ken/" * 100


@pytest.mark.parametrize("before", [10, 270, 280, 290, 299])
def test_what_is_left_of_a_secret_that_was_cut_off_is_masked_too(before: int) -> None:
    path = "/".ljust(before, "p")
    for written in (TOKEN, quote(TOKEN, safe="")):
        text = masked(shown(f"https://host{path}/{written}"), (TOKEN,))
        assert "t0k" not in text
        assert text.startswith(f"https://host{path}"[:290])


def test_what_is_left_of_a_secret_in_a_servers_words_is_masked_too() -> None:
    said = words(f"<p>{'gone ' * 55} {TOKEN}</p>".encode())
    assert len(said) == 300
    assert "t0k" in said
    assert masked(said, (TOKEN,)) == "gone " * 55 + "***…"


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("?page=2", "https://host/ccm/a?page=2"),
        ("b?page=2", "https://host/ccm/b?page=2"),
        ("/b", "https://host/b"),
        ("//other/b", "https://other/b"),
        ("https://host/c?x=a%2Bb", "https://host/c?x=a%2Bb"),
    ],
)
def test_a_reference_is_completed(reference: str, url: str) -> None:
    assert joined("https://host/ccm/a?page=1", reference) == url


@pytest.mark.parametrize("broken", ["https://host:port/", "https://host:99999/", "https://[::1/"])
def test_a_reference_that_is_no_url_is_a_fault_of_the_source(broken: str) -> None:
    with pytest.raises(SourceError, match="not a URL") as caught:
        joined("https://host/a?token=sesame", broken)
    assert "https://host/a?token=***" in str(caught.value)
