"""A refused login is told to the other windows of its run: the same wrong password, sent by each, locks its user.

What stands on S3 of it is a hint and nothing more: whatever it says, no row is lost or read twice (E1). It is
heeded by the windows of the same run for a while, and not by one that has failed since it was written: that one is
being redriven, by somebody who has mended something.
"""

from datetime import UTC, datetime, timedelta

from xmlift.errors import SourceError
from xmlift.landing import names
from xmlift.landing.names import WindowName
from xmlift.landing.zone import Stored, Zone
from xmlift.source.login import LoginRefusedError
from xmlift.source.refusals import UnauthorizedError
from xmlift.telemetry import logger

HEEDED = timedelta(minutes=15)
"""How long nobody else tries. Servers that lock users out count within about that time."""


class RefusedLogins:
    """What one window of a run is told of logins, and tells.

    A refused sign-in holds for the whole source. That a request was answered with 401 holds for the window's own
    stream and partition, since a server may say so of one project alone.
    """

    def __init__(self, zone: Zone, window: WindowName) -> None:
        self._zone = zone
        self._window = window
        self._keys: dict[type[SourceError], str] = {
            LoginRefusedError: names.refused_login(window.source, window.run),
            UnauthorizedError: names.unauthorized(window),
        }
        self._known: dict[str, Stored] = {}
        self._is_told = False

    def check(self) -> None:
        """Raises what another window was told, in its words."""
        for kind, key in self._keys.items():
            marker = self._zone.fetch(key)
            if marker is None:
                continue
            with marker.body as body:
                said = body.read().decode()
            self._known[key] = marker
            if self._is_heeded(marker):
                logger.warning(
                    "not signing in: another window of the run was refused", window=str(self._window)
                )
                self._is_told = True
                raise kind(said)

    def _is_heeded(self, marker: Stored) -> bool:
        if marker.modified + HEEDED <= datetime.now(UTC):
            return False
        note = self._zone.fetch(names.failure(self._window))
        if note is None:
            return True
        note.body.close()
        return note.modified < marker.modified

    def tell(self, error: Exception) -> None:
        """Tell the other windows, if it is a refused login; of several that are refused at once, one does."""
        key = self._keys.get(type(error)) if isinstance(error, SourceError) else None
        if key is None or self._is_told:
            return
        said = str(error).encode()
        if (known := self._known.get(key)) is None:
            self._zone.put_once(key, said)
        else:
            self._zone.replace(key, said, known.etag)
