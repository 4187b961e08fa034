"""A session: what it tries again, what it does not, how it waits, and what it never says or sends."""

import base64
import errno
import io
import socket
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from xmlift.errors import SourceError
from xmlift.source import answer as answer_module
from xmlift.source import session as session_module
from xmlift.source.jazz import JazzFormLogin
from xmlift.source.login import BasicLogin, NoLogin
from xmlift.source.refusals import LongPauseError, OutOfTimeError
from xmlift.source.session import Politeness, Session
from xmlift.source.walk import PageRequest

from ..scripted_source import Say, ScriptedSource, page, scripted_source

NOW = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
PAGE = page({"id": 1})
FAST = Politeness(timeout=5, attempts=4, requests_per_second=1000, page_bytes=1_000_000)
SECRET = {"username": "reader", "password": "pa55-wörd+/="}


class Clock:
    """Time that passes only where the session sleeps; `sleeps` are the pauses between tries."""

    def __init__(self) -> None:
        self.elapsed = 1000.0
        self.sleeps: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.elapsed += seconds

    def monotonic(self) -> float:
        return self.elapsed

    def now(self) -> datetime:
        return NOW


@pytest.fixture
def source() -> Iterator[ScriptedSource]:
    with scripted_source() as running:
        yield running


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(session_module.time, "monotonic", clock.monotonic)
    return clock


@pytest.fixture
def session(source: ScriptedSource, clock: Clock) -> Callable[..., Session]:
    def make(login: Any = None, politeness: Politeness = FAST, base_url: str = "", **options: Any) -> Session:
        return Session(
            base_url or source.url,
            login or NoLogin(),
            politeness,
            sleep=clock.sleep,
            now=clock.now,
            **options,
        )

    return make


Make = Callable[..., Session]


def pauses(clock: Clock) -> list[float]:
    """The pauses between tries, without those that only keep the pace."""
    return [seconds for seconds in clock.sleeps if not 0 < seconds <= 1 / FAST.requests_per_second]


def failure(session: Session, url: str) -> str:
    with pytest.raises(SourceError) as caught:
        session.fetch(PageRequest(url))
    return str(caught.value)


def test_an_answer_comes_whole_with_both_clocks(source: ScriptedSource, session: Make) -> None:
    source.says("/a", Say(PAGE, headers={"Date": "Sun, 22 Nov 2026 15:59:30 GMT"}))
    answer = session().fetch(PageRequest(f"{source.url}/a"))
    assert answer.body.read() == PAGE
    assert answer.size == len(PAGE)
    assert answer.read_at == NOW
    assert answer.date is not None
    assert timedelta(0) < datetime(2026, 11, 22, 15, 59, 30, tzinfo=UTC) - answer.date < timedelta(seconds=5)
    assert answer.retries == 0


