"""Metrics in CloudWatch's embedded format: a line of the log that CloudWatch makes metrics of.

CloudWatch bills a metric for each hour in which it is sent. So a count of nothing is not sent, and there is no
dimension but a source and a stream, which the catalogue bounds.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

from xmlift.telemetry.logs import logger


class Measure(NamedTuple):
    """What a metric counts, or how large something is now; `by_stream` where it is told of each stream as well."""

    unit: MetricUnit
    meaning: str
    by_stream: bool = False
    is_size: bool = False


MEASURES = {
    "records": Measure(MetricUnit.Count, "records read, of windows that have landed", by_stream=True),
    "rejected": Measure(MetricUnit.Count, "of them those that no row was made of", by_stream=True),
    "bytes": Measure(MetricUnit.Bytes, "answers' bytes, whatever became of their windows"),
    "retries": Measure(MetricUnit.Count, "requests that were made again, and then answered"),
    "restarts": Measure(MetricUnit.Count, "windows that were begun anew"),
    "loaded": Measure(MetricUnit.Count, "rows that a load inserted or updated", by_stream=True),
    "quarantined": Measure(MetricUnit.Count, "windows that can never be loaded"),
    "lag": Measure(
        MetricUnit.Seconds,
        "from where the stream is complete to the report of a run; of a source: its worst stream's",
        by_stream=True,
        is_size=True,
    ),
    "run_seconds": Measure(MetricUnit.Seconds, "from a run's start to its report", is_size=True),
    "failed_runs": Measure(MetricUnit.Count, "runs that were reported as failed"),
    "calls": Measure(MetricUnit.Count, "calls of functions"),
    "gb_seconds": Measure(MetricUnit.Count, "a function's memory times the seconds that it worked"),
}
"""Every metric that the functions send, by its name."""

_ALL_STREAMS = ""


class Measured:
    """What one call of a function has measured so far, by source and stream."""

    def __init__(self) -> None:
        self._figures: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)

    def add(self, source: str, stream: str, figures: Mapping[str, float]) -> None:
        """Take counts and sizes down; of a stream, counts are its source's as well."""
        for name, value in figures.items():
            if (known := MEASURES.get(name)) is None:
                logger.error("no such metric", metric=name)  # of no call's work a reason to fail
                continue
            if known.is_size:
                self._figures[source, stream][name] = value
            elif value:
                for place in {_ALL_STREAMS, stream if known.by_stream else _ALL_STREAMS}:
                    own = self._figures[source, place]
                    own[name] = own.get(name, 0) + value

    def send(self, run: str | None) -> None:
        """Write what was measured to the log, from where CloudWatch takes it; the line has the run as well."""
        for (source, stream), figures in sorted(self._figures.items()):
            emf = AmazonCloudWatchEMFProvider()
            emf.service = ""  # it would be one more dimension
            for name, value in figures.items():
                emf.add_metric(name, MEASURES[name].unit, value)
            emf.add_dimension("source", source)
            if stream:
                emf.add_dimension("stream", stream)
            if run:
                emf.add_metadata("run", run)  # no dimension: each run would be a metric of its own
            emf.flush_metrics()
        self._figures.clear()


_MEASURED: ContextVar[Measured | None] = ContextVar("measured", default=None)


def measure(source: str, stream: str = _ALL_STREAMS, **figures: float) -> None:
    """Count figures of `MEASURES` for the current call of a function; outside of one nothing is measured."""
    measured = _MEASURED.get()
    if measured is not None:
        measured.add(source, stream, figures)


@contextmanager
def measured(identity: Mapping[str, str]) -> Iterator[None]:
    """Send what is measured in here, however it ends, with the run that `identity` has by then."""
    collected = Measured()
    token = _MEASURED.set(collected)
    try:
        yield
    finally:
        _MEASURED.reset(token)
        try:
            collected.send(identity.get("run"))
        except Exception:  # noqa: BLE001 (how the call itself ended counts for more)
            logger.exception("metrics are lost")
