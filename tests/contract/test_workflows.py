"""The workflows are make targets, in an order: a laptop can do the same, and no job may do more than it needs."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from release.artifacts import Place
from release.github import PROMOTION, identity

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github" / "actions").glob("*/action.yml"))
FILES = [*WORKFLOWS, *ACTIONS]

# Whose code runs beside ours: another one is for a reviewer to decide.
TRUSTED = {"actions", "aws-actions", "hashicorp"}
_PINNED = re.compile(r"uses: (?P<owner>[\w-]+)/[\w./-]+@(?P<commit>[0-9a-f]{40}) # v\d+\.\d+\.\d+$")
_OUTPUT = re.compile(r' >> "\$GITHUB_(OUTPUT|STEP_SUMMARY)"$')


def read(path: Path) -> dict[str, Any]:
    """A workflow; YAML takes its key `on` for true."""
    return dict(yaml.safe_load(path.read_text().replace("\non:", "\n'on':")))


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    return dict(read(path)["jobs"])


def steps(path: Path) -> Iterator[dict[str, Any]]:
    """Every step of a workflow or of an action of ours."""
    document = read(path)
    for job in document.get("jobs", {"": document.get("runs", {})}).values():
        yield from job.get("steps", [])


def steps_that_are_no_make_target(path: Path, targets: set[str]) -> list[str]:
    """Commands of a workflow that are not one make target with its variables."""
    return [step["run"] for step in steps(path) if "run" in step and not is_make_target(step["run"], targets)]


def is_make_target(command: str, targets: set[str]) -> bool:
    """Whether a command is `make TARGET NAME="$VALUE"…`, of which GitHub may keep the output."""
    words = shlex.split(_OUTPUT.sub("", command.strip()))
    goals = [word for word in words[1:] if "=" not in word and word != "--silent"]
    given = [word for word in words[1:] if "=" in word]
    pasted = [word for word in given if not re.fullmatch(r"[A-Z_]+=(\$[A-Z_]+|[\w.-]+)", word)]
    return words[0] == "make" and len(goals) == 1 and set(goals) <= targets and not pasted


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def roles_taken(job: dict[str, Any]) -> list[str]:
    """The roles of terraform/bootstrap that a job takes on."""
    return [
        step["with"]["step"]
        for step in job.get("steps", [])
        if step.get("uses", "").endswith("actions/credentials")
    ]


def test_there_are_workflows() -> None:
    assert [path.stem for path in WORKFLOWS] == ["deploy", "drift", "plan", "promote", "test"]
    assert [path.parent.name for path in ACTIONS] == ["credentials", "setup"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT / ".github").as_posix())
def test_every_command_is_a_make_target(path: Path) -> None:
    assert steps_that_are_no_make_target(path, make_targets()) == []


@pytest.mark.parametrize(
    "command",
    [
        "make unknown",
        "make test && make package",
        "terraform apply",
        "make plan ENV=${{ inputs.environment }}",
        'make plan ENV="$ENVIRONMENT" | tee plan.txt',
        "make test\nmake package",
    ],
)
def test_what_is_no_make_target_is_noticed(command: str) -> None:
    assert not is_make_target(command, make_targets())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT / ".github").as_posix())
def test_actions_of_others_are_pinned_to_a_commit(path: Path) -> None:
    for line in path.read_text().splitlines():
        if "uses: " in line and "uses: ./" not in line:
            pinned = _PINNED.search(line)
            assert pinned, line
            assert pinned["owner"] in TRUSTED, line


def test_one_action_has_one_version() -> None:
    found = {
        tuple(line.strip().removeprefix("- ").split("@"))
        for path in FILES
        for line in path.read_text().splitlines()
        if "uses: " in line and "uses: ./" not in line
    }
    assert len({name for name, _ in found}) == len(found)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_nothing_is_permitted_but_what_a_job_says(path: Path) -> None:
    assert read(path)["permissions"] == {}
    for name, job in jobs(path).items():
        permissions = dict(job["permissions"])
        # Identities are for roles, taken on here or in the workflow that is called.
        takes_roles = bool(roles_taken(job)) or "promote.yml" in job.get("uses", "")
        assert permissions.pop("contents") == "read", name
        assert (permissions.pop("id-token", "none") == "write") == takes_roles, name
        # Who may write to GitHub has no identity for AWS. Who calls a workflow lends what its jobs say.
        writes = {scope for scope, level in permissions.items() if level == "write"}
        assert "uses" in job or not (writes and takes_roles), name
        assert writes <= {"deployments", "issues", "pull-requests"}, name


def test_no_workflow_knows_a_secret() -> None:
    for path in FILES:
        assert "secrets." not in path.read_text(), path
        assert "inherit" not in path.read_text(), path


def test_each_role_is_taken_on_where_its_trust_allows_it() -> None:
    """As terraform/bootstrap/identities.tf has it: apply in the GitHub environment, plan and publish outside."""
    taken = {
        (path.stem, name): role
        for path in WORKFLOWS
        for name, job in jobs(path).items()
        for role in roles_taken(job)
    }
    assert taken == {
        ("plan", "plan"): "plan",
        ("promote", "plan"): "plan",
        ("promote", "apply"): "apply",
        ("deploy", "publish"): "publish",
        ("drift", "drift"): "plan",
    }
    # A job in an environment says so instead of its branch.
    for path in WORKFLOWS:
        for name, job in jobs(path).items():
            assert ("environment" in job) == ("apply" in roles_taken(job)), f"{path.name}: {name}"
    assert jobs(ROOT / ".github/workflows/promote.yml")["apply"]["environment"] == "${{ inputs.environment }}"


def test_packages_are_published_with_a_role_of_the_account_that_keeps_them() -> None:
    publish = jobs(ROOT / ".github/workflows/deploy.yml")["publish"]["steps"]
    (given,) = (step["with"] for step in publish if step.get("uses", "").endswith("actions/credentials"))
    assert f":{Place.described().account_id}:" in identity(given["environment"], given["step"])["role"]


def test_a_merge_goes_from_one_environment_to_the_next() -> None:
    chain = jobs(ROOT / ".github/workflows/deploy.yml")
    assert list(chain) == ["test", "publish", *PROMOTION]
    for before, name in zip(["publish", *PROMOTION[:-1]], PROMOTION, strict=True):
        assert chain[name]["needs"] == before
        assert chain[name]["with"] == {"environment": name}
        assert chain[name]["concurrency"] == {"group": f"deploy-{name}", "cancel-in-progress": False}
    assert chain["publish"]["needs"] == "test"
    # In one group GitHub keeps only one that waits: the packages of the others would never be.
    assert chain["publish"]["concurrency"]["group"] == "publish-${{ github.sha }}"


def test_an_older_merge_takes_no_newer_one_back() -> None:
    """Nothing is planned, nor by then anybody's identity taken on, before that is known of the whole history."""
    steps = jobs(ROOT / ".github/workflows/promote.yml")["plan"]["steps"]
    assert steps[0]["with"]["fetch-depth"] == 0
    commands = [step["run"].replace("--silent ", "").split()[1] for step in steps if "run" in step]
    assert commands == ["newer", "fetch", "plan", "planned", "summary"]


