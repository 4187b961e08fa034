"""What each environment is made of, as a page that a reviewer reads: inventory.md in its folder.

    python -m tests.contract.inventories    # plans every environment without AWS, and writes the pages

A change of a module that adds, drops or renames a resource shows there, for each environment that it reaches.
"""

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .aws.deployment import Deployment
from .terraform_roots import PACKAGES, TERRAFORM, Roots

ENVIRONMENTS = ("local", "dev", "staging", "prod")


def idle_cost(estimate: Mapping[str, Any]) -> str:
    """What a month costs in which nothing happens, as a table; the estimate is Terraform's own output."""
    dollars = estimate["usd_a_month"]
    items = [item for item in sorted(dollars) if item != "total"]
    rows = "".join(f"| {item.replace('_', ' ')} | {dollars[item]:.2f} |\n" for item in [*items, "total"])
    wake_ups = ", ".join(f"{source} {times}" for source, times in sorted(estimate["wake_ups"].items()))
    head = f"| Idle, a month, by list prices ({estimate['prices']}) | USD |\n|---|---:|\n"
    return f"{head}{rows}\nWake-ups of the warehouse: {wake_ups or 'none'}."


def inventory(environment: str, deployment: Deployment) -> str:
    """The page of an environment."""
    kinds = Counter(each.type for each in deployment.resources.values())
    counted = "\n".join(f"| `{kind}` | {count} |" for kind, count in sorted(kinds.items()))
    addresses = "\n".join(sorted(deployment.resources))
    cost = idle_cost(deployment.outputs["idle_cost"])
    return (
        f"# What {environment} is made of\n\n"
        f"{kinds.total()} resources, as planned without AWS. Written by `make generated`.\n\n"
        f"| Type | Number |\n|---|---:|\n{counted}\n\n{cost}\n\n```text\n{addresses}\n```\n"
    )


def page(environment: str) -> Path:
    """Where the page of an environment is kept."""
    return TERRAFORM / "environments" / environment / "inventory.md"


def main() -> None:
    """Write every page."""
    with TemporaryDirectory(prefix="xmlift-inventories-") as folder:
        roots = Roots.copied_to(Path(folder) / "terraform")
        for environment in ENVIRONMENTS:
            plan = roots.plans(f"environments/{environment}", PACKAGES)["plan"]
            page(environment).write_text(inventory(environment, Deployment.of_plan(plan)))
            sys.stderr.write(f"{page(environment).relative_to(TERRAFORM.parent)}: written\n")


if __name__ == "__main__":
    main()
