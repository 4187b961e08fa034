"""What git says of the commits that were deployed, in a repository of the test's own."""

import subprocess
from pathlib import Path

import pytest

from release import commits


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(commits, "ROOT", tmp_path)
    git(tmp_path, "init", "-q", "-b", "main")
    return tmp_path


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def commit(repository: Path, file: str) -> str:
    path = repository / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(file)
    git(repository, "add", file)
    git(repository, "commit", "-q", "-m", f"About {file}")
    return git(repository, "rev-parse", "HEAD")


def test_what_lies_between_two_commits(repository: Path) -> None:
    first = commit(repository, "functions/a")
    commit(repository, "docs/b")
    last = commit(repository, "terraform/c")
    assert commits.current() == last
    found = commits.between(first, last)
    assert found is not None
    assert [line.split(" ", 1)[1] for line in found.lines] == ["About terraform/c"]
    assert not found.merged
    assert commits.between(last, first) is None
    assert commits.between("f" * 40, last) is None
    assert commits.between("", last) is None


def test_a_merge_between_them_is_told(repository: Path) -> None:
    first = commit(repository, "functions/a")
    git(repository, "switch", "-q", "-c", "branch")
    commit(repository, "functions/b")
    git(repository, "switch", "-q", "main")
    commit(repository, "functions/c")
    git(repository, "merge", "-q", "--no-edit", "branch")
    found = commits.between(first, commits.current())
    assert found is not None
    assert found.merged


def test_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commits.current() == ""
