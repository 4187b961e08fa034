"""One window's requests: the page that is most likely next is fetched while the one before it is parsed."""

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Self

from xmlift.errors import SourceError
from xmlift.source.answer import Answer
from xmlift.source.refusals import DiskFullError
from xmlift.source.session import Session
from xmlift.source.walk import PageRequest


class FetchAhead:
    """Fetches pages one at a time, and one of them before it is asked for.

    Only one request is under way at any time, so that the session's pace and logins are as without it. To be used
    in a `with`: at its end no thread is left (a function is frozen between its calls) and no body open.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._thread = ThreadPoolExecutor(1, "fetch-ahead")
        self._early: tuple[PageRequest, Future[Answer]] | None = None
        self._was_wrong = False

    def expect(self, request: PageRequest) -> None:
        """Fetch what is most likely asked for next, unless that has been wrong before."""
        if not self._was_wrong:
            self._drop()
            self._early = request, self._thread.submit(self._session.fetch, request)

    def fetch(self, request: PageRequest) -> Answer:
        """As Session.fetch; what it raises for a page that was fetched early is raised here."""
        expected, early = self._early or (request, None)
        if early is not None and expected.asks_the_same_as(request):
            self._early = None
            # What did not fit the disk beside the page before it may fit alone.
            with suppress(DiskFullError):
                return early.result()
        elif early is not None:
            self._was_wrong = True
            self._drop()
        return self._session.fetch(request)

    def _drop(self) -> None:
        """Wait for the end of an early request, which is soon, and let its answer go."""
        if self._early is None:
            return
        _, early = self._early
        self._early = None
        with self._session.giving_up(), suppress(SourceError):
            early.result().body.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._drop()
        finally:
            self._thread.shutdown()
