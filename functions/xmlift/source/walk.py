"""The seam between pages and where they come from: what is asked for one page, and the way through a window's."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType, TracebackType
from typing import BinaryIO, NamedTuple, Protocol, Self

from lxml import etree

from xmlift.source.answer import Answer
from xmlift.source.urls import masked, shown

NOTHING: Mapping[str, str] = MappingProxyType({})


class PageRequest(NamedTuple):
    """One request: a GET, or a POST where it has a body.

    `headers` are the stream's. `values` is what the walk has to know at this page to go on
    after it: they are kept in the chain's links, and no part of what is asked. `secrets` are what the server gave
    to go on with, tokens and ids of its sessions, wherever they stand in it: no message shows them.
    """

    url: str
    body: bytes | None = None
    headers: Mapping[str, str] = NOTHING
    values: Mapping[str, str] = NOTHING
    secrets: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The URL as people may see it."""
        return masked(shown(self.url), self.secrets)

    def asks_the_same_as(self, other: "PageRequest") -> bool:
        return self[:3] == other[:3]

    @property
    def identity(self) -> str:
        """All that is asked, as one text: a window in which it stands twice goes in a circle."""
        if self.body is None and not self.headers:
            return self.url
        headers = "".join(f"\n{name}: {value}" for name, value in sorted(self.headers.items()))
        return f"{self.url}{headers}\n\n{(self.body or b'').decode(errors='replace')}"


class Captured(NamedTuple):
    """A first call whose answer's values stand in a window's requests, found there by these XPaths."""

    request: PageRequest
    xpaths: Mapping[str, etree.XPath]


class Walk(Protocol):
    """The way through a window's pages. It keeps nothing: all it has to know stands in the requests' `values`.

    So a call that goes on from a link of the chain asks for exactly what the call before it would have. `ended_by`
    says why no page comes after the last one; `bootstrap` is what is called before the first one, if anything.
    """

    ended_by: str
    bootstrap: Captured | None

    def first(self, values: Mapping[str, str] = NOTHING) -> PageRequest | None:
        """The request for the window's first page, with what its first call captured; None: there is no page."""

    def following(
        self, root: etree._Element, request: PageRequest, answer_url: str, records: int | None
    ) -> PageRequest | None:
        """The request for the page after the one that `request` was answered with, None after the last.

        `root` is what stands around its records, `answer_url` where the answer came from after redirects.
        `records` is None while the page is being read: it has one at least, and `root` is what stands before it.
        Raises SourceError; a RefusedError means that the window has to be begun anew.
        """


class Fetching(Protocol):
    """Where pages come from: an endpoint's session, or copies of what one answered. To be used in a `with`."""

    def expect(self, request: PageRequest) -> None:
        """That is most likely fetched next: it may be begun now."""

    def fetch(self, request: PageRequest) -> Answer:
        """The whole answer. Raises SourceError that names the URL, the reason and the remedy."""

    def __enter__(self) -> Self:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave nothing open, and no thread at work."""


class Keep(Protocol):
    """What keeps answers as they came."""

    def __call__(self, body: BinaryIO, page: int, url: str, read_at: datetime, *, gone: bool) -> None:
        """Keep a page's answer, by its number; `url` as it may be shown; `gone`: it tells of keys that are gone."""


class Way(NamedTuple):
    """How a window's pages are come by: which they are, where they come from, and what keeps them, if anything.

    `keep` is handed what was answered.
    """

    walk: Walk
    fetching: Fetching
    keep: Keep | None = None
