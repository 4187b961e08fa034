"""OAuth 2 client credentials (RFC 6749, 4.4): a token for a client's id and secret, got anew before it expires."""

import time
from typing import Any
from urllib.parse import quote

import requests

from xmlift.errors import SourceError
from xmlift.source.login import (
    PASSING,
    Ask,
    Bearer,
    LoginRefusedError,
    NoLogin,
    is_header_text,
    parts,
)
from xmlift.source.secret import Secret
from xmlift.source.urls import shown

_AHEAD = 30.0
"""Seconds before its end from which a token is not used any more: a request takes time, and clocks differ."""
_MOST_WORDS = 200

_got: dict[tuple[str, ...], tuple[str, float]] = {}
"""By what was sent for it each token that this process has, also from calls before this one, and until when."""


class OAuth2ClientLogin(NoLogin):
    """The client's credentials go to `token_url` alone, its tokens to the source."""

    def __init__(self, secret: Secret, token_url: str, scope: str | None) -> None:
        self._client, self._secret = parts(secret, "client_id", "client_secret")
        self._token_url = token_url
        self._scope = scope
        self._until = float("inf")
        self._bearer = Bearer()
        self._is_first = True

    def prepare(self, http: requests.Session) -> None:
        http.auth = self._bearer

    def sign_in(self, ask: Ask, base_url: str) -> None:
        sent = (self._token_url, self._client, self._secret, self._scope or "")
        known, until = _got.get(sent, ("", 0.0))
        # Where a login is asked for again, the token of before was refused.
        if not (self._is_first and time.monotonic() < until):
            known, until = _got[sent] = self._get(ask)
        self._is_first = False
        self._bearer.token, self._until = known, until

    def _get(self, ask: Ask) -> tuple[str, float]:
        """A new token, and until when it is used."""
        form = {"grant_type": "client_credentials"} | ({"scope": self._scope} if self._scope else {})
        # RFC 6749, 2.3.1: both are encoded as a form's values before they are those of Basic.
        client = quote(self._client, safe="").encode(), quote(self._secret, safe="").encode()
        asked = time.monotonic()
        headers = {"Accept": "application/json"}
        response = ask("POST", self._token_url, data=form, auth=client, headers=headers)
        token, lasts = self._token(response)
        return token, asked + max(lasts - _AHEAD, lasts / 2)

    def _token(self, response: requests.Response) -> tuple[str, float]:
        """A token, and the seconds that it lasts. Raises SourceError, or HTTPError where it may come later."""
        where = f"the token endpoint {shown(self._token_url)}"
        if response.status_code in PASSING:
            raise requests.HTTPError(f"{where} answers HTTP {response.status_code}", response=response)
        try:
            answer: Any = response.json()
        except ValueError:
            answer = None
        said = answer if isinstance(answer, dict) else {}
        if response.status_code != requests.codes.ok:
            words = ": ".join(str(said[key]) for key in ("error", "error_description") if key in said)
            raise LoginRefusedError(
                f"{where} refuses the secret's client (HTTP {response.status_code}{': ' if words else ''}"
                f"{' '.join(words.split())[:_MOST_WORDS]}): check client_id and client_secret, auth.token_url and "
                "auth.scope"
            )
        token, kind, lasts = (
            said.get("access_token"),
            said.get("token_type"),
            said.get("expires_in", float("inf")),
        )
        if not isinstance(token, str) or not token or not is_header_text(token):
            raise SourceError(f"{where} answers without an access_token: check that auth.token_url is one")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise SourceError(f"{where} gives a token of another type than Bearer, which is not known")
        try:
            return token, float(lasts)
        except (TypeError, ValueError):
            return token, float("inf")

    def is_stale(self) -> bool:
        return time.monotonic() >= self._until

    def is_asked_for(self, response: requests.Response) -> bool:
        return bool(response.status_code == requests.codes.unauthorized)
