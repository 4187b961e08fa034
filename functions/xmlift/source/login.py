"""Logins: what is done once before the first request, and how an answer that asks for one is recognised.

The Jazz form login and its failures are those of IBM's own client: an identity request, a form post, the
cookies kept. A refused login is answered with status 200, so it is told by a header, a redirect or by HTML.
"""

from typing import Protocol

import requests

from xmlift.errors import SourceError

# IBM's own client tries again at 408, 423 and 503; the rest is what proxies and overload answer.
PASSING = frozenset({408, 423, 425, 429, 500, 502, 503, 504})
_JAZZ_HEADER = "X-com-ibm-team-repository-web-auth-msg"
Secret = dict[str, str]


class Login(Protocol):
    """A way to be known to an endpoint."""

    def prepare(self, http: requests.Session) -> None:
        """Put what every request carries into the session."""

    def sign_in(self, http: requests.Session, base_url: str, timeout: float) -> None:
        """Sign in, or sign in again. Raises SourceError where the endpoint refuses.

        A requests exception, of a connection or a status in PASSING, means that it may be tried again.
        """

    def is_asked_for(self, response: requests.Response) -> bool:
        """Whether this answer says that the session is not, or no longer, signed in."""


class NoLogin:
    """The endpoint is open."""

    def prepare(self, http: requests.Session) -> None:
        """Nothing to carry."""

    def sign_in(self, http: requests.Session, base_url: str, timeout: float) -> None:
        """Nothing to do."""

    def is_asked_for(self, response: requests.Response) -> bool:
        return False


class BasicLogin(NoLogin):
    """HTTP Basic: user and password in every request."""

    def __init__(self, secret: Secret) -> None:
        self._credentials = _credentials(secret)

    def prepare(self, http: requests.Session) -> None:
        user, password = self._credentials
        # As bytes: requests would write text as Latin-1.
        http.auth = (user.encode(), password.encode())  # type: ignore[assignment]


class JazzFormLogin:
    """IBM Jazz: identity, form, cookies."""

    def __init__(self, secret: Secret) -> None:
        self._credentials = _credentials(secret)

    def prepare(self, http: requests.Session) -> None:
        """The cookies are the session's."""

    def sign_in(self, http: requests.Session, base_url: str, timeout: float) -> None:
        user, password = self._credentials
        identity = f"{base_url.rstrip('/')}/authenticated/identity"
        form = f"{base_url.rstrip('/')}/authenticated/j_security_check"
        http.get(identity, timeout=timeout, allow_redirects=False)
        posted = http.post(
            form, {"j_username": user, "j_password": password}, timeout=timeout, allow_redirects=False
        )
        answer = http.get(identity, timeout=timeout, allow_redirects=False)
        for response in (posted, answer):
            if response.status_code in PASSING:
                response.raise_for_status()
            if response.status_code == requests.codes.not_found:
                raise SourceError(
                    f"the Jazz form login found nothing at {response.url} (HTTP 404): check that base_url is that "
                    "of a Jazz application, such as https://host/ccm"
                )
            if reason := _refusal(response):
                raise SourceError(
                    f"the Jazz form login of the secret's user at {form} was refused ({reason}): check its "
                    "username and password, and that the user has a licence on that server"
                )

    def is_asked_for(self, response: requests.Response) -> bool:
        return _JAZZ_HEADER in response.headers or _leads_to_login(response)


def _refusal(response: requests.Response) -> str | None:
    if message := response.headers.get(_JAZZ_HEADER):
        return str(message)
    if response.headers.get("Location", "").split("?")[0].endswith("authfailed"):
        return "redirected to authfailed"
    if response.status_code >= requests.codes.bad_request:
        return f"HTTP {response.status_code}"
    return None


def _leads_to_login(response: requests.Response) -> bool:
    location = str(response.headers.get("Location", "")).split("?")[0]
    return location.endswith(("/auth/authrequired", "/authenticated/identity", "/auth/authfailed"))


def _credentials(secret: Secret) -> tuple[str, str]:
    try:
        return secret["username"], secret["password"]
    except KeyError as error:
        raise SourceError(
            f"the source's secret has no {error}: it must be JSON with username and password"
        ) from None