def test_the_servers_clock_is_that_of_when_it_was_asked(
    source: ScriptedSource, session: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A query of 40 seconds may have begun by reading what was there before: the `Date` tells its end."""
    ticks = iter([100.0, 140.0])
    monkeypatch.setattr(requests.sessions, "preferred_clock", lambda: next(ticks))
    source.says("/a", Say(PAGE, headers={"Date": "Sun, 22 Nov 2026 15:59:30 GMT"}))
    assert session().fetch(PageRequest(f"{source.url}/a")).date == datetime(
        2026, 11, 22, 15, 58, 50, tzinfo=UTC
    )


def test_read_at_is_taken_before_the_request_is_sent(source: ScriptedSource, clock: Clock) -> None:
    ticks = iter([NOW.replace(second=1), NOW.replace(second=2), NOW.replace(second=3)])
    source.says("/a", Say(status=503), PAGE)
    made = Session(source.url, NoLogin(), FAST, sleep=clock.sleep, now=lambda: next(ticks))
    # The failed try took the first tick for itself and the second for Retry-After.
    assert made.fetch(PageRequest(f"{source.url}/a")).read_at == NOW.replace(second=3)


@pytest.mark.parametrize("date", ["", "yesterday", "Sun, 99 Nov 2026 15:59:30 GMT"])
def test_a_date_that_cannot_be_read_is_none(source: ScriptedSource, session: Make, date: str) -> None:
    source.says("/a", Say(PAGE, headers={"Date": date}))
    assert session().fetch(PageRequest(f"{source.url}/a")).date is None


def test_a_compressed_answer_is_unpacked(source: ScriptedSource, session: Make) -> None:
    source.says("/a", Say(PAGE, gzip=True))
    assert session().fetch(PageRequest(f"{source.url}/a")).body.read() == PAGE


@pytest.mark.parametrize("status", [408, 423, 425, 429, 500, 502, 503, 504])
def test_a_passing_fault_is_tried_again(
    source: ScriptedSource, session: Make, clock: Clock, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A pause may be next to nothing by chance.
    monkeypatch.setattr("xmlift.source.session.random.uniform", lambda _, most: most)
    source.says("/a", Say(b"busy", status), Say(b"busy", status), PAGE)
    answer = session().fetch(PageRequest(f"{source.url}/a"))
    assert answer.body.read() == PAGE
    assert answer.retries == 2
    assert len(pauses(clock)) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 422, 501, 505, 204, 206, 304])
def test_any_other_status_is_told_at_once(
    source: ScriptedSource, session: Make, clock: Clock, status: int
) -> None:
    source.says("/a", Say(b"" if status in (204, 304) else b"<p>no such thing</p>", status))
    message = failure(session(), f"{source.url}/a")
    assert f"HTTP {status}" in message
    assert f"{source.url}/a" in message
    assert "Check" in message
    assert len(source.asked) == 1
    assert pauses(clock) == []


@pytest.mark.parametrize(("status", "remedy"), [(401, "auth"), (403, "auth"), (404, "path"), (410, "path")])
def test_the_remedy_fits_the_status(source: ScriptedSource, session: Make, status: int, remedy: str) -> None:
    source.says("/a", Say(b"<h1>said so</h1>", status))
    message = failure(session(), f"{source.url}/a")
    assert remedy in message
    assert "said so" in message
    assert "<h1>" not in message


def test_a_wrong_query_answered_with_500_is_not_tried_again(
    source: ScriptedSource, session: Make, clock: Clock
) -> None:
    said = b"<error><message>CRRED0106E: Invalid date value</message></error>"
    source.says("/a", Say(said, 500))
    message = failure(session(), f"{source.url}/a")
    assert "CRRED0106E: Invalid date value" in message
    assert len(source.asked) == 1


def test_giving_up_names_the_fault_the_tries_and_what_follows(
    source: ScriptedSource, session: Make, clock: Clock
) -> None:
    source.says("/a", Say(b"overloaded", 503))
    message = failure(session(), f"{source.url}/a")
    assert "HTTP 503" in message
    assert "overloaded" in message
    assert "4 tries" in message
    assert "next run" in message
    assert len(source.asked) == 4
    assert len(pauses(clock)) == 3, "no pause after the last try"


def test_back_off_grows_and_is_bounded(
    source: ScriptedSource, session: Make, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module.random, "uniform", lambda low, high: high)
    source.says("/a", Say(status=503))
    failure(session(politeness=FAST._replace(attempts=10)), f"{source.url}/a")
    assert pauses(clock) == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("86400", 86400.0),
        (format_datetime(NOW.replace(second=11), usegmt=True), 11.0),
        (format_datetime(NOW.replace(hour=1), usegmt=True), 0.0),
    ],
)
def test_the_pause_that_the_server_asks_for_is_kept(
    source: ScriptedSource, session: Make, clock: Clock, asked: str, waited: float
) -> None:
    source.says("/a", Say(status=429, headers={"Retry-After": asked}), PAGE)
    session().fetch(PageRequest(f"{source.url}/a"))
    assert [s for s in clock.sleeps if s == 0 or s > 0.01] == [waited]


@pytest.mark.parametrize("asked", ["", "soon", "-5", "1.5", "Wed, 21 Oct 2015 07:28:00 -0000"])
def test_a_pause_that_cannot_be_read_is_the_back_off(
    source: ScriptedSource, session: Make, monkeypatch: pytest.MonkeyPatch, clock: Clock, asked: str
) -> None:
    monkeypatch.setattr(session_module.random, "uniform", lambda low, high: high)
    source.says("/a", Say(status=503, headers={"Retry-After": asked}), PAGE)
    session().fetch(PageRequest(f"{source.url}/a"))
    assert pauses(clock) == [0.5]


def test_a_body_cut_in_its_middle_is_read_again_whole(source: ScriptedSource, session: Make) -> None:
    source.says("/a", Say(PAGE[:30], promised=len(PAGE)), PAGE)
    answer = session().fetch(PageRequest(f"{source.url}/a"))
    assert answer.body.read() == PAGE
    assert answer.size == len(PAGE)
    assert answer.retries == 1


def test_a_body_that_is_always_cut_says_so(source: ScriptedSource, session: Make) -> None:
    source.says("/a", Say(PAGE[:30], promised=len(PAGE)))
    message = failure(session(), f"{source.url}/a")
    assert "gave up after 4 tries" in message
    assert "IncompleteRead" in message


def test_an_error_page_that_is_cut_is_tried_again_too(source: ScriptedSource, session: Make) -> None:
    """The words of an error are read from the socket as well: they can break off like any others."""
    source.says("/a", Say(b"over", 503, promised=5000), PAGE)
    assert session().fetch(PageRequest(f"{source.url}/a")).body.read() == PAGE


def test_an_error_page_that_is_not_what_its_encoding_says(source: ScriptedSource, session: Make) -> None:
    source.says("/a", Say(b"no gzip at all", 503, headers={"Content-Encoding": "gzip"}), PAGE)
    assert session().fetch(PageRequest(f"{source.url}/a")).body.read() == PAGE


def test_a_connection_that_is_reset_is_tried_again(source: ScriptedSource, session: Make) -> None:
    source.says("/a", Say(hang_up=True), PAGE)
    assert session().fetch(PageRequest(f"{source.url}/a")).retries == 1


def test_nobody_listening_is_told_after_all_tries(session: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    message = failure(session(base_url=url), f"{url}/a?token=sesame")
    assert "refused" in message
    assert "gave up after 4 tries" in message
    assert "sesame" not in message


def test_no_answer_in_time_is_told_after_all_tries(session: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        impatient = FAST._replace(timeout=0.05, attempts=2)
        message = failure(session(base_url=url, politeness=impatient), f"{url}/a?token=sesame")
    assert "Read timed out" in message
    assert "gave up after 2 tries" in message
    assert "sesame" not in message


@pytest.fixture
def tls_source(certificates: Path) -> Iterator[ScriptedSource]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    with scripted_source() as running:
        running.socket = context.wrap_socket(running.socket, server_side=True, do_handshake_on_connect=False)
        yield running


def test_a_certificate_that_nobody_vouches_for_is_told_at_once(
    tls_source: ScriptedSource, session: Make, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    url = tls_source.url.replace("http:", "https:")
    message = failure(session(base_url=url), f"{url}/a")
    assert "certificate is not trusted" in message
    assert "connection.ca" in message
    assert "0x" not in message
    assert pauses(clock) == []
    assert tls_source.asked == []


def test_a_certificate_of_the_named_authority_is_trusted(
    tls_source: ScriptedSource, session: Make, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates / "ca.pem"))
    tls_source.says("/a", PAGE)
    url = tls_source.url.replace("http:", "https:")
    assert session(base_url=url).fetch(PageRequest(f"{url}/a")).body.read() == PAGE


def test_a_handshake_that_breaks_off_is_no_matter_of_trust(session: Make, clock: Clock) -> None:
    """A server that restarts hangs up in the handshake: that passes, and says nothing of its certificate."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"

        def hang_up() -> None:
            for _ in range(2):
                connection, _ = listener.accept()
                connection.recv(65536)
                connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        message = failure(session(base_url=url, politeness=FAST._replace(attempts=2)), f"{url}/a")
    assert "not trusted" not in message
    assert "gave up after 2 tries" in message


def test_a_redirect_within_the_origin_is_followed(source: ScriptedSource, session: Make) -> None:
    source.says("/a", Say(status=302, headers={"Location": "/b?x=1"}))
    source.says("/b", PAGE)
    answer = session(BasicLogin(SECRET)).fetch(PageRequest(f"{source.url}/a"))
    assert answer.url == f"{source.url}/b?x=1"
    assert answer.body.read() == PAGE


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_out_of_the_origin_is_refused(source: ScriptedSource, session: Make, status: int) -> None:
    with scripted_source() as other:
        other.says("/b", PAGE)
        source.says("/a", Say(status=status, headers={"Location": f"{other.url}/b?ticket=sesame"}))
        message = failure(session(BasicLogin(SECRET)), f"{source.url}/a")
        assert other.asked == []
    assert "leaves the source's origin" in message
    assert "base_url" in message


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://127.0.0.1:{port}/a",
        "http://localhost:{port}/a",
        "http://127.0.0.1:1/a",
        "http://127.0.0.1:{port}@evil.example/a",
        "http://evil.example/?http://127.0.0.1:{port}",
        "ftp://127.0.0.1:{port}/a",
        "file:///etc/passwd",
    ],
)
def test_a_next_page_out_of_the_origin_is_refused(
    source: ScriptedSource, session: Make, elsewhere: str
) -> None:
    message = failure(session(), elsewhere.format(port=source.server_port))
    assert "leaves the source's origin" in message
    assert source.asked == []


