"""GitOps rehearsed: a commit's packages through dev, staging and prod, each in an account of its own; and back.

`make rehearse` runs it, in about a quarter of an hour; each test goes on where the one before it has ended. Every
command is one that a workflow or a person runs, with the AWS variables of an account's local cloud alone.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local import cloud as clouds
from local.servers import ROOT

from .stage import AUTHOR, Clone, Stage, introduce, role_of

PULL_REQUEST, MERGE = "repo:example/xmlift:pull_request", "repo:example/xmlift:ref:refs/heads/main"
ENVIRONMENTS = ("dev", "staging", "prod")
EXCUSED = tomllib.loads((ROOT / "tests" / "e2e" / "emulator_differences.toml").read_text())["difference"]
EXCUSED += tomllib.loads(Path(__file__).with_name("emulator_differences.toml").read_text()).get(
    "difference", []
)
PRICES = """<?xml version="1.0"?>
<priceList supplier="rehearsal" validFrom="2026-01-01">
  <article number="00010"><name>Bolt</name><price currency="EUR">0.12</price></article>
</priceList>
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    made = Clone.made_in(tmp_path_factory.mktemp("repository") / "xmlift")
    made.package()
    return made


@pytest.fixture(scope="module")
def stages(clone: Clone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Stage]]:
    """An account for each environment, with what terraform/bootstrap makes in it."""
    folder = tmp_path_factory.mktemp("accounts")
    try:
        up = {name: Stage.up(name, clone, folder / name) for name in ENVIRONMENTS}

        def bootstrap(stage: Stage) -> dict[str, Any]:
            return stage.bootstrap(folder / f"bootstrap-{stage.name}", protect=stage.name == "prod")

        # Nearly all of it is waiting for buckets' lifecycles.
        with ThreadPoolExecutor() as pool:
            outputs = dict(zip(up, pool.map(bootstrap, up.values()), strict=True))
        for name, stage in up.items():
            assert outputs[name]["state"]["bucket"] == stage.place.bucket
            assert outputs[name]["state"]["key"] == stage.place.key
        yield up
    finally:
        for name in ENVIRONMENTS:
            clouds.stop(folder / name)


@pytest.fixture(scope="module")
def readers(stages: dict[str, Stage]) -> dict[str, dict[str, str]]:
    """By environment, the variables with which a pull request's job fetches packages."""
    for name in ("staging", "prod"):
        introduce(stages[name], stages["dev"], "plan")
    return {name: role_of(stages[name], "plan", PULL_REQUEST, at=stages["dev"]) for name in ENVIRONMENTS}


@pytest.fixture(scope="module")
def publisher(stages: dict[str, Stage]) -> dict[str, str]:
    """The variables with which a merge's job publishes packages."""
    return role_of(stages["dev"], "publish", MERGE)


@pytest.fixture(scope="module")
def first(stages: dict[str, Stage], publisher: dict[str, str], clone: Clone) -> str:
    """A commit whose packages are published."""
    stages["dev"].lift("publish", **publisher)
    return clone.git("rev-parse", "HEAD")


def deploy(stage: Stage, reader: dict[str, str], commit: str) -> dict[str, Any]:
    """What a merge does to one environment; answers what its plan has said."""
    stage.lift("fetch", commit, "--packages", stage.packages, **reader)
    stage.release("plan", **role_of(stage, "plan", PULL_REQUEST))
    stage.release("deploy")
    return dict(stage.kept("plan.json"))


def manifest(folder: Path) -> dict[str, str]:
    """By function, the SHA-256 of its package in base64."""
    functions = json.loads((folder / "manifest.json").read_text())["functions"]
    return {step: function["source_code_hash"] for step, function in functions.items()}


def differing(stage: Stage) -> set[str]:
    """Resources that a plan would change, save what only the emulator gets wrong."""
    stage.release("drift", expected=2, **role_of(stage, "plan", MERGE))
    excused = {(each["resource"], attribute) for each in EXCUSED for attribute in each["attributes"]}
    return {
        resource["address"]
        for resource in stage.kept("drift.json")["resources"]
        if (kind(resource["address"]), resource["action"]) not in excused
        and (
            resource["action"] != "update"
            or any(
                (kind(resource["address"]), attribute) not in excused for attribute in resource["attributes"]
            )
        )
    }


def kind(address: str) -> str:
    """Type and name of a resource: aws_sqs_queue.one of module.platform.module.a[0].aws_sqs_queue.one["b.c"]."""
    return ".".join(re.sub(r"\[[^\]]*\]", "", address).split(".")[-2:])


