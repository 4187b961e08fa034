"""What the local cloud cannot ask of a role: by name, why not, and the contract tests that do it instead."""

from pathlib import Path

import msgspec
from msgspec import Struct

from .policies import Mutant

FILE = Path(__file__).with_name("unenforced.toml")


class Unenforced(Struct, frozen=True, forbid_unknown_fields=True):
    """A statement, or some of its actions and resources, of all roles that have it, or of some.

    `rule` is a generator of tests/contract/aws, which objects to an environment where it is taken away.
    """

    statement: str
    why: str
    rule: str
    without: list[str] = []
    roles: list[str] = []

    def excuses(self, mutant: Mutant) -> bool:
        """Whether the mutant is one that only the contract tests notice."""
        return (
            mutant.sid == self.statement
            and (not self.roles or mutant.step in self.roles)
            and (not self.without or mutant.short in self.without)
        )


class _Catalogue(Struct, frozen=True, forbid_unknown_fields=True):
    unenforced: list[Unenforced]


def all_unenforced(path: Path = FILE) -> list[Unenforced]:
    return msgspec.toml.decode(path.read_bytes(), type=_Catalogue).unenforced