@pytest.mark.parametrize(
    "broken", ["http://127.0.0.1:port/a", "http://127.0.0.1:99999/a", "http://[::1/a", "//", "nonsense", ""]
)
def test_a_redirect_to_what_is_no_url_is_told_as_a_fault_of_the_source(
    source: ScriptedSource, session: Make, broken: str
) -> None:
    source.says("/a", Say(status=302, headers={"Location": broken}))
    failure(session(), f"{source.url}/a")


def test_redirects_in_a_circle_end(source: ScriptedSource, session: Make) -> None:
    source.says("/a", Say(status=302, headers={"Location": "/a"}))
    assert "redirects" in failure(session(), f"{source.url}/a")
    assert len(source.asked) <= 6


@pytest.mark.parametrize(
    "answer",
    [
        Say(b"<html><head><title> Sign\n in </title></head></html>", headers={"Content-Type": "text/html"}),
        Say(b"<!DOCTYPE html><title>Sign in</title>", headers={"Content-Type": "text/xml"}),
        Say(b"\xef\xbb\xbf\n <HTML><title>Sign in</title>", headers={"Content-Type": "application/xml"}),
        Say(b"<title>Sign in</title>", headers={"Content-Type": "Text/HTML; charset=UTF-8"}),
    ],
)
def test_a_login_page_in_a_200_is_told_as_what_it_is(
    source: ScriptedSource, session: Make, answer: Say
) -> None:
    source.says("/a", answer)
    message = failure(session(), f"{source.url}/a")
    assert "HTML page (Sign in)" in message
    assert "login page" in message
    assert "secret" in message
    assert len(source.asked) == 1


