"""The `local` environment, deployed to a local cloud."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
from botocore.config import Config
from psycopg2.extensions import connection as Connection  # noqa: N812 (a type)

from local import control
from local.certificates import write_trusted
from local.cloud import Cloud
from local.errors import LocalError
from local.servers import ROOT
from local.terraform import Progress, Terraform
from operate import deployment as operated
from operate.outputs import outputs_of
from operate.places import CATALOGUE
from release import commits, deployments
from xmlift.catalogue import load_source

NAME = "local"
PACKAGES = ROOT / "dist"
# The user of the XML endpoint that runs beside the emulator.
LOGIN = {"username": "etl", "password": "etl-password"}
# What that endpoint serves, by the first folder of a source's base URL.
FAMILIES = {
    "": "ecb",
    "ccm": "ewm",
    "rm": "doors_next",
    "qm": "etm",
    "cqweb": "oslc",
    "jazz": "ewm_oslc",
}


@dataclass(frozen=True)
class Deployment(operated.Deployment):
    """What Terraform made of the `local` environment, and the cloud that it was made on."""

    cloud: Cloud

    def make_client(self, service: str, config: Config | None) -> Any:
        return self.cloud.client(service, config)

    def command(self, words: str) -> str:
        return f"make {words}"

    @property
    def applied_by(self) -> str:
        return "apply"

    @property
    def pause(self) -> float:
        return 0.25

    def readable(self) -> list[str]:
        """All sources that ask a server, but those that the XML endpoint has no recorded responses of."""
        families = control.status(self.cloud)["families"]
        return [
            source
            for source in self.sources
            if self.is_asked(source) and ((family := self.family(source)) is None or family in families)
        ]

    def family(self, source: str) -> str | None:
        """Which family of the XML endpoint answers for a source; None if its server is another one."""
        base_url = json.loads(self.sources[source]["input"]).get("base_url")
        if base_url is None:
            path = CATALOGUE / f"{source}.yaml"
            base_url = load_source(path.read_bytes(), path.name).base_url
        parts = urlsplit(base_url)
        if f"{parts.scheme}://{parts.netloc}" != self.cloud.endpoint_url:
            return None
        return FAMILIES.get(parts.path.strip("/").split("/")[0])

    def connect(self) -> Connection:
        """A session with the warehouse, with temporary credentials as a function gets them on AWS."""
        warehouse = self.outputs["warehouse"]
        credentials = self.client("redshift-serverless").get_credentials(
            workgroupName=warehouse["workgroup"], dbName=warehouse["database"]
        )
        return psycopg2.connect(
            host=warehouse["host"],
            port=warehouse["port"],
            dbname=warehouse["database"],
            user=credentials["dbUser"],
            password=credentials["dbPassword"],
            sslmode="verify-full",
            sslrootcert=str(self.cloud.instance.ca_file),
            connect_timeout=10,
        )


def terraform(cloud: Cloud, packages: Path = PACKAGES, **variables: str) -> Terraform:
    """Terraform for this cloud: its state lies in the instance folder, and ends with it."""
    return Terraform(
        name=NAME,
        data=cloud.instance.terraform,
        log=cloud.instance.logs / "terraform.log",
        environment=cloud.environment(),
        variables={
            "endpoint_url": cloud.endpoint_url,
            "certificate_authority_file": str(cloud.instance.ca_file),
            "package_folder": str(packages),
            **variables,
        },
    )


def deploy(
    cloud: Cloud,
    packages: Path = PACKAGES,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    authority: Path | None = None,
    **variables: str,
) -> Deployment:
    """Apply the environment, and give the endpoint's login to secrets of its sources that have no value.

    authority: certificates that functions trust beside the public ones and this cloud's own.
    variables: of the environment's Terraform variables those that are to differ from their defaults.

    Raises: TerraformError.
    """
    if authority is not None:
        write_trusted(cloud.instance.tls, authority)
    environment = terraform(cloud, packages, **variables)
    environment.init()
    environment.apply(on_progress)
    deployment = Deployment(NAME, environment.output(), cloud)
    deployments.settle(deployment, commits.current())
    give_login(deployment)
    return deployment


def give_login(deployment: Deployment) -> None:
    """Give the XML endpoint's login to those of its sources that have no credentials; others keep theirs."""
    for source in deployment.without_credentials():
        if deployment.family(source) is not None:
            deployment.put_credentials(source, **LOGIN)


def deployed(cloud: Cloud) -> Deployment:
    """What was deployed before.

    Raises: LocalError if nothing was.
    """
    try:
        outputs = outputs_of(terraform(cloud).state_file.read_bytes())
    except FileNotFoundError:
        outputs = {}
    if "state_machine_arn" not in outputs:
        raise LocalError("The local cloud is running, but nothing is deployed to it. Deploy with: make apply")
    return Deployment(NAME, outputs, cloud)
