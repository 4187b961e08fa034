"""One endpoint's session: asks politely, tries again where that can help, and never leaves the origin."""

import errno
import io
import math
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple

import requests
from urllib3.exceptions import HTTPError

from xmlift.errors import SourceError
from xmlift.source.answer import Answer, read_whole
from xmlift.source.headers import is_conditional, retry_after, server_date
from xmlift.source.login import Login
from xmlift.source.network import OPEN, Connection, network_fault
from xmlift.source.refusals import (
    DiskFullError,
    GivenUpError,
    LongPauseError,
    OutOfTimeError,
    RefusedError,
    SignedOutError,
    TryAgainError,
    refusal,
)
from xmlift.source.urls import Origin, joined, masked, origin, shown, shown_if_url
from xmlift.source.walk import PageRequest
from xmlift.source.wording import EXCERPT, plain
from xmlift.telemetry import span

_NOT_MODIFIED = 304
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REPEATS = frozenset({307, 308})
"""Redirects that ask for the same request elsewhere; the others turn a POST into a GET."""
_MOST_REDIRECTS = 5
_LONGEST_PAUSE = 60.0
_CHUNK = 64 * 1024
_LOGIN_BYTES = 1024 * 1024
_MOVED = "If the server moved, change base_url"
_SIGN_ON_URL = re.compile(
    r"(?i)/oidc/|/authorize\b|/saml|/sso\b|/adfs/|/oauth2?/|/auth/realms/|//(login|sso|idp|jas)\."
)
_SIGN_ON = (
    "It looks like single sign-on, which a browser goes through and a program cannot: use another `auth`, such as "
    "application_password where the server is behind Jazz Authorization Server"
)
_MARGIN = 30.0
"""Seconds that a request leaves of the function's time, to land what was read and to write down why it ended."""


class Politeness(NamedTuple):
    """How a session asks: seconds to wait for an answer, tries per request, and its pace."""

    timeout: float
    attempts: int
    requests_per_second: float
    page_bytes: int


_asked_at: dict[Origin, float] = {}
"""When this process last asked each source, also in calls before this one."""


