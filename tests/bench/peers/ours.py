"""xmlift itself: its own `extract`, from the page's bytes to parts and commit.

Two things are not there: the network (a session that hands over the file) and S3 (a bucket that is a folder). All
between them is the product as it is deployed, with nothing switched off.
"""

import io
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from timed import Job, measure

from xmlift.extraction import extract as extraction
from xmlift.extraction.extract import ExtractEvent, extract
from xmlift.landing import names
from xmlift.landing.zone import Zone
from xmlift.source.answer import Answer
from xmlift.source.walk import PageRequest

CATALOGUE = Path(os.environ["BENCH_CATALOGUE"])
STREAM = os.environ["BENCH_STREAM"]
PROCESSES = int(os.environ["BENCH_PROCESSES"])
READ_AT = datetime(2026, 1, 2, tzinfo=UTC)


class FileSession:
    """Answers every request with one file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def fetch(self, request: PageRequest) -> Answer:
        return Answer(request.url, self._file.open("rb"), self._file.stat().st_size, READ_AT, READ_AT, 0)


class FolderBucket:
    """As much of an S3 client as the landing zone uses, on files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put_object(self, *, Key: str, Body: bytes, IfNoneMatch: str = "", **_: Any) -> None:  # noqa: N803
        file = self._folder / Key
        if IfNoneMatch and file.exists():
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(Body)

    def get_object(self, *, Key: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        file = self._folder / Key
        if not file.exists():
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(file.read_bytes()), "ETag": "-"}

    def get_paginator(self, _: str) -> "FolderBucket":
        return self

    def paginate(self, *, Prefix: str, **_: Any) -> Iterator[dict[str, Any]]:  # noqa: N803
        found = sorted(path for path in (self._folder / Prefix).rglob("*") if path.is_file())
        yield {"Contents": [{"Key": path.relative_to(self._folder).as_posix()} for path in found]}


def read(job: Job) -> None:
    """Read the page as one window. Raises RuntimeError where it did not land."""
    bucket = FolderBucket(job.folder)
    started = names.run_id(READ_AT, "bench")
    source = CATALOGUE.stem
    catalogue = names.catalogue(source, started)
    bucket.put_object(Key=catalogue, Body=CATALOGUE.read_bytes())
    extraction.source_session = lambda *_: FileSession(job.corpus)  # type: ignore[assignment,return-value]
    event = ExtractEvent(
        source=source,
        catalogue=catalogue,
        run=started,
        stream=STREAM,
        partition=names.WHOLE,
        epoch=0,
        start=READ_AT - timedelta(days=900),
        end=READ_AT,
    )
    answer = extract(event, Zone(bucket, "bench"), lambda name: {}, lambda: 900.0, PROCESSES)
    if answer.status != "done":
        raise RuntimeError(f"the window did not land in one call: {json.dumps(answer.status)}")


if __name__ == "__main__":
    measure(read)
