"""Subsegments of X-Ray: what a call did, below the segment that Lambda makes of it.

Each is one datagram to the daemon that Lambda runs beside the function. AWS's own library for that takes 0.25 s of
a cold start's CPU, and is only maintained.
"""

import json
import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

MOST_SPANS = 200
"""Of one call, whose window may have thousands of requests; the others are only counted."""

_HEADER = b'{"format": "json", "version": 1}\n'


class Trace:
    """The trace of a call, where it is one that is sampled."""

    def __init__(self, trace_id: str, segment: str, daemon: str) -> None:
        self.root = segment
        self.left_out = 0
        self._id = trace_id
        self._spans = 0
        host, _, port = daemon.rpartition(":")
        self._daemon = host, int(port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def takes_one_more(self) -> bool:
        """Whether there is room for one more subsegment; counts it."""
        self._spans += 1
        if self._spans <= MOST_SPANS:
            return True
        self.left_out += 1
        return False

    def send(self, document: dict[str, Any]) -> None:
        """Send a subsegment. That one is lost is no reason for a call to fail."""
        whole = {"type": "subsegment", "trace_id": self._id, **document}
        try:
            self._socket.sendto(_HEADER + json.dumps(whole).encode(), self._daemon)
        except (OSError, OverflowError, TypeError, ValueError):  # also what is no port, or no JSON
            self.left_out += 1

    def close(self) -> None:
        self._socket.close()


_trace: Trace | None = None
"""Of the call that this process is at work on: not bound to a thread, since pages are fetched by another one."""

_PARENT: ContextVar[str | None] = ContextVar("parent", default=None)


@contextmanager
def traced(name: str) -> Iterator[dict[str, Any]]:
    """Make all spans in here part of the trace that Lambda names, below one span for the whole of it.

    Answers what X-Ray is told of that one, which may grow meanwhile.
    """
    global _trace  # noqa: PLW0603 (a process works on one call at a time)
    _trace = _of_environment()
    try:
        with span(name) as told:
            if _trace is not None:
                _trace.root = _PARENT.get() or _trace.root
            try:
                yield told
            finally:
                if _trace is not None and _trace.left_out:
                    told["metadata"] = {"xmlift": {"spans_left_out": _trace.left_out}}
    finally:
        if _trace is not None:
            _trace.close()
        _trace = None


@contextmanager
def span(name: str, no_fault: tuple[type[BaseException], ...] = (), **told: Any) -> Iterator[dict[str, Any]]:
    """A subsegment for what is done in here; `told` is what X-Ray is told of it, and may grow meanwhile.

    An error that ends it is a fault, but for those of `no_fault`. Outside of a call, and of a trace that is
    sampled, nothing is sent.
    """
    trace = _trace
    if trace is None or not trace.takes_one_more():
        yield told
        return
    own = secrets.token_hex(8)
    begun, parent = time.time(), _PARENT.get() or trace.root
    token = _PARENT.set(own)
    try:
        yield told
    except no_fault:
        raise
    except BaseException as error:
        # The kind alone: the message may hold a server's words, which are for the log.
        told |= {"fault": True, "cause": {"exceptions": [{"id": own, "type": type(error).__name__}]}}
        raise
    finally:
        _PARENT.reset(token)
        times = {"start_time": begun, "end_time": time.time()}
        trace.send({"name": name, "id": own, "parent_id": parent, **times, **told})


def _of_environment() -> Trace | None:
    """The trace that Lambda has named for this call: none where tracing is off, or this call is not sampled."""
    header = os.environ.get("_X_AMZN_TRACE_ID", "")
    parts = dict(part.split("=", 1) for part in header.split(";") if "=" in part)
    daemon = os.environ.get("AWS_XRAY_DAEMON_ADDRESS", "")
    has_port = daemon.rpartition(":")[2].isdecimal()
    if parts.get("Sampled") != "1" or not {"Root", "Parent"} <= parts.keys() or not has_port:
        return None
    return Trace(parts["Root"], parts["Parent"], daemon)
