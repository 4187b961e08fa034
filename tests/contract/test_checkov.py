"""checkov has nothing against the code and what is planned of it; `make checkov` asks of every environment."""

import shutil
from pathlib import Path

from . import checkov_scans
from .aws.deployment import Deployment, Resource
from .terraform_roots import TERRAFORM

# Each scan takes seconds: that it finds something shows in the same one.
SPOILT = "CKV_AWS_26 aws_sns_topic.spoilt"


def test_the_code_gives_no_cause(tmp_path: Path) -> None:
    code = tmp_path / "terraform"
    shutil.copytree(TERRAFORM, code, ignore=shutil.ignore_patterns(".terraform"))
    (code / "spoilt.tf").write_text('resource "aws_sns_topic" "spoilt" {\n  name = "in-clear-text"\n}\n')
    (code / "modules" / "broken.tf").write_text('resource "aws_sns_topic" {{\n')
    assert checkov_scans.of_code(code) == [SPOILT, "unreadable broken.tf"]


def test_prod_as_it_is_planned_gives_no_cause(prod: Deployment) -> None:
    topic = prod.one("aws_sns_topic") | {"kms_master_key_id": None}
    spoilt = Resource("aws_sns_topic.spoilt", "aws_sns_topic", topic)
    assert checkov_scans.of_plan(Deployment(prod.resources | {spoilt.address: spoilt})) == [SPOILT]


def test_every_skip_has_its_reason(tmp_path: Path) -> None:
    assert list(checkov_scans.unexplained_skips(TERRAFORM)) == []
    (tmp_path / "main.tf").write_text("# checkov:skip=CKV_AWS_26: no\n# checkov:skip=CKV_AWS_27\n")
    assert list(checkov_scans.unexplained_skips(tmp_path)) == ["main.tf: CKV_AWS_26", "main.tf: CKV_AWS_27"]
