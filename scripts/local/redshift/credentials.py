"""Temporary database passwords, several valid at once for one user, and the check of any password."""

import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

SHORTEST, LONGEST = 900, 3600
# Redshift tells clients to come back a little before the password ends.
_REFRESH_MARGIN = 60


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user and a password for a database (any, if None) until `expires`, seconds since 1970."""

    user: str
    password: str
    database: str | None
    expires: float

    @property
    def next_refresh(self) -> float:
        """When a client had better ask again."""
        return self.expires - _REFRESH_MARGIN


class TemporaryPasswords:
    """What GetCredentials gave out."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._given: list[Credentials] = []
        self._lock = threading.Lock()

    def give(self, user: str, database: str | None, seconds: int) -> Credentials:
        """A new password; earlier ones of the user stay valid."""
        given = Credentials(user, secrets.token_urlsafe(32), database, self._clock() + seconds)
        with self._lock:
            self._given = [*self._valid(), given]
        return given

    def accepts(self, user: str, password: str, database: str) -> bool:
        """Whether the password is the user's, now and for this database."""
        with self._lock:
            valid = self._valid()
        return any(
            known.user == user
            and known.database in {None, database}
            and hmac.compare_digest(known.password.encode(), password.encode())
            for known in valid
        )

    def _valid(self) -> list[Credentials]:
        return [known for known in self._given if known.expires > self._clock()]
