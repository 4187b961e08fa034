"""Typed columns → the bytes of a CSV.gz part, as COPY reads it.

CSV by RFC 4180 with `\\n` line ends and no header; an empty field is NULL (`NULL AS ''`). The bytes are those of
Python's csv module, made from columns: it looks at every character of every field, which costs as much as
parsing the XML did. The gzip header has no name and no time, so that the same rows give the same bytes.
"""

import hashlib
import io
from collections.abc import Iterable, Sequence
from itertools import batched, chain
from typing import NamedTuple

from isal import isal_zlib

# Of 100 MB of rows isal's level 2 makes 1% less than level 1 and 10% less than level 0 at about the same cost
# (0.11, 0.105 and 0.10 s of CPU); level 3 takes half as much again and saves another 0.4%.
_COMPRESSION_LEVEL = 2
_ROWS_AT_A_TIME = 1000
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
        self._body = io.BytesIO()  # hands out what it holds without a copy
        self._compressor = isal_zlib.compressobj(level=_COMPRESSION_LEVEL, wbits=_GZIP)
        self.rows = 0

    @property
    def bytes_written(self) -> int:
        """Compressed bytes so far; the compressor holds back a little."""
        return self._body.tell()

    def write(self, csv: bytes, rows: int) -> None:
        """Append so many rows of CSV."""
        self._body.write(self._compressor.compress(csv))
        self.rows += rows

    def finish(self) -> Part | None:
        """The part, None without rows; the writer starts the next one."""
        if self.rows == 0:
            return None
        self._body.write(self._compressor.flush())
        body = self._body.getvalue()
        part = Part(body, self.rows, hashlib.sha256(body).hexdigest())
        self._start()
        return part


def csv_lines(fields: Sequence[Iterable[str]]) -> list[str]:
    """Rows as lines of CSV that more may follow on; what needs quotes has them already (`quoted`).

    Raises ValueError for columns of unequal length.
    """
    return list(map(",".join, zip(*fields, strict=True)))


def csv_of(lines: Sequence[str], *ends: Iterable[str]) -> bytes:
    """Lines as CSV, each followed by what is the end of its row. Raises ValueError where one has no end."""
    # Some rows at a time: one record may have ten thousand others in it.
    some_rows = batched(zip(lines, *ends, strict=True), _ROWS_AT_A_TIME, strict=False)
    return b"".join("".join(chain.from_iterable(rows)).encode() for rows in some_rows)


def quoted(values: Sequence[str]) -> Sequence[str]:
    """Values as fields of CSV: those that need quotes have them. An empty one never has: it is NULL."""
    # One look at the whole column: most of them hold nothing to be quoted.
    text = "".join(values)
    if not ("," in text or '"' in text or "\n" in text or "\r" in text):
        return values
    return [
        '"' + value.replace('"', '""') + '"'
        if "," in value or '"' in value or "\n" in value or "\r" in value
        else value
        for value in values
    ]
