"""How a stream is asked for: a path below the base URL, query values, headers, a body."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import unquote_plus

from msgspec import Meta, field

from xmlift.catalogue.paging import (
    PLACEHOLDERS,
    NextUrlPaging,
    OffsetPaging,
    PageNumberPaging,
    Paging,
    TokenPaging,
)
from xmlift.catalogue.strict import Model, Name

_WINDOW = ("{window.from}", "{window.to}")
_OF_A_PAGE = ("{page}", "{offset}", "{size}", "{token}")
# What looks like one of ours and is not would reach the server as it stands, and leave the stream unbounded.
_PLACEHOLDER = re.compile(r"\{[A-Za-z_][\w.]*\}")
_CDATA = re.compile(r"<!\[CDATA\[.*?(?:\]\]>|$)", re.DOTALL)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# What a first call may capture beside values of its own: the server's own count.
_TOTALS = {"total": OffsetPaging, "total_pages": PageNumberPaging}

BodyKind = Literal["xml", "json", "form"]


class Call(Model, frozen=True):
    """One call of the endpoint: a path below the base URL, query values, headers, and by POST a body.

    `{window.from}` and `{window.to}` become the window's bounds in the cursor's format, `{partition}` the value of
    its partition; each value is escaped for the place that it stands in.
    """

    path: Annotated[str, Meta(pattern=r"^/")]
    query: dict[str, str | int] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    method: Literal["GET", "POST"] = "GET"
    body: Annotated[str, Meta(min_length=1)] | None = None

    def __post_init__(self) -> None:
        if (self.body is None) != (self.method == "GET"):
            raise ValueError(
                "a body is sent by POST, and nothing else is: write both `method: POST` and `body`"
            )
        if self.body is not None and self._content_kind is None:
            raise ValueError(
                f"body: its values cannot be escaped for Content-Type {self.content_type}: use one of XML, JSON or "
                "application/x-www-form-urlencoded"
            )
        for name, value in self.headers.items():
            _check_header(name, value)
        if self.body is not None and self._content_kind == "xml":
            for section in _CDATA.findall(self.body):
                if found := _PLACEHOLDER.search(section):
                    raise ValueError(
                        f"body: {found[0]} stands in a CDATA section, where what is escaped stays as it is: leave "
                        "out <![CDATA[ and ]]>, and escape < and & yourself"
                    )

    @property
    def query_values(self) -> list[str]:
        """The values of its query, also of one that stands in the path."""
        in_path = self.path.partition("?")[2].split("&")
        return [*map(str, self.query.values()), *(unquote_plus(given.partition("=")[2]) for given in in_path)]

    @property
    def content_type(self) -> str | None:
        """The body's media type, without parameters and in lower case."""
        for name, value in self.headers.items():
            if name.lower() == "content-type":
                return value.partition(";")[0].strip().lower()
        return None

    @property
    def body_kind(self) -> BodyKind:
        """How values are escaped in the body; XML where no header says otherwise."""
        return self._content_kind or "xml"

    @property
    def _content_kind(self) -> BodyKind | None:
        kind = self.content_type or "text/xml"
        if kind == "application/x-www-form-urlencoded":
            return "form"
        if kind.endswith(("/xml", "+xml")):
            return "xml"
        return "json" if kind.endswith(("/json", "+json")) else None

    def placeholders(self) -> Iterator[tuple[str, str]]:
        """Where each placeholder stands, and what it is."""
        places = {"path": self.path, "body": self.body or ""}
        places |= {f"query {key}": str(value) for key, value in self.query.items()}
        places |= {f"header {key}": value for key, value in self.headers.items()}
        for place, template in places.items():
            for placeholder in _PLACEHOLDER.findall(template):
                yield place, placeholder

    def asks_for(self, placeholder: str) -> bool:
        """Whether a placeholder that starts so stands anywhere in it."""
        return any(found.startswith(placeholder) for _, found in self.placeholders())

    def check_placeholders(self, known: tuple[str, ...]) -> None:
        for place, placeholder in self.placeholders():
            if placeholder not in known:
                raise ValueError(f"{place}: nothing stands for {placeholder}; write {', '.join(known)}")


def _check_header(name: str, value: str) -> None:
    if not _HEADER_NAME.fullmatch(name):
        raise ValueError(f"header {name!r} is no header's name")
    if any(letter < " " or letter == "\x7f" for letter in value):
        raise ValueError(f"header {name}: a header carries no control character")
    if value != value.strip():
        raise ValueError(f"header {name}: leave out the spaces around its value")
    if any(letter > "\xff" for letter in value):
        raise ValueError(f"header {name}: a header carries characters of Latin-1 alone")


class Bootstrap(Call, frozen=True, kw_only=True):
    """A first call of each window: `values` are found in its answer by XPath, and stand in the stream's request.

    Values named `total` (offset) and `total_pages` (page_number) are the server's count besides.
    """

    values: Annotated[dict[Name, Annotated[str, Meta(min_length=1)]], Meta(min_length=1)]

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_placeholders((*_WINDOW, "{partition}", "{size}"))
        taken = {"partition", "page", "offset", "size", "token"} & set(self.values)
        if taken:
            raise ValueError(
                f"bootstrap: {{{min(taken)}}} stands for something else: name the value otherwise"
            )


class Request(Call, frozen=True):
    """What is asked for each page of a window: a path below the base URL, query values, headers, a body.

    `{window.from}` and `{window.to}` become the window's bounds in the cursor's format, `{partition}` the value of
    its partition, `{page}`, `{offset}`, `{size}` and `{token}` what the page's way says, any other name what
    `bootstrap` captured; each is escaped for the place that it stands in.
    """

    bootstrap: Bootstrap | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        captured = tuple(f"{{{name}}}" for name in (self.bootstrap.values if self.bootstrap else ()))
        self.check_placeholders((*_WINDOW, "{partition}", *_OF_A_PAGE, *captured))

    def asks_for(self, placeholder: str) -> bool:
        return super().asks_for(placeholder) or (
            self.bootstrap is not None and self.bootstrap.asks_for(placeholder)
        )

    def check_page(self, page: Paging) -> None:
        """Raises ValueError where the request and the way from page to page do not fit together."""
        own = PLACEHOLDERS.get(type(page))
        for placeholder in PLACEHOLDERS.values():
            if placeholder != own and self.asks_for(placeholder):
                raise ValueError(
                    f"the request asks for {placeholder}, which the stream's `page` does not know"
                )
        if self.asks_for("{size}") and getattr(page, "size", None) is None:
            raise ValueError("the request asks for {size}: say how many records as `page.size`")
        if isinstance(page, NextUrlPaging) and self.method == "POST":
            raise ValueError("page next_url is followed by GET: a request by POST needs another `page`")
        if isinstance(page, TokenPaging | OffsetPaging | PageNumberPaging):
            if (page.parameter is None) != super().asks_for(own or ""):
                raise ValueError(
                    f"a page is asked for by `page.parameter` in the query, or by {own} somewhere in the request: "
                    "write one of them"
                )
            if page.parameter is not None and page.parameter in self.query:
                raise ValueError(f"query {page.parameter}: that is page.parameter: leave it out of the query")
        captured = self.bootstrap.values if self.bootstrap else {}
        for name, kind in _TOTALS.items():
            if name in captured and isinstance(page, kind) and getattr(page, name) is not None:
                raise ValueError(
                    f"the {name} is captured by bootstrap and found by page.{name}: write one of them"
                )