def test_packages_are_published_once(stages: dict[str, Stage], publisher: dict[str, str], first: str) -> None:
    again = json.loads(stages["dev"].lift("publish", "--json", **publisher).stdout)
    assert again == {"bucket": "xmlift-artifacts-111122223333", "commit": first, "new": False}


def test_packages_of_a_changed_folder_are_not_published(stages: dict[str, Stage], clone: Clone) -> None:
    changed = clone.folder / "functions" / "plan" / "handler.py"
    text = changed.read_text()
    changed.write_text(text + "# changed\n")
    said = stages["dev"].lift("publish", expected=1).stderr
    changed.write_text(text)
    assert "functions/plan/handler.py is not as" in said


def test_a_job_takes_on_the_role_of_its_step_and_no_other(stages: dict[str, Stage]) -> None:
    approved = "repo:example/xmlift:environment:dev"
    trusted = {"plan": {PULL_REQUEST, MERGE}, "apply": {approved}, "publish": {MERGE}}
    for step, claims in trusted.items():
        for asking in (PULL_REQUEST, MERGE, approved, "repo:example/fork:pull_request"):
            if asking in claims:
                assert role_of(stages["dev"], step, asking)["AWS_SESSION_TOKEN"]
            else:
                with pytest.raises(ClientError, match="AccessDenied"):
                    role_of(stages["dev"], step, asking)


def test_who_publishes_replaces_and_deletes_nothing(
    stages: dict[str, Stage], publisher: dict[str, str], first: str
) -> None:
    session = boto3.Session(
        publisher["AWS_ACCESS_KEY_ID"],
        publisher["AWS_SECRET_ACCESS_KEY"],
        publisher["AWS_SESSION_TOKEN"],
        region_name=stages["dev"].place.region,
    )
    s3 = session.client("s3", **stages["dev"].reached)
    bucket, key = "xmlift-artifacts-111122223333", f"{first}/manifest.json"
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"{}", IfNoneMatch="*")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"{}")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=bucket, Key=key)


def test_an_account_that_is_no_reader_fetches_nothing(stages: dict[str, Stage], first: str) -> None:
    said = (
        stages["dev"]
        .lift("fetch", first, "--packages", "unused", expected=1, AWS_ACCESS_KEY_ID="999999999999")
        .stderr
    )
    assert "of the account 999999999999, and xmlift-artifacts-111122223333 is in" in " ".join(said.split())


def test_credentials_of_another_account_plan_nothing(stages: dict[str, Stage]) -> None:
    said = stages["dev"].release("plan", expected=1, AWS_ACCESS_KEY_ID=stages["prod"].account)
    assert "of the account 777788889999, and dev is in 111122223333" in " ".join(said.split())


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_same_bytes_go_through_all_environments(
    name: str, stages: dict[str, Stage], readers: dict[str, dict[str, str]], first: str, clone: Clone
) -> None:
    stage = stages[name]
    summary = deploy(stage, readers[name], first)
    assert summary["changes"]["create"] > 100
    assert summary["commit"] == first
    assert manifest(stage.packages) == manifest(clone.folder / "dist")
    assert stage.functions() == manifest(stage.packages)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_state_is_in_the_accounts_own_bucket_and_was_locked(name: str, stages: dict[str, Stage]) -> None:
    s3, place = stages[name].cloud.client("s3"), stages[name].place
    state = json.load(s3.get_object(Bucket=place.bucket, Key=place.key)["Body"])
    assert len(state["resources"]) > 60
    # Versions are kept: of a lock that was there, too.
    lock = s3.list_object_versions(Bucket=place.bucket, Prefix=f"{place.key}.tflock")
    assert lock["Versions"]
    assert lock["DeleteMarkers"][0]["IsLatest"]


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_second_plan_is_empty(name: str, stages: dict[str, Stage]) -> None:
    assert differing(stages[name]) == set()


def test_what_is_deployed_lifts_xml_into_the_warehouse(stages: dict[str, Stage], clone: Clone) -> None:
    file = clone.folder.parent / "prices.xml"
    file.write_text(PRICES)
    stages["dev"].lift("drop", file, "price_lists.prices", "--env", "dev")
    sql = "SELECT count(*) AS prices FROM price_lists.prices"
    assert json.loads(stages["dev"].lift("query", sql, "--env", "dev", "--json").stdout)[0] == {"prices": 1}


def test_a_plan_is_applied_once(stages: dict[str, Stage]) -> None:
    said = stages["dev"].release("deploy", expected=1)
    assert "There is no plan of dev" in said


