"""How a stream is asked for: a path below the base URL, query values and headers."""

import re
from typing import Annotated

from msgspec import Meta, field

from xmlift.catalogue.strict import Model

_WINDOW = ("{window.from}", "{window.to}", "{partition}")
# What looks like one of ours and is not would reach the server as it stands, and leave the stream unbounded.
_PLACEHOLDER = re.compile(r"\{[A-Za-z_][\w.]*\}")


class Request(Model, frozen=True):
    """What is asked: a path below the base URL and query values.

    `{window.from}` and `{window.to}` in a query value become the window's bounds in the cursor's format.
    """

    path: Annotated[str, Meta(pattern=r"^/")]
    query: dict[str, str | int] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, value in self.query.items():
            for placeholder in _PLACEHOLDER.findall(str(value)):
                if placeholder not in _WINDOW:
                    raise ValueError(
                        f"query {key}: nothing stands for {placeholder}; write {', '.join(_WINDOW)}"
                    )

    def asks_for(self, placeholder: str) -> bool:
        return any(placeholder in str(value) for value in (self.path, *self.query.values()))
