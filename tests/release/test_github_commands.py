"""What the jobs of the workflows call, with what `make plan` and `make drift` leave behind."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from commands import github
from operate.aws import place_of
from operate.places import ENVIRONMENTS
from release import commits
from release.errors import ReleaseError

from .repository import Repository


@pytest.fixture
def plans(tmp_path: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of plans, beside a `gh` that is found on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (tmp_path / "plans" / "prod").mkdir(parents=True)
    return tmp_path / "plans"


def call(*words: object) -> Result:
    return CliRunner().invoke(github.app, [str(word) for word in words])


def test_a_job_gets_its_role_as_outputs() -> None:
    prod = place_of(ENVIRONMENTS / "prod")
    assert call("identity", "--env", "prod", "--step", "apply").stdout.splitlines() == [
        f"role=arn:aws:iam::{prod.accounts[0]}:role/xmlift-deploy-prod-apply",
        f"region={prod.region}",
    ]


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ({"applyable": False}, "changes=false\n"),
        ({"applyable": True}, "changes=true\n"),
    ],
)
def test_an_empty_plan_needs_no_approval(plans: Path, plan: object, said: str) -> None:
    (plans / "prod" / "plan.json").write_text(json.dumps(plan))
    assert call("planned", "--env", "prod", "--plans", plans).stdout == said


def test_those_who_approve_read_the_plan_as_it_is(plans: Path) -> None:
    page = '### prod: 1 to create\n\n| create | `a["b"]` |\n[bold] ' + "x" * 200 + "\n"
    (plans / "prod" / "plan.md").write_text(page)
    assert call("summary", "--env", "prod", "--plans", plans).stdout == page + "\n"


def test_the_comment_is_renewed(plans: Path, repository: Repository) -> None:
    for words in ("1 to create", "2 to create"):
        (plans / "prod" / "plan.md").write_text(f"### prod: {words}\n")
        done = call("comment", "--pull-request", 7, "--commit", "0123abcd", "--plans", plans)
        assert done.exit_code == 0
    (comment,) = repository["comments"].values()
    assert "### prod: 2 to create" in comment


def test_drift_is_told_and_taken_back(plans: Path, repository: Repository) -> None:
    (plans / "prod" / "drift.md").write_text("### prod drifts\n")
    for drifts in (True, False):
        (plans / "prod" / "drift.json").write_text(json.dumps({"drift": drifts}))
        assert call("drift-issue", "--env", "prod", "--plans", plans).exit_code == 0
        assert [issue["open"] for issue in repository["issues"]] == [drifts]


def test_the_commit_that_was_deployed_is_an_output(plans: Path, repository: Repository) -> None:
    repository.write(deployments=[["2", "b2"]], statuses={"2": ["success"]})
    assert call("deployed", "--env", "prod").stdout == "commit=b2\n"


def test_an_older_commit_does_not_take_a_newer_one_back(
    plans: Path, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("newer", "--env", "prod").exit_code == 0, "nothing was deployed yet"
    repository.write(deployments=[["1", "b2"]], statuses={"1": ["success"]})
    for contains, code in ((True, 0), (False, 1)):
        monkeypatch.setattr(commits, "is_ancestor", lambda *_, it=contains: it)
        done = call("newer", "--env", "prod")
        assert done.exit_code == code
    assert "prod has commit b2, which" in str(done.exception)


def test_a_commit_that_changes_nothing_is_deployed_all_the_same(plans: Path, repository: Repository) -> None:
    assert call("record", "--env", "prod", "--commit", "c3").exit_code == 0
    assert call("deployed", "--env", "prod").stdout == "commit=c3\n"


@pytest.mark.parametrize(
    ("verb", "remedy"),
    [
        ("planned", "make plan ENV=prod"),
        ("summary", "make plan ENV=prod"),
        ("drift-issue", "make drift ENV=prod"),
    ],
)
def test_what_is_not_there_is_told_with_the_remedy(
    plans: Path, repository: Repository, verb: str, remedy: str
) -> None:
    done = call(verb, "--env", "prod", "--plans", plans)
    assert isinstance(done.exception, ReleaseError)
    assert remedy in str(done.exception)
    assert repository["calls"] == []
