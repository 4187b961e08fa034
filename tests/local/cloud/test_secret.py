"""secret: what a source's login asks for, from a terminal's standard input."""

import io
from pathlib import Path

import pytest

from commands import secret
from operate.errors import OperatorError


class Deployment:
    """Takes what it is given."""

    def __init__(self) -> None:
        self.given: dict[str, dict[str, str]] = {}

    def put_credentials(self, source: str, username: str, password: str) -> None:
        self.put_secret(source, {"username": username, "password": password})

    def put_secret(self, source: str, value: dict[str, str]) -> None:
        self.given[source] = value


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> Deployment:
    deployment = Deployment()
    monkeypatch.setattr(secret, "opened", lambda env, folder: deployment)
    return deployment


@pytest.mark.parametrize(
    ("typed", "username", "given"),
    [
        ("hunter2\nmore\n", "etl", {"username": "etl", "password": "hunter2"}),
        ('{"token": "sesame"}\n', None, {"token": "sesame"}),
        ('{"client_id": "a", "client_secret": "b"}', None, {"client_id": "a", "client_secret": "b"}),
    ],
)
def test_a_secret_has_what_its_login_asks_for(
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    typed: str,
    username: str | None,
    given: dict[str, str],
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    secret.secret("ewm", username, Path("x"))
    assert deployment.given == {"ewm": given}


@pytest.mark.parametrize(
    ("typed", "username"), [("", "etl"), ("", None), ("hunter2", None), ("[]", None), ('{"token": 7}', None)]
)
def test_what_is_no_secret_is_refused_without_being_shown(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, typed: str, username: str | None
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    with pytest.raises(OperatorError) as caught:
        secret.secret("ewm", username, Path("x"))
    assert "hunter2" not in str(caught.value)
    assert deployment.given == {}
