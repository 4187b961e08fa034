"""IBM Jazz's form login. It and its failures are those of IBM's own client: identity, form, cookies.

A refused login is answered with status 200, so it is told by a header, a redirect or by HTML.
"""

import requests

from xmlift.source.login import (
    PASSING,
    Ask,
    LoginRefusedError,
    NoLogin,
    asks_for_application_password,
    credentials,
)
from xmlift.source.secret import Secret

_JAZZ_HEADER = "X-com-ibm-team-repository-web-auth-msg"
_REDIRECTS = range(300, 400)


class JazzFormLogin(NoLogin):
    """IBM Jazz: identity, form, cookies."""

    def __init__(self, secret: Secret) -> None:
        self._credentials = credentials(secret)

    def sign_in(self, ask: Ask, base_url: str) -> None:
        user, password = self._credentials
        identity = f"{base_url.rstrip('/')}/authenticated/identity"
        form = f"{base_url.rstrip('/')}/authenticated/j_security_check"
        # One that is busy is not asked on, least of all with a password.
        if (before := ask("GET", identity)).status_code in PASSING:
            raise requests.HTTPError(f"{identity} answers HTTP {before.status_code}", response=before)
        _check(ask("POST", form, data={"j_username": user, "j_password": password}), form, is_last=False)
        _check(ask("GET", identity), form, is_last=True)

    def is_asked_for(self, response: requests.Response) -> bool:
        return _JAZZ_HEADER in response.headers or _leads_to_login(response)


def _check(response: requests.Response, form: str, *, is_last: bool) -> None:
    """Raises where an answer of the login is a failure, each kind with what it means.

    `is_last`: it is the identity's, which after a login is no page for people and leads nowhere.
    """
    if (why := _refusal(response, is_last=is_last)) is None:
        return
    message = f"the Jazz form login of the secret's user at {form} was refused {why}"
    if response.status_code in PASSING:
        raise requests.HTTPError(message, response=response)
    raise LoginRefusedError(message)


def _refusal(response: requests.Response, *, is_last: bool) -> str | None:
    """Why an answer is none that a login goes on with; the first of these that it is."""
    status, said = response.status_code, response.headers.get(_JAZZ_HEADER)
    location = _location(response)
    kinds = (
        (
            asks_for_application_password(response),
            "(HTTP 401 of Jazz Authorization Server): the server has no form login: use `auth: {type: "
            "application_password, …}`",
        ),
        (
            status == requests.codes.request_timeout,
            "(HTTP 408): the server does not know the session that the form belongs to, as its cookies do not come "
            "back: check that base_url has the host's public name, and that no proxy drops cookies",
        ),
        (
            status == requests.codes.not_found,
            f"(HTTP 404): there is nothing at {response.url}: check that base_url is that of a Jazz application, "
            "such as https://host/ccm",
        ),
        (status in PASSING, f"(HTTP {status}): the server cannot do it now"),
        (
            said == "authfailed" or location.endswith("authfailed"),
            f"({said or 'redirected to authfailed'}): check its username and password, and that it is not locked",
        ),
        (
            said is not None,
            f"({said}): the server took the form and yet asks for a login, as its cookies do not come back: check "
            "that base_url has the host's public name, and that no proxy drops cookies",
        ),
        (
            status == requests.codes.forbidden,
            "(HTTP 403): the user has no licence or no rights on that server: have one assigned",
        ),
        (status >= requests.codes.bad_request, f"(HTTP {status}): check `auth`, the secret, and base_url"),
        (
            is_last and status in _REDIRECTS and not location.endswith("/authenticated/identity"),
            "(redirected elsewhere): the server signs in in another way, such as single sign-on",
        ),
        (
            is_last and _is_html(response),
            "(an HTML page with HTTP 200): the server signs in in another way, such as single sign-on",
        ),
    )
    return next((why for is_so, why in kinds if is_so), None)


def _location(response: requests.Response) -> str:
    return str(response.headers.get("Location", "")).split("?")[0]


def _leads_to_login(response: requests.Response) -> bool:
    return _location(response).endswith(("/auth/authrequired", "/authenticated/identity", "/auth/authfailed"))


def _is_html(response: requests.Response) -> bool:
    kind = str(response.headers.get("Content-Type", "")).split(";")[0].strip().lower()
    return kind == "text/html" or response.content.lstrip()[:14].lower().startswith(
        (b"<!doctype html", b"<html")
    )
