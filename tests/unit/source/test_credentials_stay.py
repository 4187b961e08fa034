"""Credentials stay: with their origin, as the URL is sent and not as it reads, and out of every message."""

import base64
import json
import traceback
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree
from urllib3.util import parse_url

from xmlift.errors import SourceError
from xmlift.source.jazz import JazzFormLogin
from xmlift.source.login import BasicLogin, BearerLogin, Login, NoLogin
from xmlift.source.oauth import OAuth2ClientLogin
from xmlift.source.paging import NextUrl, Start
from xmlift.source.refusals import LongPauseError
from xmlift.source.session import Politeness, Session
from xmlift.source.template import Template
from xmlift.source.urls import joined
from xmlift.source.walk import PageRequest

from ..scripted_source import Say, ScriptedSource, page, scripted_source

FAST = Politeness(timeout=5, attempts=2, requests_per_second=10_000, page_bytes=1_000_000)
USER = {"username": "etl", "password": "hunter2"}


@pytest.fixture
def source() -> Iterator[ScriptedSource]:
    with scripted_source() as running:
        yield running


@pytest.fixture
def elsewhere() -> Iterator[ScriptedSource]:
    with scripted_source() as running:
        running.says("/", page({"id": 1}))
        yield running


def failure(source: ScriptedSource, login: Login, url: str = "", **headers: str) -> str:
    with pytest.raises(SourceError) as caught:
        Session(source.url, login, FAST, sleep=lambda _: None).fetch(
            PageRequest(url or f"{source.url}/a", None, headers)
        )
    return str(caught.value)


def two_hosts(source: ScriptedSource, elsewhere: ScriptedSource) -> str:
    """A URL that reads as the source's, and is sent to the other host."""
    return f"{elsewhere.url}\\@{source.url.removeprefix('http://')}/x"


def test_a_redirect_that_reads_as_the_source_is_not_followed_to_another_host(
    source: ScriptedSource, elsewhere: ScriptedSource
) -> None:
    source.says("/a", Say(status=302, headers={"Location": two_hosts(source, elsewhere)}))
    assert "not a URL" in failure(source, BasicLogin(USER))
    assert elsewhere.asked == []


def test_what_reads_as_the_source_is_not_asked_at_another_host(
    source: ScriptedSource, elsewhere: ScriptedSource
) -> None:
    """Such as a link that an earlier call wrote down."""
    message = failure(source, BasicLogin(USER), two_hosts(source, elsewhere))
    assert "leaves the source's origin" in message
    assert elsewhere.asked == []


def test_neither_a_next_page_nor_a_deltas_link_leads_to_two_hosts() -> None:
    template, link = Template("https://host", "/a"), r"https://evil.example\@host/x"
    walk = NextUrl(Start(template, {}), "/p/@next", None, {})
    with pytest.raises(SourceError, match="not a URL"):
        walk.following(etree.XML(f"<p next='{link}'/>"), PageRequest("https://host/a"), "https://host/a", 1)
    with pytest.raises(SourceError, match="not a URL"):
        Start(template, {}, link=link).first({})


@pytest.mark.parametrize(
    "reference",
    [
        r"http://evil.example\@host/x",
        r"//evil.example\@host/x",
        r"http:\\evil.example/x",
        "http://host\t.evil.example/",
        "http://host .evil.example/",
        "http://ho\nst/x",
        "http://host\x00/x",
        "http://[host]/",
        "http://host:99999/",
    ],
)
def test_a_reference_that_two_readers_read_as_two_hosts_is_none(reference: str) -> None:
    with pytest.raises(SourceError, match="leads on to what is not a URL") as caught:
        joined("http://host/a/b?token=sesame", reference)
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("reference", ["/b?q=a b", "c d?x=\\", "http://host/a?d=C:\\x y", "/ü?é=1"])
def test_spaces_and_backslashes_behind_the_host_lead_nowhere_else(reference: str) -> None:
    assert joined("http://host/a/b", reference).startswith("http://host/")


