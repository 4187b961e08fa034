"""A saved plan is applied as it was approved, with the bytes that it was made of, or not at all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.terraform import Progress, TerraformError
from release import commits, drift, packages, plans
from release.errors import ReleaseError
from release.plans import Release


class Terraform:
    """Stands for Terraform: plans what it is told to, and remembers what it was asked for."""

    def __init__(self, *changes: dict[str, Any], failure: str = "") -> None:
        self.asked: list[str] = []
        self._changes, self._failure = list(changes), failure

    def init(self) -> None:
        self.asked.append("init")

    def save_plan(self, file: Path) -> str:
        self.asked.append("plan")
        file.write_text("a plan")
        if self._failure == "unplanned":
            raise TerraformError(self._failure)
        return "Terraform will perform the following actions"

    def show(self, _: Path) -> dict[str, Any]:
        applyable = bool(self._changes)
        return {"terraform_version": "1.11.4", "resource_changes": self._changes, "applyable": applyable}

    def apply_saved(self, plan: Path, _: Callable[[Progress], None]) -> None:
        assert plan.read_text() == "a plan"
        if self._failure:
            raise TerraformError(self._failure)
        self.asked.append("apply")


CHANGE = {
    "address": "aws_sns_topic.a",
    "change": {"actions": ["update"], "before": {"name": "a"}, "after": {"name": "b"}},
}
QUIET: Callable[[Progress], None] = lambda progress: None  # noqa: E731


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Release:
    """An environment whose folders are all its own."""
    (tmp_path / "terraform" / "environments" / "dev").mkdir(parents=True)
    (tmp_path / "terraform" / "environments" / "dev" / "main.tf").write_text("module {}")
    (tmp_path / "terraform" / "sources").mkdir()
    (tmp_path / "terraform" / "sources" / "ewm.yaml").write_text("source: ewm")
    dist = tmp_path / "dist"
    dist.mkdir()
    (dist / "plan.zip").write_text("one")
    described = {"file": "plan.zip", "sha256": packages.sha256(dist / "plan.zip")}
    (dist / "manifest.json").write_text(json.dumps({"functions": {"plan": described}}))
    monkeypatch.setattr(plans, "ENVIRONMENTS", tmp_path / "terraform" / "environments")
    return Release("dev", dist, tmp_path / "plans")


@pytest.fixture
def works_with(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Terraform]:
    def works_with(*changes: dict[str, Any], failure: str = "") -> Terraform:
        terraform = Terraform(*changes, failure=failure)
        monkeypatch.setattr(Release, "terraform", lambda _: terraform)
        return terraform

    return works_with


def test_what_was_planned_is_applied_once(release: Release, works_with: Callable[..., Terraform]) -> None:
    terraform = works_with(CHANGE)
    made = plans.make(release)
    assert made["changes"] == {"create": 0, "update": 1, "replace": 0, "delete": 0, "forget": 0}
    assert set(made["made_of"]) == {
        "packages/manifest.json",
        "packages/plan.zip",
        "terraform/environments/dev/main.tf",
        "terraform/sources/ewm.yaml",
    }
    assert (release.folder / "plan.md").read_text().startswith("### dev: 1 to update")
    assert plans.apply(release, QUIET) == made
    assert terraform.asked == ["init", "plan", "init", "apply"]
    with pytest.raises(ReleaseError, match="There is no plan of dev"):
        plans.apply(release, QUIET)


@pytest.mark.parametrize("name", ["environments/dev/main.tf", "sources/ewm.yaml"])
def test_a_plan_of_other_code_is_refused(
    name: str, release: Release, works_with: Callable[..., Terraform]
) -> None:
    terraform = works_with(CHANGE)
    plans.make(release)
    file = plans.ENVIRONMENTS.parent / name
    file.write_text(file.read_text() + "# changed")
    with pytest.raises(
        ReleaseError, match=rf"made of other bytes than are here: terraform/{name} changed since"
    ):
        plans.apply(release, QUIET)
    assert "apply" not in terraform.asked


def test_a_plan_of_other_packages_is_refused(release: Release, works_with: Callable[..., Terraform]) -> None:
    terraform = works_with(CHANGE)
    plans.make(release)
    (release.packages / "plan.zip").write_text("two")
    with pytest.raises(ReleaseError, match=r"plan\.zip is not the file that .*manifest\.json describes"):
        plans.apply(release, QUIET)
    described = {"file": "plan.zip", "sha256": packages.sha256(release.packages / "plan.zip")}
    (release.packages / "manifest.json").write_text(json.dumps({"functions": {"plan": described}}))
    with pytest.raises(ReleaseError, match=r"packages/manifest\.json, packages/plan\.zip changed since"):
        plans.apply(release, QUIET)
    assert "apply" not in terraform.asked


def test_another_plan_than_the_one_that_was_told_of_is_refused(
    release: Release, works_with: Callable[..., Terraform]
) -> None:
    works_with(CHANGE)
    plans.make(release)
    release.plan_file.write_text("another plan")
    with pytest.raises(ReleaseError, match=r"plan\.tfplan is not the plan that .*plan\.json tells of"):
        plans.apply(release, QUIET)


def test_a_plan_of_an_older_state_is_told_in_our_words(
    release: Release, works_with: Callable[..., Terraform]
) -> None:
    works_with(CHANGE, failure="Saved plan is stale")
    plans.make(release)
    with pytest.raises(
        ReleaseError, match=r"something else was applied: nothing was done\. Remedy: make plan ENV=dev"
    ):
        plans.apply(release, QUIET)


def test_a_lock_is_told_with_the_way_to_lift_it(
    release: Release, works_with: Callable[..., Terraform]
) -> None:
    works_with(CHANGE, failure="Error acquiring the state lock\nID: 12345678-abcd")
    plans.make(release)
    with pytest.raises(ReleaseError, match=r"12345678-abcd\n.*terraform/environments/dev force-unlock ID"):
        plans.apply(release, QUIET)


def test_a_plan_that_fails_leaves_none_to_apply(
    release: Release, works_with: Callable[..., Terraform]
) -> None:
    works_with(CHANGE)
    plans.make(release)
    (release.packages / "plan.zip").unlink()
    with pytest.raises(ReleaseError):
        plans.make(release)
    assert not release.plan_file.exists()
    assert not release.summary_file.exists()


def test_drift_is_kept_for_programs_and_leaves_a_plan_alone(
    release: Release, works_with: Callable[..., Terraform]
) -> None:
    works_with(CHANGE)
    plans.make(release)
    found = drift.find(release)
    assert found["drift"]
    assert json.loads((release.folder / "drift.json").read_text()) == found
    assert release.plan_file.exists()
    works_with()
    assert not drift.find(release)["drift"]


def test_where_drift_cannot_be_found_out_nothing_is_kept(
    release: Release, works_with: Callable[..., Terraform]
) -> None:
    works_with(CHANGE)
    drift.find(release)
    (release.packages / "plan.zip").unlink()
    with pytest.raises(ReleaseError):
        drift.find(release)
    assert not (release.folder / "drift.json").exists()
    assert not (release.folder / "drift.md").exists()


def test_a_plan_that_failed_is_not_kept_as_drift(
    release: Release, works_with: Callable[..., Terraform]
) -> None:
    """Terraform writes the file all the same, and what lies there would be uploaded as what was found."""
    works_with(failure="unplanned")
    with pytest.raises(TerraformError):
        drift.find(release)
    assert list(release.folder.glob("drift.*")) == []


@pytest.mark.parametrize(
    ("clean", "sources", "commit"), [(True, "s", "c1"), (False, "s", ""), (True, "other", "")]
)
def test_a_plan_is_of_a_commit_if_all_of_it_is(
    clean: bool,
    sources: str,
    commit: str,
    release: Release,
    works_with: Callable[..., Terraform],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    works_with(CHANGE)
    monkeypatch.setattr(commits, "current", lambda: "c1")
    monkeypatch.setattr(commits, "is_clean", lambda: clean)
    monkeypatch.setattr(packages, "sources_of", lambda _: sources)
    monkeypatch.setattr(packages, "sources_here", lambda: "s")
    assert plans.make(release)["commit"] == commit


def test_terraform_gets_the_callers_credentials_and_none_of_their_terraform_settings(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "theirs")
    monkeypatch.setenv("TF_CLI_ARGS_apply", "-target=nothing")
    terraform = release.terraform()
    assert terraform.environment["AWS_PROFILE"] == "theirs"
    assert "TF_CLI_ARGS_apply" not in terraform.environment
    assert terraform.variables == {"package_folder": "../../../dist"}
    assert terraform.remote
