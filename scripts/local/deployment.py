"""The `local` environment, deployed to a local cloud."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 (a type)

from local.cloud import Cloud
from local.errors import LocalError
from local.servers import ROOT
from local.terraform import Progress, Terraform

PACKAGES = ROOT / "dist"
# The user of the XML endpoint that runs beside the emulator.
LOGIN = {"username": "etl", "password": "etl-password"}


@dataclass(frozen=True)
class Deployment:
    """What Terraform made, by its outputs."""

    cloud: Cloud
    outputs: dict[str, Any]

    @property
    def sources(self) -> dict[str, Any]:
        return dict(self.outputs["sources"])

    @property
    def bucket(self) -> str:
        """The landing bucket."""
        return str(self.outputs["landing_bucket"])

    def connect(self) -> Connection:
        """A session with the warehouse, with temporary credentials as an operator gets them on AWS."""
        warehouse = self.outputs["warehouse"]
        credentials = self.cloud.client("redshift-serverless").get_credentials(
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


def terraform(cloud: Cloud, packages: Path = PACKAGES) -> Terraform:
    """Terraform for this cloud: its state lies in the instance folder, and ends with it."""
    return Terraform(
        name="local",
        data=cloud.instance.terraform,
        log=cloud.instance.logs / "terraform.log",
        environment=cloud.environment(),
        variables={
            "endpoint_url": cloud.endpoint_url,
            "certificate_authority_file": str(cloud.instance.ca_file),
            "package_folder": str(packages),
        },
    )


def deploy(
    cloud: Cloud,
    packages: Path = PACKAGES,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Deployment:
    """Apply the environment and give the sources' secrets their values, which Terraform never sees.

    Raises: TerraformError.
    """
    environment = terraform(cloud, packages)
    environment.init()
    environment.apply(on_progress)
    deployment = Deployment(cloud, environment.output())
    secrets = cloud.client("secretsmanager")
    for source in deployment.sources.values():
        if source["secret_name"] is not None:
            secrets.put_secret_value(SecretId=source["secret_name"], SecretString=json.dumps(LOGIN))
    return deployment


def deployed(cloud: Cloud) -> Deployment:
    """What was deployed before.

    Raises: LocalError if nothing was.
    """
    environment = terraform(cloud)
    outputs = environment.output() if environment.state_file.exists() else {}
    if "state_machine_arn" not in outputs:
        raise LocalError("The local cloud is running, but nothing is deployed to it. Deploy with: make apply")
    return Deployment(cloud, outputs)
