"""Mutants: one rule of the protocol broken on purpose, and the tests that have to notice.

Each is written down in mutants.toml as exact text and what takes its place, so that it breaks loudly, and not
silently, when the code it breaks is rewritten.
"""

import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

ROOT = Path(__file__).parents[2]
CATALOGUE = Path(__file__).with_name("mutants.toml")


class Change(Struct, frozen=True, forbid_unknown_fields=True):
    """Exact text of a file, which stands there once, and what takes its place."""

    file: str
    old: str
    new: str


class Mutant(Struct, frozen=True, forbid_unknown_fields=True):
    """A broken rule. `why` says what it does wrong; each of `tests` (pytest's node ids) has to fail."""

    name: str
    rule: str
    why: str
    tests: list[str]
    change: list[Change]


class MutantError(Exception):
    """A mutant does not fit the code as it is now."""


class _Catalogue(Struct, frozen=True, forbid_unknown_fields=True):
    mutant: list[Mutant]


def all_mutants(path: Path = CATALOGUE) -> list[Mutant]:
    """As mutants.toml has them. Raises MutantError for one that is not unique or breaks nothing."""
    mutants = msgspec.toml.decode(path.read_bytes(), type=_Catalogue).mutant
    names = [mutant.name for mutant in mutants]
    for mutant in mutants:
        if names.count(mutant.name) > 1:
            raise MutantError(f"{mutant.name}: there are several mutants of that name")
        if not mutant.tests or not mutant.change:
            raise MutantError(f"{mutant.name}: it needs a change, and a test that notices it")
    return mutants


def mutated(mutant: Mutant, root: Path = ROOT) -> dict[str, str]:
    """The changed files' contents by path. Raises MutantError where the code is no longer what it breaks."""
    contents: dict[str, str] = {}
    for change in mutant.change:
        path = root / change.file
        if not path.is_file():
            raise MutantError(f"{mutant.name}: there is no {change.file}; write it for where the code went")
        text = contents.get(change.file) or path.read_text(encoding="utf-8")
        found = text.count(change.old)
        if found != 1 or change.old == change.new:
            raise MutantError(
                f"{mutant.name}: its old text stands {found} times in {change.file}, and has to stand there "
                "once and be changed; write it anew for the code as it is now"
            )
        contents[change.file] = text.replace(change.old, change.new)
    return contents


def unknown_tests(tests: Iterable[str], root: Path = ROOT) -> list[str]:
    """Those that no file defines: pytest would run none at all because of one."""
    return [test for test in tests if not _is_defined(root, *test.partition("[")[0].split("::"))]


def _is_defined(root: Path, file: str, *names: str) -> bool:
    path = root / file
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return bool(text) and all(f"def {name}(" in text for name in names)


def apply(mutant: Mutant, root: Path) -> None:
    """Break the rule in a copy of the tree. Raises MutantError."""
    for file, text in mutated(mutant, root).items():
        (root / file).write_text(text, encoding="utf-8")


def senseless(texts: Mapping[Path, str], folder: Path) -> str:
    """What ruff finds undefined or unreadable in these files; they are written below `folder`.

    A mutant that fails for a name it got wrong would be caught by every test, and would say nothing of any.
    """
    for path, text in texts.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    ruff = [
        Path(sys.executable).with_name("ruff"),
        "check",
        "--isolated",
        "--no-cache",
        "--output-format=concise",
    ]
    checked = subprocess.run(
        [*ruff, "--target-version=py313", "--select=E9,F63,F7,F82,F811", "."],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if checked.returncode == 0 else checked.stdout + checked.stderr


def chosen(mutants: Iterable[Mutant], only: Iterable[str]) -> list[Mutant]:
    """Those of these names, or all where there are none. Raises MutantError for a name that nobody has."""
    known = {mutant.name: mutant for mutant in mutants}
    for name in only:
        if name not in known:
            raise MutantError(f"no mutant {name!r}; there are {', '.join(known)}")
    return [known[name] for name in only] or list(known.values())
