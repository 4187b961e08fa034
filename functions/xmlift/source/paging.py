"""From a page to the next one: decided from what stands around a page's records."""

from collections.abc import Mapping

from lxml import etree

from xmlift.errors import SourceError
from xmlift.source.urls import joined, shown
from xmlift.source.walk import NOTHING, Captured, PageRequest


class OnePage:
    """One answer holds everything."""

    ended_by = "the stream has no paging: one answer holds everything"
    bootstrap: Captured | None = None

    def __init__(self, first: PageRequest) -> None:
        self._first = first

    def first(self, values: Mapping[str, str] = NOTHING) -> PageRequest | None:
        return self._first

    def following(
        self, root: etree._Element, request: PageRequest, answer_url: str, records: int | None
    ) -> PageRequest | None:
        return None


class NextUrl:
    """The page names the next one: `xpath` finds the URL, `when` (if given) says whether there is one.

    A page of which `when` is true and that has no URL is not the last one, and raises SourceError. The URL is
    followed verbatim, since it carries the server's own state; a relative one is completed.
    """

    bootstrap: Captured | None = None

    def __init__(
        self, first: PageRequest, xpath: str, when: str | None, namespaces: Mapping[str, str]
    ) -> None:
        self._first = first
        self._xpath = xpath
        self._guard = when
        self.ended_by = f"not true of the last page: {when}" if when else f"not in the last page: {xpath}"
        self._url = _compiled(f"string({xpath})", namespaces)
        self._when = _compiled(f"boolean({when})", namespaces) if when else None

    def first(self, values: Mapping[str, str] = NOTHING) -> PageRequest | None:
        return self._first

    def following(
        self, root: etree._Element, request: PageRequest, answer_url: str, records: int | None
    ) -> PageRequest | None:
        if self._when is not None and not self._when(root):
            return None
        found = str(self._url(root)).strip()
        if self._when is not None and not found:
            raise SourceError(
                f"{shown(answer_url)}: {self._guard} says that a page follows, but {self._xpath} finds no URL: "
                "correct the stream's page.xpath or page.when"
            )
        return PageRequest(joined(answer_url, found)) if found else None


def _compiled(expression: str, namespaces: Mapping[str, str]) -> etree.XPath:
    try:
        compiled = etree.XPath(expression, namespaces=dict(namespaces), smart_strings=False)
        # Prefixes and functions that nobody knows are only noticed where the expression is evaluated.
        compiled(etree.Element("page"))
    except etree.XPathError as error:
        raise SourceError(f"paging: XPath {expression!r} is not valid: {error}") from error
    return compiled
