"""report: does a run add up? Its report on S3, its metrics, and the answer that decides how the run ends."""

from typing import Any

import msgspec
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from xmlift.clients.landing import landing_zone
from xmlift.clients.warehouse import warehouse as open_warehouse
from xmlift.reporting import report as reporting
from xmlift.run_input import read_event
from xmlift.settings import ReportSettings, read_settings
from xmlift.telemetry import logger, metrics

settings = read_settings(ReportSettings)
zone = landing_zone(settings.bucket)
warehouse = open_warehouse(settings, "report")


@metrics.log_metrics
@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    request = read_event(event, reporting.ReportEvent)
    logger.append_keys(run=request.run, source=request.source)
    answer, result = reporting.report(request, zone, warehouse)
    metrics.add_dimension("source", request.source)
    for name, value in reporting.figures(result).items():
        metrics.add_metric(name, MetricUnit.Count, value)
    return msgspec.to_builtins(answer)