_PIECES = [
    "host",
    "evil.example",
    "@",
    ":",
    "/",
    "\\",
    "#",
    "?",
    "[",
    "]",
    "\t",
    " ",
    "\x00",
    "。",
    "\uff0f",
    "%40",
    "80",
]


@given(
    st.sampled_from(["http://", "//", "http:", "https://", "/", "", "http:/"]),
    st.lists(st.sampled_from(_PIECES), min_size=1, max_size=7),
)
@example("http://", ["evil.example", "\\", "@", "host"])
def test_what_is_let_pass_is_sent_where_it_reads(scheme: str, pieces: list[str]) -> None:
    asked: list[str] = []

    class Adapter(requests.adapters.HTTPAdapter):
        def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:  # type: ignore[override]
            asked.append(str(request.url))
            raise requests.ConnectionError

    session = Session("http://host/a", NoLogin(), FAST._replace(attempts=1, requests_per_second=1e9))
    session._http.mount("http://", Adapter())
    session._http.mount("https://", Adapter())
    with suppress(SourceError):
        session.fetch(PageRequest(scheme + "".join(pieces)))
    for url in asked:
        sent = parse_url(url)
        assert (sent.scheme, sent.host, sent.port or 80) == ("http", "host", 80)


@pytest.mark.parametrize("token", ["hunter2\n", " hunter2", "hunter2 ", "hun\tter2", "hunter2€", "hün2"])
def test_a_token_that_no_header_carries_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(SourceError, match="'token'") as caught:
        BearerLogin({"token": token})
    assert "hun" not in str(caught.value)
    assert "put it anew" in str(caught.value)


@pytest.mark.parametrize("value", ["hunter2\n", " hunter2", "hunter2 €"])
def test_a_value_that_no_header_carries_is_not_shown(source: ScriptedSource, value: str) -> None:
    assert "hunter2" not in failure(source, NoLogin(), **{"X-Key": value})


def test_a_redirect_that_cannot_be_read_is_not_shown(source: ScriptedSource) -> None:
    source.says("/a", Say(status=302, headers={"Location": "http://[x/?token=sesame"}))
    assert "sesame" not in failure(source, NoLogin())


