"""What checkov has against the Terraform code, and against whole plans of the environments.

    python -m tests.contract.checkov_scans    # the code and every environment

A check that does not hold for us is skipped in the code, where it would strike, with its reason:
`checkov:skip=ID: reason`.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .aws.deployment import Deployment, Resource
from .terraform_roots import PACKAGES, TERRAFORM, Roots

CHECKOV = TERRAFORM.parent / ".venvs" / "checkov" / "bin" / "checkov"
ENVIRONMENTS = ("dev", "staging", "prod", "local")

# What follows references between resources finds none in a plan whose answers are made up; it reads the code.
REFERENCES = ("CKV2_*", "CKV_AWS_21")
SKIP = re.compile(r"checkov:skip=(?P<check>\w+)(?P<reason>.*)")


def of_code(folder: Path) -> list[str]:
    """Findings in Terraform code without its tests, as `check resource`; a file that cannot be read is one, too."""
    return list(_findings("terraform", "--directory", str(folder), "--skip-path", "/tests/"))


def of_plan(plan: Deployment) -> list[str]:
    """Findings in a plan, as `check resource`; what is skipped is read from the code."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "plan.json")
        path.write_text(json.dumps(_as_shown(plan)))
        options = ("--file", str(path), "--repo-root-for-plan-enrichment", str(TERRAFORM))
        return list(_findings("terraform_plan", *options, "--skip-check", ",".join(REFERENCES)))


def unexplained_skips(folder: Path) -> Iterator[str]:
    """Skips without a reason that a reader could judge: three words at least."""
    for path in sorted(folder.rglob("*.tf")):
        for skip in SKIP.finditer(path.read_text()):
            if len(skip["reason"].removeprefix(":").split()) < 3:
                yield f"{path.relative_to(folder)}: {skip['check']}"


def _findings(framework: str, *options: str) -> Iterator[str]:
    if not CHECKOV.exists():
        raise FileNotFoundError(f"{CHECKOV} was not found: `make checkov` installs it, and `make lint` does")
    # It would ask its makers for guidelines to each finding; here nothing leaves the machine.
    command = [str(CHECKOV), "--framework", framework, "--skip-download", "--compact", "--output", "json"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False, timeout=300)
    report = json.loads(done.stdout)
    assert report["summary"]["passed"] > 0, "checkov has read nothing"
    for finding in report["results"]["failed_checks"]:
        yield f"{finding['check_id']} {finding['resource']}"
    for file in report["results"]["parsing_errors"]:
        yield f"unreadable {Path(file).name}"


def _as_shown(plan: Deployment) -> dict[str, Any]:
    """A plan as `terraform show -json` has it, with all that AWS would answer filled in."""
    modules: dict[str, list[dict[str, Any]]] = {}
    for resource in plan.resources.values():
        module, shown = _shown(resource)
        modules.setdefault(module, []).append(shown)
    return {
        "format_version": "1.2",
        "terraform_version": "1.11.0",
        "planned_values": {
            "root_module": {
                "resources": modules.pop("", []),
                "child_modules": [
                    {"address": address, "resources": resources} for address, resources in modules.items()
                ],
            }
        },
        "resource_changes": [
            {
                "address": each.address,
                "type": each.type,
                "change": {"actions": ["create"], "before": None, "after": each.values, "after_unknown": {}},
            }
            for each in plan.resources.values()
        ],
        "configuration": {"root_module": {}},
    }


def _shown(resource: Resource) -> tuple[str, dict[str, Any]]:
    """The address of a resource's module, empty for the root, and the resource."""
    module, _, own = resource.address.rpartition(f"{resource.type}.")
    name, _, index = own.partition("[")
    shown = {
        "address": resource.address,
        "mode": "managed",
        "type": resource.type,
        "name": name,
        "values": resource.values,
    }
    return module.removesuffix("."), shown | ({"index": json.loads(index[:-1])} if index else {})


def main() -> int:
    """Print all findings; the exit status says whether there are any."""
    with tempfile.TemporaryDirectory() as folder:
        roots = Roots.copied_to(Path(folder, "terraform"))
        plans = {
            name: Deployment.of_plan(roots.plans(f"environments/{name}", PACKAGES)["plan"])
            for name in ENVIRONMENTS
        }
    found = {"code": of_code(TERRAFORM), **{name: of_plan(plan) for name, plan in plans.items()}}
    for name, findings in found.items():
        sys.stdout.write(f"{name}: {len(findings)} findings\n" + "".join(f"  {each}\n" for each in findings))
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
