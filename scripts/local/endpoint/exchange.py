"""What goes in and what comes out: a request and its answer, apart from any socket."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl

XML = "text/xml;charset=UTF-8"
HTML = "text/html;charset=UTF-8"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `path` is decoded, `query` is as it was sent, `origin` is `https://host:port`."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    origin: str

    def parameters(self) -> dict[str, str]:
        """The query's parameters. A `+` is a space, as in every servlet: offsets must be sent as `%2B`."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def header(self, name: str) -> str | None:
        """A header's value, whatever the case of its name."""
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), None)

    def cookie(self, name: str) -> str | None:
        try:
            found = SimpleCookie(self.headers.get("Cookie", "")).get(name)
        except CookieError:
            return None
        return found.value if found else None


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; Date, Content-Length and Content-Encoding are the server's business."""

    body: bytes = b""
    content_type: str = XML
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()

    def with_headers(self, *headers: tuple[str, str]) -> "Answer":
        return replace(self, headers=self.headers + headers)


def json_answer(content: Any, status: int = 200) -> Answer:
    return Answer(json.dumps(content, ensure_ascii=False).encode(), JSON, status)


def text_answer(text: str, status: int) -> Answer:
    return Answer(f"{text}\n".encode(), "text/plain;charset=UTF-8", status)