def test_a_netrc_file_is_nobodys_login(
    source: ScriptedSource, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password hunter2\n")  # type: ignore[operator]
    monkeypatch.setenv("NETRC", f"{tmp_path}/netrc")
    source.says("/a", page({"id": 1}))
    Session(source.url, NoLogin(), FAST).fetch(PageRequest(f"{source.url}/a"))
    assert "Authorization" not in source.asked[0].headers


def pauses(source: ScriptedSource, login: Login) -> list[float]:
    slept: list[float] = []
    polite = FAST._replace(attempts=2)
    with pytest.raises(SourceError):
        Session(source.url, login, polite, sleep=slept.append).fetch(PageRequest(f"{source.url}/a"))
    return [seconds for seconds in slept if seconds > 1 / FAST.requests_per_second]


BUSY = Say(b"slow down", 429, {"Retry-After": "120"})


def test_a_token_endpoint_gets_the_pause_that_it_asks_for(source: ScriptedSource) -> None:
    source.says("/token", BUSY)
    client = OAuth2ClientLogin({"client_id": "i", "client_secret": "s"}, f"{source.url}/token", None)
    assert pauses(source, client) == [120.0]


def test_a_jazz_server_gets_the_pause_that_it_asks_for_and_no_password_before(source: ScriptedSource) -> None:
    source.says("/authenticated/identity", BUSY)
    assert pauses(source, JazzFormLogin(USER)) == [120.0]
    assert [asked.method for asked in source.asked] == ["GET", "GET"]


def test_a_login_that_answers_without_end_is_told(source: ScriptedSource) -> None:
    answer = {"access_token": "t", "token_type": "bearer", "padding": "x" * 2_000_000}
    source.says("/token", Say(json.dumps(answer).encode()))
    client = OAuth2ClientLogin({"client_id": "i", "client_secret": "s"}, f"{source.url}/token", None)
    assert "the login's answer is larger than" in failure(source, client)


def test_basic_keeps_any_text(source: ScriptedSource) -> None:
    source.says("/a", page({"id": 1}))
    login = BasicLogin({"username": "etl", "password": " pä€ "})
    Session(source.url, login, FAST).fetch(PageRequest(f"{source.url}/a"))
    sent = source.asked[0].headers["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent).decode() == "etl: pä€ "


@pytest.mark.parametrize(
    "location",
    [
        "https://jas.example/oidc/endpoint/jazzop/authorize?client_id=sesame",
        "https://idp.example/saml2/sso?SAMLRequest=sesame",
        "https://idp.example/adfs/ls?wa=sesame",
        "https://login.example/common/oauth2/v2.0/authorize?x=sesame",
    ],
)
def test_a_redirect_to_single_sign_on_is_called_that(source: ScriptedSource, location: str) -> None:
    source.says("/a", Say(status=302, headers={"Location": location}))
    message = failure(source, BasicLogin(USER))
    assert "single sign-on" in message
    assert "application_password" in message
    assert "change base_url" not in message
    assert "sesame" not in message


SESSION = "s3ss/ion äid"


def with_session(source: ScriptedSource, **places: Any) -> PageRequest:
    return Template(source.url, **places).filled({"session": SESSION, "partition": "area51", "page": "2"})


@pytest.mark.parametrize(
    "answer",
    [
        Say(b"no session s3ss/ion \xc3\xa4id", 404),
        Say(b"<html><title>s3ss/ion \xc3\xa4id</title></html>"),
        Say(status=302, headers={"Location": "https://elsewhere/s3ss%2Fion%20%C3%A4id/x"}),
        Say(b"busy", 503),
    ],
)
def test_what_a_server_gave_to_go_on_with_is_not_shown(source: ScriptedSource, answer: Say) -> None:
    path = "/fetch/{session}/{partition}/p{page}"
    request = with_session(source, path=path)
    source.says(request.url.removeprefix(source.url), answer)
    with pytest.raises(SourceError) as caught:
        Session(source.url, NoLogin(), FAST, sleep=lambda _: None).fetch(request)
    message = str(caught.value)
    assert "***" in message
    assert not any(hidden in message for hidden in ("s3ss", "äid", "%C3%A4id"))
    assert request.shown == f"{source.url}/fetch/***/area51/p2"


def test_a_page_named_by_one_is_shown_without_it_too() -> None:
    start = Start(Template("https://host", "/first/{session}"), {})
    walk = NextUrl(start, "/p/@next", None, {})
    first = walk.first({"session": "s3cret"})
    following = walk.following(etree.XML("<p next='/more/s3cret/2'/>"), first, first.url, 1)
    assert following is not None
    assert (first.shown, following.shown) == ("https://host/first/***", "https://host/more/***/2")


def test_a_pause_that_outlasts_the_function_is_an_error_of_its_own(source: ScriptedSource) -> None:
    source.says("/a", Say(b"busy", 503, {"Retry-After": "3600"}))
    with pytest.raises(LongPauseError, match=r"HTTP 503 .*busy; the endpoint asks for a pause of 3600 s"):
        Session(source.url, NoLogin(), FAST, time_left=lambda: 900.0).fetch(PageRequest(f"{source.url}/a"))
    assert len(source.asked) == 1


@pytest.mark.parametrize("status", [404, 503])
def test_what_the_server_gave_to_go_on_with_stands_in_no_error_nor_in_what_it_was_raised_from(
    source: ScriptedSource, status: int
) -> None:
    source.says("/s3arch", Say(b"s3arch-token is gone", status))
    request = PageRequest(f"{source.url}/s3arch-token?sid=s3arch-token", secrets=("s3arch-token",))
    with pytest.raises(SourceError) as caught:
        Session(source.url, NoLogin(), FAST, sleep=lambda _: None).fetch(request)
    assert "***" in str(caught.value)
    assert "s3arch-token" not in "".join(traceback.format_exception(caught.value))
