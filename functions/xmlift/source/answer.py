"""An endpoint's answer, whole, and not a page for people."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import BinaryIO, NamedTuple, cast

import requests

from xmlift.errors import SourceError
from xmlift.source.headers import last_modified, server_date
from xmlift.source.refusals import RefusedError
from xmlift.source.urls import shown
from xmlift.source.wording import words

_IN_MEMORY = 4 * 1024 * 1024
_TITLE = re.compile(rb"(?is)<title[^>]*>(.*?)</title>")


class Answer(NamedTuple):
    """A whole answer, its body to be closed by whoever reads it.

    `read_at` is our clock before the request; `date` the server's clock when it was asked: the `Date` of its
    answer, less the time until the answer began, since what a slow query reads may be as old as that.
    `not_modified`: it is still what the request's validators stand for, and was not sent. `etag` and
    `last_modified` are what the server tells this answer by.
    """

    url: str
    body: BinaryIO
    size: int
    read_at: datetime
    date: datetime | None
    retries: int
    not_modified: bool = False
    etag: str | None = None
    last_modified: str | None = None


def read_whole(
    url: str,
    response: requests.Response,
    pieces: Iterator[bytes],
    page_bytes: int,
    read_at: datetime,
    retries: int,
) -> Answer:
    """The answer whose bytes these are. Raises SourceError where there are more than so many, or it is HTML."""
    # A page is read whole before it is parsed: a connection that breaks off costs one request, and no row
    # of half a page is ever written. Beyond a few megabytes it waits on disk.
    body = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 (the caller reads it)
    with ExitStack() as refused:
        refused.callback(body.close)
        for piece in pieces:
            body.write(piece)
            if body.tell() > page_bytes:
                raise SourceError(
                    f"{shown(url)}: the page is larger than {page_bytes} bytes. Ask for "
                    "smaller pages, or raise limits.page_megabytes and the function's disk"
                )
        size = body.tell()
        body.seek(0)
        _refuse_html(url, response, cast(BinaryIO, body))
        refused.pop_all()
    return Answer(
        url,
        cast(BinaryIO, body),
        size,
        read_at,
        server_date(response),
        retries,
        etag=response.headers.get("ETag"),
        last_modified=last_modified(response),
    )


def _refuse_html(url: str, response: requests.Response, body: BinaryIO) -> None:
    start = body.read(4096)
    body.seek(0)
    kind = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
    if kind == "text/html" or start.lstrip(b"\xef\xbb\xbf \t\r\n")[:14].lower().startswith(
        (b"<!doctype html", b"<html")
    ):
        title = _TITLE.search(start)
        raise RefusedError(
            f"{shown(url)}: the answer is an HTML page ({words(title[1]) if title else 'without a title'}), "
            "not XML: most often a login page. Check `auth`, the secret, and that base_url and path are those "
            "of the service"
        )
