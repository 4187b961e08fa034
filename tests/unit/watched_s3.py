"""An S3 in memory that something happens to at its n-th call: the process dies, or others do their work meanwhile.

It keeps what the protocol stands on: an object is written as a whole, `If-None-Match: *` writes it once, and no
object of the landing zone is ever written over with other bytes.
"""

import io
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

from botocore.exceptions import ClientError

When = Literal["before", "after"]


class Killed(BaseException):
    """The function's process is gone."""


class Bucket:
    """The objects, which outlive whoever writes them."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put(self, key: str, body: bytes, once: bool) -> None:
        standing = self.objects.get(key)
        if once and standing is not None:
            raise ClientError({"Error": {"Code": "PreconditionFailed"}}, "PutObject")
        if key.startswith("landing/"):
            assert standing in (None, body), f"{key} was written over"
        self.objects[key] = body


class Event(NamedTuple):
    """What happens at the n-th call of a client, counted from 1, before or after the call takes effect."""

    call: int
    when: When
    what: Callable[[], None]


def die() -> None:
    raise Killed


class WatchedS3:
    """One process's client of the bucket: the calls that the zone makes, counted."""

    def __init__(self, bucket: Bucket, event: Event | None = None) -> None:
        self._bucket = bucket
        self._event = event
        self.calls = 0

    def put_object(self, **request: Any) -> None:
        self._call(
            lambda: self._bucket.put(
                request["Key"], bytes(request["Body"]), request.get("IfNoneMatch") == "*"
            )
        )

    def get_object(self, **request: Any) -> dict[str, Any]:
        return self._call(lambda: {"Body": io.BytesIO(self._found(request["Key"])), "ETag": "-"})

    def get_paginator(self, name: str) -> "WatchedS3":
        assert name == "list_objects_v2"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        found = sorted(key for key in self._bucket.objects if key.startswith(request["Prefix"]))
        yield self._call(lambda: {"Contents": [{"Key": key} for key in found]})

    def _found(self, key: str) -> bytes:
        if key not in self._bucket.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return self._bucket.objects[key]

    def _call[T](self, effect: Callable[[], T]) -> T:
        self.calls += 1
        event = self._event if self._event is not None and self._event.call == self.calls else None
        if event is not None and event.when == "before":
            event.what()
        answer = effect()
        if event is not None and event.when == "after":
            event.what()
        return answer
