"""Why an endpoint gives no answer: what may pass, what will not, and what to do about it."""

import re
from datetime import datetime

import requests

from xmlift.errors import SourceError
from xmlift.source.headers import retry_after
from xmlift.source.login import PASSING, Login
from xmlift.source.urls import shown
from xmlift.source.wording import words

# EWM answers a wrong query with 500 and a code of its own: the next try would get the same.
_PERMANENT_CODE = re.compile(rb"CRRED\d{4}E")
_LICENCE = re.compile(rb"(?i)licen[cs]e")


class OutOfTimeError(SourceError):
    """The function's time is nearly up, and the page is not there."""


class DiskFullError(SourceError):
    """The page does not fit what is free of the function's disk."""


class LongPauseError(SourceError):
    """The endpoint asks for a pause that outlasts the function: in the next call it would be asked too early."""


class RefusedError(SourceError):
    """The endpoint answers with something else than what was asked for, and says so: no more tries of the same."""


class UnauthorizedError(RefusedError):
    """The endpoint does not take the credentials that stand in the request."""


class GivenUpError(SourceError):
    """Nobody waits for this page any more."""


class SignedOutError(Exception):
    """The endpoint asks for a login."""


class TryAgainError(Exception):
    """A fault that may pass, with the pause that the server asked for."""

    def __init__(self, message: str, pause: float | None = None) -> None:
        super().__init__(message)
        self.pause = pause


def refusal(
    url: str, response: requests.Response, excerpt: bytes, login: Login, now: datetime
) -> TryAgainError | RefusedError:
    """What an answer of another status than 200 means, by it and by how the answer begins."""
    status = response.status_code
    said = f"HTTP {status} {response.reason or ''}".rstrip() + f": {words(excerpt)}"
    if status in PASSING and not _PERMANENT_CODE.search(excerpt):
        return TryAgainError(said, retry_after(response, now))
    kind = UnauthorizedError if status == requests.codes.unauthorized else RefusedError
    return kind(f"{shown(url)}: {said}. {_remedy(response, excerpt, login)}")


def _remedy(response: requests.Response, excerpt: bytes, login: Login) -> str:
    match response.status_code:
        case 401 | 403 if _LICENCE.search(excerpt):
            return "The secret's user has no licence there: have one assigned"
        case 401 | 403:
            return login.remedy(response)
        case 404 | 410:
            return "Check base_url and the stream's request.path"
        case 407:
            return "The proxy refuses: check connection.proxy_secret"
        case _:
            return "Check the stream's request: the endpoint's own message says what it refuses"
