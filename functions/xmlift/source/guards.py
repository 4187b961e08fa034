"""Answers with HTTP 200 that are no page: an error in so many words, or the word that there are no records."""

from collections.abc import Mapping

from lxml import etree

from xmlift.source import xpaths
from xmlift.source.refusals import RefusedError

_SHOWN_WORDS = 300


class Guards:
    """What an answer's root is looked at for, before anything is made of what stands in it.

    Raises SourceError for an expression that cannot be read.
    """

    def __init__(self, error: str | None, empty: str | None, namespaces: Mapping[str, str]) -> None:
        self._error = xpaths.compiled(error, namespaces, "guards.error") if error else None
        self._empty = xpaths.compiled(empty, namespaces, "guards.empty") if empty else None
        self.are_any = bool(error or empty)

    def says_empty(self, root: etree._Element) -> bool:
        """Whether the answer says that there are no records for what was asked."""
        return self._empty is not None and _said(self._empty, root) is not None

    def check(self, root: etree._Element) -> None:
        """Raises RefusedError with the endpoint's own words where the answer is an error."""
        if self._error is None or self.says_empty(root):
            return
        if (said := _said(self._error, root)) is not None:
            words = said.rstrip(". ") or "(no words)"
            raise RefusedError(
                f"the endpoint answers with an error in HTTP 200: {words}. If it comes again, "
                "correct the stream's request or what the secret's user may read"
            )


def _said(xpath: etree.XPath, root: etree._Element) -> str | None:
    """The text that an expression finds; None where it finds nothing, or is false."""
    found = xpath(root)
    first = (found[0] if found else None) if isinstance(found, list) else found
    if first is None or first is False or first == "":
        return None
    words = (
        root.itertext()
        if first is True
        else first.itertext()
        if isinstance(first, etree._Element)
        else [first]
    )
    return " ".join(" ".join(str(word) for word in words).split())[:_SHOWN_WORDS]
