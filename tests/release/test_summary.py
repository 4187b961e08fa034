"""What a plan would change, as `terraform show -json` says it and as people read it."""

from typing import Any

from release.summary import Change, as_markdown, changes, changes_outputs, counts, drifted, told


def resource(
    address: str, *actions: str, before: Any = None, after: Any = None, unknown: Any = None
) -> dict[str, Any]:
    change = {"actions": list(actions), "before": before, "after": after, "after_unknown": unknown or {}}
    return {"address": address, "change": change}


PLAN = {
    "resource_changes": [
        resource("aws_s3_bucket.a", "create", after={"bucket": "a"}),
        resource(
            "aws_sns_topic.b",
            "update",
            before={"name": "b", "tags": {}},
            after={"name": "b", "tags": {"x": "y"}},
        ),
        resource(
            "aws_kms_key.c", "delete", "create", before={"policy": "1"}, after={}, unknown={"policy": True}
        ),
        resource("aws_kms_alias.d", "create", "delete", before={"name": "1"}, after={"name": "2"}),
        resource("aws_sqs_queue.e", "delete", before={"name": "e"}),
        resource("aws_sqs_queue.f", "no-op", before={"name": "f"}, after={"name": "f"}),
        resource("data.aws_partition.g", "read"),
    ],
    "resource_drift": [
        resource("aws_sns_topic.b", "update", before={"tags": {}}, after={"tags": {"by": "hand"}})
    ],
    "output_changes": {"one": {"actions": ["no-op"]}, "two": {"actions": ["update"]}},
}


def test_each_change_is_told_with_what_of_it_changes() -> None:
    assert changes(PLAN) == [
        Change("aws_s3_bucket.a", "create", ()),
        Change("aws_sns_topic.b", "update", ("tags",)),
        Change("aws_kms_key.c", "replace", ("policy",)),
        Change("aws_kms_alias.d", "replace", ("name",)),
        Change("aws_sqs_queue.e", "delete", ()),
    ]
    assert counts(changes(PLAN)) == {"create": 1, "update": 1, "replace": 2, "delete": 1, "forget": 0}
    assert told(counts(changes(PLAN))) == "1 to create, 1 to update, 2 to replace, 1 to delete"


def test_what_was_changed_by_hand_and_outputs_are_told() -> None:
    assert drifted(PLAN) == [Change("aws_sns_topic.b", "update", ("tags",))]
    assert changes_outputs(PLAN) == ["two"]


def test_nothing_is_told_as_no_changes() -> None:
    assert told(counts(changes({}))) == "no changes"
    assert as_markdown("dev", [], [], "No changes.").startswith("### dev: no changes\n\n<details>")


def test_what_is_lost_comes_first() -> None:
    rows = [line for line in as_markdown("dev", changes(PLAN), [], "…").splitlines() if line.startswith("| ")]
    assert [row.split("|")[1].strip() for row in rows] == [
        "",
        "replace",
        "replace",
        "delete",
        "create",
        "update",
    ]


def test_three_environments_fit_into_one_comment() -> None:
    many = [Change(f"module.platform.module.a.aws_sqs_queue.{n}", "create", ()) for n in range(500)]
    page = as_markdown("dev", many, many, 100_000 * "x")
    assert "and 440 more" in page
    assert len(page) < 65_536 / 3
    assert "the rest is in the log" in page
