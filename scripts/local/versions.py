"""Versions of state machines, whose definitions ministack keeps and does not run: part of the launcher.

An execution that was started by an alias or a version runs what that version was published with, whatever the state
machine itself has become since.
"""

import contextvars
from typing import Any

from ministack.core.responses import AccountRegionScopedDict
from ministack.services import stepfunctions

# The version that an execution was started by: its thread gets a copy of the context that it is started in.
_started_by: contextvars.ContextVar[str] = contextvars.ContextVar("version", default="")
_PUBLISHED = ("definition", "roleArn")


class _StateMachines(AccountRegionScopedDict):
    """State machines by ARN; to an execution its own one as it was published."""

    __slots__ = ()

    def get(self, key: str, default: Any = None) -> Any:
        machine = super().get(key, default)
        version = stepfunctions._state_machine_versions.get(_started_by.get())
        if not machine or not version or version["stateMachineArn"] != key:
            return machine
        return machine | {name: version[name] for name in _PUBLISHED}


def run_versions() -> None:
    """Make ministack run the version that an execution is started by."""
    start = stepfunctions._start_execution

    def start_version(given: dict[str, Any]) -> Any:
        token = _started_by.set(stepfunctions._execution_version_arn(given.get("stateMachineArn", "")) or "")
        try:
            return start(given)
        finally:
            _started_by.reset(token)

    stepfunctions._start_execution = start_version
    stepfunctions._state_machines.__class__ = _StateMachines
