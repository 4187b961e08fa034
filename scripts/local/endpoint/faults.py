"""Answers that a script puts in the place of the next ones: what a server does on a bad day."""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from local.endpoint.exchange import HTML, Answer
from local.endpoint.login import LOGIN_PAGE

KINDS = (
    *("status", "html", "truncate", "garbage", "empty", "hang", "reset", "slow", "break", "repeat", "hollow"),
    *("advance", "expire_queries", "expire_sessions"),
)
CUTS = ("record", "inside")
_GARBAGE = (
    b'<?xml version="1.0" encoding="UTF-8" ?>\n<workitem Version="1.0.0"><workItem><id>1</summary>&nope;<'
)


class FaultError(ValueError):
    """A fault that cannot be understood, or cannot be done to the answer at hand."""


@dataclass
class Fault:
    """What happens to requests whose path starts with `path`: `after` of them pass, then `times` are hit.

    - `status`: HTTP `status` with `body` (a proxy's error page if empty), Retry-After if `retry_after` is set
    - `html`: the login page, HTTP 200 and `text/html`, without the header that Jazz sends with it
    - `truncate`: the real body cut near its middle, `cut` = behind a record (its text ends in `record_end`)
      or `inside` one; Content-Length is that of what is left
    - `garbage`: HTTP 200, `text/xml`, not well-formed
    - `empty`: HTTP 200 without a body
    - `hang`: no answer, until the client gives up
    - `reset`: the connection is reset without an answer
    - `slow`: the answer comes `seconds` late
    - `break`: the connection ends in the middle of the real body, whose whole length was announced
    - `hollow`: the real answer without its records, whose texts end in `record_end`
    - `repeat`: the answer to the request before, once more
    - `advance`: `change` work items change, `create` are new, `delete` are gone, then the real answer
    - `expire_queries`, `expire_sessions`: every paging token, every login is forgotten, then the real answer
    """

    path: str
    kind: str
    times: int = 1
    after: int = 0
    status: int = 503
    retry_after: int | None = None
    body: str = ""
    cut: str = "record"
    record_end: str = "</workItem>"
    seconds: float = 0.0
    change: int = 0
    create: int = 0
    delete: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise FaultError(f"kind is one of {', '.join(KINDS)}, not {self.kind!r}")
        if self.cut not in CUTS:
            raise FaultError(f"cut is one of {', '.join(CUTS)}, not {self.cut!r}")

    def apply(self, answer: Answer) -> Answer:
        """The answer as this fault leaves it; hang and reset are done to the connection instead."""
        put: dict[str, Callable[[], Answer]] = {
            "status": self._status,
            "html": lambda: Answer(LOGIN_PAGE, HTML),
            "truncate": lambda: replace(answer, body=self._truncated(answer.body)),
            "hollow": lambda: replace(answer, body=self._hollow(answer.body)),
            "garbage": lambda: Answer(_GARBAGE),
            "empty": Answer,
        }
        return put.get(self.kind, lambda: answer)()

    def _status(self) -> Answer:
        phrase = HTTPStatus(self.status).phrase
        body = self.body or f"<html><body><h1>{self.status} {phrase}</h1></body></html>\n"
        answer = Answer(body.encode(), HTML, self.status)
        return (
            answer
            if self.retry_after is None
            else answer.with_headers(("Retry-After", str(self.retry_after)))
        )

    def _truncated(self, body: bytes) -> bytes:
        end = self.record_end.encode()
        found = body.find(end, len(body) // 2)
        found = body.find(end) if found < 0 else found
        if found < 0:
            raise FaultError(f"truncate: no {self.record_end} in the answer to {self.path}")
        # Five bytes short of the record's end is inside its closing tag.
        return body[: found + len(end)] if self.cut == "record" else body[: found + len(end) - 5]

    def _hollow(self, body: bytes) -> bytes:
        name = re.escape(self.record_end.strip("</>").encode())
        return re.sub(rb"<%b[\s>].*</%b>" % (name, name), b"", body, flags=re.DOTALL)


class Script:
    """The faults still to come, first come first served."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, description: dict[str, Any]) -> None:
        """Append a fault given as JSON. Raises FaultError."""
        try:
            fault = Fault(**description)
        except TypeError as error:
            raise FaultError(str(error)) from error
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def pending(self) -> list[Fault]:
        with self._lock:
            return [replace(fault) for fault in self._faults]

    def take(self, path: str) -> Fault | None:
        """The fault that hits this request, if any; counts it."""
        with self._lock:
            fault = next((fault for fault in self._faults if path.startswith(fault.path)), None)
            if fault is None:
                return None
            if fault.after > 0:
                fault.after -= 1
                return None
            fault.times -= 1
            if fault.times <= 0:
                self._faults.remove(fault)
            return fault
