"""The session's cloud as an operator of AWS meets it: a folder, a state in S3, keys of their own, variables."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from lift import app
from local.cloud import Cloud
from local.deployment import Deployment, terraform
from local.servers import ROOT, client_variables

STATES, KEY = "xmlift-terraform-state-operators", "dev/terraform.tfstate"
PAGE = (ROOT / "docs" / "operations.md").read_text()
USER = "operator"


@dataclass(frozen=True)
class Environment:
    """An environment `dev` in its own account, as far as its operators can tell."""

    folder: Path
    cloud: Cloud
    deployed: Deployment

    def lift(self, *arguments: object, typed: str = "") -> Result:
        """The command line within this process."""
        return CliRunner().invoke(app, [*map(str, arguments), "--env", str(self.folder)], input=typed)

    def answer(self, *arguments: object) -> Any:
        """What a verb answers to a program."""
        done = self.lift(*arguments, "--json")
        assert done.exit_code == 0, done.stderr
        return json.loads(done.stdout)

    def make(self, line: str, typed: str = "", **words: str) -> Result:
        """What a line of the documentation does, with some of its words replaced."""
        for word, replaced in words.items():
            line = re.sub(rf"\b{word}=\S+", f"{word}={replaced}", line)
        command = shlex.split(line.partition("<")[0], comments=True)
        printed = subprocess.run(
            [*command, "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        (called,) = [each for each in printed.splitlines() if "scripts/lift.py" in each]
        arguments = shlex.split(called.partition("scripts/lift.py")[2])
        place = arguments.index("--env")
        assert arguments[place + 1] == "dev"
        del arguments[place : place + 2]
        return self.lift(*arguments, typed=typed)

    def outputs(self) -> dict[str, Any]:
        return dict(self.state()["outputs"])

    def state(self) -> dict[str, Any]:
        """What the next verb will find applied."""
        return dict(json.load(self.cloud.client("s3").get_object(Bucket=STATES, Key=KEY)["Body"]))

    def put_state(self, state: Mapping[str, Any]) -> None:
        self.cloud.client("s3").put_object(Bucket=STATES, Key=KEY, Body=json.dumps(state).encode())


def commands(section: str) -> list[str]:
    """The lines of a section's shell blocks."""
    text = PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    assert text, f"docs/operations.md has no section {section}"
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [line.strip() for block in blocks for line in block.splitlines()]


def environment(cloud: Cloud, deployed: Deployment, folder: Path) -> Iterator[Environment]:
    """Makes it, and sets this process's AWS variables: nothing else leads a verb to this cloud."""
    folder.mkdir()
    account, region = cloud.state.account.id, cloud.state.account.region
    (folder / "backend.tf").write_text(
        f'terraform {{\n  backend "s3" {{\n    bucket = "{STATES}"\n    key = "{KEY}"\n'
        f'    region = "{region}"\n  }}\n}}\n'
    )
    (folder / "providers.tf").write_text(
        f'provider "aws" {{\n  region = "{region}"\n  allowed_account_ids = ["{account}"]\n}}\n'
    )
    made = Environment(folder, cloud, deployed)
    cloud.client("s3").create_bucket(Bucket=STATES)
    made.put_state(json.loads(terraform(cloud).state_file.read_text()))
    keys = _operator(cloud, policy(account, region))
    migrate(made)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (client_variables(cloud.instance, cloud.state.ports) | keys).items():
            patch.setenv(name, value)
        yield made


def policy(account: str, region: str) -> str:
    """The operator's policy of the documentation, for this environment."""
    document, _of_rollbacks = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    # The stand-in of the Data API gives nobody another's statement, and asks for no key of a condition.
    document = re.sub(r',\n *"Condition": .*statement-owner-iam-userid.*', "", document)
    for literal, here in (
        ("xmlift-terraform-state-111122223333", STATES),
        ("111122223333", account),
        ("eu-central-1", region),
        ("xmlift-dev", "xmlift-local"),
        ("xmlift/dev", "xmlift/local"),
    ):
        document = document.replace(literal, here)
    return str(document)


def _operator(cloud: Cloud, document: str) -> dict[str, str]:
    iam = cloud.client("iam")
    iam.create_user(UserName=USER)
    iam.put_user_policy(UserName=USER, PolicyName="operate", PolicyDocument=document)
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def migrate(environment: Environment, **changes: Any) -> None:
    """What an apply does that names a reader, and other sources: Terraform's own invocation of migrate, changed."""
    migrates = ("aws_lambda_invocation", "migrate")
    (invocation,) = [
        one for one in environment.state()["resources"] if (one["type"], one["name"]) == migrates
    ]
    (instance,) = invocation["instances"]
    readers = {"iam_roles": [], "database_users": [f"IAM:{USER}"]}
    given = json.loads(instance["attributes"]["input"])
    answer = environment.cloud.client("lambda").invoke(
        FunctionName=environment.deployed.outputs["functions"]["migrate"]["alias_arn"],
        Payload=json.dumps(given | {"readers": readers} | changes),
    )
    assert "FunctionError" not in answer, answer["Payload"].read()
