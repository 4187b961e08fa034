"""plan: the missing windows of a source, as a work list for the state machine's Map."""

from typing import Any

import msgspec
from aws_lambda_powertools.utilities.typing import LambdaContext

from xmlift import cold_start
from xmlift.clients.executions import execution_status
from xmlift.clients.landing import landing_zone
from xmlift.clients.warehouse import warehouse as open_warehouse
from xmlift.planning import plan as planning
from xmlift.run_input import PlanEvent, read_event, run_of
from xmlift.settings import PlanSettings, read_settings
from xmlift.telemetry import identify, observed

settings = read_settings(PlanSettings)
zone = landing_zone(settings.bucket)
warehouse = open_warehouse(settings, "plan")
status_of = execution_status()


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    identify(run=run_of(event))
    request = read_event(event, PlanEvent)
    identify(source=request.source)
    return msgspec.to_builtins(
        planning.plan(request, zone, warehouse, status_of, settings.extract_concurrency)
    )


cold_start.over()
