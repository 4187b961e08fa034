"""Nothing of the caller's AWS or Terraform settings gets through, neither by make nor by the command line."""

import os
import subprocess
from pathlib import Path

import pytest

from local.environment import scrub
from local.servers import ROOT

THEIRS = {
    "AWS_PROFILE": "production",
    "AWS_ACCESS_KEY_ID": "somebody",
    "AWS_ENDPOINT_URL": "https://example.com",
    "AWS_CA_BUNDLE": "/nowhere",
    "TF_LOG": "trace",
    "TF_CLI_ARGS_apply": "-target=nothing",
    "TF_CLI_CONFIG_FILE": "/nowhere/terraform.rc",
    "NO_PROXY": "intranet",
    "HTTPS_PROXY": "http://proxy:3128",
}


def by_make(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The environment that a recipe of our Makefile sees."""
    makefile = tmp_path / "Makefile"
    makefile.write_text(f"include {ROOT}/Makefile\nshow:\n\t@env -0\n")
    done = subprocess.run(
        ["make", "--no-print-directory", "-f", str(makefile), "show"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        check=True,
        text=True,
    )
    return dict(line.split("=", 1) for line in done.stdout.split("\0") if line)


def by_verb(environment: dict[str, str], tmp_path: Path, *words: str) -> dict[str, str]:
    """The environment that the recipes of verbs see."""
    makefile = tmp_path / "Makefile"
    makefile.write_text(f"include {ROOT}/Makefile\nstatus package publish lint:\n\t@env -0\n")
    done = subprocess.run(
        ["make", "--no-print-directory", "-f", str(makefile), *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        check=True,
        text=True,
    )
    return dict(line.split("=", 1) for line in done.stdout.split("\0") if line)


def by_scrub(environment: dict[str, str], _: Path) -> dict[str, str]:
    kept = dict(environment)
    scrub(kept)
    return kept


@pytest.mark.parametrize("through", [by_make, by_scrub])
def test_the_callers_settings_end(through: object, tmp_path: Path) -> None:
    seen = through(THEIRS, tmp_path)  # type: ignore[operator]
    assert {name for name in seen if name.startswith(("AWS_", "TF_"))} == {
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_EC2_METADATA_DISABLED",
    }
    assert seen["AWS_CONFIG_FILE"] == seen["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert (
        set(seen["NO_PROXY"].split(","))
        == set(seen["no_proxy"].split(","))
        == {"127.0.0.1", "localhost", "intranet"}
    )
    assert seen["HTTPS_PROXY"] == THEIRS["HTTPS_PROXY"]


@pytest.mark.parametrize("through", [by_make, by_scrub])
def test_a_terraform_configuration_that_exists_is_kept(through: object, tmp_path: Path) -> None:
    configuration = tmp_path / "company.tfrc"
    configuration.touch()
    seen = through({"TF_CLI_CONFIG_FILE": str(configuration)}, tmp_path)  # type: ignore[operator]
    assert seen["TF_CLI_CONFIG_FILE"] == str(configuration)


@pytest.mark.parametrize(
    "words",
    [
        ("status", "ENV=dev"),
        ("status", "ENV=prod", "SOURCE=ewm"),
        ("publish",),
        ("package", "publish"),  # as docs/deploy.md has it
    ],
)
def test_verbs_that_are_meant_for_aws_see_whose_account_it_is(words: tuple[str, ...], tmp_path: Path) -> None:
    seen = by_verb(THEIRS, tmp_path, *words)
    theirs = {name: value for name, value in THEIRS.items() if name.startswith("AWS_")}
    assert {name: value for name, value in seen.items() if name.startswith(("AWS_", "TF_"))} == theirs


@pytest.mark.parametrize(
    "words",
    [("status",), ("status", "ENV=local"), ("lint", "ENV=dev"), ("status", "lint", "ENV=dev"), ("package",)],
)
def test_no_other_verb_sees_it(words: tuple[str, ...], tmp_path: Path) -> None:
    """Nor does one that a shell's own variable ENV happens to meet."""
    seen = by_verb(THEIRS | {"ENV": "dev"}, tmp_path, *words)
    assert "AWS_PROFILE" not in seen
    assert seen["AWS_CONFIG_FILE"] == os.devnull


def test_help_explains_every_target() -> None:
    text = (ROOT / "Makefile").read_text().replace("\\\n", "")
    (phony,) = [line for line in text.splitlines() if line.startswith(".PHONY:")]
    shown = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in phony.split()[1:]:
        assert f"make {target} " in shown, target


def test_sql_goes_through_make_as_it_stands(tmp_path: Path) -> None:
    statement = """select '$HOME $(HOME) $$1' as "it's" -- $"""
    makefile = tmp_path / "Makefile"
    makefile.write_text(f"include {ROOT}/Makefile\nshow:\n\t@printenv XMLIFT_SQL\n")
    command = ["make", "--no-print-directory", "-f", str(makefile), "show"]
    given = subprocess.run(
        [*command, f"SQL={statement}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert given.stdout == statement + "\n"
