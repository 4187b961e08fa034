"""A server that defends itself: more requests than it likes are answered with 429 and Retry-After."""

import math
import threading
import time
from collections import deque
from dataclasses import dataclass, field

from local.endpoint.exchange import Answer, text_answer


@dataclass
class Pace:
    """At most `requests` in any `seconds` to paths that start with `path`; `refused` counts the others."""

    path: str
    requests: int
    seconds: float
    refused: int = 0
    _asked: deque[float] = field(default_factory=deque, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def answer(self, path: str) -> Answer | None:
        """The refusal of a request that comes too soon; None where it may pass."""
        if not path.startswith(self.path):
            return None
        with self._lock:
            now = time.monotonic()
            while self._asked and now - self._asked[0] >= self.seconds:
                self._asked.popleft()
            if len(self._asked) < self.requests:
                self._asked.append(now)
                return None
            self.refused += 1
            wait = max(1, math.ceil(self.seconds - (now - self._asked[0])))
        return text_answer("Rate exceeded.", 429).with_headers(("Retry-After", str(wait)))
