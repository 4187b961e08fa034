"""From a page to the next one: decided from what stands around a page's records."""

from typing import Protocol

from lxml import etree

from xmlift.errors import SourceError
from xmlift.source.urls import joined, shown


class Paging(Protocol):
    """Where the page after this one is, and why there is none after the last one (`ended_by`)."""

    ended_by: str

    def next_url(self, root: etree._Element, url: str) -> str | None:
        """The next page's URL, None after the last page."""


class NoPaging:
    """One answer holds everything."""

    ended_by = "the stream has no paging: one answer holds everything"

    def next_url(self, root: etree._Element, url: str) -> str | None:
        return None


class NextUrlPaging:
    """The page names the next one: `xpath` finds the URL, `when` (if given) says whether there is one.

    A page of which `when` is true and that has no URL is not the last one, and raises SourceError. The URL is
    followed verbatim, since it carries the server's own state; a relative one is completed.
    """

    def __init__(self, xpath: str, when: str | None, namespaces: dict[str, str]) -> None:
        self._xpath = xpath
        self._guard = when
        self.ended_by = f"not true of the last page: {when}" if when else f"not in the last page: {xpath}"
        self._url = _compiled(f"string({xpath})", namespaces)
        self._when = _compiled(f"boolean({when})", namespaces) if when else None

    def next_url(self, root: etree._Element, url: str) -> str | None:
        if self._when is not None and not self._when(root):
            return None
        found = str(self._url(root)).strip()
        if self._when is not None and not found:
            raise SourceError(
                f"{shown(url)}: {self._guard} says that a page follows, but {self._xpath} finds no URL: correct "
                "the stream's page.xpath or page.when"
            )
        return joined(url, found) if found else None


def _compiled(expression: str, namespaces: dict[str, str]) -> etree.XPath:
    try:
        compiled = etree.XPath(expression, namespaces=namespaces, smart_strings=False)
        # Prefixes and functions that nobody knows are only noticed where the expression is evaluated.
        compiled(etree.Element("page"))
    except etree.XPathError as error:
        raise SourceError(f"paging: XPath {expression!r} is not valid: {error}") from error
    return compiled
