"""Whether an environment is as the code says: changed by hand, rolled back, or a merge not yet deployed."""

import json
from typing import Any

from release.plans import Release, described
from release.summary import as_markdown, changes, drifted


def find(release: Release) -> dict[str, Any]:
    """What an apply would change, with `drift` true if that is anything; kept as drift.json and drift.md.

    A plan that waits to be applied is left as it is.

    Raises: TerraformError; ReleaseError if the packages are not whole.
    """
    kept, page, file = (release.folder / f"drift.{suffix}" for suffix in ("json", "md", "tfplan"))
    for path in (kept, page):
        path.unlink(missing_ok=True)
    release.made_of()
    terraform = release.terraform()
    terraform.init()
    try:
        words = terraform.save_plan(file)
        plan = terraform.show(file)
    finally:
        # Terraform saves a plan that failed, too.
        file.unlink(missing_ok=True)
    differs = described(plan)
    found = {
        "environment": release.name,
        "drift": differs["applyable"],
        **differs,
    }
    page.write_text(as_markdown(f"{release.name} drifts", changes(plan), drifted(plan), words))
    kept.write_text(json.dumps(found, indent=2) + "\n")
    return found
