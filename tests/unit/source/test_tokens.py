"""Bearer tokens, OAuth 2 clients and application passwords: what is sent where, and each failure by its name."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.endpoint.endpoint import PASSWORD, USER
from xmlift.errors import SourceError
from xmlift.source import oauth
from xmlift.source.login import ApplicationPasswordLogin, BasicLogin, BearerLogin, Login, NoLogin
from xmlift.source.oauth import OAuth2ClientLogin
from xmlift.source.session import Politeness, Session
from xmlift.source.walk import PageRequest

from ..scripted_source import Say, ScriptedSource, page, scripted_source

PAGE = page({"id": 1})
FAST = Politeness(timeout=5, attempts=2, requests_per_second=10_000, page_bytes=1_000_000)
CLIENT = {"client_id": "etl+1", "client_secret": "s€cret:/ "}
JAS = {"X-JSA-AUTHORIZATION-REDIRECT": "https://jas/oidc/endpoint/jazzop/authorize?client_id=sesame"}


def session(base_url: str, login: Login) -> Session:
    return Session(base_url, login, FAST, sleep=lambda _: None)


def failure(source: ScriptedSource, login: Login) -> str:
    with pytest.raises(SourceError) as caught:
        session(source.url, login).fetch(PageRequest(f"{source.url}/a"))
    for hidden in ("sesame", *CLIENT.values(), "hunter2"):
        assert hidden not in str(caught.value)
    return str(caught.value)


def token(name: str = "t1", **more: Any) -> Say:
    return Say(json.dumps({"access_token": name, "token_type": "bearer", "expires_in": 3600} | more).encode())


@pytest.fixture
def issuer() -> Iterator[ScriptedSource]:
    """A token endpoint of another origin than the source."""
    with scripted_source() as running:
        running.says("/token", token("t1"), token("t2"), token("t3"))
        yield running


def client(issuer: ScriptedSource, scope: str | None = None) -> OAuth2ClientLogin:
    return OAuth2ClientLogin(CLIENT, f"{issuer.url}/token", scope)


def tokens(source: ScriptedSource) -> list[str]:
    return [asked.headers["Authorization"] for asked in source.asked]


def test_a_bearer_token_is_in_every_request(source: ScriptedSource) -> None:
    source.says("/a", Say(status=302, headers={"Location": "/b"}))
    source.says("/b", PAGE)
    session(source.url, BearerLogin({"token": "sesame"})).fetch(PageRequest(f"{source.url}/a"))
    assert tokens(source) == ["Bearer sesame"] * 2


def test_a_bearer_token_that_is_refused_is_told(source: ScriptedSource) -> None:
    source.says("/a", Say(b"expired", 401))
    assert "The secret's token is not, or no longer, taken" in failure(
        source, BearerLogin({"token": "sesame"})
    )
    assert len(source.asked) == 1


def test_a_clients_credentials_go_to_the_issuer_and_its_token_to_the_source(
    source: ScriptedSource, issuer: ScriptedSource
) -> None:
    source.says("/a", PAGE)
    made = session(source.url, client(issuer, "read all"))
    for _ in range(3):
        made.fetch(PageRequest(f"{source.url}/a"))
    (asked,) = issuer.asked
    assert (asked.method, asked.body) == ("POST", b"grant_type=client_credentials&scope=read+all")
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    expected = base64.b64encode(b"etl%2B1:s%E2%82%ACcret%3A%2F%20").decode()
    assert asked.headers["Authorization"] == f"Basic {expected}"
    assert tokens(source) == ["Bearer t1"] * 3


def test_a_token_that_expires_is_got_anew_once(source: ScriptedSource, issuer: ScriptedSource) -> None:
    source.says("/a", PAGE, Say(status=401), PAGE)
    made = session(source.url, client(issuer))
    for _ in range(2):
        assert made.fetch(PageRequest(f"{source.url}/a")).retries == 0
    assert tokens(source) == ["Bearer t1", "Bearer t1", "Bearer t2"]


def test_a_token_that_is_refused_right_away_is_an_error(
    source: ScriptedSource, issuer: ScriptedSource
) -> None:
    source.says("/a", Say(status=401))
    assert "asks for a login right after one" in failure(source, client(issuer))
    assert tokens(source) == ["Bearer t1", "Bearer t2"]


def test_the_next_call_of_the_process_uses_the_same_token(
    source: ScriptedSource, issuer: ScriptedSource
) -> None:
    source.says("/a", PAGE, PAGE, Say(status=401), PAGE)
    for _ in range(3):
        session(source.url, client(issuer)).fetch(PageRequest(f"{source.url}/a"))
    assert tokens(source) == ["Bearer t1"] * 3 + ["Bearer t2"]
    session(source.url, client(issuer, "more")).fetch(PageRequest(f"{source.url}/a"))
    assert tokens(source)[4:] == ["Bearer t3"], "what may do something else is another token"


@pytest.mark.parametrize(
    ("lasts", "passes", "used"), [(3600, 3569, 1), (3600, 3571, 2), (20, 9, 1), (20, 11, 2)]
)
def test_a_token_is_got_anew_before_it_expires(
    source: ScriptedSource,
    issuer: ScriptedSource,
    monkeypatch: pytest.MonkeyPatch,
    lasts: int,
    passes: int,
    used: int,
) -> None:
    now = [1000.0]
    monkeypatch.setattr(oauth.time, "monotonic", lambda: now[0])
    issuer.says("/token", token("t1", expires_in=lasts), token("t2", expires_in=lasts))
    source.says("/a", PAGE)
    made = session(source.url, client(issuer))
    made.fetch(PageRequest(f"{source.url}/a"))
    now[0] += passes
    made.fetch(PageRequest(f"{source.url}/a"))
    assert tokens(source)[1] == f"Bearer t{used}"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            Say(b'{"error": "invalid_client", "error_description": "no\\nsuch"}', 401),
            "refuses the secret's client (HTTP 401: invalid_client: no such): check client_id and client_secret",
        ),
        (Say(b'{"error": "invalid_scope"}', 400), "(HTTP 400: invalid_scope)"),
        (Say(b"<html>", 404), "refuses the secret's client (HTTP 404)"),
        (Say(status=302, headers={"Location": "https://elsewhere/"}), "(HTTP 302)"),
        (Say(b"<html>Sign in</html>"), "answers without an access_token"),
        (Say(b"[]"), "answers without an access_token"),
        (token(""), "answers without an access_token"),
        (token("a\nb"), "answers without an access_token"),
        (token(token_type="mac"), "of another type than Bearer"),
        (Say(status=503), "HTTP 503; gave up after 2 tries"),
    ],
)
def test_each_failure_of_the_token_endpoint_is_told(
    source: ScriptedSource, issuer: ScriptedSource, answer: Say, said: str
) -> None:
    issuer.says("/token", answer)
    message = failure(source, client(issuer))
    assert said in message
    assert f"the token endpoint {issuer.url}/token" in message
    assert source.asked == []


def test_a_token_without_an_end_is_used_until_it_is_refused(
    source: ScriptedSource, issuer: ScriptedSource
) -> None:
    issuer.says("/token", token("t1", expires_in="soon"))
    source.says("/a", PAGE)
    made = session(source.url, client(issuer))
    for _ in range(2):
        made.fetch(PageRequest(f"{source.url}/a"))
    assert len(issuer.asked) == 1


def test_an_application_password_goes_as_basic(source: ScriptedSource) -> None:
    source.says("/a", PAGE)
    login = ApplicationPasswordLogin({"username": "etl", "password": "hunter2"})
    session(source.url, login).fetch(PageRequest(f"{source.url}/a"))
    assert tokens(source) == ["Basic " + base64.b64encode(b"etl:hunter2").decode()]


@pytest.mark.parametrize(
    ("login", "said"),
    [
        (
            ApplicationPasswordLogin({"username": "etl", "password": "hunter2"}),
            "it must be an application password",
        ),
        (BasicLogin({"username": "etl", "password": "hunter2"}), "use `auth: {type: application_password"),
        (BearerLogin({"token": "sesame"}), "The secret's token is not"),
        (NoLogin(), "use `auth: {type: application_password"),
    ],
)
def test_jazz_authorization_server_is_told_apart(source: ScriptedSource, login: Login, said: str) -> None:
    source.says("/a", Say(b"CRJAZ2384E: authorization is required", 401, headers=JAS))
    assert said in failure(source, login)
    for other in (Say(b"no", 401), Say(b"no", 403, headers=JAS)):
        source.says("/a", other)
        assert "application" not in failure(source, login)
    assert len(source.asked) == 3


@pytest.mark.parametrize(
    ("login", "secret", "missing"),
    [
        (BearerLogin, {"username": "a"}, "'token': it must be JSON with token"),
        (BearerLogin, {"token": ""}, "'token'"),
        (
            lambda secret: OAuth2ClientLogin(secret, "https://h", None),
            {"client_id": "hunter2"},
            "'client_secret': it must be JSON with client_id and client_secret",
        ),
    ],
)
def test_a_secret_without_what_the_login_needs_is_told(
    login: Any, secret: dict[str, str], missing: str
) -> None:
    with pytest.raises(SourceError, match=missing) as caught:
        login(secret)
    assert "hunter2" not in str(caught.value)


def test_a_user_without_a_licence_is_told(source: ScriptedSource) -> None:
    source.says("/a", Say(b"CRJAZ1166E The user has no client access license", 403))
    assert "no licence there: have one assigned" in failure(
        source, BasicLogin({"username": USER, "password": PASSWORD})
    )
