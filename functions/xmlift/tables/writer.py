"""Typed columns → the bytes of a CSV.gz part, as COPY reads it.

CSV by RFC 4180 with `\\n` line ends and no header; an empty field is NULL (`NULL AS ''`). The gzip header has no
name and no time, so that the same rows give the same bytes.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from isal import igzip

# Level 2 of isal compresses about as well as zlib's 3 at several times its speed.
_COMPRESSION_LEVEL = 2


class Part(NamedTuple):
    """A finished part: its compressed bytes, how many rows are in it, and their SHA-256 (of the bytes)."""

    body: bytes
    rows: int
    sha256: str


class PartWriter:
    """Collects the rows of one table for one part."""

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._buffer = io.BytesIO()
        # No `with`: the file is closed by `finish`, which only then has all its bytes.
        self._gzip: Any = igzip.GzipFile(  # type: ignore[no-untyped-call]
            filename="", mode="wb", compresslevel=_COMPRESSION_LEVEL, fileobj=self._buffer, mtime=0
        )
        self.rows = 0

    @property
    def bytes_written(self) -> int:
        """Compressed bytes so far; the compressor holds back a little."""
        return self._buffer.tell()

    def write(self, columns: Sequence[Sequence[str]]) -> None:
        """Append rows given as columns of equal length."""
        text = encode_rows(zip(*columns, strict=True))
        self._gzip.write(text.encode())
        self.rows += len(columns[0]) if columns else 0

    def finish(self) -> Part | None:
        """The part, None without rows; the writer starts the next one."""
        if self.rows == 0:
            return None
        self._gzip.close()
        body = self._buffer.getvalue()
        part = Part(body, self.rows, hashlib.sha256(body).hexdigest())
        self._start()
        return part


def encode_rows(rows: Iterable[Sequence[str]]) -> str:
    """Rows as CSV text."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
