"""Logins: what is done before the first request, and how an answer that asks for one, or refuses one, is told."""

from typing import Any, Protocol

import requests
from requests.auth import AuthBase

from xmlift.errors import SourceError
from xmlift.source.secret import NamedSecret, Secret

# IBM's own client tries again at 408, 423 and 503; the rest is what proxies and overload answer.
PASSING = frozenset({408, 423, 425, 429, 500, 502, 503, 504})
# Jazz Authorization Server sends this with its 401, whatever the login was.
_JAS_HEADER = "X-JSA-AUTHORIZATION-REDIRECT"


class LoginRefusedError(SourceError):
    """The endpoint does not take what the secret has: to try it again and again would lock its user."""


class Ask(Protocol):
    """What sends a login's own requests, as polite as all others, and follows no redirect."""

    def __call__(self, method: str, url: str, **content: Any) -> requests.Response:
        """`content` is as in requests: data, auth, headers."""


class Login(Protocol):
    """A way to be known to an endpoint."""

    def prepare(self, http: requests.Session) -> None:
        """Put what every request carries into the session."""

    def sign_in(self, ask: Ask, base_url: str) -> None:
        """Sign in, or sign in again. Raises SourceError where the endpoint refuses.

        A requests exception, of a connection or a status in PASSING, means that it may be tried again.
        """

    def is_stale(self) -> bool:
        """Whether what the last login brought is about to expire."""

    def is_asked_for(self, response: requests.Response) -> bool:
        """Whether this answer says that the session is not, or no longer, signed in."""

    def remedy(self, response: requests.Response) -> str:
        """What to do where an answer refuses with 401 or 403."""


class NoLogin:
    """The endpoint is open."""

    def prepare(self, http: requests.Session) -> None:
        """Nothing to carry."""

    def sign_in(self, ask: Ask, base_url: str) -> None:
        """Nothing to do."""

    def is_stale(self) -> bool:
        return False

    def is_asked_for(self, response: requests.Response) -> bool:
        return False

    def remedy(self, response: requests.Response) -> str:
        if asks_for_application_password(response):
            return (
                "The server signs in by Jazz Authorization Server: use `auth: {type: application_password, …}` "
                "with an application password of a user there"
            )
        return "Check `auth`, the secret's user, and what that user may read there"


class BasicLogin(NoLogin):
    """HTTP Basic: user and password in every request."""

    def __init__(self, secret: Secret) -> None:
        self._credentials = credentials(secret)

    def prepare(self, http: requests.Session) -> None:
        user, password = self._credentials
        # As bytes: requests would write text as Latin-1.
        http.auth = (user.encode(), password.encode())  # type: ignore[assignment]


class ApplicationPasswordLogin(BasicLogin):
    """Basic with an application password, which Jazz Authorization Server takes in place of a browser's login."""

    def remedy(self, response: requests.Response) -> str:
        if asks_for_application_password(response):
            return (
                "Jazz Authorization Server does not take what the secret has: it must be an application password, "
                "not the user's own, made in that user's profile for this application and not revoked since"
            )
        return super().remedy(response)


class Bearer(AuthBase):
    """A token in the header of every request, and never that of a .netrc file instead."""

    def __init__(self, token: str = "") -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


class BearerLogin(NoLogin):
    """A token that is there already."""

    def __init__(self, secret: Secret) -> None:
        (self._token,) = parts(secret, "token")
        if not is_header_text(self._token):
            raise SourceError(
                "the source's secret has a 'token' that no header can carry: a line end, a space around it or "
                "another character than those of ASCII. It was most likely copied with it: put it anew"
            )

    def prepare(self, http: requests.Session) -> None:
        http.auth = Bearer(self._token)

    def remedy(self, response: requests.Response) -> str:
        if response.status_code == requests.codes.unauthorized:
            return "The secret's token is not, or no longer, taken: put a new one"
        return super().remedy(response)


def is_header_text(token: str) -> bool:
    """Whether a token can stand in a header."""
    return token.isascii() and token.isprintable() and token == token.strip()


def asks_for_application_password(response: requests.Response) -> bool:
    return response.status_code == requests.codes.unauthorized and _JAS_HEADER in response.headers


def credentials(secret: Secret) -> tuple[str, str]:
    """Raises SourceError that names what the secret lacks."""
    user, password = parts(secret, "username", "password")
    return user, password


def parts(secret: Secret, *names: str) -> list[str]:
    """Raises SourceError that names what the secret lacks."""
    for name in names:
        if not secret.get(name):
            which = f"the secret {secret.name}" if isinstance(secret, NamedSecret) else "the source's secret"
            raise SourceError(f"{which} has no {name!r}: it must be JSON with {' and '.join(names)}")
    return [secret[name] for name in names]
