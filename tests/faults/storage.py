"""Rules of microburst, which stands between the functions and the emulator: what goes wrong on the way to S3.

The first rule that matches a request is applied, so `after` is a rule before it that lets so many pass.
"""

import time
from collections.abc import Callable
from typing import Any

import requests

# What tells the objects of the landing zone apart, in the headers of their PUT.
WRITES: dict[str, dict[str, str]] = {
    "part": {"Content-Type": "application/gzip"},
    "once": {"If-None-Match": "*"},  # links, commits, plans and the claim
    "any": {},
}
Effect = dict[str, Any]
HELD_MILLISECONDS = 1500
REFUSED: Effect = {"error": {"code": "InternalError", "status": 500}}
CARRIED_OUT: Effect = {}
SLOW_DOWN: Effect = {"error": {"code": "SlowDown", "status": 503}}
RESET: Effect = {"reset": True}
TRUNCATED: Effect = {"response": {"truncate_frac": 0.5}}
BROKEN_OFF: Effect = {"response": {"abort_frac": 0.5}}
CORRUPTED: Effect = {"response": {"corrupt_bytes": 3}}
# An answer with this header cannot be sent: the caller gets a 500 although the request was carried out.
LOST: Effect = {"response": {"set_headers": {"X-Lost": "line\nbreak"}}}
# More than the emulator sends: the caller waits for the rest of an answer whose request was carried out.
ENDLESS: Effect = {"response": {"set_headers": {"Content-Length": "999"}}}


class Storage:
    """The proxy's control path."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/_microburst/rules"
        self._http = requests.Session()
        self._http.trust_env = False
        self._armed: set[int] = set()

    def clear(self) -> None:
        self._armed.clear()
        self._http.post(self._url, json=[], timeout=10).raise_for_status()

    def fired(self) -> int:
        """How often rules with an effect were applied since the last `clear`."""
        rules = self._http.get(self._url, timeout=10).json()
        return sum(rule["fired_count"] for rule in rules if rule["id"] in self._armed)

    def add(
        self, operation: str | None, *, key: str, what: str = "any", after: int = 0, **effect: Any
    ) -> None:
        """A rule for the requests of one access key: `after` pass, then the effect (once unless `times` is told).

        operation: any without it. what: of PutObject, which objects (`WRITES`).
        """
        match = {
            "service": "s3",
            "operation": operation,
            "headers": {"Authorization": key} | (WRITES[what] if operation == "PutObject" else {}),
        }
        rules = [{**match, "times": after}] if after else []
        answer = self._http.patch(self._url, json=[*rules, {**match, "times": 1, **effect}], timeout=10)
        answer.raise_for_status()
        self._armed.add(answer.json()[-1]["id"])

    def hold(
        self, operation: str | None, *, key: str, what: str = "any", after: int = 0, then: Effect = REFUSED
    ) -> None:
        """Keep a request until its sender has been dealt with; what becomes of it after that is `then`."""
        self.add(operation, key=key, what=what, after=after, latency=HELD_MILLISECONDS, **then)


def await_true(happened: Callable[[], bool], running: Callable[[], bool], seconds: float = 15.0) -> bool:
    """Wait until something has happened; False if it had not when the run ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for _ in range(5):
            if happened():
                return True
            time.sleep(0.02)
        if not running():
            return happened()
    return False
