"""The bucket in which the packages of every commit are kept, and from which every environment gets them."""

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from operate.places import ROOT
from release import packages
from release.errors import ReleaseError
from release.packages import MANIFEST

# Terraform's bootstrap reads the same file.
DESCRIBED = ROOT / "terraform" / "bootstrap" / "artifacts.auto.tfvars.json"
_TAKEN = {"PreconditionFailed", "ConditionalRequestConflict"}
_MISSING = {"NoSuchKey", "404"}


@dataclass(frozen=True)
class Place:
    """Where packages are kept: account, region, and the accounts that may read them besides."""

    account_id: str
    region: str
    readers: tuple[str, ...]

    @property
    def bucket(self) -> str:
        return f"xmlift-artifacts-{self.account_id}"

    @classmethod
    def described(cls, file: Path = DESCRIBED) -> "Place":
        """As artifacts.auto.tfvars.json in terraform/bootstrap says."""
        found = json.loads(file.read_text())["artifacts"]
        return cls(found["account_id"], found["region"], tuple(found.get("readers", ())))


@dataclass(frozen=True)
class Artifacts:
    """The bucket, by a client of S3."""

    s3: Any
    bucket: str

    def publish(self, commit: str, folder: Path, tell: Callable[[str], None] = lambda name: None) -> bool:
        """Keep the packages of a commit, manifest.json last: with it, all of them are there.

        tell: is told each file's name. Answers False if they were kept before; what is kept is never replaced.

        Raises: ReleaseError if other packages of this commit are kept already, or these are not whole.
        """
        files = packages.check(folder)
        kept = self._get(f"{commit}/{MANIFEST}")
        if kept is not None:
            if kept != (folder / MANIFEST).read_bytes():
                raise self._other(commit, MANIFEST)
            return False
        for name in sorted(files, key=lambda name: (name == MANIFEST, name)):
            tell(name)
            self._put(commit, name, (folder / name).read_bytes())
        return True

    def fetch(
        self, commit: str, folder: Path, tell: Callable[[str], None] = lambda name: None
    ) -> dict[str, str]:
        """Put the packages of a commit into a folder, once each is known to be what manifest.json says.

        Answers the files with their SHA-256. Until the last one is there the folder has no manifest.json, without
        which Terraform plans nothing.

        Raises: ReleaseError if the commit has no packages, or one is not what its manifest says.
        """
        manifest = self._get(f"{commit}/{MANIFEST}")
        if manifest is None:
            raise ReleaseError(
                f"There are no packages of commit {commit} in s3://{self.bucket}. They are published when it is "
                "merged; by hand, with the commit checked out: make package publish"
            )
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as scratch:
            there = Path(scratch)
            (there / MANIFEST).write_bytes(manifest)
            for name in _files(manifest):
                tell(name)
                (there / name).write_bytes(self._get(f"{commit}/{name}") or b"")
            found = self._checked(commit, there)
            (folder / MANIFEST).unlink(missing_ok=True)
            for name in sorted(found, key=lambda name: name == MANIFEST):
                shutil.move(there / name, folder / name)
        return found

    def _get(self, key: str) -> bytes | None:
        try:
            return bytes(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None
            raise ReleaseError(f"s3://{self.bucket}/{key} cannot be read: {error}. {_MAY}") from error

    def _put(self, commit: str, name: str, content: bytes) -> None:
        key = f"{commit}/{name}"
        try:
            self.s3.put_object(
                Bucket=self.bucket, Key=key, Body=content, IfNoneMatch="*", ChecksumAlgorithm="SHA256"
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in _TAKEN:
                raise ReleaseError(f"s3://{self.bucket}/{key} cannot be written: {error}. {_MAY}") from error
            # An earlier publishing was broken off, or another one is at work.
            if self._get(key) != content:
                raise self._other(commit, name) from error

    def _other(self, commit: str, name: str) -> ReleaseError:
        return ReleaseError(
            f"s3://{self.bucket}/{commit}/{name} is there with other bytes, and what was published stays: an "
            "environment may run it. Equal sources give equal bytes with the locked tools: make package, in a new "
            "clone and with the Python that .python-version names. Where these differ all the same, this commit "
            "cannot be published any more: use what is there (make fetch), or make a new commit"
        )

    def _checked(self, commit: str, folder: Path) -> dict[str, str]:
        """What was fetched. Fetching it again would give the same bytes: what is kept is never replaced."""
        try:
            return packages.check(folder)
        except packages.DiffersError as error:
            raise ReleaseError(
                f"s3://{self.bucket}/{commit}/{error.file} is not the file that {MANIFEST} beside it describes: "
                f"its SHA-256 is {error.found}, and not {error.expected}. Its packages cannot be used, and "
                f"{self.bucket} replaces nothing. Remedy: a new commit, and look who wrote there"
            ) from error


_MAY = "Who may publish and fetch stands in terraform/bootstrap: apply it in the bucket's account, and the caller's"


def _files(manifest: bytes) -> Iterator[str]:
    """The files that a manifest describes. Raises: ReleaseError if one would be written elsewhere."""
    for name, _ in packages.described(json.loads(manifest)):
        if name != Path(name).name:
            raise ReleaseError(
                f"{MANIFEST} names the file {name!r}, which is not in its folder: do not use it"
            )
        yield name
