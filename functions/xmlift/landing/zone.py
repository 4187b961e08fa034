"""The landing bucket: reads, listings, and the three ways to write that the protocol allows (E2, P5)."""

import base64
import hashlib
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import Any, BinaryIO, NamedTuple, cast

from botocore.exceptions import ClientError, HTTPClientError, IncompleteReadError

from xmlift.errors import LandingError

_ATTEMPTS = 8
_CONFLICT = {"ConditionalRequestConflict", "409"}
_FAILED = {"PreconditionFailed", "412"}
_ABSENT = {"NoSuchKey", "NoSuchVersion", "404"}
_CHUNK = 256 * 1024
_IN_MEMORY = 4 * 1024 * 1024


class Version(NamedTuple):
    """What stood under a key when it was read: its bytes, and S3's tag of exactly these."""

    body: bytes
    etag: str


class Stored(NamedTuple):
    """An object as it was read: its bytes (on disk where they are many), to be closed, and when it was written.

    `etag` is S3's tag of exactly these.
    """

    body: BinaryIO
    size: int
    modified: datetime
    etag: str


class Zone:
    """One bucket, through the S3 client given."""

    def __init__(self, s3: Any, bucket: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._s3 = s3
        self._sleep = sleep
        self.bucket = bucket

    def get(self, key: str) -> bytes:
        """An object's bytes. Raises LandingError where it is absent."""
        body = self.find(key)
        if body is None:
            raise LandingError(f"s3://{self.bucket}/{key} does not exist")
        return body

    def find(self, key: str) -> bytes | None:
        """An object's bytes, or None where there is none."""
        version = self.find_version(key)
        return None if version is None else version.body

    def find_version(self, key: str) -> Version | None:
        """An object and what `replace` needs to know of it, or None where there is none.

        The client tries again what it was refused, but not a body that breaks off: that is done here.
        """
        return self._read(key, {}, lambda answer: Version(answer["Body"].read(), answer["ETag"]))

    def fetch(self, key: str, most_bytes: int | None = None, **which: str) -> Stored | None:
        """An object of any size, or None where there is none.

        `which` are S3's own words for one version of it (VersionId, IfMatch). Raises LandingError for one of more
        than `most_bytes`, before it is read.
        """

        def read(answer: dict[str, Any]) -> Stored:
            size = answer["ContentLength"]
            if most_bytes is not None and size > most_bytes:
                raise LandingError(
                    f"s3://{self.bucket}/{key} has {size} bytes, more than {most_bytes}: make it smaller, or raise "
                    "limits.page_megabytes and the function's disk"
                )
            body = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 (the caller reads it)
            with ExitStack() as failed:
                failed.callback(body.close)
                for chunk in answer["Body"].iter_chunks(_CHUNK):
                    body.write(chunk)
                body.seek(0)
                failed.pop_all()
            return Stored(cast(BinaryIO, body), size, answer["LastModified"], answer["ETag"])

        try:
            return self._read(key, which, read)
        except (
            ClientError
        ) as error:  # another's object: encrypted by a key of theirs, archived, changed meanwhile
            said = error.response.get("Error", {}).get("Message", "")
            raise LandingError(
                f"s3://{self.bucket}/{key} cannot be read: {_code(error)} {said}".rstrip()
            ) from error

    def _read[T](self, key: str, which: dict[str, str], read: Callable[[dict[str, Any]], T]) -> T | None:
        fault: Exception | None = None
        for attempt in range(_ATTEMPTS):
            try:
                return read(self._s3.get_object(Bucket=self.bucket, Key=key, **which))
            except ClientError as error:
                if _code(error) in _ABSENT:
                    return None
                raise
            except (HTTPClientError, IncompleteReadError) as error:
                fault = error
            self._sleep(_pause(attempt))
        raise LandingError(
            f"s3://{self.bucket}/{key} could not be read in {_ATTEMPTS} tries: {fault}. Is S3 reachable from here?"
        ) from fault

    def keys(self, prefix: str) -> Iterator[str]:
        """All keys below a prefix, in order."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        for page in pages:
            for entry in page.get("Contents", ()):
                yield entry["Key"]

    def put(self, key: str, body: bytes, content_type: str = "application/json") -> None:
        """Write an object whose name nobody else uses. S3 itself checks the bytes against their SHA-256."""
        self._s3.put_object(
            Bucket=self.bucket, Key=key, Body=body, ContentType=content_type, **_checked(body)
        )

    def put_file(self, key: str, body: BinaryIO, sha256: bytes) -> None:
        """Write an object of any size whose name nobody else uses, from the file's beginning."""
        body.seek(0)
        self._s3.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=body,
            ContentType="application/gzip",
            ChecksumSHA256=base64.b64encode(sha256).decode(),
        )

    def put_once(self, key: str, body: bytes) -> bytes:
        """Write an object unless it exists, and answer what stands there now: these bytes or another's."""
        return body if self._put_if(key, body, IfNoneMatch="*") else self.get(key)

    def replace(self, key: str, body: bytes, etag: str) -> bool:
        """Write an object over the version with this tag.

        False: another version, or nothing, stands there. It may be these bytes all the same, written by a try
        whose answer got lost: look again.
        """
        return self._put_if(key, body, IfMatch=etag)

    def _put_if(self, key: str, body: bytes, **condition: str) -> bool:
        """Write an object under a condition; False where it does not hold.

        An answer that got lost is no problem: the next try finds that the condition no longer holds (E2).
        """
        for attempt in range(_ATTEMPTS):
            try:
                self._s3.put_object(
                    Bucket=self.bucket,
                    Key=key,
                    Body=body,
                    ContentType="application/json",
                    **condition,
                    **_checked(body),
                )
            except ClientError as error:
                if _code(error) in _FAILED | _ABSENT:
                    return False
                if _code(error) not in _CONFLICT:
                    raise
            except HTTPClientError:
                pass  # no answer: whether it was written is what the next try tells
            else:
                return True
            self._sleep(_pause(attempt))
        raise LandingError(
            f"s3://{self.bucket}/{key} could not be written in {_ATTEMPTS} tries; the next call of the function "
            "goes on from the last checkpoint"
        )


def _pause(attempt: int) -> float:
    return float(min(5.0, 0.1 * 2**attempt))


def _checked(body: bytes) -> dict[str, str]:
    return {"ChecksumSHA256": base64.b64encode(hashlib.sha256(body).digest()).decode()}


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
