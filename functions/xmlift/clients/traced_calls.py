"""Calls of AWS in the trace: a span from when boto3 begins one until it has answered, its tries included."""

from contextlib import ExitStack
from typing import Any

from botocore.hooks import BaseEventHooks
from botocore.model import OperationModel

from xmlift.telemetry import span

_OPEN = "xmlift_span"


def trace_calls(events: BaseEventHooks) -> None:
    """Trace what clients call that are made after this with these events."""
    events.register("before-call", _begin)
    events.register("after-call", _end)
    events.register("after-call-error", _end)


def _begin(model: OperationModel, context: dict[str, Any], **_: Any) -> None:
    opened = ExitStack()
    told = opened.enter_context(
        span(str(model.service_model.service_id), namespace="aws", aws={"operation": model.name})
    )
    context[_OPEN] = opened, told


def _end(
    context: dict[str, Any],
    parsed: dict[str, Any] | None = None,
    exception: Exception | None = None,
    **_: Any,
) -> None:
    opened, told = context.pop(_OPEN, (ExitStack(), {}))
    answer = (parsed or {}).get("ResponseMetadata", {})
    told["aws"] = {**told.get("aws", {}), "request_id": answer.get("RequestId")}
    # That a key is not there is an ordinary answer, which X-Ray calls an error; what the service lacks is a fault.
    told["error"] = 400 <= answer.get("HTTPStatusCode", 0) < 500
    told["fault"] = exception is not None or answer.get("HTTPStatusCode", 0) >= 500
    opened.close()
