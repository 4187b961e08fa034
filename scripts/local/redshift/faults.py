"""Sessions that go wrong on request: cut, held, refused, or ended by a restart, at the statement that a rule names.

The rules come over the control port, at `/_redshift/faults`: `POST` adds one (JSON, see `Fault`), `GET` tells
which have struck, `DELETE` removes all and lets go of what is held. `POST /_redshift/cut` with
`{"application": ...}` cuts sessions at once, `POST /_redshift/restart` restarts PostgreSQL as a crash would.
"""

import re
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from local.redshift.errors import RedshiftError

WHEN = ("before", "after")
ACTIONS = ("cut", "hold", "restart", "conflict", "refuse")
_LONGEST_HOLD = 120.0


@dataclass
class Fault:
    """What happens at a statement that contains `match` (a regular expression, of a client whose application name
    contains `application`): `after` such statements pass, then `times` are hit, before or after they take effect.

    - `cut`: the session is lost, without an answer
    - `hold`: the answer (before: the statement) waits `seconds`, or until the faults are cleared
    - `restart`: PostgreSQL crashes and starts again; every session is lost
    - `conflict`: 1023, a serialisable isolation violation (only before)
    - `refuse`: an error with `sqlstate` and `message` (only before)
    """

    match: str
    action: str
    when: str = "before"
    application: str = ""
    after: int = 0
    times: int = 1
    seconds: float = 0.0
    sqlstate: str = "XX000"
    message: str = "out of memory"
    struck: int = 0

    def __post_init__(self) -> None:
        if self.when not in WHEN or self.action not in ACTIONS:
            raise ValueError(f"when is one of {', '.join(WHEN)}, action one of {', '.join(ACTIONS)}")
        if self.when == "after" and self.action in ("conflict", "refuse"):
            raise ValueError(f"{self.action} comes before a statement takes effect, not after it")
        re.compile(self.match)

    def error(self) -> RedshiftError:
        """What the client is told instead of an answer."""
        if self.action == "conflict":
            detail = (
                "Serializable isolation violation on table - 100173, transactions forming the cycle are: 1, 2"
            )
            return RedshiftError("1023", "XX000", detail)
        return RedshiftError(self.message, self.sqlstate)


class CutError(Exception):
    """The client's session ends here and now, without a word."""


class Script:
    """The faults still to come, and the sessions that they may cut."""

    def __init__(self, restart: Callable[[], None] = lambda: None) -> None:
        self._restart = restart
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._released = threading.Event()
        self._sessions: dict[int, tuple[str, Callable[[], None]]] = {}

    def add(self, description: dict[str, Any]) -> None:
        """Append a fault given as JSON. Raises ValueError or TypeError."""
        fault = Fault(**description)
        with self._lock:
            self._faults.append(fault)
            self._released = threading.Event()

    def clear(self) -> None:
        """No faults from now on; whatever is held goes on."""
        with self._lock:
            self._faults.clear()
            self._released.set()

    def told(self) -> list[dict[str, Any]]:
        """All faults, and how often each has struck."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]

    def opened(self, session: object, application: str, cut: Callable[[], None]) -> None:
        """Note a session, so that it can be cut."""
        with self._lock:
            self._sessions[id(session)] = (application, cut)

    def closed(self, session: object) -> None:
        with self._lock:
            self._sessions.pop(id(session), None)

    def cut(self, application: str) -> int:
        """Cut all sessions of an application; answers how many there were."""
        with self._lock:
            found = [cut for name, cut in self._sessions.values() if application in name]
        for cut in found:
            cut()
        return len(found)

    def restart(self) -> None:
        """Crash PostgreSQL and start it again."""
        self._restart()

    def strike(self, when: str, sql: str, application: str) -> None:
        """Do what is due at this statement. Raises CutError, RedshiftError."""
        fault = self._take(when, sql, application)
        if fault is None:
            return
        match fault.action:
            case "hold":
                self._released.wait(min(fault.seconds, _LONGEST_HOLD))
            case "restart":
                self._restart()
                raise CutError
            case "cut":
                raise CutError
            case _:
                raise fault.error()

    def waits_for(self, sql: str, application: str) -> bool:
        """Whether a fault may strike after this statement, so that its answer must not be sent at once."""
        with self._lock:
            return any(_is_meant(fault, "after", sql, application) for fault in self._faults)

    def _take(self, when: str, sql: str, application: str) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if not _is_meant(fault, when, sql, application):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                fault.struck += 1
                return fault
        return None


def _is_meant(fault: Fault, when: str, sql: str, application: str) -> bool:
    return (
        fault.when == when
        and fault.struck < fault.times
        and fault.application in application
        and re.search(fault.match, sql, re.IGNORECASE) is not None
    )
