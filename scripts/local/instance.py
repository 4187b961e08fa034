"""The instance folder: all that one local cloud keeps on disk, and who is running in it."""

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from local.processes import Identity

Status = Literal["starting", "running", "failed"]


@dataclass(frozen=True)
class Account:
    """The AWS account that a local cloud is, and the region it is in."""

    id: str = "000000000000"
    region: str = "us-east-1"

    @property
    def credentials(self) -> dict[str, str]:
        """Of the emulator's root user: a key of twelve digits is that account's. They open nothing else."""
        return {"AWS_ACCESS_KEY_ID": self.id, "AWS_SECRET_ACCESS_KEY": "local"}


@dataclass
class State:
    """What `cloud.json` says: written by the supervisor alone, read by everybody."""

    supervisor: Identity
    status: Status = "starting"
    message: str = ""
    children: dict[str, Identity] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    account: Account = field(default_factory=Account)


@dataclass(frozen=True)
class Instance:
    """Paths inside one instance folder."""

    folder: Path

    @property
    def state_file(self) -> Path:
        return self.folder / "cloud.json"

    @property
    def lock_file(self) -> Path:
        """Held by the supervisor as long as it lives, so that two never share a folder."""
        return self.folder / "lock"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def tls(self) -> Path:
        return self.folder / "tls"

    @property
    def ca_file(self) -> Path:
        return self.tls / "ca.pem"

    @property
    def trusted_file(self) -> Path:
        """What functions trust: our authority, the public ones, and what the user has added."""
        return self.tls / "trusted.pem"

    @property
    def emulator(self) -> Path:
        """Temporary files of the emulator: unpacked functions and their /tmp."""
        return self.folder / "emulator"

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse"

    @property
    def terraform(self) -> Path:
        return self.folder / "terraform"

    def read(self) -> State | None:
        """The recorded state; None if no cloud was started here or what is there cannot be read."""
        try:
            document = json.loads(self.state_file.read_text())
            document["supervisor"] = Identity(**document["supervisor"])
            document["children"] = {name: Identity(**child) for name, child in document["children"].items()}
            document["account"] = Account(**document["account"])
            return State(**document)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def write(self, state: State) -> None:
        """Record the state so that a reader sees the old or the new one, never half of it."""
        draft = self.state_file.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(state), indent=2) + "\n")
        draft.replace(self.state_file)

    def clear(self, *, keep_logs: bool) -> None:
        """Remove what the cloud left on disk. The lock file stays: its holder may be the caller."""
        keep = {self.lock_file, *([self.logs] if keep_logs else [])}
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if path in keep:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
