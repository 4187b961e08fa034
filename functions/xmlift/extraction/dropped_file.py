"""A file that was dropped into the inbox: which window it is, and its one page.

A version of an object is a partition of its own, in one window of all time: however often S3 tells of it, and
however many runs read it, it is the same window, and its rows are as new as the object.
"""

import io
from collections.abc import Mapping
from types import TracebackType
from typing import BinaryIO, Self

from lxml import etree

from xmlift.errors import LandingError, SourceError
from xmlift.landing.raw import unpacked
from xmlift.landing.zone import Zone
from xmlift.source.answer import Answer
from xmlift.source.walk import NOTHING, Captured, PageRequest
from xmlift.work import InboxObject

_GZIP = b"\x1f\x8b"
_MARKS_AND_SPACE = b"\xef\xbb\xbf\xff\xfe \t\r\n\0"
_LOOKED_AT = 4096


class DroppedFile:
    """The one page of a dropped file, and what fetches it: a Walk and a Fetching in one."""

    bootstrap: Captured | None = None
    ended_by = "a dropped file is one page"

    def __init__(self, zone: Zone, dropped: InboxObject, most_bytes: int) -> None:
        self._zone = zone
        self._dropped = dropped
        self._most_bytes = most_bytes

    def first(self, values: Mapping[str, str] = NOTHING) -> PageRequest:
        """The file."""
        del values
        return PageRequest(f"s3://{self._zone.bucket}/{self._dropped.key}")

    def following(
        self, root: etree._Element, request: PageRequest, answer_url: str, records: int | None
    ) -> None:
        """Nothing comes after a file, whatever is written in it."""

    def expect(self, request: PageRequest) -> None:
        """There is no other one."""

    def fetch(self, request: PageRequest) -> Answer:
        """The file's XML, unpacked where it is gzip. Raises SourceError for what cannot be XML, and LandingError.

        It was read, by S3's clock, when it was dropped: of two files with the same key the later one counts,
        whichever is loaded first.
        """
        stored = self._zone.fetch(self._dropped.key, self._most_bytes, **self._version)
        if stored is None:
            raise SourceError(
                f"{self._told} is not there: it was deleted before it could be read. Drop it again"
            )
        body = self._plain(stored.body)
        try:
            self._refuse_what_is_no_xml(body)
        except SourceError:
            body.close()
            raise
        size = body.seek(0, io.SEEK_END)
        body.seek(0)
        return Answer(request.url, body, size, stored.modified, stored.modified, retries=0)

    def _plain(self, body: BinaryIO) -> BinaryIO:
        packed = body.read(len(_GZIP)) == _GZIP
        body.seek(0)
        if not packed:
            return body
        with body:
            try:
                return unpacked(body, self._most_bytes)
            except LandingError as error:
                raise SourceError(
                    f"{self._told}: {error}. Drop it again, whole; what is too large needs limits.page_megabytes"
                ) from error

    @property
    def _version(self) -> dict[str, str]:
        if self._dropped.version:
            return {"VersionId": self._dropped.version}
        return {"IfMatch": f'"{self._dropped.etag}"'} if self._dropped.etag else {}

    @property
    def _told(self) -> str:
        version = f" (version {self._dropped.version})" if self._dropped.version else ""
        return f"s3://{self._zone.bucket}/{self._dropped.key}{version}"

    def _refuse_what_is_no_xml(self, body: BinaryIO) -> None:
        start = body.read(_LOOKED_AT).lstrip(_MARKS_AND_SPACE)
        if not start:
            raise SourceError(f"{self._told} is empty: was the upload broken off? Drop it again")
        if start[:14].lower().startswith((b"<!doctype html", b"<html")):
            raise SourceError(
                f"{self._told} is an HTML page, not XML: most often an error or login page that was saved instead "
                "of the export. Drop the XML"
            )
        if not start.startswith(b"<"):
            raise SourceError(
                f"{self._told} is not XML: it begins with {start[:16]!r}. An archive or an encrypted file cannot "
                "be read: drop the XML itself, or it packed by gzip"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is left open."""
