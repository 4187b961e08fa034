"""An environment on AWS: found by its folder, reached with the caller's own credentials."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from operate.data_api import Connection
from operate.deployment import Deployment
from operate.errors import OperatorError
from operate.outputs import outputs_of
from operate.places import ENVIRONMENTS

_SIGN_IN = "Sign in to it (aws sso login, AWS_PROFILE=…), and look: aws sts get-caller-identity"
_LITERAL = re.compile(r'^\s*(bucket|key|region)\s*=\s*"([^"]+)"', re.MULTILINE)
_ACCOUNTS = re.compile(r"^\s*allowed_account_ids\s*=\s*\[([^\]]*)\]", re.MULTILINE)


class Place(NamedTuple):
    """Where an environment is: its accounts (one, as a rule), its region, and its state."""

    accounts: tuple[str, ...]
    region: str
    bucket: str
    key: str
    state_region: str


@dataclass(frozen=True)
class AwsDeployment(Deployment):
    """An environment on AWS. session: the caller's credentials, and its region. place: as its folder says."""

    session: boto3.Session
    place: Place

    def make_client(self, service: str, config: Config | None) -> Any:
        return self.session.client(service, config=config)

    def connect(self) -> Connection:
        """By the Redshift Data API: the warehouse itself answers inside of its VPC alone."""
        warehouse = self.outputs["warehouse"]
        return Connection(self.client("redshift-data"), warehouse["workgroup"], warehouse["database"])

    def command(self, words: str) -> str:
        return f"make {words} ENV={self.name}"

    def lock(self) -> str | None:
        place = self.place
        key = f"{place.key}.tflock"
        try:
            self.session.client("s3", region_name=place.state_region).head_object(
                Bucket=place.bucket, Key=key
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchKey"}:
                return None
            raise
        return f"s3://{place.bucket}/{key}"

    def readable(self) -> list[str]:
        return [source for source in self.sources if self.is_asked(source)]


def deployed(name: str) -> AwsDeployment:
    """The environment of a folder, in the account that the folder names and in no other.

    name: of a folder in terraform/environments, or the path of one that lies elsewhere.

    Raises: OperatorError if there is none, the caller is signed in to another account, or nothing was applied.
    """
    folder = ENVIRONMENTS / name
    place = place_of(folder)
    session = boto3.Session(region_name=place.region)
    check_account(session, folder.name, place.accounts)
    outputs = outputs_of(_state(session, place, folder.name))
    if "state_machine_arn" not in outputs:
        raise OperatorError(
            f"Nothing is applied to {folder.name} yet. Remedy: make plan deploy ENV={folder.name}"
        )
    return AwsDeployment(folder.name, outputs, session, place)


def place_of(folder: Path) -> Place:
    """Where the environment of a folder is, by its backend.tf and providers.tf. Raises: OperatorError."""
    try:
        backend, providers = ((folder / file).read_text() for file in ("backend.tf", "providers.tf"))
    except FileNotFoundError as error:
        known = ", ".join(sorted(path.parent.name for path in ENVIRONMENTS.glob("*/backend.tf")))
        raise OperatorError(f"There is no environment {folder.name!r}. There are: {known}") from error
    literals = dict(_LITERAL.findall(backend))
    regions = [value for name, value in _LITERAL.findall(providers) if name == "region"]
    found = _ACCOUNTS.search(providers)
    accounts = tuple(re.findall(r'"(\d{12})"', found[1])) if found else ()
    if missing := [name for name in ("bucket", "key", "region") if name not in literals] or (
        [] if accounts else ["allowed_account_ids"]
    ):
        raise OperatorError(
            f"{folder.name} is no environment on AWS: its backend.tf and providers.tf name no {', '.join(missing)}"
        )
    region = regions[0] if regions else literals["region"]
    return Place(accounts, region, literals["bucket"], literals["key"], literals["region"])


def check_account(
    session: boto3.Session,
    what: str,
    accounts: tuple[str, ...],
    said: str = "`allowed_account_ids` in its providers.tf",
) -> str:
    """The caller's account. Raises: OperatorError if it is none of these, or the caller is not signed in."""
    try:
        caller = session.client("sts").get_caller_identity()
    except (ClientError, BotoCoreError) as error:
        raise OperatorError(f"Nobody is signed in to AWS: {error}. {_SIGN_IN}") from error
    if caller["Account"] not in accounts:
        raise OperatorError(
            f"The caller ({caller['Arn']}) is of the account {caller['Account']}, and {what} is in "
            f"{' or '.join(accounts)}, as {said} says. {_SIGN_IN}"
        )
    return str(caller["Account"])


def _state(session: boto3.Session, place: Place, name: str) -> bytes:
    where = f"s3://{place.bucket}/{place.key}"
    try:
        client = session.client("s3", region_name=place.state_region)
        return bytes(client.get_object(Bucket=place.bucket, Key=place.key)["Body"].read())
    except ClientError as error:
        if error.response["Error"]["Code"] in {"NoSuchKey", "NoSuchBucket"}:
            raise OperatorError(
                f"There is no state of {name} at {where}. Remedy: make plan deploy ENV={name}; the bucket comes of "
                "terraform/bootstrap"
            ) from error
        raise OperatorError(f"The state of {name} at {where} cannot be read: {error}") from error
