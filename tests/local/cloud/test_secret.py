"""secret: what a source's login asks for, from a terminal or its standard input."""

import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from commands import secret
from operate.errors import OperatorError
from xmlift.catalogue.login import (
    ApplicationPasswordLogin,
    BasicLogin,
    BearerLogin,
    JazzFormLogin,
    NoLogin,
    OAuth2ClientLogin,
)

USER, TOKEN, CLIENT = ("username", "password"), ("token",), ("client_id", "client_secret")


class Deployment:
    """Takes what it is given."""

    def __init__(self) -> None:
        self.given: dict[str, dict[str, str]] = {}
        self.parts: tuple[str, ...] = USER

    def secret_of(self, source: str) -> str:
        return f"xmlift/dev/{source}"

    def catalogue(self, source: str) -> SimpleNamespace:
        return SimpleNamespace(auth=SimpleNamespace(parts=self.parts))

    def command(self, words: str) -> str:
        return f"make {words}"

    def put_secret(self, source: str, value: dict[str, str]) -> None:
        self.given[source] = value


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> Deployment:
    deployment = Deployment()
    monkeypatch.setattr(secret, "opened", lambda env, folder: deployment)
    return deployment


@pytest.mark.parametrize(
    ("parts", "typed", "username", "given"),
    [
        (USER, "hunter2\nmore\n", "etl", {"username": "etl", "password": "hunter2"}),
        (TOKEN, '{"token": "sesame"}\n', None, {"token": "sesame"}),
        (CLIENT, '{"client_id": "a", "client_secret": "b"}', None, {"client_id": "a", "client_secret": "b"}),
    ],
)
def test_a_secret_has_what_its_login_asks_for(
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    parts: tuple[str, ...],
    typed: str,
    username: str | None,
    given: dict[str, str],
) -> None:
    deployment.parts = parts
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    secret.secret("ewm", username, Path("x"))
    assert deployment.given == {"ewm": given}


@pytest.mark.parametrize("parts", [USER, TOKEN, CLIENT])
def test_a_person_is_asked_for_what_the_login_needs(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, parts: tuple[str, ...]
) -> None:
    shown: list[str] = []
    deployment.parts = parts
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("builtins.input", lambda asked: shown.append(asked) or f"typed {asked}")
    monkeypatch.setattr("getpass.getpass", lambda asked: f"typed {asked}")
    secret.secret("ewm", None, Path("x"))
    assert deployment.given == {"ewm": {part: f"typed {part}: " for part in parts}}
    assert shown == [f"{part}: " for part in parts if part in {"username", "client_id"}]


def test_nothing_typed_leaves_the_secret_as_it_was(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment.parts = TOKEN
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda asked: "")
    with pytest.raises(OperatorError, match="Nothing was typed for token"):
        secret.secret("ewm", None, Path("x"))
    assert deployment.given == {}


@pytest.mark.parametrize(
    ("parts", "typed", "username", "words"),
    [
        (USER, "", "etl", "No password came"),
        (USER, "", None, "no JSON object"),
        (USER, "hunter2", None, '{"username": "…", "password": "…"}'),
        (TOKEN, "[]", None, '{"token": "…"}'),
        (TOKEN, '{"token": 7}', None, "no JSON object"),
        (TOKEN, '{"password": "hunter2"}', None, "has no token"),
        (CLIENT, "hunter2", "etl", "client_id and client_secret, and no user: leave USERNAME out"),
    ],
)
def test_what_is_no_secret_is_refused_without_being_shown(
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    parts: tuple[str, ...],
    typed: str,
    username: str | None,
    words: str,
) -> None:
    deployment.parts = parts
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    with pytest.raises(OperatorError) as caught:
        secret.secret("ewm", username, Path("x"))
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert deployment.given == {}


def test_every_login_says_what_its_secret_has() -> None:
    assert [NoLogin.parts, BearerLogin.parts, OAuth2ClientLogin.parts] == [(), TOKEN, CLIENT]
    assert {login.parts for login in (BasicLogin, JazzFormLogin, ApplicationPasswordLogin)} == {USER}
