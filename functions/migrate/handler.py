"""migrate: schemas, roles and grants of the warehouse. Terraform invokes it at every apply that needs it.

An operator who rebuilds a ledger invokes it with `{"forget": {"source": …}}`; a rollback asks the version that is
to come back, with `{"check": {}}`, whether it may use the warehouse.
"""

from typing import Any

import msgspec
from aws_lambda_powertools.utilities.typing import LambdaContext

from xmlift import cold_start, migration
from xmlift.clients.warehouse import administered_warehouse
from xmlift.settings import MigrateSettings, read_settings
from xmlift.telemetry import observed

RESERVE_SECONDS = 30.0
"""What a call keeps of its time to roll back and answer."""

settings = read_settings(MigrateSettings)
warehouse = administered_warehouse(settings)


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    seconds = context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS
    if "check" in event:
        return msgspec.to_builtins(migration.check(warehouse, seconds))
    if "forget" in event:
        source = msgspec.convert(event, migration.ForgetEvent)
        return msgspec.to_builtins(migration.forget(source, warehouse, seconds))
    request = msgspec.convert(event, migration.MigrateEvent)
    return msgspec.to_builtins(migration.migrate(request, warehouse, seconds))


cold_start.over()
