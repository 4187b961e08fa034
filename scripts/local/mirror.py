"""Where Terraform's providers are found without the internet."""

import json
import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from local.errors import LocalError

REGISTRY = "registry.terraform.io"
VARIABLE = "XMLIFT_TERRAFORM_MIRROR"
# Where system packages and administrators put such a folder: PREFIX/registry.terraform.io or one level below.
SYSTEM_PREFIXES = ("/opt", "/usr/share", "/usr/local/share", "/usr/lib", "/usr/local/lib", "/srv", "/var/lib")

_LOCKED = re.compile(r'^provider "([^"]+)" \{\s*version\s*=\s*"([^"]+)"', re.MULTILINE)


class MirrorError(LocalError):
    """The named mirror lacks a provider that the lock file asks for."""


@dataclass(frozen=True)
class Provider:
    """A provider at the version that a lock file names; source is like registry.terraform.io/hashicorp/aws."""

    source: str
    version: str

    def is_in(self, mirror: Path) -> bool:
        """Whether the mirror holds it for this machine's platform, unpacked or zipped."""
        folder = mirror / self.source
        name = self.source.rsplit("/", 1)[-1]
        archive = folder / f"terraform-provider-{name}_{self.version}_{machine_platform()}.zip"
        return (folder / self.version / machine_platform()).is_dir() or archive.is_file()


@dataclass(frozen=True)
class Mirror:
    """A folder that holds some of the locked providers."""

    folder: Path
    sources: tuple[str, ...]


def machine_platform() -> str:
    """This machine as Terraform names it, such as linux_amd64."""
    machine = platform.machine().lower()
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    return f"{platform.system().lower()}_{architecture}"


def locked_providers(lock_file: Path) -> list[Provider]:
    """The providers that a dependency lock file names."""
    return [Provider(*match) for match in _LOCKED.findall(lock_file.read_text())]


def find_mirror(environment: Mapping[str, str], lock_file: Path) -> Mirror | None:
    """The first folder that holds a locked provider; None if they have to come from the registry.

    Raises: MirrorError if XMLIFT_TERRAFORM_MIRROR names a folder that holds none of them.
    """
    providers = locked_providers(lock_file)
    named = environment.get(VARIABLE)
    for folder in [Path(named).expanduser().resolve()] if named else _usual_folders(environment):
        sources = tuple(provider.source for provider in providers if provider.is_in(folder))
        if sources:
            return Mirror(folder, sources)
    if named:
        wanted = ", ".join(f"{provider.source} {provider.version}" for provider in providers)
        raise MirrorError(
            f"{VARIABLE} names {named}, which holds no {wanted} for {machine_platform()}. It has to be the folder "
            f"that contains {REGISTRY}; make one with: terraform providers mirror FOLDER"
        )
    return None


def cli_configuration(mirror: Mirror) -> str:
    """Text of a Terraform CLI configuration: these providers from the mirror, all others from the registry."""
    sources = json.dumps(list(mirror.sources))
    return (
        "provider_installation {\n"
        f"  filesystem_mirror {{\n    path    = {json.dumps(str(mirror.folder))}\n    include = {sources}\n  }}\n"
        f"  direct {{\n    exclude = {sources}\n  }}\n"
        "}\n"
    )


def _usual_folders(environment: Mapping[str, str]) -> Iterator[Path]:
    """Terraform's own implied folders, then a folder of the registry's name under the system's prefixes."""
    home = Path.home()
    data = Path(environment.get("XDG_DATA_HOME") or home / ".local" / "share")
    yield home / ".terraform.d" / "plugins"
    yield home / "Library" / "Application Support" / "io.terraform" / "plugins"
    yield data / "terraform" / "plugins"
    for prefix in SYSTEM_PREFIXES:
        for pattern in (REGISTRY, f"*/{REGISTRY}", f"terraform/plugins/{REGISTRY}"):
            try:
                yield from sorted(path.parent for path in Path(prefix).glob(pattern))
            except OSError:
                continue  # a folder that we may not look into
