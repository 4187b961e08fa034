"""A slice of the rehearsal (`make rehearse`): dev planned in its own account, by the folder as it is."""

import json
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest

from local.cloud import Cloud
from local.deployment import PACKAGES
from local.servers import ROOT
from operate.aws import place_of

pytestmark = [
    pytest.mark.cloud,
    pytest.mark.skipif(
        (platform.system(), platform.machine()) != ("Linux", "x86_64"),
        reason="NOT RUN: dev takes packages for Lambda's Linux alone, and those here are for this machine",
    ),
]

ACCOUNT, OTHER = "111122223333", "444455556666"


@pytest.fixture(scope="module")
def account(cloud: Cloud) -> Iterator[dict[str, str]]:
    """What leads to dev's account, in which there is a bucket for its state and nothing else."""
    place = place_of(ROOT / "terraform" / "environments" / "dev")
    assert place.accounts == (ACCOUNT,)
    credentials = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "local"}
    environment = cloud.environment() | credentials | {"AWS_REGION": place.region}
    # The emulator takes a key of twelve digits for that account's.
    s3 = boto3.Session(ACCOUNT, "local", region_name=place.region).client(
        "s3", endpoint_url=cloud.emulator_url, verify=str(cloud.instance.ca_file)
    )
    s3.create_bucket(Bucket=place.bucket, CreateBucketConfiguration={"LocationConstraint": place.region})
    yield environment
    s3.delete_bucket(Bucket=place.bucket)


def test_dev_is_planned_and_only_that_plan_would_be_applied(
    account: dict[str, str], lift: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    packages = tmp_path / "dist"
    packages.mkdir()
    for path in PACKAGES.iterdir():
        if path.is_file():
            (packages / path.name).symlink_to(path)
    given = ("--env", "dev", "--packages", packages, "--plans", tmp_path / "plans")
    refused = lift("plan", *given, env=account | {"AWS_ACCESS_KEY_ID": OTHER})
    assert (refused.returncode, list(tmp_path.glob("plans/dev/*"))) == (1, [])
    assert f"is of the account {OTHER}, and dev is in {ACCOUNT}" in " ".join(refused.stderr.split())

    planned = lift("plan", *given, "--json", env=account)
    assert planned.returncode == 0, planned.stderr
    summary = json.loads(planned.stdout)
    assert summary["changes"]["create"] > 100
    assert {change["action"] for change in summary["resources"]} == {"create"}
    assert (
        (tmp_path / "plans/dev/plan.md")
        .read_text()
        .startswith(f"### dev: {summary['changes']['create']} to create")
    )

    manifest = packages / "manifest.json"
    text = manifest.read_text()
    manifest.unlink()  # a link to the one in dist, which stays
    manifest.write_text(text + "\n")
    refused = lift("deploy", *given, env=account)
    assert refused.returncode == 1
    assert "made of other bytes than are here: packages/manifest.json" in " ".join(refused.stderr.split())
    shutil.rmtree(tmp_path / "plans")
