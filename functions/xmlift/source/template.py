"""A request's template: `{name}` replaced, each value escaped for the place that it stands in."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape

from xmlift.errors import SourceError
from xmlift.source.walk import NOTHING, PageRequest

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][\w.]*)\}")
_NO_HEADER = re.compile(r"[^\x20-\x7e\x80-\xff]|^\s|[ \t]$")
# What messages may show of what stands for placeholders; all else a server gave to go on with.
_TOLD = frozenset({"window.from", "window.to", "partition", "page", "offset", "size", "total", "total_pages"})
_SHORTEST_SECRET = 4

BodyKind = Literal["xml", "json", "form"]


class Template(NamedTuple):
    """What is asked for each page of a window, but for what is the page's own.

    A body makes it a POST; `body_kind` is how values are escaped in it. Where a query value or header is nothing
    but one placeholder, and its value is empty, it is left out: a first page has no token.
    """

    base_url: str
    path: str
    query: Mapping[str, str | int] = NOTHING
    headers: Mapping[str, str] = NOTHING
    body: str | None = None
    body_kind: BodyKind = "xml"

    def filled(
        self, values: Mapping[str, str], parameters: Mapping[str, str] = NOTHING, *, exclusive: bool = False
    ) -> PageRequest:
        """One page's request. `parameters` are added to the query; `exclusive`: they stand there alone.

        `+` becomes `%2B` in a URL: a bare one would reach the server as a space and turn an offset into nonsense.
        Raises SourceError for a value that no header can carry.
        """
        query = {} if exclusive else _filled_all(self.query, values)
        url = self.base_url.rstrip("/") + self._filled_path(values)
        if encoded := urlencode({**query, **parameters}, quote_via=quote):
            url += ("&" if "?" in url else "?") + encoded
        headers = _filled_all(self.headers, values)
        secrets = tuple(
            value for name, value in values.items() if name not in _TOLD and len(value) >= _SHORTEST_SECRET
        )
        for name, value in headers.items():
            if _NO_HEADER.search(value):
                raise SourceError(
                    f"the header {name} cannot carry a value with a control character, spaces around it or a "
                    "character beyond Latin-1"
                )
        if self.body is None:
            return PageRequest(url, None, headers, secrets=secrets)
        if not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = "text/xml; charset=utf-8"
        body = _filled(self.body, values, _ESCAPES[self.body_kind]).encode()
        return PageRequest(url, body, headers, secrets=secrets)

    def _filled_path(self, values: Mapping[str, str]) -> str:
        """Raises SourceError for a value that would lead up to another path."""
        segments = []
        for template in self.path.split("/"):
            segment = _filled(template, values, lambda value: quote(value, safe=""))
            if segment in (".", "..") and segment != template:
                raise SourceError(
                    f"request.path: a value is {segment!r}, which leads to another path: ask for it in the query"
                )
            segments.append(segment)
        return "/".join(segments)


def _json_text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)[1:-1]


_ESCAPES: Mapping[BodyKind, Callable[[str], str]] = {
    "xml": lambda value: escape(value, {'"': "&quot;", "'": "&apos;"}),
    "json": _json_text,
    "form": lambda value: quote(value, safe=""),
}


def _filled(template: str, values: Mapping[str, str], escaped: Callable[[str], str] = str) -> str:
    """In one go, so that a value which looks like a placeholder stays what it is."""
    return _PLACEHOLDER.sub(
        lambda found: escaped(values[found[1]]) if found[1] in values else found[0], template
    )


def _filled_all(templates: Mapping[str, str | int], values: Mapping[str, str]) -> dict[str, str]:
    filled = {name: _filled(str(template), values) for name, template in templates.items()}
    return {
        name: value
        for name, value in filled.items()
        if value or not _PLACEHOLDER.fullmatch(str(templates[name]))
    }
