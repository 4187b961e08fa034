"""What a column takes of the nodes that its path finds, where that is not the first one's text."""

from typing import Annotated, Literal

from msgspec import Meta

from xmlift.catalogue.strict import Model

Content = Literal["text", "markup"]


class Pairs(Model, frozen=True):
    """Keys and values that stand as rows: `records` finds them, `key` and `value` are XPaths from each."""

    records: Annotated[str, Meta(min_length=1)]
    key: Annotated[str, Meta(min_length=1)]
    value: Annotated[str, Meta(min_length=1)]
