"""Windows read from a scripted source into a bucket, and what the commit then says that they hold."""

import csv
import gzip
import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from xmlift.errors import SourceError, XmliftError
from xmlift.extraction.extract import ExtractAnswer, ExtractEvent, extract
from xmlift.landing.chain import Landed
from xmlift.landing.landed import landed_windows
from xmlift.landing.names import COMMIT
from xmlift.landing.zone import Zone

from .scripted_source import Say, ScriptedSource, page

RUN = "20261122T160000000000Z-x"
FROM, TO = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
SECRETS = {
    "ewm": {
        "username": "etl",
        "password": "etl-password",
        "client_id": "etl",
        "client_secret": "etl-password",
    }
}

CATALOGUE = """
source: tracker
base_url: https://example.com
limits: { requests_per_second: 1000, attempts: 2, timeout_seconds: 2 }
streams:
  items:
    request:
      path: /items
      query: { q: "modified>{window.from} and modified<{window.to}", token: sesame }
    page: { type: next_url, xpath: /workitem/@href, when: "/workitem/@rel='next'" }
    records: /workitem/workItem
    cursor: { type: watermark, field: modified, resolution: 1ms, start: "2026-01-01T00:00:00Z", slice: 1d }
    key: [id]
    max_rejects: 3
    columns:
      id: { path: id, type: bigint }
      modified: { path: modified, type: timestamptz }
      title: { path: title, type: varchar(10) }
    children:
      notes:
        records: note
        columns: { text: { path: ".", type: varchar(20) } }
"""


def no_time_at_all() -> float:
    """Enough for one request, not for another page."""
    return 40.0


def all_the_time() -> float:
    return 900.0


def read_secret(name: str) -> dict[str, str]:
    if name not in SECRETS:
        raise SourceError(f"the secret xmlift/test/{name} cannot be read (ResourceNotFoundException)")
    return SECRETS[name]


class Extracts:
    """One source, its catalogue in the bucket, and windows read from it."""

    def __init__(self, zone: Zone, base_url: str, text: str) -> None:
        self.zone = zone
        self.base_url = base_url
        self.key = "catalogue/tracker/x.yaml"
        self.text = text
        zone.put(self.key, text.encode())

    def change(self, old: str, new: str) -> None:
        assert old in self.text
        self.text = self.text.replace(old, new)
        self.zone.put(self.key, self.text.encode())

    def event(
        self, run: str = RUN, start: datetime = FROM, end: datetime = TO, stream: str = "items"
    ) -> ExtractEvent:
        return ExtractEvent(
            source="tracker", catalogue=self.key, run=run, stream=stream, partition="-", epoch=0,
            start=start, end=end, base_url=self.base_url,
        )  # fmt: skip

    def extract(self, time_left: Callable[[], float] = all_the_time, **options: Any) -> ExtractAnswer:
        return extract(self.event(**options), self.zone, read_secret, time_left)

    def landed(self, run: str = RUN) -> Landed:
        (landed,) = landed_windows(self.zone, f"landing/tracker/items/{run}/")
        return landed

    def files(self) -> list[str]:
        folder = self.event().window.folder
        return [key.removeprefix(folder) for key in self.zone.keys(folder)]

    def rows(self, table: str = "items", landed: Landed | None = None) -> list[dict[str, str]]:
        """What the commit's parts hold, and nothing that it does not name."""
        landed = landed or self.landed()
        found = []
        for part in landed.commit.parts_of(table):
            body = self.zone.get(f"{landed.window.folder}{part.name}")
            rows = list(csv.reader(io.StringIO(gzip.decompress(body).decode())))
            assert (len(rows), len(body)) == (part.rows, part.bytes)
            found += [dict(zip(landed.commit.columns[part.schema], row, strict=True)) for row in rows]
        return found

    def rejects(self) -> list[list[str]]:
        landed = self.landed()
        (part,) = landed.commit.parts_of("_rejects")
        body = self.zone.get(f"{landed.window.folder}{part.name}")
        return list(csv.reader(io.StringIO(gzip.decompress(body).decode())))

    def failure(self) -> dict[str, str]:
        (key,) = self.zone.keys(f"runs/tracker/{RUN}/failures/")
        return msgspec.json.decode(self.zone.get(key))


def item(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "modified": f"2026-01-01T00:00:{number % 60:02d}.000+0000",
        "title": f"t{number}",
    } | fields


def serve_pages(source: ScriptedSource, count: int, **options: Any) -> None:
    """So many pages of two records each at /items, the next ones by a server's token."""
    for number in range(count):
        path = "/items" if number == 0 else f"/items/{number}"
        following = f"/items/{number + 1}?id=_x%2By" if number + 1 < count else ""
        records = [item(2 * number, note=["a", "b"]), item(2 * number + 1)]
        source.says(path, Say(page(*records, following=following), **options))


def without_attempt(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{k: v for k, v in row.items() if k not in ("_part", "_read_at")} for row in rows]


_WHOLE: dict[int, tuple[Any, ...]] = {}


def uninterrupted(extracts: Extracts, pages: int) -> tuple[Any, ...]:
    """What a single undisturbed call makes of so many served pages, found out once."""
    if pages not in _WHOLE:
        run = "20261122T160000000000Z-whole"
        extracts.extract(run=run)
        _WHOLE[pages] = result(extracts, run)
    return _WHOLE[pages]


def result(extracts: Extracts, run: str = RUN) -> tuple[Any, ...]:
    """All of a landed window that does not name its run or its calls."""
    landed = extracts.landed(run)
    progress = landed.commit.progress
    tables = [
        [
            {k: v for k, v in row.items() if k != "_run"}
            for row in without_attempt(extracts.rows(table, landed))
        ]
        for table in ("items", "items__notes")
    ]
    return (
        *tables,
        progress.tables,
        progress.pages,
        progress.bytes,
        progress.seen_columns,
        progress.reject_reasons,
    )


class Killed(BaseException):
    """The function's process is gone."""


def kill_before(monkeypatch: pytest.MonkeyPatch, zone: Zone, write: int) -> None:
    """Let a call die instead of its n-th write."""
    put_object = zone._s3.put_object
    writes = iter(range(1, 1000))

    def dying(**request: Any) -> Any:
        if next(writes) == write:
            raise Killed
        return put_object(**request)

    monkeypatch.setattr(zone._s3, "put_object", dying)


def twin_before(
    monkeypatch: pytest.MonkeyPatch, extracts: Extracts, name: Callable[[str], Any], time_left: Any
) -> list[ExtractAnswer]:
    """Let a twin do its work the instant before this call writes the object."""
    put_object = extracts.zone._s3.put_object
    answers: list[ExtractAnswer] = []

    def beaten(**request: Any) -> Any:
        if name(request["Key"].rpartition("/")[2]) and not answers:
            answers.append(ExtractAnswer(status="", pages=0, records=0))
            answers[0] = extracts.extract(time_left)
        return put_object(**request)

    monkeypatch.setattr(extracts.zone._s3, "put_object", beaten)
    return answers


def fails(extracts: Extracts, kind: type[XmliftError], **options: Any) -> str:
    """The one message of a failed window, which names it, and stands on S3 as well."""
    with pytest.raises(kind) as caught:
        extracts.extract(**options)
    message = str(caught.value)
    assert message.startswith("tracker.items window 20260101T000000000000Z_20260102T000000000000Z of run "), (
        message
    )
    assert "\n" not in message
    assert extracts.failure() == {"error": kind.__name__, "message": message}
    assert COMMIT not in extracts.files()
    for hidden in ("sesame", "etl-password"):
        assert hidden not in message
    return message
