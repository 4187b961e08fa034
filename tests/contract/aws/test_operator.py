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


@pytest.fixture
def policy() -> dict[str, Any]:
    page = (ROOT / "docs" / "operations.md").read_text()
    (document,) = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return dict(json.loads(document))


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
    assert list(findings(policy)) == []
    policy["Statement"][0]["Action"] = "s3:GetObjects"
    assert "UNKNOWN_ACTION" in next(findings(policy))


def test_an_operator_changes_nothing_that_terraform_made(policy: dict[str, Any]) -> None:
    actions = [
        action
        for statement in policy["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    ]
    assert {action for action in actions if not READS.search(action)} == ACTS
    assert {each["Sid"] for each in policy["Statement"] if each["Resource"] == "*"} == ON_ALL
