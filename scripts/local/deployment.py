"""The `local` environment, deployed to a local cloud."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
from botocore.config import Config
from psycopg2.extensions import connection as Connection  # noqa: N812 (a type)

from local.certificates import write_trusted
from local.cloud import Cloud
from local.errors import LocalError
from local.servers import CATALOGUE, ROOT
from local.terraform import Progress, Terraform
from xmlift.catalogue import Source, load_source

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
# An operator's call of a function waits for its end, as long as a function may live: a second call, made because
# the first one takes its time, would do its work once more, and after everything else.
_ONE_CALL = Config(read_timeout=920, retries={"total_max_attempts": 1})


@dataclass(frozen=True)
class Deployment:
    """What Terraform made, by its outputs."""

    cloud: Cloud
    outputs: dict[str, Any]
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def sources(self) -> dict[str, Any]:
        return dict(self.outputs["sources"])

    @property
    def bucket(self) -> str:
        """The landing bucket."""
        return str(self.outputs["landing_bucket"])

    @property
    def state_machine(self) -> str:
        """The ARN of the state machine itself, not of the alias that starts it: by it, executions are listed."""
        return ":".join(str(self.outputs["state_machine_arn"]).split(":")[:7])

    def client(self, service: str) -> Any:
        """A boto3 client of the account that the environment is deployed to; made once, as that takes a while."""
        if service not in self._clients:
            self._clients[service] = self.cloud.client(service, _ONE_CALL if service == "lambda" else None)
        return self._clients[service]

    def given(self, source: str, **changes: Any) -> dict[str, Any]:
        """An execution's input: what the source's schedule passes, and what differs this time.

        Raises: LocalError if the environment has no such source.
        """
        self.check_source(source)
        return {**json.loads(self.sources[source]["input"]), **changes}

    def catalogue(self, source: str) -> Source:
        """The source's file as it was deployed, which is not always the one in this folder.

        Raises: LocalError if the environment has no such source.
        """
        given = self.given(source)
        body = self.client("s3").get_object(Bucket=self.bucket, Key=given["catalogue"])["Body"].read()
        return load_source(body, given["catalogue"], given.get("base_url"))

    def is_asked(self, source: str) -> bool:
        """Whether a server is asked for any of the source's streams; else all come by files that are dropped."""
        return any(stream.request is not None for stream in self.catalogue(source).streams.values())

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

    def without_credentials(self) -> list[str]:
        """Sources that sign in with a secret that has no value yet."""
        return [
            name
            for name, source in sorted(self.sources.items())
            if source["secret_name"] is not None and not self._has_value(source["secret_name"])
        ]

    def put_credentials(self, source: str, username: str, password: str) -> None:
        """Give a source's secret a user and its password. Raises: LocalError if the source has no secret."""
        self.put_secret(source, {"username": username, "password": password})

    def put_secret(self, source: str, value: dict[str, str]) -> None:
        """Give a source's secret its value, as its login asks for it. Raises: LocalError if it has no secret."""
        self.check_source(source)
        name = self.sources[source]["secret_name"]
        if name is None:
            raise LocalError(
                f"{source} signs in nowhere: its file {CATALOGUE.relative_to(ROOT)}/{source}.yaml names no secret "
                "under `auth`"
            )
        self.client("secretsmanager").put_secret_value(SecretId=name, SecretString=json.dumps(value))

    def check_source(self, source: str) -> None:
        """Raises: LocalError with the remedy if the environment has no such source."""
        if source not in self.sources:
            raise LocalError(
                f"The environment `local` has no source {source!r}. It has: {', '.join(sorted(self.sources))}. "
                "A new one needs its line under `sources` in terraform/environments/local/main.tf, then: make apply"
            )

    def _has_value(self, secret: str) -> bool:
        client = self.client("secretsmanager")
        try:
            return bool(client.get_secret_value(SecretId=secret).get("SecretString"))
        except client.exceptions.ResourceNotFoundException:
            return False

    def connect(self) -> Connection:
        """A session with the warehouse, with temporary credentials as an operator gets them on AWS."""
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
        name="local",
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
    deployment = Deployment(cloud, environment.output())
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
    environment = terraform(cloud)
    outputs = environment.output() if environment.state_file.exists() else {}
    if "state_machine_arn" not in outputs:
        raise LocalError("The local cloud is running, but nothing is deployed to it. Deploy with: make apply")
    return Deployment(cloud, outputs)
