"""Typed columns → the bytes of a CSV.gz part, as COPY reads it.

CSV by RFC 4180 with `\\n` line ends and no header; an empty field is NULL (`NULL AS ''`). The gzip header has no
name and no time, so that the same rows give the same bytes.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from isal import isal_zlib

# Level 2 of isal compresses about as well as zlib's 3 at several times its speed.
_COMPRESSION_LEVEL = 2
_GZIP = 31  # zlib's way of asking for a gzip header (neither name nor time in it) around the largest window


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
        self._body = bytearray()
        self._compressor = isal_zlib.compressobj(level=_COMPRESSION_LEVEL, wbits=_GZIP)
        self.rows = 0

    @property
    def bytes_written(self) -> int:
        """Compressed bytes so far; the compressor holds back a little."""
        return len(self._body)

    def write(self, columns: Sequence[Sequence[str]]) -> None:
        """Append rows given as columns of equal length."""
        text = encode_rows(zip(*columns, strict=True))
        self._body += self._compressor.compress(text.encode())
        self.rows += len(columns[0]) if columns else 0

    def finish(self) -> Part | None:
        """The part, None without rows; the writer starts the next one."""
        if self.rows == 0:
            return None
        body = bytes(self._body) + self._compressor.flush()
        part = Part(body, self.rows, hashlib.sha256(body).hexdigest())
        self._start()
        return part


def encode_rows(rows: Iterable[Sequence[str]]) -> str:
    """Rows as CSV text."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
