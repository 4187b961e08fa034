"""What git of this folder knows of the commits that were deployed."""

import re
import subprocess
from typing import NamedTuple

from operate.places import ROOT
from release.errors import ReleaseError

# What a deployment is made of: a commit that touches nothing of it changes nothing in an environment.
DEPLOYED = ("functions", "terraform", "build")


class Between(NamedTuple):
    """The commits after one and up to another, the latest first, in a line each; whether one of them is a merge."""

    lines: list[str]
    merged: bool


def current() -> str:
    """The commit that this folder is at; empty where there is no git."""
    return _git("rev-parse", "HEAD") or ""


def named(commit: str) -> str:
    """A commit in full, by its beginning or the name of a branch or tag. Raises: ReleaseError if there is none."""
    found = _git("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}") or commit
    if not re.fullmatch(r"[0-9a-f]{40}", found):
        raise ReleaseError(f"There is no commit {commit!r} here. Say one in full, or get it with: git fetch")
    return found


def unchanged() -> str:
    """The commit that this folder is at, whose code has not been changed since.

    Raises: ReleaseError if it has: its packages would be those of no commit.
    """
    changed = _git("status", "--porcelain", "--", "functions", "build")
    if changed is None:
        raise ReleaseError(
            "Packages are published under their commit, and this folder is no clone of the repository"
        )
    if changed:
        raise ReleaseError(
            f"Packages are published under their commit, and {', '.join(changed.split()[1::2])} is not as "
            f"{current()[:12]} has it. Commit it, then: make package publish"
        )
    return current()


def is_clean() -> bool:
    """Whether all that is deployed from this folder is as its commit has it."""
    return _git("status", "--porcelain", "--", *DEPLOYED) == ""


def is_ancestor(older: str, newer: str) -> bool:
    """Whether one commit is another, or comes before it; False as well where that is not known here."""
    return _git("merge-base", "--is-ancestor", older, newer) is not None


def between(older: str, newer: str) -> Between | None:
    """What lies between two commits; None if that is not known here, or the one does not come before the other."""
    if not older or not newer or not is_ancestor(older, newer):
        return None
    span = f"{older}..{newer}"
    lines = _git("log", "--oneline", "--no-decorate", span, "--", *DEPLOYED)
    return Between((lines or "").splitlines(), bool(_git("rev-list", "--merges", span)))


def _git(*arguments: str) -> str | None:
    """What git says; None if it fails, or is not there."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
