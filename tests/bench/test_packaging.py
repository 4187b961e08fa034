"""What the bench of packaging does to its copy of the checkout. No time is tested here."""

from pathlib import Path

import pytest

from local.errors import LocalError

from .packaging import claims, copy_checkout, from_nothing, seconds, with_a_line_more
from .section import Claim, Samples

MAKEFILE = """\
package: .venv/.installed
\t@mkdir -p dist
\t@echo made >> dist/log
.venv/.installed: build/requirements.txt
\t@echo "the copy is newer than the stamp" >&2; exit 1
"""


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of a checkout whose `make package` notes in dist/log that it ran."""
    source = tmp_path / "checkout"
    (source / "build").mkdir(parents=True)
    (source / "build" / "requirements.txt").write_text("lib==1\n")
    library = source / "functions" / "xmlift"
    (library / "__pycache__").mkdir(parents=True)
    (library / "__init__.py").write_text("")
    (source / "scripts").mkdir()
    (source / ".venv").mkdir()
    (source / ".venv" / ".installed").touch()
    (source / ".venvs").mkdir()
    (source / "Makefile").write_text(MAKEFILE)
    folder = tmp_path / "copy"
    copy_checkout(source, folder)
    return folder


def test_a_copy_has_what_packaging_reads_and_borrows_the_environments(copied: Path) -> None:
    assert sorted(path.name for path in copied.iterdir()) == [
        ".venv", ".venvs", "Makefile", "build", "functions", "scripts"
    ]  # fmt: skip
    assert (copied / ".venv").is_symlink()
    assert not (copied / "functions" / "xmlift" / "__pycache__").exists()
    assert (copied / "build" / "requirements.txt").read_text() == "lib==1\n"


def test_from_nothing_keeps_nothing_and_a_run_keeps_all(copied: Path) -> None:
    for packaged in (seconds, seconds, with_a_line_more):
        assert packaged(copied) > 0
    assert (copied / "dist" / "log").read_text() == "made\nmade\nmade\n"
    assert from_nothing(copied) > 0
    assert (copied / "dist" / "log").read_text() == "made\n"
    assert (copied / "functions" / "xmlift" / "__init__.py").read_text() == "# one more line\n"


def test_a_failure_is_told(copied: Path) -> None:
    (copied / "Makefile").write_text("package:\n\t@echo no wheel >&2; exit 1\n")
    with pytest.raises(LocalError, match=r"(?s)make package failed in .*copy:.*no wheel"):
        seconds(copied)


def test_claims_are_about_medians() -> None:
    assert claims(Samples([0.5, 9, 0.25]), Samples([31.0])) == [
        Claim("make package with nothing changed: under 1 s", 0.5, 1, "s", at_least=False),
        Claim("make package from nothing, warm download cache: under 30 s", 31, 30, "s", at_least=False),
    ]
