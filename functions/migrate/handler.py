"""migrate: schemas, roles and grants of the warehouse. Terraform invokes it at every apply that needs it."""

from typing import Any

import msgspec
from aws_lambda_powertools.utilities.typing import LambdaContext

from xmlift import migration
from xmlift.clients.warehouse import administered_warehouse
from xmlift.settings import MigrateSettings, read_settings
from xmlift.telemetry import logger

settings = read_settings(MigrateSettings)
warehouse = administered_warehouse(settings)


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    return msgspec.to_builtins(migration.migrate(msgspec.convert(event, migration.MigrateEvent), warehouse))
