"""report: does a run add up? Its report on S3, its metrics, and the answer that decides how the run ends."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from aws_lambda_powertools.utilities.typing import LambdaContext

from xmlift import cold_start
from xmlift.clients.landing import landing_zone
from xmlift.clients.warehouse import warehouse as open_warehouse
from xmlift.reporting import report as reporting
from xmlift.run_input import read_event, run_of
from xmlift.settings import ReportSettings, read_settings
from xmlift.telemetry import identify, measure, observed

settings = read_settings(ReportSettings)
zone = landing_zone(settings.bucket)
warehouse = open_warehouse(settings, "report")


@observed
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    identify(run=run_of(event))
    request = read_event(event, reporting.ReportEvent)
    identify(source=request.source)
    answer, result = reporting.report(request, zone, warehouse)
    for stream, figures in reporting.figures(request, answer, result, datetime.now(UTC)).items():
        measure(request.source, stream, **figures)
    return msgspec.to_builtins(answer)


cold_start.over()
