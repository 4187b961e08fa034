"""XPaths evaluated on what stands around a page's records."""

from collections.abc import Mapping

from lxml import etree

from xmlift.errors import SourceError


def compiled(expression: str, namespaces: Mapping[str, str], where: str) -> etree.XPath:
    """An expression that can be evaluated. Raises SourceError that says where in the catalogue it stands."""
    try:
        xpath = etree.XPath(expression, namespaces=dict(namespaces), smart_strings=False)
        # Prefixes and functions that nobody knows are only noticed where the expression is evaluated.
        xpath(etree.Element("page"))
    except etree.XPathError as error:
        raise SourceError(f"{where}: XPath {expression!r} is not valid: {error}") from error
    return xpath


def text(expression: str, namespaces: Mapping[str, str], where: str) -> etree.XPath:
    """As compiled, of an expression's text: that of the first node found, empty where there is none."""
    return compiled(f"string({expression})", namespaces, where)
