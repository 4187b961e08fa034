"""Terraform's provider is found without the internet where a mirror is at hand."""

from pathlib import Path

import pytest

from local import mirror
from local.mirror import (
    MirrorError,
    Provider,
    cli_configuration,
    find_mirror,
    locked_providers,
    machine_platform,
)

AWS = "registry.terraform.io/hashicorp/aws"
LOCK = f"""
# comment
provider "{AWS}" {{
  version     = "5.100.0"
  constraints = "~> 5.100"
  hashes = ["h1:x"]
}}
"""


@pytest.fixture
def lock_file(tmp_path: Path) -> Path:
    path = tmp_path / ".terraform.lock.hcl"
    path.write_text(LOCK)
    return path


@pytest.fixture(autouse=True)
def no_usual_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this machine has must not decide."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(mirror, "SYSTEM_PREFIXES", (str(tmp_path / "opt"),))


def unpacked(folder: Path, version: str = "5.100.0") -> Path:
    (folder / AWS / version / machine_platform()).mkdir(parents=True)
    return folder


def test_the_lock_file_is_read(lock_file: Path) -> None:
    assert locked_providers(lock_file) == [Provider(AWS, "5.100.0")]


def test_without_a_mirror_it_is_the_registry(lock_file: Path) -> None:
    assert find_mirror({}, lock_file) is None


@pytest.mark.parametrize(
    "place",
    [
        "home/.terraform.d/plugins",
        "home/.local/share/terraform/plugins",
        "opt",
        "opt/anything",
        "opt/terraform/plugins",
    ],
)
def test_usual_places(place: str, tmp_path: Path, lock_file: Path) -> None:
    folder = unpacked(tmp_path / place)
    found = find_mirror({}, lock_file)
    assert found is not None
    assert (found.folder, found.sources) == (folder, (AWS,))


def test_a_zipped_provider_counts(tmp_path: Path, lock_file: Path) -> None:
    folder = tmp_path / "opt" / AWS
    folder.mkdir(parents=True)
    (folder / f"terraform-provider-aws_5.100.0_{machine_platform()}.zip").touch()
    assert find_mirror({}, lock_file) is not None


def test_another_version_or_platform_does_not(tmp_path: Path, lock_file: Path) -> None:
    unpacked(tmp_path / "opt", "5.99.0")
    (tmp_path / "opt" / AWS / "5.100.0" / "plan9_mips").mkdir(parents=True)
    assert find_mirror({}, lock_file) is None


def test_the_variable_goes_first(tmp_path: Path, lock_file: Path) -> None:
    unpacked(tmp_path / "opt")
    named = unpacked(tmp_path / "mine")
    found = find_mirror({"XMLIFT_TERRAFORM_MIRROR": str(named)}, lock_file)
    assert found is not None
    assert found.folder == named


def test_a_variable_that_names_the_wrong_folder_is_not_passed_over(tmp_path: Path, lock_file: Path) -> None:
    unpacked(tmp_path / "opt")
    with pytest.raises(MirrorError, match=r"XMLIFT_TERRAFORM_MIRROR .*aws 5\.100\.0"):
        find_mirror({"XMLIFT_TERRAFORM_MIRROR": str(tmp_path / "opt" / AWS)}, lock_file)


def test_other_providers_still_come_from_the_registry(tmp_path: Path) -> None:
    text = cli_configuration(mirror.Mirror(tmp_path, (AWS,)))
    assert f'path    = "{tmp_path}"' in text
    assert f'direct {{\n    exclude = ["{AWS}"]' in text
