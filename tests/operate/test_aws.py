"""Which environment on AWS is meant, whose account it is in, and what is said where something is missing."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import NoCredentialsError

from commands.environments import is_on_aws
from operate import aws
from operate.errors import OperatorError
from operate.outputs import outputs_of
from operate.places import ENVIRONMENTS, ROOT

PROVIDERS = (
    'provider "aws" {\n  region = "eu-west-1"\n  # here\n  allowed_account_ids = ["111122223333"]\n}\n'
)
BACKEND = """terraform {
  backend "s3" {
    bucket       = "states" # versioned
    key          = "dev/terraform.tfstate"
    region       = "eu-central-1"
    use_lockfile = true
  }
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "dev"
    folder.mkdir()
    (folder / "backend.tf").write_text(BACKEND)
    (folder / "providers.tf").write_text(PROVIDERS)
    return folder


def session(account: str | Exception) -> Any:
    def identity() -> dict[str, str]:
        if isinstance(account, Exception):
            raise account
        return {"Account": account, "Arn": f"arn:aws:iam::{account}:user/somebody"}

    return SimpleNamespace(client=lambda service: SimpleNamespace(get_caller_identity=identity))


def test_an_environment_is_where_its_folder_says(folder: Path) -> None:
    assert aws.place_of(folder) == (
        ("111122223333",), "eu-west-1", "states", "dev/terraform.tfstate", "eu-central-1"
    )  # fmt: skip


@pytest.mark.parametrize("name", [path.parent.name for path in ENVIRONMENTS.glob("*/main.tf")])
def test_every_folder_but_the_local_one_is_an_environment_on_aws(name: str) -> None:
    if name == "local":
        with pytest.raises(OperatorError, match="local is no environment on AWS"):
            aws.place_of(ENVIRONMENTS / name)
    else:
        assert aws.place_of(ENVIRONMENTS / name).key == f"{name}/terraform.tfstate"


def test_a_folder_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(OperatorError, match=r"no environment 'devel'. There are: .*dev"):
        aws.place_of(ENVIRONMENTS / "devel")


def test_without_an_account_nothing_is_asked(folder: Path) -> None:
    (folder / "providers.tf").write_text(PROVIDERS.replace("allowed", "#"))
    with pytest.raises(OperatorError, match="name no allowed_account_ids"):
        aws.place_of(folder)


def test_the_caller_has_to_be_of_the_folders_account(folder: Path) -> None:
    assert aws.check_account(session("111122223333"), folder.name, ("111122223333",)) == "111122223333"
    with pytest.raises(OperatorError, match="of the account 999999999999, and dev is in 111122223333"):
        aws.check_account(session("999999999999"), folder.name, ("111122223333",))


def test_nobody_is_told_to_sign_in(folder: Path) -> None:
    with pytest.raises(OperatorError, match=r"Nobody is signed in to AWS: .*aws sso login"):
        aws.check_account(session(NoCredentialsError()), folder.name, ("111122223333",))


@pytest.mark.parametrize("words", [("status", "--env", "dev"), ("plan", "--env", "dev"), ("fetch",)])
def test_a_profile_that_is_not_there_is_told(words: tuple[str, ...], tmp_path: Path) -> None:
    theirs = {"AWS_PROFILE": "nobody", "AWS_CONFIG_FILE": str(tmp_path / "none")}
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "lift.py"), *words],
        env={"PATH": os.environ["PATH"]} | theirs,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "AWS cannot be asked: The config profile (nobody) could not be found" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_outputs_are_those_of_the_state() -> None:
    state = {
        "version": 4,
        "outputs": {"landing_bucket": {"value": "landing", "type": "string"}},
        "resources": [],
    }
    assert outputs_of(json.dumps(state).encode()) == {"landing_bucket": "landing"}
    with pytest.raises(OperatorError, match="of format 5, and format 4 is read"):
        outputs_of(b'{"version": 5}')


@pytest.mark.parametrize(
    ("words", "on_aws"),
    [
        (["lift.py", "status"], False),
        (["lift.py", "status", "--env", "local"], False),
        (["lift.py", "status", "--env=dev"], True),
        (["lift.py", "status", "--env", "dev", "ewm"], True),
        (["lift.py", "status", "ewm", "--env"], False),
    ],
)
def test_a_command_line_says_whether_aws_is_meant(words: list[str], on_aws: bool) -> None:
    assert is_on_aws(words) is on_aws
