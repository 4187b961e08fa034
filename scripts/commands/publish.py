"""publish: keep the packages of this commit for every environment."""

from typing import Annotated

import boto3
import typer

from commands.display import activity, print_json, say
from commands.options import Json
from commands.releases import Packages
from operate.aws import check_account
from release import commits
from release import packages as made
from release.artifacts import DESCRIBED, Artifacts, Place
from release.folders import PACKAGES


def publish(packages: Packages = PACKAGES, json: Json = False) -> None:
    """Keep the packages of this commit in the artifact bucket.

    They are kept once: what is there is never replaced, so every environment gets the same bytes.
    """
    commit, place = commits.unchanged(), Place.described()
    made.check_publishable(packages)
    with activity() as show:
        artifacts = opened(place, (place.account_id,))
        work = show.begin("publish")
        is_new = artifacts.publish(commit, packages, work.update)
        work.finish(f"s3://{place.bucket}/{commit}")
    if json:
        print_json({"bucket": place.bucket, "commit": commit, "new": is_new})
    else:
        say(
            f"{'Published' if is_new else 'They were published before'}. Next: make fetch COMMIT={commit[:12]}"
        )


def fetch(
    commit: Annotated[str, typer.Argument(help="Its beginning, or a branch or tag.")] = "HEAD",
    packages: Packages = PACKAGES,
    json: Json = False,
) -> None:
    """Get the packages of a commit from the artifact bucket, each compared with manifest.json."""
    full, place = commits.named(commit), Place.described()
    with activity() as show:
        artifacts = opened(place, (place.account_id, *place.readers))
        work = show.begin("fetch")
        files = artifacts.fetch(full, packages, work.update)
        work.finish(f"{len(files)} files, each as manifest.json says")
    if json:
        print_json({"bucket": place.bucket, "commit": full, "files": files})
    else:
        say(f"{packages} has the packages of commit {full[:12]}. Next: make plan ENV=…")


def opened(place: Place, accounts: tuple[str, ...]) -> Artifacts:
    """The bucket, for a caller of one of these accounts. Raises: OperatorError if the caller is of another."""
    session = boto3.Session(region_name=place.region)
    check_account(session, place.bucket, accounts, f"terraform/bootstrap/{DESCRIBED.name}")
    return Artifacts(session.client("s3"), place.bucket)