def test_a_plan_of_other_bytes_is_refused(stages: dict[str, Stage], clone: Clone) -> None:
    dev = stages["dev"]
    dev.release("plan")
    catalogue = clone.folder / "terraform" / "sources" / "ecb.yaml"
    text = catalogue.read_text()
    catalogue.write_text(text + "# changed\n")
    said = dev.release("deploy", expected=1)
    catalogue.write_text(text)
    assert "made of other bytes than are here: terraform/sources/ecb.yaml" in " ".join(said.split())
    package = dev.packages / "plan.zip"
    content = package.read_bytes()
    package.write_bytes(content + b"changed")
    said = dev.release("deploy", expected=1)
    package.write_bytes(content)
    assert "plan.zip is not the file that" in " ".join(said.split())


@pytest.fixture(scope="module")
def second(stages: dict[str, Stage], publisher: dict[str, str], first: str, clone: Clone) -> str:
    """A later commit, with other packages of every function."""
    errors = clone.folder / "functions" / "xmlift" / "errors.py"
    errors.write_text(errors.read_text() + "\nREHEARSED = True\n")
    clone.commit("A change of the library")
    clone.package()
    stages["dev"].lift("publish", **publisher)
    return clone.git("rev-parse", "HEAD")


def test_a_later_commit_is_promoted_step_by_step(
    stages: dict[str, Stage], readers: dict[str, dict[str, str]], second: str
) -> None:
    before = stages["prod"].functions()
    for name in ("dev", "staging"):
        summary = deploy(stages[name], readers[name], second)
        assert summary["changes"]["delete"] == 0
        assert stages[name].functions() == manifest(stages[name].packages)
    assert stages["dev"].functions() == stages["staging"].functions()
    assert stages["prod"].functions() == before
    assert not set(before.values()) & set(stages["dev"].functions().values())


def test_a_rollback_brings_all_functions_back_and_drifts(stages: dict[str, Stage], second: str) -> None:
    dev = stages["dev"]
    said = dev.lift("rollback", "--env", "dev").stderr
    assert dev.functions() == stages["prod"].functions()
    assert "git revert" in said
    moved = differing(dev)
    assert {address for address in moved if "aws_lambda_alias" in address}
    assert all("alias" in address for address in moved)


def test_the_revert_closes_the_drift(
    stages: dict[str, Stage],
    readers: dict[str, dict[str, str]],
    publisher: dict[str, str],
    second: str,
    clone: Clone,
) -> None:
    """Equal sources give equal bytes: what the revert deploys is what the rollback has made live."""
    clone.git(*AUTHOR, "revert", "--no-edit", second)
    clone.package()
    stages["dev"].lift("publish", **publisher)
    deploy(stages["dev"], readers["dev"], clone.git("rev-parse", "HEAD"))
    assert stages["dev"].functions() == stages["prod"].functions()
    assert differing(stages["dev"]) == set()


def test_a_replaced_warehouse_is_restored_from_the_landing_zone(stages: dict[str, Stage]) -> None:
    dev = stages["dev"]
    dev.terraform("init", "-input=false")
    dev.terraform(
        "apply",
        "-auto-approve",
        "-input=false",
        "-replace=module.platform.module.warehouse.aws_redshiftserverless_namespace.main",
    )
    windows = "SELECT count(*) AS windows FROM xmlift.ledger"
    assert json.loads(dev.lift("query", windows, "--env", "dev", "--json").stdout)[0] == {"windows": 0}
    dev.lift("replay", "price_lists", "--env", "dev")
    prices = "SELECT count(*) AS prices FROM price_lists.prices"
    assert json.loads(dev.lift("query", prices, "--env", "dev", "--json").stdout)[0] == {"prices": 1}


def test_dev_is_destroyed_and_applied_again_under_the_same_names(
    stages: dict[str, Stage], readers: dict[str, dict[str, str]], clone: Clone
) -> None:
    dev = stages["dev"]
    dev.terraform("init", "-input=false")
    dev.terraform("destroy", "-auto-approve")
    assert json.loads(dev.terraform("show", "-json")).get("values") is None
    summary = deploy(dev, readers["dev"], clone.git("rev-parse", "HEAD"))
    assert summary["changes"]["create"] > 100
    test_what_is_deployed_lifts_xml_into_the_warehouse(stages, clone)


def test_prod_is_not_destroyed(stages: dict[str, Stage]) -> None:
    prod = stages["prod"]
    prod.terraform("init", "-input=false")
    said = prod.terraform("plan", "-destroy", "-input=false", "-lock=false", expected=1)
    assert "Instance cannot be destroyed" in said
