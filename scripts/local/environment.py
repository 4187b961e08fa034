"""What child processes may see of the caller's environment."""

import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path

# No configuration file of the user's is read: a profile in there breaks a plan, or worse, reaches an account.
NOWHERE = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def scrub(environment: MutableMapping[str, str]) -> None:
    """Remove the caller's AWS_* and TF_* settings in place, and keep loopback addresses off any proxy.

    A Terraform CLI configuration that exists is kept: it may name the company's provider mirror.
    """
    for name in [name for name in environment if name.startswith(("AWS_", "TF_"))]:
        if not (name == "TF_CLI_CONFIG_FILE" and Path(environment[name]).is_file()):
            del environment[name]
    environment |= NOWHERE
    theirs = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    hosts = ["127.0.0.1", "localhost", *(host for host in theirs.split(",") if host)]
    environment["NO_PROXY"] = environment["no_proxy"] = ",".join(dict.fromkeys(hosts))


def with_package_path(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment in which `python -m local.…` finds these packages, wherever it is started."""
    return {**environment, "PYTHONPATH": str(Path(__file__).resolve().parent.parent)}
