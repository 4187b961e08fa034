"""What the verbs that plan and apply an environment on AWS share."""

from pathlib import Path
from typing import Annotated, Any

import boto3
import typer

from commands.display import Activity
from operate.aws import check_account, place_of
from operate.places import ENVIRONMENTS
from release.folders import PACKAGES, PLANS
from release.plans import Release
from release.summary import told

Env = Annotated[str, typer.Option("--env", metavar="NAME", help="Its folder in terraform/environments.")]
Packages = Annotated[
    Path, typer.Option("--packages", help="Folder of the zips and manifest.json.", show_default="dist")
]
Plans = Annotated[
    Path, typer.Option("--plans", help="Folder that plans are kept in.", show_default=".release")
]


def signed_in(show: Activity, env: str, packages: Path = PACKAGES, plans: Path = PLANS) -> Release:
    """The environment, once the caller is known to be of its account.

    Raises: OperatorError if there is no such environment on AWS, or the caller is of another account.
    """
    folder = ENVIRONMENTS / env
    place = place_of(folder)
    work = show.begin("ask whose account it is")
    account = check_account(boto3.Session(region_name=place.region), env, place.accounts)
    work.finish(f"{account}, {place.region}")
    return Release(env, packages, plans.resolve())


def in_words(summary: dict[str, Any]) -> str:
    """What a plan changes, in one line: resources, and outputs or the state alone where no resource changes."""
    outputs = summary["outputs"]
    if not any(summary["changes"].values()) and outputs:
        return f"only outputs change: {', '.join(outputs)}"
    if summary["applyable"] and not any(summary["changes"].values()):
        return "only the state changes"
    return told(summary["changes"])
