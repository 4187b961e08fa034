"""What holds data is guarded: plans that destroy or replace it are refused, and how that is lifted works."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from .terraform_roots import TERRAFORM

PLATFORM = TERRAFORM / "modules" / "platform"

# The guard as it stands, over stand-ins of what it guards: each gets another id when it is replaced.
ROOT = """
variable "protect" { type = bool }
variable "replaced" { default = "" }
module "platform" {
  source   = "./platform"
  protect  = var.protect
  replaced = var.replaced
}
"""
STAND_INS = """
variable "protect" { type = bool }
variable "replaced" {}
module "warehouse" {
  source = "../kept"
  made   = var.replaced == "namespace" ? 2 : 1
}
module "landing" {
  source = "../kept"
  made   = var.replaced == "landing_bucket" ? 2 : 1
}
module "key" {
  source = "../kept"
  made   = var.replaced == "key" ? 2 : 1
}
"""
KEPT = """
variable "made" {}
resource "terraform_data" "this" {
  triggers_replace = [var.made]
}
output "namespace_id" { value = terraform_data.this.id }
output "landing_bucket_id" { value = terraform_data.this.id }
output "arn" { value = terraform_data.this.id }
"""


class Environment:
    """An environment with nothing but what is guarded."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name, text in {
            "main.tf": ROOT,
            "platform/main.tf": STAND_INS,
            "kept/main.tf": KEPT,
        }.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        shutil.copy(PLATFORM / "protection.tf", folder / "platform")
        assert self.terraform("init").returncode == 0

    def terraform(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        variables = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))
        }
        command = ["terraform", f"-chdir={self._folder}", arguments[0], *arguments[1:]]
        return subprocess.run(
            command,
            env=variables | {"CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"},
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def refuses(self, *arguments: str) -> bool:
        """Whether a plan is refused, by the guard."""
        planned = self.terraform("plan", "-input=false", "-no-color", *arguments)
        assert planned.returncode in (0, 1)
        assert planned.returncode == 0 or "module.platform.terraform_data.guard[0] has" in planned.stderr
        return planned.returncode == 1


@pytest.fixture
def protected(tmp_path: Path) -> Environment:
    environment = Environment(tmp_path)
    applied = environment.terraform("apply", "-auto-approve", "-input=false", "-var=protect=true")
    assert applied.returncode == 0, applied.stderr
    return environment


def test_the_guard_is_lifted_by_hand_alone(protected: Environment) -> None:
    assert not protected.refuses("-var=protect=true")
    for kept in ("namespace", "landing_bucket", "key"):
        assert protected.refuses("-var=protect=true", f"-var=replaced={kept}"), kept
    assert protected.refuses("-destroy", "-var=protect=true")
    assert protected.refuses("-destroy", "-var=protect=true", "-target=module.platform.module.warehouse")
    assert protected.refuses("-var=protect=false")

    # The command that stands beside the guard.
    (comment,) = [
        line for line in (PLATFORM / "protection.tf").read_text().splitlines() if "terraform state rm" in line
    ]
    address = comment.partition("state rm ")[2].strip("'")
    assert protected.terraform("state", "rm", address).returncode == 0
    assert protected.refuses("-var=protect=true") is False, "it would come back with the next apply"
    assert not protected.refuses("-destroy", "-var=protect=false")


def test_what_is_not_protected_may_go(tmp_path: Path) -> None:
    environment = Environment(tmp_path)
    environment.terraform("apply", "-auto-approve", "-input=false", "-var=protect=false")
    assert not environment.refuses("-var=protect=false", "-var=replaced=namespace")
    assert not environment.refuses("-destroy", "-var=protect=false")
