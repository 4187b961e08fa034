"""One call of a function: its lines, metrics and trace begin and end with it, and carry the run."""

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from time import monotonic
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from xmlift.telemetry.logs import logger, tell_libraries
from xmlift.telemetry.measures import measure, measured
from xmlift.telemetry.traces import traced

type Handler = Callable[[dict[str, Any], LambdaContext], Any]

_IDENTITY: ContextVar[dict[str, str] | None] = ContextVar("identity", default=None)


def observed(handler: Handler) -> Handler:
    """A handler whose calls are logged, measured and traced, and whose failures are logged with the run."""

    @logger.inject_lambda_context(clear_state=True)
    @wraps(handler)
    def call(event: dict[str, Any], context: LambdaContext) -> Any:
        tell_libraries()
        identity: dict[str, str] = {}
        token, begun = _IDENTITY.set(identity), monotonic()
        try:
            with measured(identity), traced("call") as told:
                told["annotations"] = identity
                try:
                    return handler(event, context)
                finally:
                    if source := identity.get("source"):
                        seconds = monotonic() - begun
                        gigabytes = int(context.memory_limit_in_mb) / 1024
                        measure(source, calls=1, gb_seconds=seconds * gigabytes)
        except Exception:
            logger.exception("failed")
            raise
        finally:
            _IDENTITY.reset(token)

    return call


def identify(**keys: str) -> None:
    """Say what the current call is about: in each line from here on, and in what its trace is found by."""
    logger.append_keys(**keys)
    identity = _IDENTITY.get()
    if identity is not None:
        identity.update(keys)
