"""Logins that every request carries: Basic, application passwords, bearer tokens and where they are got."""

import base64
import binascii
import secrets
import threading

from local.endpoint.exchange import Answer, Request, json_answer, text_answer

JAS_HEADER = "X-JSA-AUTHORIZATION-REDIRECT"


def basic(request: Request) -> tuple[str, str] | None:
    """The user and password of a request, None where it has none that can be read."""
    scheme, _, given = (request.header("Authorization") or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return user, password


class ApplicationPassword:
    """Jazz Authorization Server: Basic with an application password; all else is sent to a browser's login."""

    def __init__(self, user: str, password: str) -> None:
        self._credentials = (user, password)

    def answer(self, request: Request) -> Answer | None:
        """What the login has to say to a request; None where it may pass."""
        if basic(request) == self._credentials:
            return None
        where = f"{request.origin}/oidc/endpoint/jazzop/authorize?client_id=cqweb&response_type=code"
        refused = text_answer("CRJAZ2384E: authorization is required", 401)
        return refused.with_headers((JAS_HEADER, where), ("WWW-Authenticate", 'JAuth realm="/cqweb"'))

    def expire(self) -> int:
        """There are no sessions."""
        return 0


class Bearer:
    """Tokens that requests carry: one for good, others by OAuth 2 client credentials from `/oauth2/token`."""

    PATH = "/oauth2/token"

    def __init__(self, token: str | None, client: tuple[str, str]) -> None:
        self._lock = threading.Lock()
        self._lasting = {token} if token else set()
        self._client = client
        self._issued: set[str] = set()

    def answer(self, request: Request) -> Answer | None:
        """What the login has to say to a request; None where it may pass."""
        scheme, _, token = (request.header("Authorization") or "").partition(" ")
        if scheme.lower() == "bearer" and token in self._lasting | self._issued:
            return None
        refused = text_answer("the token is missing, unknown or expired", 401)
        return refused.with_headers(("WWW-Authenticate", 'Bearer error="invalid_token"'))

    def issue(self, request: Request) -> Answer:
        """The token endpoint: client id and secret as Basic or in the form, as RFC 6749 has both."""
        form = request.form()
        client = basic(request) or (form.get("client_id", ""), form.get("client_secret", ""))
        if request.method != "POST" or form.get("grant_type") != "client_credentials":
            return json_answer({"error": "unsupported_grant_type"}, 400)
        if client != self._client:
            return json_answer({"error": "invalid_client"}, 401)
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._issued.add(token)
        return json_answer({"access_token": token, "token_type": "Bearer", "expires_in": 3600})

    def expire(self) -> int:
        """Forget every token that was issued; answers how many there were."""
        with self._lock:
            count = len(self._issued)
            self._issued.clear()
            return count
