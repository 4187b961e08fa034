"""A rollback: all aliases go back together or none, and what has to follow is said."""

from datetime import UTC, datetime

import pytest

from release import commits, deployments
from release.commits import Between
from release.errors import ReleaseError
from release.rollback import roll_back

from .aliases import MACHINE, STEPS, Dev, RefusedError

FIRST, SECOND, THIRD = ("a" * 40, "b" * 40, "c" * 40)
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
ALL = ("state machine", *STEPS)


@pytest.fixture
def dev() -> Dev:
    """Deployed three times: all, then load and the flow, then a commit that changed nothing of it."""
    dev = Dev.new()
    dev.apply(*ALL)
    deployments.record(dev, FIRST, NOON)
    dev.apply("load", "state machine")
    deployments.record(dev, SECOND, NOON)
    deployments.record(dev, THIRD, NOON)
    return dev


@pytest.fixture(autouse=True)
def linear(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git knows two commits between any two, and no merge."""
    between = Between([f"{SECOND[:9]} A flow", f"{FIRST[:9]} A load"], False)
    monkeypatch.setattr(commits, "between", lambda older, newer: between)


def test_without_a_word_it_goes_to_the_deployment_before_that_differs(dev: Dev) -> None:
    done = roll_back(dev)
    assert done.to.number == 1
    assert done.since is not None
    assert done.since.number == 3
    assert [(moved.what, moved.before, moved.after) for moved in done.moved] == [
        ("load", "2", "1"),
        ("state machine", "2", "1"),
    ]
    assert [moved.address for moved in done.moved] == [
        'module.platform.module.function["load"].aws_lambda_alias.live',
        "module.platform.module.workflow.aws_sfn_alias.live",
    ]
    assert dev.standing() == done.to.versions


def test_the_state_machine_moves_first_as_it_does_last_in_an_apply(dev: Dev) -> None:
    roll_back(dev)
    assert dev.aliases.moves[0] == (MACHINE, "1")
    assert sorted(dev.aliases.moves[1:]) == sorted((f"xmlift-dev-{step}", "1") for step in STEPS)


@pytest.mark.parametrize("to", ["1", "aaaaaaa", FIRST])
def test_a_deployment_is_named_by_its_number_or_its_commit(dev: Dev, to: str) -> None:
    assert roll_back(dev, to).to.number == 1


def test_a_rollback_is_taken_back_by_the_newer_commit(dev: Dev) -> None:
    roll_back(dev)
    done = roll_back(dev, THIRD)
    assert [(moved.before, moved.after) for moved in done.moved] == [("1", "2"), ("1", "2")]


def test_of_a_commit_that_was_deployed_twice_the_later_one_is_meant(dev: Dev) -> None:
    dev.apply("plan")
    deployments.record(dev, FIRST, NOON)
    dev.apply("plan")
    deployments.record(dev, SECOND, NOON)
    assert roll_back(dev, FIRST).to.number == 4


@pytest.mark.parametrize("step", [MACHINE, "xmlift-dev-load", "xmlift-dev-report"])
def test_all_aliases_move_or_none(dev: Dev, step: str) -> None:
    before = dev.standing()
    dev.aliases.refuses = [step]
    with pytest.raises(RefusedError):
        roll_back(dev)
    assert dev.standing() == before


def test_an_alias_that_does_not_come_back_keeps_no_other_and_is_named(dev: Dev) -> None:
    before = dev.standing()
    dev.aliases.refuses = ["xmlift-dev-report", f"{MACHINE}:2"]
    with pytest.raises(ReleaseError) as told:
        roll_back(dev)
    assert "these aliases did not come back: the state machine (to version 2)" in str(told.value)
    assert str(told.value).endswith(
        f"aws stepfunctions update-state-machine-alias --state-machine-alias-arn {MACHINE}:live "
        f"--routing-configuration stateMachineVersionArn={MACHINE}:2,weight=100"
    )
    assert dev.standing().functions == before.functions


def test_nothing_moves_while_an_apply_is_under_way(dev: Dev) -> None:
    dev.bucket_.objects["dev/terraform.tfstate.tflock"] = b"{}"
    with pytest.raises(
        ReleaseError, match=r"dev is being applied: s3://states/dev/terraform\.tfstate\.tflock"
    ):
        roll_back(dev)
    assert dev.aliases.moves == []


def test_a_number_that_somebody_else_took_is_left_to_them(dev: Dev, monkeypatch: pytest.MonkeyPatch) -> None:
    dev.apply("load")
    dev.bucket_.objects["deployments/00000004.json"] = dev.bucket_.objects["deployments/00000003.json"]
    seen = [each for each in deployments.history(dev) if each.number == 3]
    monkeypatch.setattr(deployments, "history", lambda _: iter(seen))
    assert deployments.record(dev, "d" * 40).number == 5


def test_versions_that_cannot_be_deleted_fail_no_deployment(
    dev: Dev, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise RefusedError("xmlift-dev-load")

    monkeypatch.setattr(deployments, "prune", refused)
    warnings: list[str] = []
    assert deployments.settle(dev, "d" * 40, warnings.append).number == 4
    assert "were not deleted, the next apply tries again" in warnings[0]


def test_what_is_not_there_is_refused_with_what_is(dev: Dev) -> None:
    with pytest.raises(
        ReleaseError, match=r"no deployment 'aaaa'.* deployment 3 \(commit cccccccccccc, 2026-11-02 12:00"
    ):
        roll_back(dev, "aaaa")
    with pytest.raises(ReleaseError, match=r"deployment 3 .* of dev is live already: nothing was moved"):
        roll_back(dev, THIRD)
    roll_back(dev)
    with pytest.raises(ReleaseError, match="dev has no deployment before the live one"):
        roll_back(dev)
    with pytest.raises(ReleaseError, match="None is recorded: make deploy"):
        fresh = Dev.new()
        fresh.apply(*ALL)
        roll_back(fresh)


def test_versions_that_are_gone_are_told_before_anything_moves(dev: Dev) -> None:
    dev.aliases.versions["xmlift-dev-load"].remove(1)
    with pytest.raises(
        ReleaseError, match=f"version 1 of xmlift-dev-load.* is deleted.*make fetch COMMIT={FIRST}; make plan"
    ):
        roll_back(dev)
    assert dev.aliases.moves == []


def test_code_that_the_warehouse_has_left_behind_does_not_come_back(dev: Dev) -> None:
    dev.aliases.warehouse = {"errorType": "ShutOutError", "errorMessage": "the warehouse is of version 8"}
    with pytest.raises(ReleaseError) as told:
        roll_back(dev)
    assert str(told.value) == (
        "deployment 1 (commit aaaaaaaaaaaa, 2026-11-02 12:00 UTC) of dev cannot be gone back to: the "
        "warehouse is of version 8. Nothing was moved"
    )
    assert dev.aliases.moves == []


def test_code_that_does_not_know_the_question_may_come_back(dev: Dev) -> None:
    dev.aliases.warehouse = {
        "errorType": "ValidationError",
        "errorMessage": "missing required field `sources`",
    }
    done = roll_back(dev)
    assert (done.to.number, done.unchecked) == (1, "")


def test_nor_does_it_where_the_warehouse_has_shut_out_any_code_since(dev: Dev) -> None:
    dev.aliases.warehouse = {"errorType": "ValidationError", "errorMessage": "missing required field"}
    dev.aliases.live_warehouse = {"code": 8, "oldest_code": 8}
    with pytest.raises(ReleaseError, match=r"code before version 8 may not use the warehouse.* Nothing was"):
        roll_back(dev)
    assert dev.aliases.moves == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"errorType": "WarehouseError", "errorMessage": "it does not answer"}, "it does not answer"),
        (RefusedError("no"), "An error occurred (Refused) when calling the UpdateAlias operation: no"),
    ],
)
def test_a_warehouse_that_does_not_answer_keeps_nobody_from_going_back(
    dev: Dev, answer: object, why: str
) -> None:
    dev.aliases.warehouse = answer
    done = roll_back(dev)
    assert (done.to.number, done.unchecked) == (1, why)


def test_after_an_apply_that_broke_off_it_goes_to_the_last_whole_one(dev: Dev) -> None:
    dev.apply("plan")
    done = roll_back(dev)
    assert (done.to.number, done.since) == (3, None)
    assert done.closing == [
        f"Deploy commit cccccccccccc: git switch --detach cccccccccccc; make fetch COMMIT={THIRD}; "
        "make plan deploy ENV=dev"
    ]


def test_the_revert_that_closes_the_drift_is_said(dev: Dev) -> None:
    assert roll_back(dev).closing == [
        "git revert --no-edit aaaaaaaaaaaa..cccccccccccc",
        "Merge that, then: make plan deploy ENV=dev",
        "It takes back bbbbbbbbb A flow",
        "It takes back aaaaaaaaa A load",
    ]


def test_merges_are_taken_back_folder_by_folder(dev: Dev, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "between", lambda *_: Between(["bbbbbbbbb A flow"], True))
    assert roll_back(dev).closing[:2] == [
        "git restore --source=aaaaaaaaaaaa --staged --worktree -- functions terraform build",
        'git commit -m "Back to aaaaaaaaaaaa: aaaaaaaaaaaa..cccccccccccc taken back"',
    ]


def test_an_apply_that_changed_nothing_is_not_written_down_again(dev: Dev) -> None:
    assert deployments.record(dev, THIRD).number == 3
    assert [each.number for each in deployments.history(dev)] == [3, 2, 1]


def test_as_many_deployments_are_kept_as_the_environment_says(dev: Dev) -> None:
    """Two: the live one, and the one before it that differs."""
    dev.apply("load")
    made = deployments.settle(dev, "d" * 40)
    assert made.number == 4
    assert dev.aliases.versions["xmlift-dev-load"] == [2, 3]
    assert dev.aliases.versions[MACHINE] == [2]
    assert dev.aliases.versions["xmlift-dev-plan"] == [1]
    assert roll_back(dev).to.number == 3


def test_what_is_live_is_kept_however_old_it_is(dev: Dev) -> None:
    for commit in ("d" * 40, "e" * 40):
        dev.apply("load")
        deployments.record(dev, commit)
    roll_back(dev, FIRST)
    assert deployments.prune(dev, 2) == (0, 0)
    assert dev.aliases.versions["xmlift-dev-load"] == [1, 2, 3, 4]


def test_an_alias_that_stays_is_none_that_drifts(dev: Dev) -> None:
    dev.apply("load")
    deployments.record(dev, "d" * 40)
    assert [moved.what for moved in roll_back(dev).moved] == ["load"]
