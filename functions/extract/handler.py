"""extract: one window of a stream, from its endpoint to S3."""

from typing import Any

import msgspec
from aws_lambda_powertools.utilities.typing import LambdaContext

from xmlift import cold_start
from xmlift.clients.landing import landing_zone
from xmlift.clients.secrets import secret_reader
from xmlift.extraction import extract as extraction
from xmlift.settings import ExtractSettings, read_settings
from xmlift.telemetry import identify, observed

settings = read_settings(ExtractSettings)
zone = landing_zone(settings.bucket)
read_secret = secret_reader(settings.secret_prefix)


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    request = msgspec.convert(event, extraction.ExtractEvent)
    identify(run=request.run, source=request.source, stream=request.stream)
    answer = extraction.extract(
        request,
        zone,
        read_secret,
        time_left=lambda: context.get_remaining_time_in_millis() / 1000,
        processes=settings.processes,
    )
    return msgspec.to_builtins(answer)


cold_start.over()
