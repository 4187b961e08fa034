"""The way from one page of an answer to the next."""

from typing import Annotated

from msgspec import Meta

from xmlift.catalogue.strict import Model

Text = Annotated[str, Meta(min_length=1)]


class NoPaging(Model, frozen=True, tag_field="type", tag="none"):
    """One answer holds everything."""


class NextUrlPaging(Model, frozen=True, tag_field="type", tag="next_url"):
    """The answer names the URL of the next page, which is followed verbatim, within the source's origin."""

    xpath: Text
    when: Text | None = None


class TokenPaging(Model, frozen=True, tag_field="type", tag="token"):
    """The answer holds the token of the next page; none, or an empty one, ends.

    It is sent as the query's `parameter`, or where the request says `{token}`; `exclusive`: as the only one.
    """

    xpath: Text
    parameter: Text | None = None
    exclusive: bool = False

    def __post_init__(self) -> None:
        if self.exclusive and self.parameter is None:
            raise ValueError(
                "page exclusive: the token is the query's only parameter: name it as `parameter`"
            )


class OffsetPaging(Model, frozen=True, tag_field="type", tag="offset"):
    """A page is asked for by the offset of its first record, `base` being the first one of all.

    `total` finds the number of all records; without it the first empty page ends. `{size}` stands for the size.
    """

    size: Annotated[int, Meta(ge=1, le=1_000_000)]
    parameter: Text | None = None
    base: Annotated[int, Meta(ge=0, le=1)] = 0
    total: Text | None = None


class PageNumberPaging(Model, frozen=True, tag_field="type", tag="page_number"):
    """A page is asked for by its number, from `start` on; `total_pages` or the first empty page ends."""

    parameter: Text | None = None
    start: Annotated[int, Meta(ge=0)] = 1
    size: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    total_pages: Text | None = None


Paging = NoPaging | NextUrlPaging | TokenPaging | OffsetPaging | PageNumberPaging

PLACEHOLDERS: dict[type, str] = {TokenPaging: "{token}", OffsetPaging: "{offset}", PageNumberPaging: "{page}"}
"""What stands for a page in a request, where it is no `parameter` of the query."""
