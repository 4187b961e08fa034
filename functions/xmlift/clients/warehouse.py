"""The warehouse, as the function's own database user or as the administrator."""

from xmlift.clients import CONFIG, session
from xmlift.clients.secrets import secret_reader
from xmlift.errors import WarehouseError
from xmlift.settings import MigrateSettings, WarehouseSettings
from xmlift.warehouse.connection import Address, Credentials, Warehouse, temporary_credentials


def warehouse(settings: WarehouseSettings, step: str) -> Warehouse:
    """The warehouse, as the database user of the function's own role."""
    client = session().client("redshift-serverless", config=CONFIG)
    credentials = temporary_credentials(client, settings.workgroup, settings.database)
    return Warehouse(_address(settings), credentials, f"xmlift-{step}")


def administered_warehouse(settings: MigrateSettings) -> Warehouse:
    """The warehouse, as the administrator whose password Redshift keeps in Secrets Manager."""
    read_secret = secret_reader("")

    def credentials() -> Credentials:
        secret = read_secret(settings.admin_secret_arn)
        try:
            return Credentials(secret["username"], secret["password"])
        except KeyError as error:
            raise WarehouseError(f"the administrator's secret has no {error}") from None

    return Warehouse(_address(settings), credentials, "xmlift-migrate")


def _address(settings: WarehouseSettings) -> Address:
    return Address(settings.warehouse_host, settings.warehouse_port, settings.database, settings.warehouse_ca)
