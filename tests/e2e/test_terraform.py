"""A second plan after apply changes nothing, except what only the emulator gets wrong."""

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local import deployment
from local.deployment import Deployment
from local.servers import ROOT

pytestmark = pytest.mark.cloud

EXCUSED = Path(__file__).with_name("emulator_differences.toml")


def differences(plan: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Each resource (type and name) and attribute that a plan would change."""
    for resource in plan["resource_changes"]:
        change = resource["change"]
        name = f"{resource['type']}.{resource['name']}"
        if change["actions"] in (["no-op"], ["read"]):
            continue
        if change["actions"] != ["update"]:
            yield name, " and ".join(change["actions"])
            continue
        before, after = change["before"], change["after"]
        for attribute in after.keys() | change["after_unknown"].keys():
            if (
                before.get(attribute) != after.get(attribute)
                or change["after_unknown"].get(attribute) is True
            ):
                yield name, attribute


def test_a_second_plan_changes_nothing(deployed: Deployment) -> None:
    found = set(differences(deployment.terraform(deployed.cloud).plan()))
    excused = {
        (entry["resource"], attribute)
        for entry in tomllib.loads(EXCUSED.read_text())["difference"]
        for attribute in entry["attributes"]
    }
    assert found - excused == set(), "not excused"
    assert excused - found == set(), "excused without need: take it off the list"


def test_applying_leaves_the_repository_as_it_was(deployed: Deployment) -> None:
    """State, provider links and logs are in the instance folder; the lock file is not rewritten."""
    environment = ROOT / "terraform" / "environments" / "local"
    assert (deployed.cloud.instance.terraform / "terraform.tfstate").exists()
    left = [path.name for path in environment.iterdir() if path.suffix in {".tfstate", ".tfplan"}]
    assert left == []
    assert "h1:" in (environment / ".terraform.lock.hcl").read_text()


def test_functions_that_were_changed_still_reach_the_warehouse(
    deployed: Deployment, run: Callable[..., dict[str, Any]]
) -> None:
    """What an apply does with changed functions: a new version of each, and the alias moved to it."""
    functions = deployed.cloud.client("lambda")
    for step in ("plan", "load", "report"):
        name = deployed.outputs["functions"][step]["name"]
        functions.update_function_configuration(FunctionName=name, Description="changed")
        version = functions.publish_version(FunctionName=name)["Version"]
        assert version != "1"
        functions.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
    report = run("ewm")
    assert report["status"] == "succeeded", report["message"]
