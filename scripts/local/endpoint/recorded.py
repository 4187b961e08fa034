"""Recorded responses, served as they are: the folder's files under the paths that their servers had."""

import hashlib
from pathlib import Path

from local.endpoint.exchange import XML, Answer, Request

# family: (folder of the recordings, path under which its files are answered)
FAMILIES = {
    "ecb": ("ecb", "/stats/eurofxref/"),
    "ewm_oslc": ("ewm_oslc_cm", "/jazz/oslc/"),
}


class Recordings:
    """The recorded families whose folders are there; the others are not served."""

    def __init__(self, data: Path | None) -> None:
        self.families: list[str] = []
        self._answers: dict[str, Answer] = {}
        for family, (folder, path) in FAMILIES.items():
            files = sorted((data / folder).glob("*.xml")) if data else []
            if files:
                self.families.append(family)
            self._answers |= {path + file.name: _recorded(file) for file in files}

    def answer(self, request: Request) -> Answer | None:
        """The recording at the request's path, 304 if the caller has it already, None if there is none."""
        recorded = self._answers.get(request.path)
        if recorded and request.headers.get("If-None-Match") == dict(recorded.headers)["ETag"]:
            return Answer(status=304, headers=recorded.headers)
        return recorded


def _recorded(file: Path) -> Answer:
    body = file.read_bytes()
    return Answer(body, XML, headers=(("ETag", f'"{hashlib.sha256(body).hexdigest()[:32]}"'),))
