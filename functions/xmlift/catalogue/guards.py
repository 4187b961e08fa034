"""How a stream's answers are told from answers that only look like them."""

from typing import Annotated, Literal

from msgspec import Meta

from xmlift.catalogue.strict import Model

Text = Annotated[str, Meta(min_length=1)]


class Guards(Model, frozen=True):
    """What is no page though it comes with HTTP 200, and what is no answer to what was asked.

    `error` is an XPath that finds the message of an error; one that `empty` finds only says that there are no
    records. `rows_outside_window`: what to do where most records lie outside the window that was asked for.
    """

    error: Text | None = None
    empty: Text | None = None
    rows_outside_window: Literal["fail", "ignore"] = "fail"
