"""Where the rehearsal plays: a clone of this repository, and for each environment a cloud that is its account."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from local import cloud as clouds
from local.cloud import Cloud
from local.instance import Account
from local.servers import ROOT
from local.terraform import Terraform
from operate.aws import Place, place_of

AUTHOR = ("-c", "user.name=rehearsal", "-c", "user.email=rehearsal@example.com")


@dataclass(frozen=True)
class Clone:
    """A clone with all that is here, whether it is committed or not, and commits of its own."""

    folder: Path

    @classmethod
    def made_in(cls, folder: Path) -> "Clone":
        done = cls(folder)
        subprocess.run(["git", "clone", "--quiet", "--local", str(ROOT), str(folder)], check=True)
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--modified", "--others", "--deleted", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in filter(None, listed.split("\0")):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_file():
                shutil.copy2(ROOT / name, folder / name)
            else:
                (folder / name).unlink(missing_ok=True)
        (folder / ".venvs").symlink_to(ROOT / ".venvs")
        # Libraries as they were vendored before: a fresh clone would take a minute for the same bytes.
        if (ROOT / "dist" / ".cache").is_dir():
            shutil.copytree(ROOT / "dist" / ".cache", folder / "dist" / ".cache")
        done.commit("As it is here")
        return done

    def commit(self, why: str) -> str:
        """Commit everything; the new commit."""
        self.git("add", "--all")
        self.git(*AUTHOR, "commit", "--quiet", "--allow-empty", "--no-verify", "--message", why)
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def package(self) -> None:
        """`make package`."""
        self.python("build/package.py", environment=dict(os.environ))

    def python(
        self, *arguments: object, environment: dict[str, str], expected: int = 0
    ) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, *map(str, arguments)]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == expected, f"{done.returncode}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
        return done


@dataclass(frozen=True)
class Stage:
    """An environment in its account, as whoever releases to it sees it: by variables, and by nothing else."""

    name: str
    clone: Clone
    cloud: Cloud
    place: Place

    @classmethod
    def up(cls, name: str, clone: Clone, folder: Path) -> "Stage":
        """Start the cloud of the account that the environment's folder names."""
        place = place_of(clone.folder / "terraform" / "environments" / name)
        cloud = clouds.start(folder, items=10, account=Account(place.accounts[0], place.region))
        return cls(name, clone, cloud, place)

    @property
    def account(self) -> str:
        return self.place.accounts[0]

    @property
    def packages(self) -> Path:
        """Each job of a workflow has a folder of its own."""
        return self.clone.folder.parent / f"packages-{self.name}"

    @property
    def reached(self) -> dict[str, str]:
        """Where a client of boto3 finds the account's emulator."""
        return {"endpoint_url": self.cloud.emulator_url, "verify": str(self.cloud.instance.ca_file)}

    def as_role(self, given: dict[str, str]) -> boto3.Session:
        """A session with what sts:AssumeRole has given."""
        return boto3.Session(
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
            region_name=self.place.region,
        )

    def environment(self, **changed: str) -> dict[str, str]:
        return self.cloud.environment() | changed

    def lift(
        self, *arguments: object, expected: int = 0, **changed: str
    ) -> "subprocess.CompletedProcess[str]":
        """A verb of the command line; `changed` are variables that differ from those of the account's root user."""
        environment = self.environment(**changed)
        return self.clone.python("scripts/lift.py", *arguments, environment=environment, expected=expected)

    def release(self, verb: str, *arguments: object, expected: int = 0, **changed: str) -> str:
        """plan, deploy or drift of this environment; what it says."""
        given = ("--env", self.name, "--packages", self.packages, *arguments)
        done = self.lift(verb, *given, expected=expected, **changed)
        return done.stdout + done.stderr

    def kept(self, file: str) -> Any:
        """plan.json or drift.json of this environment."""
        return json.loads((self.clone.folder / ".release" / self.name / file).read_text())

    def bootstrap(self, folder: Path, **variables: object) -> dict[str, Any]:
        """Apply terraform/bootstrap to the account, as a person does; its outputs."""
        root = folder / "bootstrap"
        shutil.copytree(self.clone.folder / "terraform" / "bootstrap", root)
        (root / "backend.tf").write_text('terraform {\n  backend "local" {}\n}\n')
        given = {
            "environment": self.name,
            "account_id": self.account,
            "region": self.place.region,
            "repository": "example/xmlift",
            **variables,
        }
        terraform = Terraform(
            name="bootstrap",
            data=folder / "data",
            log=folder / "terraform.log",
            environment=self.environment(),
            variables={name: str(value).lower() for name, value in given.items()},
            folders=folder,
        )
        terraform.init()
        terraform.apply()
        return terraform.output()

    def functions(self) -> dict[str, str]:
        """What runs when the state machine calls: the SHA-256 of each function's live version, in base64."""
        functions = self.cloud.client("lambda")
        steps = ("plan", "extract", "load", "report", "migrate")
        return {
            step: functions.get_function(FunctionName=f"xmlift-{self.name}-{step}", Qualifier="live")[
                "Configuration"
            ]["CodeSha256"]
            for step in steps
        }

    def terraform(self, *arguments: str, expected: int = 0) -> str:
        """Terraform itself in the environment's folder, as the documentation has it."""
        settings = self.clone.folder / ".release" / self.name / "terraform" / "terraform.rc"
        done = subprocess.run(
            ["terraform", f"-chdir={self.clone.folder / 'terraform/environments' / self.name}", *arguments],
            env=self.environment(
                TF_VAR_package_folder=os.path.relpath(
                    self.packages, self.clone.folder / "terraform/environments" / self.name
                ),
                **({"TF_CLI_CONFIG_FILE": str(settings)} if settings.exists() else {}),
            ),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expected, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout + done.stderr


def let_in(reader: Stage, keeper: Stage, step: str) -> dict[str, str]:
    """Credentials of a reader's deploying role at the account that keeps the packages.

    Each account is a cloud of its own here: the keeper's has to know the role that the reader's bootstrap has made.
    """
    name = f"xmlift-deploy-{reader.name}-{step}"
    policy = reader.cloud.client("iam").get_role_policy(RoleName=name, PolicyName="permissions")[
        "PolicyDocument"
    ]
    session = boto3.Session(
        aws_access_key_id=reader.account, aws_secret_access_key="local", region_name=keeper.place.region
    )
    iam = session.client("iam", **keeper.reached)
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{reader.account}:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="permissions", PolicyDocument=json.dumps(policy))
    given = session.client("sts", **keeper.reached).assume_role(RoleArn=role, RoleSessionName="rehearsal")[
        "Credentials"
    ]
    return {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
        "AWS_ENDPOINT_URL": keeper.cloud.emulator_url,
        "AWS_CA_BUNDLE": str(keeper.cloud.instance.ca_file),
    }
