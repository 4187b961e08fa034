"""Terraform run without AWS: a copy of `terraform/`, the real provider, and made-up answers of AWS."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from local.mirror import cli_configuration, find_mirror

TERRAFORM = Path(__file__).resolve().parents[2] / "terraform"
DEV = "environments/dev"
LOCK = TERRAFORM / DEV / ".terraform.lock.hcl"
# A manifest and stand-ins for the zips: what a plan needs to know of the packages.
PACKAGES = f"-var=package_folder={TERRAFORM / 'modules' / 'platform' / 'tests' / 'package'}"
BOOTSTRAP = "bootstrap"


@dataclass(frozen=True)
class Roots:
    """A private copy of `terraform/`, in which every folder may be a root."""

    folder: Path

    @classmethod
    def copied_to(cls, folder: Path) -> "Roots":
        # Without its backend a root needs no place for a state: here nothing is ever applied.
        ignored = shutil.ignore_patterns(".terraform", "*.tfstate*", "backend.tf")
        shutil.copytree(TERRAFORM, folder, ignore=ignored)
        return cls(folder)

    def plans(self, root: str, *options: str) -> dict[str, dict[str, Any]]:
        """The plans that a root's own tests make with a mocked provider: name of the run => plan.

        They have what `terraform show -json` says of a saved plan under `resource_changes`.
        """
        self._init(root)
        return _test_plans(self._run(root, "test", "-json", "-verbose", *options))

    def order(self, environment: str) -> dict[str, set[str]]:
        """What is made before what: address => addresses that it directly waits for."""
        self._init(environment)
        done = self._run(environment, "graph")
        assert done.returncode == 0, done.stderr
        waits: dict[str, set[str]] = {}
        for line in done.stdout.splitlines():
            if " -> " in line:
                later, earlier = (part.strip(' ";') for part in line.split(" -> "))
                waits.setdefault(later, set()).add(earlier)
        return waits

    def module_plans(self, name: str, file: str) -> dict[str, dict[str, Any]]:
        """The plans that one file of a module's tests makes: name of the run => plan."""
        module = f"modules/{name}"
        self._run(module, "get", configuration=self.borrowed_provider)
        options = ("-json", "-verbose", f"-filter=tests/{file}.tftest.hcl")
        return _test_plans(self._run(module, "test", *options, configuration=self.borrowed_provider))

    def test_module(self, name: str) -> str:
        """Run a module's own tests; what Terraform says of them, failures included."""
        module = f"modules/{name}"
        self._run(module, "get", configuration=self.borrowed_provider)
        done = self._run(module, "test", "-no-color", configuration=self.borrowed_provider)
        return done.stdout + done.stderr

    @cached_property
    def borrowed_provider(self) -> Path:
        """A configuration for modules, which have no lock file: the provider that the one of dev has verified."""
        self._init(DEV)
        installed = (
            self.folder / DEV / ".terraform" / "providers" / "registry.terraform.io" / "hashicorp" / "aws"
        )
        (unpacked,) = installed.glob("*/*")
        override = f'"hashicorp/aws" = {json.dumps(str(unpacked))}'
        return self._configuration(
            "borrowed", f"provider_installation {{\n  dev_overrides {{\n    {override}\n  }}\n}}\n"
        )

    def _init(self, environment: str) -> None:
        if not (self.folder / environment / ".terraform").exists():
            done = self._run(environment, "init", "-input=false", "-no-color", "-lockfile=readonly")
            assert done.returncode == 0, done.stderr

    @cached_property
    def _installation(self) -> Path:
        mirror = find_mirror(os.environ, LOCK)
        return self._configuration("installation", cli_configuration(mirror) if mirror else "")

    def _configuration(self, name: str, text: str) -> Path:
        path = self.folder / f"{name}.rc"
        path.write_text(text)
        return path

    def _run(
        self, root: str, *arguments: str, configuration: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run Terraform in a folder of the copy; no credentials, no endpoint, no AWS."""
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_"))
        }
        environment["TF_CLI_CONFIG_FILE"] = str(configuration or self._installation)
        environment["CHECKPOINT_DISABLE"] = "1"
        command = ["terraform", f"-chdir={self.folder / root}", *arguments]
        return subprocess.run(
            command, env=environment, check=False, capture_output=True, text=True, timeout=180
        )


def _test_plans(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    problems = [event["@message"] for event in events if event["type"] == "diagnostic"]
    assert done.returncode == 0, "\n".join(problems) or done.stderr
    return {event["@testrun"]: event["test_plan"] for event in events if event["type"] == "test_plan"}
