"""Queries whose answers the server keeps: the way of Jazz applications from one page to the next.

The first page runs the query and keeps its ids under a token, which the URL of the next page carries. So the
pages of one query never shift: what is created since is not in it, and what changed since is as it is now.
"""

import secrets
import threading
from collections import OrderedDict
from typing import Any

_MOST = 1000


class KeptQueries[Identifier]:
    """The ids that each query found, by its token; the oldest query goes where there are too many."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[str, list[Identifier]] = OrderedDict()

    def keep(self, found: list[Identifier]) -> str:
        """The token under which the ids are kept from now on."""
        token = f"_{secrets.token_urlsafe(16)}"
        with self._lock:
            self._found[token] = found
            if len(self._found) > _MOST:
                self._found.popitem(last=False)
        return token

    def find(self, token: str) -> list[Identifier] | None:
        """The query's ids, None once they are forgotten."""
        return self._found.get(token)

    def expire(self) -> int:
        """Forget every query; answers how many there were."""
        with self._lock:
            count = len(self._found)
            self._found.clear()
            return count


def whole_number(text: Any, least: int) -> int | None:
    """A parameter's value as a number, None where it is none or too small."""
    text = str(text)
    return int(text) if text.isdecimal() and text.isascii() and int(text) >= least else None
