"""The locked requirements: complete, agreed, hashed, and silent about where they were made."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import package

LOCKED = sorted([*package.ROOT.glob("build/requirements/*.txt"), *package.ROOT.glob("functions/*/*.txt")])
FUNCTIONS = sorted(package.ROOT.glob("functions/*/requirements.txt"))


def pins(locked: Path) -> dict[str, list[str]]:
    """Each locked `name==version`, with its hashes."""
    found: dict[str, list[str]] = {}
    text = re.sub(r"\\\n\s+", "", locked.read_text())
    for line in text.splitlines():
        if line and not line.lstrip().startswith("#"):
            requirement, *hashes = line.split("--hash=")
            parsed = Requirement(requirement.strip())
            found[f"{canonicalize_name(parsed.name)}{parsed.specifier}"] = hashes
    return found


@pytest.mark.parametrize("locked", LOCKED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_version_is_exact_and_hashed(locked: Path) -> None:
    assert pins(locked)
    for pin, hashes in pins(locked).items():
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][^*,]*", pin)
        assert hashes
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each.strip()) for each in hashes)


@pytest.mark.parametrize("locked", LOCKED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_index_and_no_machine_is_named(locked: Path) -> None:
    text = locked.read_text()
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted", text)
    assert not re.search(r"(^|\s)/\w", text)


@pytest.mark.parametrize("locked", LOCKED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_locked_file_says_how_it_was_locked(locked: Path) -> None:
    """Renovate runs this command, after it has looked at each option; another spelling of one it refuses."""
    name = locked.relative_to(package.ROOT)
    constrained = [] if name.parts[0] == "build" else ["--constraints=build/requirements/dev.txt"]
    assert locked.read_text().splitlines()[1].split() == [
        *("#", "uv", "pip", "compile", str(name.with_suffix(".in")), f"--output-file={name}"),
        *("--universal", "--python-version=3.13", "--generate-hashes", *constrained),
    ]


@pytest.mark.parametrize("locked", LOCKED, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_is_asked_for_is_locked(locked: Path) -> None:
    names = {pin.split("==")[0] for pin in pins(locked)}
    asked = [line.split("#")[0].strip() for line in locked.with_suffix(".in").read_text().splitlines()]
    for line in asked:
        if line and not line.startswith("-"):
            assert canonicalize_name(Requirement(line).name) in names


def test_functions_run_on_what_the_tests_run_on() -> None:
    developed = pins(package.ROOT / "build" / "requirements" / "dev.txt")
    assert len(FUNCTIONS) == len(package.SERVICES)
    for locked in FUNCTIONS:
        for pin, hashes in pins(locked).items():
            assert developed.get(pin) == hashes, f"{locked}: {pin}; `make lock`"
