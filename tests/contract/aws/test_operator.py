"""What docs/operations.md says an operator needs to be allowed: clean, and nothing to change what there is."""

import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # parliament's own: pkg_resources, escape sequences in its regexes
    from parliament import analyze_policy_string

ROOT = Path(__file__).resolve().parents[3]
# Looked at as a whole: AWS knows no narrower resource, or the statement is the caller's own.
ON_ALL = {"FollowOwnStatements", "LookBeforeTheFirstLoad"}
READS = re.compile(r":(Get|List|Describe)")
ACTS = {
    "s3:PutObject",
    "states:StartExecution",
    "secretsmanager:PutSecretValue",
    "lambda:InvokeFunction",
    "redshift-data:ExecuteStatement",
    "redshift-data:BatchExecuteStatement",
    "redshift-data:CancelStatement",
    "kms:Decrypt",
    "kms:GenerateDataKey",
}


def policies() -> list[dict[str, Any]]:
    """An operator's, and what is needed beside it for rolling back."""
    page = (ROOT / "docs" / "operations.md").read_text()
    found = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(found) == 2
    return [json.loads(document) for document in found]


@pytest.fixture
def policy() -> dict[str, Any]:
    return policies()[0]


def actions(policy: dict[str, Any]) -> list[str]:
    return [
        action
        for statement in policy["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    ]


def findings(policy: dict[str, Any]) -> Iterator[str]:
    for statement in policy["Statement"]:
        alone = json.dumps({"Version": policy["Version"], "Statement": [statement]})
        for finding in analyze_policy_string(alone).findings:
            if finding.issue == "RESOURCE_MISMATCH":
                # A statement is about buckets and objects together, or about machines and their executions.
                continue
            if finding.issue == "RESOURCE_STAR" and statement["Sid"] in ON_ALL:
                continue
            yield f"{statement['Sid']}: {finding.issue} {finding.detail}"


def test_the_policy_is_clean_under_parliament(policy: dict[str, Any]) -> None:
    assert [finding for each in policies() for finding in findings(each)] == []
    policy["Statement"][0]["Action"] = "s3:GetObjects"
    assert "UNKNOWN_ACTION" in next(findings(policy))


def test_an_operator_changes_nothing_that_terraform_made(policy: dict[str, Any]) -> None:
    assert {action for action in actions(policy) if not READS.search(action)} == ACTS
    assert {each["Sid"] for each in policy["Statement"] if each["Resource"] == "*"} == ON_ALL


def test_an_operator_follows_nobody_elses_statements(policy: dict[str, Any]) -> None:
    (own,) = (each for each in policy["Statement"] if each["Sid"] == "FollowOwnStatements")
    assert own["Condition"] == {"StringEquals": {"redshift-data:statement-owner-iam-userid": "${aws:userid}"}}


def test_who_rolls_back_moves_aliases_and_nothing_else() -> None:
    rollback = policies()[1]
    assert {action for action in actions(rollback) if not READS.search(action)} == {
        "lambda:InvokeFunction",
        "lambda:UpdateAlias",
        "states:UpdateStateMachineAlias",
    }
    assert not [each["Sid"] for each in rollback["Statement"] if each["Resource"] == "*"]
