"""Where the rehearsal plays: a clone of this repository, and for each environment a cloud that is its account."""

import base64
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

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
    def reached(self) -> dict[str, Any]:
        """Where a client of boto3 finds the account's emulator."""
        return {"endpoint_url": self.cloud.emulator_url, "verify": str(self.cloud.instance.ca_file)}

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
        """Apply terraform/bootstrap to the account, as a person does; its outputs.

        In one folder for all accounts, with a state for each: `-state`, as the documentation has it.
        """
        state = f"-state={self.name}.tfstate"
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
            environment=self.environment(TF_CLI_ARGS_apply=state, TF_CLI_ARGS_output=state),
            variables={name: str(value).lower() for name, value in given.items()},
            folders=self.clone.folder / "terraform",
            remote=True,  # not in `data`, but where -state says
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


def token(claims: str) -> str:
    """What GitHub tells of a job; the emulator reads its claims, and asks nobody for the signature."""
    told = {"iss": "https://token.actions.githubusercontent.com", "aud": "sts.amazonaws.com", "sub": claims}
    parts = [{"alg": "RS256", "typ": "JWT"}, told, {}]
    return ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
    )


def role_of(stage: Stage, step: str, claims: str, at: Stage | None = None) -> dict[str, str]:
    """The variables of a job that has taken on the environment's role for a step, at its cloud or another one.

    Raises: ClientError if the role does not trust a job with these claims.
    """
    cloud = (at or stage).cloud
    sts = boto3.client(
        "sts",
        region_name=stage.place.region,
        endpoint_url=cloud.emulator_url,
        verify=str(cloud.instance.ca_file),
        config=Config(signature_version=UNSIGNED),
    )
    given = sts.assume_role_with_web_identity(
        RoleArn=f"arn:aws:iam::{stage.account}:role/xmlift-deploy-{stage.name}-{step}",
        RoleSessionName="rehearsal",
        WebIdentityToken=token(claims),
    )["Credentials"]
    return {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
        "AWS_ENDPOINT_URL": cloud.emulator_url,
        "AWS_CA_BUNDLE": str(cloud.instance.ca_file),
    }


def introduce(reader: Stage, keeper: Stage, step: str) -> None:
    """Make a role of the reader's account known at the keeper's cloud, as its bootstrap has made it.

    Each account is a cloud of its own here; on AWS there is one IAM.
    """
    name = f"xmlift-deploy-{reader.name}-{step}"
    made = reader.cloud.client("iam")
    role = made.get_role(RoleName=name)["Role"]
    policy = made.get_role_policy(RoleName=name, PolicyName="permissions")["PolicyDocument"]
    # The emulator takes a key of twelve digits for that account's.
    there = boto3.Session(reader.account, "local", region_name=keeper.place.region).client(
        "iam", **keeper.reached
    )
    there.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(role["AssumeRolePolicyDocument"]))
    there.put_role_policy(RoleName=name, PolicyName="permissions", PolicyDocument=json.dumps(policy))
