"""What GitHub is told, by a `gh` that keeps a repository in a file: one comment, one issue for each environment."""

from pathlib import Path

import pytest

from operate.errors import OperatorError
from release import github
from release.errors import ReleaseError
from release.github import PROMOTION, GitHub, identity, whole_comment
from release.plans import ENVIRONMENTS

from .repository import Repository


def test_a_second_plan_takes_the_place_of_the_first_and_leaves_what_others_said(
    repository: Repository,
) -> None:
    repository.write(comments={"1": "Looks good"})
    repository.client.comment(7, "<!-- xmlift: plans -->\nfirst")
    repository.client.comment(7, "<!-- xmlift: plans -->\nsecond")
    assert repository["comments"] == {"1": "Looks good", "2": "<!-- xmlift: plans -->\nsecond"}


@pytest.mark.parametrize("job", ["true", ""])
def test_a_comment_of_somebody_else_is_left_alone_whatever_it_says(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, job: str
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", job)
    theirs = "<!-- xmlift: plans -->\nApprove it"
    repository.write(comments={"1": theirs}, authors={"1": "somebody"})
    repository.client.comment(7, "<!-- xmlift: plans -->\nours")
    assert repository["comments"] == {"1": theirs, "2": "<!-- xmlift: plans -->\nours"}


def test_the_comment_has_every_environment_in_the_order_of_promotion(tmp_path: Path) -> None:
    for environment, text in {
        "prod": "### prod: no changes\n",
        "dev": "### dev: 1 to create\n\n| a |\n",
    }.items():
        (tmp_path / environment).mkdir()
        (tmp_path / environment / "plan.md").write_text(text)
    assert whole_comment(tmp_path, "0123abcd") == (
        "<!-- xmlift: plans -->\n## What this changes\n\nAs of 0123abcd, beside what is deployed now.\n\n"
        "### dev: 1 to create\n\n| a |\n\n"
        "### staging: there is no plan\n\nThe log of its job says why.\n\n"
        "### prod: no changes\n"
    )


def test_a_comment_is_never_longer_than_github_takes(tmp_path: Path) -> None:
    for environment in PROMOTION:
        (tmp_path / environment).mkdir()
        (tmp_path / environment / "plan.md").write_text("x" * 30_000)
    assert len(whole_comment(tmp_path, "0123abcd")) == 65_001


def test_every_environment_on_aws_is_promoted_to() -> None:
    assert sorted(PROMOTION) == sorted(each.name for each in ENVIRONMENTS.iterdir() if each.name != "local")


def test_drift_has_one_issue_which_ends_with_it(repository: Repository) -> None:
    for page in ("one bucket", "two buckets"):
        repository.client.tell_drift("prod", {"drift": True}, page)
    repository.client.tell_drift("dev", {"drift": True}, "a role")
    prod, dev = repository["issues"]
    assert prod == {
        "number": 1,
        "title": "prod is not as the code says",
        "body": "two buckets\n",
        "open": True,
    }
    assert dev["title"] == "dev is not as the code says"

    repository.client.tell_drift("prod", {"drift": False}, "")
    assert [issue["open"] for issue in repository["issues"]] == [False, True]

    repository.client.tell_drift("prod", {"drift": True}, "again")
    assert [issue["open"] for issue in repository["issues"]] == [False, True, True]


def test_where_nothing_drifts_nothing_is_told(repository: Repository) -> None:
    repository.client.tell_drift("prod", {"drift": False}, "")
    assert repository["issues"] == []
    assert repository["calls"] == ["issue list --state"]


def test_what_is_deployed_is_the_newest_that_succeeded(repository: Repository) -> None:
    assert repository.client.deployed("prod") == ""
    # The newest waits for its approval; the one before failed; of the older ones GitHub says inactive last.
    repository.write(
        deployments=[["4", "d4"], ["3", "c3"], ["2", "b2"], ["1", "a1"]],
        statuses={
            "4": ["waiting"],
            "3": ["failure", "in_progress"],
            "2": ["inactive", "success"],
            "1": ["success"],
        },
    )
    assert repository.client.deployed("prod") == "b2"


def test_what_needed_no_apply_is_written_down_as_deployed(repository: Repository) -> None:
    repository.write(deployments=[["1", "a1"]], statuses={"1": ["success"]})
    repository.client.record("prod", "b2")
    assert repository.client.deployed("prod") == "b2"


def test_a_refusal_is_told_in_githubs_words(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "gh").write_text("#!/bin/sh\necho 'HTTP 403: Resource not accessible' >&2\nexit 1\n")
    with pytest.raises(ReleaseError, match=r"GitHub refused `gh issue list --state`: HTTP 403: Resource not"):
        repository.client.tell_drift("prod", {"drift": True}, "")


def test_without_gh_the_remedy_is_told(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"gh, GitHub's command line, was not found .* gh auth login"):
        GitHub(str(tmp_path / "none")).deployed("prod")


@pytest.mark.parametrize(
    ("region", "role"),
    [
        ("eu-central-1", "arn:aws:iam::111122223333:role/xmlift-deploy-qa-plan"),
        ("cn-north-1", "arn:aws-cn:iam::111122223333:role/xmlift-deploy-qa-plan"),
        ("us-gov-west-1", "arn:aws-us-gov:iam::111122223333:role/xmlift-deploy-qa-plan"),
    ],
)
def test_the_role_is_the_one_of_the_folders_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, region: str, role: str
) -> None:
    (tmp_path / "qa").mkdir()
    (tmp_path / "qa" / "backend.tf").write_text(f'bucket = "b"\nkey = "k"\nregion = "{region}"\n')
    (tmp_path / "qa" / "providers.tf").write_text('allowed_account_ids = ["111122223333"]\n')
    monkeypatch.setattr(github, "ENVIRONMENTS", tmp_path)
    assert identity("qa", "plan") == {"role": role, "region": region}


def test_local_has_no_role() -> None:
    with pytest.raises(OperatorError, match="local is no environment on AWS"):
        identity("local", "plan")
