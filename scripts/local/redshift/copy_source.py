"""What COPY reads: the files that a manifest or prefix names, if the IAM role may read them."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from isal import isal_zlib

from local.redshift.aws import Aws, AwsError
from local.redshift.copy_command import Copy
from local.redshift.errors import RedshiftError


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A data file; a mandatory one that is missing fails the COPY, another is passed over."""

    url: str
    mandatory: bool = True


_GZIP = 31  # zlib's way of asking for a gzip header around the largest window


class UnreadableFileError(Exception):
    """A data file that cannot be unpacked."""


class CopySource:
    """Objects of S3 as a COPY's role sees them. `roles` answers the roles that a database's namespace may use."""

    def __init__(self, aws: Aws, roles: Callable[[str], list[str]]) -> None:
        self._aws = aws
        self._roles = roles

    def files(self, copy: Copy, database: str) -> list[SourceFile]:
        """The files to load. Raises RedshiftError if the role may not or nothing is named."""
        if copy.role not in self._roles(database):
            # The role has to be among the namespace's, whatever its policies say.
            raise RedshiftError(f"Not authorized to get credentials of role {copy.role}", "XX000")
        if copy.region and copy.region != self._aws.region:
            raise _s3_error("PermanentRedirect", "The bucket is in another region", copy.url)
        bucket, prefix = _bucket_and_key(copy.url)
        # AWS's guide wants LIST and GET of the role, and does not except manifests.
        self._require(copy.role, "s3:ListBucket", f"arn:aws:s3:::{bucket}")
        if copy.manifest:
            return _manifest_entries(b"".join(self.open(copy.role, copy.url)))
        with _s3_errors(copy.url):
            keys = self._aws.list_objects(bucket, prefix)
        if not keys:
            raise RedshiftError(f"The specified S3 prefix '{prefix}' does not exist", "XX000")
        return [SourceFile(f"s3://{bucket}/{key}") for key in keys]

    def open(self, role: str, url: str) -> Iterator[bytes]:
        """A file's bytes as they are stored. Raises RedshiftError, at once or while reading."""
        bucket, key = _bucket_and_key(url)
        self._require(role, "s3:GetObject", f"arn:aws:s3:::{bucket}/{key}")
        with _s3_errors(url):
            return _read(url, self._aws.read_object(bucket, key))

    def open_if_there(self, role: str, file: SourceFile) -> Iterator[bytes] | None:
        """The same; None for a missing file that is not mandatory."""
        try:
            return self.open(role, file.url)
        except RedshiftError as error:
            if file.mandatory or "NoSuchKey" not in error.message:
                raise
            return None

    def _require(self, role: str, action: str, resource: str) -> None:
        with _s3_errors(resource):
            allowed = self._aws.allowed(role, action, resource)
        if not allowed:
            raise _s3_error("AccessDenied", "Access Denied", f"{role} lacks {action} on {resource}")


_PIECE = 1 << 20
"""How much of a file's lines is handed on at once, at most: gzip may hold a thousand times its size."""


def unpacked(stored: Iterator[bytes], copy: Copy) -> Iterator[bytes]:
    """A file's lines as COPY wants them: gunzipped, without the header. Raises UnreadableFileError."""
    return _without_lines(_gunzipped(stored) if copy.gzip else stored, copy.skip_lines)


def _gunzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """gzip of any number of members, refused if it ends early."""
    unpacker = isal_zlib.decompressobj(_GZIP)
    try:
        for piece in pieces:
            data, has_more = piece, False
            while data or has_more:
                if unpacker.eof:
                    unpacker = isal_zlib.decompressobj(_GZIP)
                lines = unpacker.decompress(data, _PIECE)
                yield lines
                data = unpacker.unused_data or unpacker.unconsumed_tail
                has_more = len(lines) == _PIECE and not unpacker.eof
    except isal_zlib.error as error:
        raise UnreadableFileError(str(error)) from error
    if not unpacker.eof:
        raise UnreadableFileError("the gzip data ends early")


def _without_lines(pieces: Iterator[bytes], count: int) -> Iterator[bytes]:
    """Leave out the first `count` lines."""
    head = b""
    while head.count(b"\n") < count:
        piece = next(pieces, None)
        if piece is None:
            return
        head += piece
    yield head.split(b"\n", count)[count]
    yield from pieces


def _manifest_entries(manifest: bytes) -> list[SourceFile]:
    try:
        return [SourceFile(e["url"], e.get("mandatory", False)) for e in json.loads(manifest)["entries"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RedshiftError(
            f"Problem reading manifest file - {type(error).__name__}: {error}", "XX000"
        ) from error


def _bucket_and_key(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise RedshiftError(f"Problem reading manifest file - {url} is no s3:// URL", "XX000")
    return parts.netloc, url.removeprefix(f"s3://{parts.netloc}/")


def _read(url: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
    with _s3_errors(url):
        yield from pieces


@contextmanager
def _s3_errors(what: str) -> Iterator[None]:
    try:
        yield
    except AwsError as error:
        raise _s3_error(error.code, error.message, what) from error


def _s3_error(code: str, message: str, context: str) -> RedshiftError:
    status = {"AccessDenied": 403, "NoSuchKey": 404, "NoSuchBucket": 404, "PermanentRedirect": 301}.get(
        code, 503
    )
    detail = f"error: S3ServiceException, code: 8001, context: {context}"
    return RedshiftError(f"S3ServiceException:{message},Status {status},Error {code}", "XX000", detail)
