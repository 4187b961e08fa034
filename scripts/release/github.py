"""What the workflows tell GitHub, by its own command line, gh: a laptop that is signed in to it can do the same."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operate.aws import place_of
from operate.places import ENVIRONMENTS
from release.errors import ReleaseError

# In this order a merge goes through the environments.
PROMOTION = ("dev", "staging", "prod")

# Not seen by readers: by these the one comment, and the issue of an environment, are found again.
_COMMENT_MARK = "<!-- xmlift: plans -->"
_DRIFT_LABEL = "drift"
# GitHub refuses a body of more than 65,536 characters.
_MOST_CHARACTERS = 65_000


def identity(environment: str, step: str) -> dict[str, str]:
    """The role that a job takes on for an environment, as terraform/bootstrap names it, and its region.

    step: plan, apply or publish. Raises: OperatorError if there is no such environment on AWS.
    """
    place = place_of(ENVIRONMENTS / environment)
    partition = {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(place.region.rsplit("-", 2)[0], "aws")
    role = f"arn:{partition}:iam::{place.accounts[0]}:role/xmlift-deploy-{environment}-{step}"
    return {"role": role, "region": place.region}


def whole_comment(plans: Path, commit: str) -> str:
    """The comment on a pull request: each environment's plan.md below `plans`, in the order of promotion."""
    sections = [f"{_COMMENT_MARK}\n## What this changes\n\nAs of {commit}, beside what is deployed now."]
    for environment in PROMOTION:
        page = plans / environment / "plan.md"
        missing = f"### {environment}: there is no plan\n\nThe log of its job says why."
        sections.append(page.read_text().strip() if page.is_file() else missing)
    return "\n\n".join(sections)[:_MOST_CHARACTERS] + "\n"


@dataclass(frozen=True)
class GitHub:
    """The repository that this folder is a clone of."""

    command: str = "gh"

    def comment(self, pull_request: int, body: str) -> None:
        """Put a comment on a pull request, in the place of an earlier one of ours."""
        thread = f"repos/{{owner}}/{{repo}}/issues/{pull_request}/comments"
        # Anybody may write our mark: of a comment that is not ours the words could not be replaced, or should not.
        ours = f'.[] | select((.body | startswith("{_COMMENT_MARK}")) and .user.login == "{self._login()}") | .id'
        earlier = self._run("api", "--paginate", thread, "--jq", ours).split()
        where = f"repos/{{owner}}/{{repo}}/issues/comments/{earlier[0]}" if earlier else thread
        self._run("api", "--method", "PATCH" if earlier else "POST", where, "-F", "body=@-", given=body)

    def deployed(self, environment: str) -> str:
        """The commit that was last deployed to an environment, by GitHub's own record; empty if none was."""
        records = f"repos/{{owner}}/{{repo}}/deployments?environment={environment}&per_page=100"
        for record in self._run("api", records, "--jq", ".[] | [.id, .sha] | @tsv").splitlines():
            number, commit = record.split("\t")
            states = f"repos/{{owner}}/{{repo}}/deployments/{number}/statuses"
            if "success" in self._run("api", states, "--jq", ".[].state").split():
                return commit
        return ""

    def record(self, environment: str, commit: str) -> None:
        """Record a commit as deployed to an environment that was as it says already.

        Without that an older one would stay the last deployed, and be what is compared every night.
        """
        wanted = {
            "ref": commit,
            "environment": environment,
            "description": "Nothing had to be applied",
            # GitHub would merge the newest of main into it, and wait for every check of the commit.
            "auto_merge": False,
            "required_contexts": [],
        }
        records = "repos/{owner}/{repo}/deployments"
        made = self._run(
            "api", "--method", "POST", records, "--input", "-", "--jq", ".id", given=json.dumps(wanted)
        )
        statuses = f"repos/{{owner}}/{{repo}}/deployments/{made.strip()}/statuses"
        self._run("api", "--method", "POST", statuses, "-f", "state=success")

    def tell_drift(self, environment: str, found: dict[str, Any], page: str) -> None:
        """Have one open issue while an environment is not as the code says, and none while it is."""
        title = f"{environment} is not as the code says"
        number = self._open_issue(title)
        if found["drift"]:
            self._run(
                *("label", "create", _DRIFT_LABEL, "--force", "--color", "D93F0B"),
                *("--description", "An environment differs from what was deployed to it"),
            )
            body = f"{page[:_MOST_CHARACTERS]}\n"
            verb = ("edit", number) if number else ("create", "--title", title, "--label", _DRIFT_LABEL)
            self._run("issue", *verb, "--body-file", "-", given=body)
        elif number:
            self._run("issue", "close", number, "--comment", f"{environment} is as the code says again.")

    def _login(self) -> str:
        """Whose comments are ours. A job's token stands for no user, and so may not ask."""
        if os.environ.get("GITHUB_ACTIONS") == "true":
            return "github-actions[bot]"
        return self._run("api", "user", "--jq", ".login").strip()

    def _open_issue(self, title: str) -> str:
        listed = self._run(
            *(
                "issue",
                "list",
                "--state",
                "open",
                "--label",
                _DRIFT_LABEL,
                "--limit",
                "100",
                "--json",
                "number,title",
            )
        )
        return next((str(each["number"]) for each in json.loads(listed) if each["title"] == title), "")

    def _run(self, *arguments: str, given: str | None = None) -> str:
        """What gh answers. Raises: ReleaseError in gh's own words, or if it is not there."""
        try:
            done = subprocess.run(
                [self.command, *arguments], input=given, capture_output=True, text=True, check=False
            )
        except FileNotFoundError as error:
            raise ReleaseError(
                "gh, GitHub's command line, was not found on PATH. Remedy: install it, then gh auth login"
            ) from error
        if done.returncode:
            said = done.stderr.strip() or f"exit status {done.returncode}"
            raise ReleaseError(f"GitHub refused `gh {' '.join(arguments[:3])}`: {said}")
        return done.stdout
