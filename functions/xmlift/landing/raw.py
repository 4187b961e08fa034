"""The raw zone: answers as they came, so that a mapping that changed can be applied to them again.

An answer is put before the link that names it, under the name of its call; it counts once the window's commit
names it. Beyond a few megabytes it waits on disk, packed and unpacked piece by piece.
"""

import hashlib
import io
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from typing import BinaryIO, cast

from xmlift.errors import LandingError
from xmlift.landing.commits import RawPage
from xmlift.landing.names import WindowName
from xmlift.landing.zone import Zone

_CHUNK = 256 * 1024
_IN_MEMORY = 4 * 1024 * 1024
_GZIP = 31  # zlib's way of asking for a gzip header (neither name nor time in it) around the largest window


class RawZone:
    """Keeps the answers of one window, as one call reads them."""

    def __init__(self, zone: Zone, window: WindowName, attempt: str) -> None:
        self._zone = zone
        self._window = window
        self._attempt = attempt
        self._kept: list[RawPage] = []

    def keep(self, body: BinaryIO, page: int, url: str, read_at: datetime, *, gone: bool = False) -> None:
        """Put an answer; `body` is read from its beginning. `url` is shown to people: no secrets in it.

        `gone`: the answer tells of keys that are gone.
        """
        with _packed(body) as packed:
            size, digest = packed.seek(0, io.SEEK_END), _sha256(packed)
            kept = RawPage(
                attempt=self._attempt,
                page=page,
                bytes=size,
                sha256=digest.hex(),
                url=url,
                read_at=read_at,
                gone=gone,
            )
            self._zone.put_file(f"{self._window.raw_folder}{kept.name}", packed, digest)
        self._kept.append(kept)

    def flush(self) -> list[RawPage]:
        """The answers kept since the last flush."""
        kept, self._kept = self._kept, []
        return kept


def raw_answer(zone: Zone, window: WindowName, page: RawPage) -> BinaryIO:
    """A kept answer, as it came; to be closed. Raises LandingError where it is gone, or is another one."""
    key = f"{window.raw_folder}{page.name}"
    stored = zone.fetch(key)
    if stored is None:
        raise LandingError(
            f"s3://{zone.bucket}/{key} is gone: it is older than the stream's `keep_raw`. Read the window from the "
            "endpoint instead (backfill with `reread`)"
        )
    with stored.body as packed:
        if _sha256(packed).hex() != page.sha256:
            raise LandingError(
                f"s3://{zone.bucket}/{key} is not what its window's commit names: restore its earlier version"
            )
        packed.seek(0)
        return unpacked(packed)


def unpacked(packed: BinaryIO, most_bytes: int | None = None) -> BinaryIO:
    """What a gzip file holds, from where it stands; to be closed.

    Raises LandingError for one that is damaged or broken off, and for more than `most_bytes`.
    """
    plain = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 (the caller reads it)
    with ExitStack() as failed:
        failed.callback(plain.close)
        try:
            for piece in _inflated(packed):
                plain.write(piece)
                if most_bytes is not None and plain.tell() > most_bytes:
                    raise LandingError(f"unpacked it has more than {most_bytes} bytes")
        except zlib.error as error:
            raise LandingError(f"its gzip is damaged: {error}") from error
        plain.seek(0)
        failed.pop_all()
    return cast(BinaryIO, plain)


def _inflated(packed: BinaryIO) -> Iterator[bytes]:
    """The bytes of all members of a gzip file, in small pieces: a byte may unpack into a thousand."""
    inflater = zlib.decompressobj(_GZIP)
    for piece in _pieces(packed):
        data, plain = piece, b""
        while data or (len(plain) == _CHUNK and not inflater.eof):
            if inflater.eof:
                inflater = zlib.decompressobj(_GZIP)
            plain = inflater.decompress(data, _CHUNK)
            yield plain
            data = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
    if not inflater.eof:
        raise LandingError("its gzip is broken off")


def _packed(body: BinaryIO) -> BinaryIO:
    """A file's bytes as gzip; to be closed."""
    # extract's package alone has it; the other steps, which read what landed, import this module, too.
    from isal import isal_zlib  # noqa: PLC0415

    packed = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 (the caller closes it)
    compressor = isal_zlib.compressobj(level=2, wbits=_GZIP)
    with ExitStack() as failed:
        failed.callback(packed.close)
        body.seek(0)
        for piece in _pieces(body):
            packed.write(compressor.compress(piece))
        packed.write(compressor.flush())
        failed.pop_all()
    return cast(BinaryIO, packed)


def _pieces(body: BinaryIO) -> Iterator[bytes]:
    while piece := body.read(_CHUNK):
        yield piece


def _sha256(body: BinaryIO) -> bytes:
    body.seek(0)
    digest = hashlib.sha256()
    for piece in _pieces(body):
        digest.update(piece)
    return digest.digest()
