"""What a function tells of its work: log lines with the run in each, metrics, and traces from schedule to COPY.

Each is bound to the call of a function. Where there is none, as in a test of a step, nothing is measured or traced.
"""

from xmlift.telemetry.calls import identify, observed
from xmlift.telemetry.logs import logger
from xmlift.telemetry.measures import MEASURES, measure
from xmlift.telemetry.traces import span

__all__ = ["MEASURES", "identify", "logger", "measure", "observed", "span"]