def test_a_merge_that_changes_nothing_is_recorded_and_one_that_does_is_applied() -> None:
    promote = jobs(ROOT / ".github/workflows/promote.yml")
    conditions = {name: job["if"] for name, job in promote.items() if "if" in job}
    assert conditions == {
        "apply": "needs.plan.outputs.changes == 'true'",
        "unchanged": "needs.plan.outputs.changes == 'false'",
    }


def test_of_drift_nothing_is_kept_but_what_was_found() -> None:
    """A plan that failed is a file, too: with it, a night without an answer would look like one."""
    steps = jobs(ROOT / ".github/workflows/drift.yml")["drift"]["steps"]
    (kept,) = (step["with"] for step in steps if "upload-artifact" in step.get("uses", ""))
    folder = ".release/${{ matrix.environment }}"
    assert kept["path"].split("\n") == [f"{folder}/drift.json", f"{folder}/drift.md", ""]
    assert kept["if-no-files-found"] == "error"


@pytest.mark.parametrize(("workflow", "job"), [("plan", "plan"), ("drift", "drift"), ("drift", "tell")])
def test_every_environment_is_planned_and_watched(workflow: str, job: str) -> None:
    matrix = jobs(ROOT / f".github/workflows/{workflow}.yml")[job]["strategy"]
    assert matrix == {"fail-fast": False, "matrix": {"environment": list(PROMOTION)}}


def test_what_is_applied_is_what_was_approved() -> None:
    """The plan of the job before, and none of its own."""
    promote = jobs(ROOT / ".github/workflows/promote.yml")
    kept = next(s["with"] for s in promote["plan"]["steps"] if "upload-artifact" in s.get("uses", ""))
    got = next(s["with"] for s in promote["apply"]["steps"] if "download-artifact" in s.get("uses", ""))
    assert kept["name"] == got["name"] == "plan-${{ inputs.environment }}"
    assert kept["path"] == f"{got['path']}/plan.*"
    commands = [step["run"].split()[1] for step in promote["apply"]["steps"] if "run" in step]
    assert commands == ["fetch", "deploy"]


def test_what_is_run_against_aws_is_rehearsed() -> None:
    """`make rehearse` gives the same verbs, with the same roles, to a local cloud for each account."""
    stage = ROOT / "tests" / "rehearsal"
    rehearsed = (stage / "gitops.py").read_text() + (stage / "stage.py").read_text()
    commands = {
        step["run"].replace("--silent ", "").split()[1]
        for path in WORKFLOWS
        for job in jobs(path).values()
        for step in job.get("steps", [])
        if roles_taken(job) and "run" in step
    }
    asking_aws = commands - {"package", "deployed", "newer", "planned", "summary"}
    assert asking_aws == {"publish", "fetch", "plan", "deploy", "drift"}
    assert {verb for verb in asking_aws if f'("{verb}"' not in rehearsed} == set()


def test_what_pull_requests_run_cannot_be_asked_for_from_outside() -> None:
    triggers = {path.stem: read(path)["on"] for path in WORKFLOWS}
    assert not any("pull_request_target" in on or "workflow_run" in on for on in triggers.values())
    first = jobs(ROOT / ".github/workflows/plan.yml")["package"]
    assert first["if"] == "github.event.pull_request.head.repo.full_name == github.repository"


def test_owners_are_asked_about_files_that_exist() -> None:
    lines = [line.split() for line in (ROOT / ".github/CODEOWNERS").read_text().splitlines()]
    owned = [line for line in lines if line and not line[0].startswith("#")]
    assert owned[0][0] == "*"
    for pattern, *owners in owned:
        assert owners, pattern
        assert list(ROOT.glob(pattern.strip("/"))), pattern
