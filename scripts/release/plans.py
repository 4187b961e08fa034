"""A saved plan: what was approved is what is applied, with the very bytes that it was made of."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.terraform import Progress, Terraform, TerraformError
from operate.places import ENVIRONMENTS
from release import commits, packages
from release.errors import ReleaseError
from release.folders import PACKAGES, PLANS
from release.summary import as_markdown, changes, changes_outputs, counts, drifted

# What Terraform reads once more while it applies, or would plan differently.
_READ = {".tf", ".json", ".yaml", ".hcl"}


@dataclass(frozen=True)
class Release:
    """An environment on AWS, and what is to be deployed to it.

    name: of the environment, which is its folder's. packages: folder of the zips. plans: folder in which plans are
    kept, each environment's in one of its own.
    """

    name: str
    packages: Path = PACKAGES
    plans: Path = PLANS

    @property
    def folder(self) -> Path:
        """Where its plan is kept."""
        folder = self.plans / self.name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def plan_file(self) -> Path:
        return self.folder / "plan.tfplan"

    @property
    def summary_file(self) -> Path:
        return self.folder / "plan.json"

    def terraform(self) -> Terraform:
        """Terraform with the caller's own credentials, and none of the caller's Terraform settings."""
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("TF_") or name == "TF_CLI_CONFIG_FILE"
        }
        package_folder = os.path.relpath(self.packages.resolve(), ENVIRONMENTS / self.name)
        return Terraform(
            name=self.name,
            data=self.folder / "terraform",
            log=self.folder / "terraform.log",
            environment=environment,
            # Relative, so that a plan can be applied in another folder than the one it was made in.
            variables={"package_folder": package_folder},
            remote=True,
        )

    def made_of(self) -> dict[str, str]:
        """All files that decide what is deployed, by name, with their SHA-256.

        Raises: ReleaseError if a package is not what manifest.json says.
        """
        found = {f"packages/{name}": digest for name, digest in packages.check(self.packages).items()}
        terraform = ENVIRONMENTS.parent
        for path in sorted(terraform.rglob("*")):
            name = path.relative_to(terraform)
            if path.suffix in _READ and not {".terraform", "tests"} & set(name.parts):
                found[f"terraform/{name}"] = packages.sha256(path)
        return found


def make(release: Release) -> dict[str, Any]:
    """Plan an environment, and keep the plan and its summary; answers the summary.

    Raises: TerraformError; ReleaseError if the packages are not whole.
    """
    for file in (release.plan_file, release.summary_file, release.folder / "plan.md"):
        file.unlink(missing_ok=True)
    made_of = release.made_of()
    terraform = release.terraform()
    terraform.init()
    words = terraform.save_plan(release.plan_file)
    plan = terraform.show(release.plan_file)
    summary = {
        "environment": release.name,
        "commit": commit_of(release),
        "terraform": plan["terraform_version"],
        "plan": packages.sha256(release.plan_file),
        **described(plan),
        "made_of": made_of,
    }
    (release.folder / "plan.md").write_text(as_markdown(release.name, changes(plan), drifted(plan), words))
    # Last of all: a plan with a summary is a whole one.
    release.summary_file.write_text(json.dumps(summary, indent=2) + "\n")
    return summary


def commit_of(release: Release) -> str:
    """The commit that all of it is of: code and packages. Empty where they are not of one."""
    is_one = commits.is_clean() and packages.sources_of(release.packages) == packages.sources_here()
    return commits.current() if is_one else ""


def described(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What a plan changes, for programs."""
    document = dict(plan)
    return {
        # Also where no resource changes: outputs, what moves in the state, what it is to forget.
        "applyable": document["applyable"],
        "changes": counts(changes(document)),
        "resources": [change.as_json() for change in changes(document)],
        "outputs": changes_outputs(document),
        "outside": [change.as_json() for change in drifted(document)],
    }


def apply(release: Release, on_progress: Callable[[Progress], None]) -> dict[str, Any]:
    """Apply the plan that was saved; answers its summary. A plan is applied once.

    Raises: ReleaseError if there is none, or if it was made of other bytes than are here; TerraformError.
    """
    summary = _saved(release)
    terraform = release.terraform()
    terraform.init()
    try:
        terraform.apply_saved(release.plan_file, on_progress)
    except TerraformError as error:
        if "state lock" in str(error):
            raise ReleaseError(
                f"{error}\n{release.name} is being applied by somebody else: nothing was done. Remedy: wait for "
                "its end; if it was broken off, with the ID above: terraform "
                f"-chdir=terraform/environments/{release.name} force-unlock ID"
            ) from error
        if "stale" in str(error):
            raise ReleaseError(
                f"Since the plan of {release.name} was made, something else was applied: nothing was done. "
                f"Remedy: make plan ENV={release.name}, and have the new plan approved"
            ) from error
        raise
    release.plan_file.unlink()
    return summary


def _saved(release: Release) -> dict[str, Any]:
    remedy = f"Remedy: make plan ENV={release.name}, and have that plan approved"
    if not release.summary_file.is_file() or not release.plan_file.is_file():
        raise ReleaseError(f"There is no plan of {release.name} in {release.folder}. {remedy}")
    summary: dict[str, Any] = json.loads(release.summary_file.read_text())
    if summary["plan"] != packages.sha256(release.plan_file):
        raise ReleaseError(
            f"{release.plan_file} is not the plan that {release.summary_file} tells of. {remedy}"
        )
    then, now = summary["made_of"], release.made_of()
    if other := sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name)):
        more = f" and {len(other) - 3} more" if len(other) > 3 else ""
        raise ReleaseError(
            f"The plan of {release.name} was made of other bytes than are here: {', '.join(other[:3])}{more} "
            f"changed since; nothing was done. {remedy}"
            + (f"; or bring back commit {commit} and its packages" if (commit := summary["commit"]) else "")
        )
    return summary
