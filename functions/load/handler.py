"""load: what a run landed of one stream, into the warehouse."""

from typing import Any

import msgspec
from aws_lambda_powertools.utilities.typing import LambdaContext

from xmlift import cold_start
from xmlift.clients.landing import landing_zone
from xmlift.clients.warehouse import warehouse as open_warehouse
from xmlift.loading import load as loading
from xmlift.settings import LoadSettings, read_settings
from xmlift.telemetry import identify, observed

settings = read_settings(LoadSettings)
zone = landing_zone(settings.bucket)
warehouse = open_warehouse(settings, "load")


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    request = msgspec.convert(event, loading.LoadEvent)
    identify(run=request.run, source=request.source, stream=request.stream)
    answer = loading.load(
        request,
        zone,
        warehouse,
        settings.copy_role_arn,
        lambda: context.get_remaining_time_in_millis() / 1000,
    )
    return msgspec.to_builtins(answer)


cold_start.over()