class Session:
    """A session with one source. It signs in at its first request, and once more when it is asked to.

    `time_left` tells the function's remaining seconds: a request ends before they do.
    """

    def __init__(
        self,
        base_url: str,
        login: Login,
        politeness: Politeness,
        connection: Connection = OPEN,
        time_left: Callable[[], float] = lambda: math.inf,
        sleep: Callable[[float], object] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._base_url = base_url
        self._login = login
        self._politeness = politeness
        self._time_left = time_left
        self._given_up = threading.Event()
        self._sleep = sleep or self._given_up.wait  # a pause ends where the page is given up
        self._now = now
        self._signed_in = False
        self._http = requests.Session()
        connection.apply(self._http)
        self._http.headers.update({"Accept": "application/xml, text/xml;q=0.9, */*;q=0.1"})
        login.prepare(self._http)

    def fetch(self, request: PageRequest) -> Answer:
        """Read an answer to its end. Raises SourceError that names the URL, the reason and the remedy.

        It is an OutOfTimeError where the function's time does not suffice, a RefusedError where the endpoint
        answers something else.
        """
        try:
            return self._fetch_signed_in(request)
        except SourceError as error:
            raise type(error)(masked(str(error), request.secrets)) from None  # which is not masked

    def _fetch_signed_in(self, request: PageRequest) -> Answer:
        try:
            return self._fetch(request)
        except SignedOutError:
            self._signed_in = False
        try:
            return self._fetch(request)
        except SignedOutError:
            raise RefusedError(
                f"{shown(request.url)}: the endpoint asks for a login right after one. Check what the secret's "
                "user may read there, and that base_url is the application that it signs in to"
            ) from None

    @contextmanager
    def giving_up(self) -> Iterator[None]:
        """While this lasts, a fetch in another thread ends after the next piece of its answer, or its next pause.

        It raises SourceError then. One that waits for an answer to begin waits for that.
        """
        self._given_up.set()
        try:
            yield
        finally:
            self._given_up.clear()

    def _check_given_up(self, url: str) -> None:
        if self._given_up.is_set():
            raise GivenUpError(f"{shown(url)}: nobody waits for this page any more")

    def _fetch(self, request: PageRequest) -> Answer:
        url, fault = request.url, ""
        for attempt in range(self._politeness.attempts):
            self._check_time(url, fault)
            try:
                self._sign_in()
                with self._traced(request):
                    return self._ask(request, retries=attempt)
            except TryAgainError as error:
                fault, pause = str(error), error.pause
            # A bare ValueError is what requests raises for a Location that it cannot read.
            except (requests.RequestException, HTTPError, OSError, ValueError) as error:
                if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                    raise DiskFullError(
                        f"{shown(url)}: the page does not fit the function's disk: raise its ephemeral storage, or "
                        "ask for smaller pages and lower limits.page_megabytes"
                    ) from error
                if (told := network_fault(error)) is not None:
                    raise SourceError(f"{shown(url)}: {told}: {plain(error)}") from None
                fault, pause = plain(error), self._asked_pause(error)
            if attempt + 1 < self._politeness.attempts:
                seconds = self._pause(attempt, pause)
                if pause is not None and self._time_left() - pause <= _MARGIN:
                    raise LongPauseError(
                        f"{shown(url)}: {fault}; the endpoint asks for a pause of {pause:.0f} s (Retry-After), "
                        "more than is left of the function's time. The next run reads this window again; if it "
                        "lasts, lower limits.requests_per_second or limits.concurrency"
                    )
                self._check_time(url, fault, seconds)
                self._sleep(seconds)
                self._check_given_up(url)
        raise SourceError(
            f"{shown(url)}: {fault}; gave up after {self._politeness.attempts} tries. The next run reads this "
            "window again; if it lasts, ask the endpoint's owner or lower limits.requests_per_second"
        )

    def _traced(self, request: PageRequest) -> AbstractContextManager[object]:
        method = "GET" if request.body is None else "POST"
        asked = {"method": method, "url": masked(shown_if_url(request.url), request.secrets)}
        # These end no call: of the page ahead that nobody wants, before a login, and where the next call goes on.
        no_fault = GivenUpError, SignedOutError, OutOfTimeError
        return span(
            origin(self._base_url).host, namespace="remote", no_fault=no_fault, http={"request": asked}
        )

    def _asked_pause(self, error: Exception) -> float | None:
        """The pause that the answer behind a login's failure asks for."""
        response = error.response if isinstance(error, requests.RequestException) else None
        return None if response is None else retry_after(response, self._now())

    def _pause(self, attempt: int, asked: float | None) -> float:
        """What the server asks for, else exponential back-off with full jitter."""
        if asked is not None:
            return asked
        return random.uniform(0, min(_LONGEST_PAUSE, 0.5 * 2**attempt))  # noqa: S311 (not a secret)

    def _check_time(self, url: str, fault: str = "", ahead: float = 0.0) -> None:
        """Raise OutOfTimeError rather than be ended without a word, now or after so many seconds."""
        if self._time_left() - ahead <= _MARGIN:
            raise OutOfTimeError(
                f"{shown(url)}: the page could not be read within the function's time"
                f"{f' ({fault})' if fault else ''}. Ask for smaller pages, or raise the function's timeout"
            )

    @property
    def _timeout(self) -> float:
        """Seconds to wait for the server's next word."""
        return max(0.001, min(self._politeness.timeout, self._time_left() - _MARGIN))

    def _sign_in(self) -> None:
        if not self._signed_in or self._login.is_stale():
            self._login.sign_in(self._ask_for_login, self._base_url)
            self._signed_in = True

    def _ask_for_login(self, method: str, url: str, **content: Any) -> requests.Response:
        """A login's own request, which keeps the pace like any other; its answer is small, and ends in time."""
        self._keep_pace(url)
        with self._http.request(
            method, url, **content, timeout=self._timeout, allow_redirects=False, stream=True
        ) as response:
            body = b""
            for piece in self._pieces(url, response):
                body += piece
                if len(body) > _LOGIN_BYTES:
                    raise SourceError(
                        f"{shown(url)}: the login's answer is larger than {_LOGIN_BYTES} bytes: check `auth` and "
                        "base_url"
                    )
            response._content = body
            response._content_consumed = True  # type: ignore[attr-defined]
        return response

    def _ask(self, request: PageRequest, retries: int) -> Answer:
        url, method = request.url, "GET" if request.body is None else "POST"
        for redirected in range(_MOST_REDIRECTS):
            if not self._is_own(url):
                raise SourceError(
                    f"{shown_if_url(url)} leaves the source's origin {shown(self._base_url)}: credentials stay "
                    f"there. {_SIGN_ON if redirected and _SIGN_ON_URL.search(url) else _MOVED}"
                )
            self._keep_pace(url)
            read_at = self._now()
            with self._http.request(
                method,
                url,
                data=request.body,
                headers=dict(request.headers),
                stream=True,
                allow_redirects=False,
                timeout=self._timeout,
            ) as response:
                if self._login.is_asked_for(response):
                    raise SignedOutError
                if response.status_code in _REDIRECTS:
                    if request.body is not None and response.status_code not in _REPEATS:
                        raise RefusedError(
                            f"{shown(url)}: the endpoint redirects a POST (HTTP {response.status_code}) to where "
                            "only a GET may follow: correct base_url or the stream's request.path"
                        )
                    url = joined(url, str(response.headers.get("Location", "")))
                    continue
                if response.status_code == _NOT_MODIFIED and is_conditional(request.headers):
                    date = server_date(response)
                    return Answer(url, io.BytesIO(), 0, read_at, date, retries, not_modified=True)
                if response.status_code != requests.codes.ok:
                    raise refusal(url, response, self._excerpt(url, response), self._login, self._now())
                pieces = self._pieces(url, response)
                return read_whole(url, response, pieces, self._politeness.page_bytes, read_at, retries)
        raise SourceError(f"{shown(url)}: more than {_MOST_REDIRECTS} redirects")

    def _is_own(self, url: str) -> bool:
        """Whether a request for it is sent to the source: as it stands, and as it is rewritten to be sent."""
        sent = requests.PreparedRequest()
        try:
            sent.prepare_url(url, None)
            return origin(url) == origin(str(sent.url)) == origin(self._base_url)
        except ValueError:
            return False

    def _keep_pace(self, url: str) -> None:
        """Wait for the next request's turn.

        Also the first one of a call waits: another function may just have been asked. Only what this process itself
        remembers lets it pass.
        """
        interval, source = 1 / self._politeness.requests_per_second, origin(self._base_url)
        due = _asked_at.get(source, time.monotonic()) + interval
        # No clock that stood still, or was another one, makes it wait for longer.
        if (wait := min(due - time.monotonic(), interval)) > 0:
            self._check_time(url, ahead=wait)
            self._sleep(wait)
            self._check_given_up(url)  # which may be why it did not sleep that long
        _asked_at[source] = time.monotonic()

    def _excerpt(self, url: str, response: requests.Response) -> bytes:
        """How an answer begins."""
        excerpt = b""
        for piece in self._pieces(url, response):
            excerpt += piece
            if len(excerpt) >= 64 * EXCERPT:
                break
        return excerpt

    def _pieces(self, url: str, response: requests.Response) -> Iterator[bytes]:
        """The answer's bytes as they come.

        By `read1`: `iter_content` waits until a piece is full, for ever where a server drips.
        """
        while piece := response.raw.read1(_CHUNK, decode_content=True):
            yield piece
            self._check_time(url)
            self._check_given_up(url)
