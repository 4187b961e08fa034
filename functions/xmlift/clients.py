"""The clients that handlers hand to the steps. Endpoints and CA files come from the environment alone."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from xmlift.errors import SourceError, WarehouseError
from xmlift.landing.zone import Zone
from xmlift.settings import MigrateSettings, WarehouseSettings

if TYPE_CHECKING:
    from xmlift.warehouse.connection import Address, Warehouse

# Standard mode retries throttling, 5xx answers and lost connections with back-off and jitter.
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 6}, max_pool_connections=16)


def landing_zone(bucket: str) -> Zone:
    """The landing bucket."""
    return Zone(boto3.client("s3", config=_CONFIG), bucket)


def warehouse(settings: WarehouseSettings, step: str) -> "Warehouse":
    """The warehouse, as the database user of the function's own role."""
    # Imported where it is used: extract, which has no business in the warehouse, carries no driver.
    from xmlift.warehouse.connection import Warehouse, temporary_credentials  # noqa: PLC0415

    client = boto3.client("redshift-serverless", config=_CONFIG)
    credentials = temporary_credentials(client, settings.workgroup, settings.database)
    return Warehouse(_address(settings), credentials, f"xmlift-{step}")


def administered_warehouse(settings: MigrateSettings) -> "Warehouse":
    """The warehouse, as the administrator whose password Redshift keeps in Secrets Manager."""
    from xmlift.warehouse.connection import Credentials, Warehouse  # noqa: PLC0415

    def credentials() -> Credentials:
        secret = secret_reader("")(settings.admin_secret_arn)
        try:
            return Credentials(secret["username"], secret["password"])
        except KeyError as error:
            raise WarehouseError(f"the administrator's secret has no {error}") from None

    return Warehouse(_address(settings), credentials, "xmlift-migrate")


def secret_reader(prefix: str) -> Callable[[str], dict[str, str]]:
    """Reads a secret's JSON object by its name in the catalogue. The reader raises SourceError."""
    client = boto3.client("secretsmanager", config=_CONFIG)

    def read(name: str) -> dict[str, str]:
        try:
            value = client.get_secret_value(SecretId=f"{prefix}{name}")["SecretString"]
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            raise SourceError(
                f"the secret {prefix}{name} cannot be read ({code}): Terraform makes it without a value; put one "
                f"with `aws secretsmanager put-secret-value --secret-id {prefix}{name} --secret-string "
                '\'{"username": …, "password": …}\'`'
            ) from error
        try:
            document = json.loads(value)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise SourceError(f'the secret {prefix}{name} is not a JSON object such as {{"username": …}}')
        return {str(key): str(text) for key, text in document.items()}

    return read


def _address(settings: WarehouseSettings) -> "Address":
    from xmlift.warehouse.connection import Address  # noqa: PLC0415

    return Address(settings.warehouse_host, settings.warehouse_port, settings.database, settings.warehouse_ca)
