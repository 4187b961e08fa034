"""The repair path, for endpoints that do not send well-formed XML: switched on per stream, never silent.

Beautiful Soup (over libxml2's recovery) closes what was left open and drops what cannot be XML: a bare `&`,
control bytes, crossed tags. That alters data, so the caller counts the pages that went this way and reports
what was wrong with them.
"""

import re
from typing import NamedTuple

from bs4 import BeautifulSoup
from lxml import etree

from xmlift.errors import RecordError
from xmlift.records.cutter import secure_parser

_ROOT = re.compile(rb"<([A-Za-z_][\w.:-]*)")


class Repaired(NamedTuple):
    """A well-formed page, and what was wrong with the one that came; None where nothing was."""

    page: bytes
    fault: str | None


def repaired(page: bytes) -> Repaired:
    """Mend a page where it needs it.

    Raises RecordError for a page that does not end with its root's closing tag: such a page was cut short,
    and mending it would pass for an answer with fewer records.
    """
    try:
        etree.fromstring(page, secure_parser())
    except etree.XMLSyntaxError as error:
        root = _ROOT.search(page)
        if root is None or not re.search(rb"</" + re.escape(root[1]) + rb"\s*>\s*\Z", page):
            raise RecordError(
                "the answer is cut short: its root is not closed, so it is not repaired"
            ) from error
        return Repaired(BeautifulSoup(page, "xml").encode("utf-8"), error.msg)
    return Repaired(page, None)
