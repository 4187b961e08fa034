"""XPaths evaluated on what stands around a page's records."""

import re
from collections.abc import Mapping

from lxml import etree

from xmlift.errors import SourceError

_LAST_STEP = re.compile(r"/(@?)(?:([\w.-]+):)?([A-Za-z_][\w.-]*)(?:\[\d+\])?$")


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


def near_name(expression: str, namespaces: Mapping[str, str], root: etree._Element) -> str | None:
    """What has nearly the name that a path leads to, which found nothing: other letters' case, another namespace.

    Only of paths that end with a plain name, and of what holds a text: a last page has neither.
    """
    last = _LAST_STEP.search(expression)
    if last is None:
        return None
    mark, prefix, wanted = last.groups()
    if mark:
        given = {str(name): value for element in root.iter("*") for name, value in element.attrib.items()}
    else:
        given = {str(element.tag): (element.text or "") for element in root.iter("*")}
    expected = f"{{{namespaces[prefix]}}}{wanted}" if prefix in namespaces else wanted
    if expected in given:
        return None
    for name, value in given.items():
        if value.strip() and etree.QName(name).localname.lower() == wanted.lower():
            return f"{mark}{name}"
    return None
