"""The way from one page of an answer to the next."""

from xmlift.catalogue.strict import Model


class NoPaging(Model, frozen=True, tag_field="type", tag="none"):
    """One answer holds everything."""


class NextUrlPaging(Model, frozen=True, tag_field="type", tag="next_url"):
    """The answer names the URL of the next page, which is followed verbatim, within the source's origin."""

    xpath: str
    when: str | None = None


Paging = NoPaging | NextUrlPaging