def test_xml_that_speaks_of_html_is_xml(source: ScriptedSource, session: Make) -> None:
    body = b"<?xml version='1.0'?><workitem><!-- <html> --></workitem>"
    source.says("/a", body)
    assert session().fetch(PageRequest(f"{source.url}/a")).body.read() == body


def test_a_page_beyond_the_limit_is_refused(source: ScriptedSource, session: Make) -> None:
    limited = FAST._replace(page_bytes=100_000)
    source.says("/fits", b"x" * 100_000)
    assert session(politeness=limited).fetch(PageRequest(f"{source.url}/fits")).size == 100_000
    source.says("/a", Say(b"x" * 100_001, gzip=True))
    message = failure(session(politeness=limited), f"{source.url}/a")
    assert "larger than 100000 bytes" in message
    assert "limits.page_megabytes" in message
    assert len(source.targets("/a")) == 1


@pytest.mark.parametrize("answer", [Say(b"x" * 200_000), Say(b"<html><title>Sign in</title>")])
def test_the_body_of_a_refused_page_is_let_go(
    source: ScriptedSource, session: Make, monkeypatch: pytest.MonkeyPatch, answer: Say
) -> None:
    bodies: list[Any] = []
    make = tempfile.SpooledTemporaryFile

    def kept(**options: Any) -> Any:
        bodies.append(make(**options))
        return bodies[-1]

    monkeypatch.setattr(answer_module.tempfile, "SpooledTemporaryFile", kept)
    source.says("/a", answer)
    failure(session(politeness=FAST._replace(page_bytes=100_000)), f"{source.url}/a")
    assert [body.closed for body in bodies] == [True]


def test_a_full_disk_is_not_the_endpoints_fault(
    source: ScriptedSource, session: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(answer_module.tempfile, "SpooledTemporaryFile", lambda **_: Full())
    source.says("/a", PAGE)
    message = failure(session(), f"{source.url}/a")
    assert "function's disk: raise its ephemeral storage" in message
    assert "limits.page_megabytes" in message
    assert len(source.asked) == 1


# --- the function's time ---


def times(*seconds: float) -> Callable[[], float]:
    """What is left of a function's time, the last of them again and again."""
    left = list(seconds)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def test_without_time_nothing_is_asked(source: ScriptedSource, session: Make) -> None:
    source.says("/a", PAGE)
    with pytest.raises(OutOfTimeError) as caught:
        session(time_left=lambda: 30.0).fetch(PageRequest(f"{source.url}/a?token=sesame"))
    assert "could not be read within the function's time" in str(caught.value)
    assert "smaller pages" in str(caught.value)
    assert "timeout" in str(caught.value)
    assert "sesame" not in str(caught.value)
    assert source.asked == []


def test_a_pause_that_outlasts_the_function_is_not_begun(
    source: ScriptedSource, session: Make, clock: Clock
) -> None:
    source.says("/a", Say(b"busy", status=429, headers={"Retry-After": "50"}))
    with pytest.raises(LongPauseError, match="HTTP 429"):
        session(time_left=lambda: 79.0).fetch(PageRequest(f"{source.url}/a"))
    assert pauses(clock) == []
    assert len(source.asked) == 1


def test_the_wait_for_an_answer_ends_before_the_function_does(session: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        patient = FAST._replace(timeout=600)
        with pytest.raises(OutOfTimeError, match="Read timed out"):
            session(base_url=url, politeness=patient, time_left=times(99, 99, 30.05, 30)).fetch(
                PageRequest(f"{url}/a")
            )


@pytest.mark.parametrize("status", ["200 OK", "503 Busy"])
@pytest.mark.parametrize("framing", ["Content-Length: 1000000", "Transfer-Encoding: chunked"])
def test_a_server_that_drips_comes_to_an_end(session: Make, status: str, framing: str) -> None:
    """Each drop comes within the server's time-out, the page never."""
    drop = b"1\r\n<\r\n" if "chunked" in framing else b"<"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        read = threading.Semaphore(1)
        left = 100.0

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(f"HTTP/1.1 {status}\r\n{framing}\r\n\r\n".encode())
                while read.acquire(timeout=5):
                    try:
                        connection.sendall(drop)
                    except OSError:
                        return

        def time_left() -> float:
            nonlocal left
            left -= 1
            read.release()  # the next drop, once the one before was read
            return left

        threading.Thread(target=drip, daemon=True).start()
        with pytest.raises(OutOfTimeError, match="within the function's time"):
            session(base_url=url, time_left=time_left).fetch(PageRequest(f"{url}/a"))


def test_basic_credentials_go_in_every_request_as_utf_8(source: ScriptedSource, session: Make) -> None:
    source.says("/a", Say(status=302, headers={"Location": "/b"}))
    source.says("/b", PAGE)
    session(BasicLogin(SECRET)).fetch(PageRequest(f"{source.url}/a"))
    expected = base64.b64encode(b"reader:" + SECRET["password"].encode()).decode()
    assert [asked.headers["Authorization"] for asked in source.asked] == [f"Basic {expected}"] * 2


@pytest.mark.parametrize("missing", ["username", "password"])
def test_a_secret_without_a_part_is_named_without_its_value(missing: str) -> None:
    rest = {name: value for name, value in SECRET.items() if name != missing}
    with pytest.raises(SourceError, match=missing) as caught:
        BasicLogin(rest)
    assert all(value not in str(caught.value) for value in rest.values())


@pytest.mark.parametrize("answer", [Say(b"no", 403), Say(b"no", 503), Say(b"<html>"), Say(hang_up=True)])
def test_no_message_holds_credentials_or_secret_parameters(
    source: ScriptedSource, session: Make, answer: Say
) -> None:
    source.says("/a", answer)
    url = f"http://reader:hunter2@127.0.0.1:{source.server_port}/a?size=5&api_key=sesame&AUTH=open&Token=x1y2"
    message = failure(session(BasicLogin(SECRET)), url)
    assert "size=5" in message
    for hidden in (SECRET["password"], "hunter2", "sesame", "open", "x1y2"):
        assert hidden not in message


def test_the_streams_own_headers_are_sent(source: ScriptedSource, session: Make) -> None:
    source.says("/a", PAGE)
    headers = {"OSLC-Core-Version": "2.0", "Accept": "application/rdf+xml"}
    session().fetch(PageRequest(f"{source.url}/a", headers=headers))
    assert source.asked[0].headers["OSLC-Core-Version"] == "2.0"
    assert source.asked[0].headers["Accept"] == "application/rdf+xml"


def test_a_body_is_posted_again_with_each_try(source: ScriptedSource, session: Make) -> None:
    source.says("/a", Say(status=503), Say(status=307, headers={"Location": "/b"}))
    source.says("/b", PAGE)
    request = PageRequest(f"{source.url}/a", b"<q>\xc3\xa4</q>", {"Content-Type": "text/xml"})
    assert session().fetch(request).body.read() == PAGE
    assert [
        (asked.method, asked.target, asked.body, asked.headers["Content-Type"]) for asked in source.asked
    ] == [("POST", target, "<q>ä</q>".encode(), "text/xml") for target in ("/a", "/a", "/b")]


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirect_does_not_turn_a_post_into_a_get(
    source: ScriptedSource, session: Make, status: int
) -> None:
    source.says("/a", Say(status=status, headers={"Location": "/b"}))
    with pytest.raises(SourceError, match="redirects a POST"):
        session().fetch(PageRequest(f"{source.url}/a", b"<q/>"))
    assert source.targets("/b") == []


def slow(session: Make) -> Session:
    return session(politeness=FAST._replace(requests_per_second=4))


def test_requests_keep_their_pace(source: ScriptedSource, session: Make, clock: Clock) -> None:
    source.says("/a", PAGE)
    made = slow(session)
    for _ in range(3):
        made.fetch(PageRequest(f"{source.url}/a"))
    assert clock.sleeps == [pytest.approx(0.25)] * 3, "another function may have asked just before the first"
    clock.elapsed += 60
    made.fetch(PageRequest(f"{source.url}/a"))
    assert len(clock.sleeps) == 3, "time that has passed is not waited for again"


def test_a_process_remembers_when_it_last_asked(source: ScriptedSource, session: Make, clock: Clock) -> None:
    source.says("/a", PAGE)
    slow(session).fetch(PageRequest(f"{source.url}/a"))
    clock.elapsed += 0.1
    slow(session).fetch(PageRequest(f"{source.url}/a"))
    assert clock.sleeps == [pytest.approx(0.25), pytest.approx(0.15)]
    clock.elapsed -= 1000
    slow(session).fetch(PageRequest(f"{source.url}/a"))
    assert clock.sleeps[2:] == [pytest.approx(0.25)], "a clock that jumped back costs one turn, no more"


def test_a_login_and_redirects_keep_the_pace_as_well(
    source: ScriptedSource, session: Make, clock: Clock
) -> None:
    source.says("/authenticated/identity", b"{}")
    source.says("/authenticated/j_security_check", b"{}")
    source.says("/a", Say(status=302, headers={"Location": "/b"}))
    source.says("/b", PAGE)
    made = session(JazzFormLogin(SECRET), FAST._replace(requests_per_second=4))
    made.fetch(PageRequest(f"{source.url}/a"))
    assert len(source.asked) == 5
    assert clock.sleeps == [pytest.approx(0.25)] * 5


def test_a_turn_that_comes_too_late_is_not_waited_for(
    source: ScriptedSource, session: Make, clock: Clock
) -> None:
    seldom = FAST._replace(requests_per_second=0.01)
    with pytest.raises(OutOfTimeError):
        session(politeness=seldom, time_left=lambda: 120.0).fetch(PageRequest(f"{source.url}/a"))
    assert clock.sleeps == []
    assert source.asked == []
