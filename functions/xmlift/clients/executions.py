"""Executions of the state machine."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from xmlift.clients import CONFIG, session
from xmlift.errors import PlanError
from xmlift.landing.claim import StatusOf

_UNKNOWN = "ExecutionDoesNotExist"  # it ended more than 90 days ago, or was another cloud's


def execution_status() -> StatusOf:
    """Asks for an execution's status by its ARN. What it gives raises PlanError."""
    client: Any = session().client("stepfunctions", config=CONFIG)

    def status(execution: str) -> str | None:
        try:
            return str(client.describe_execution(executionArn=execution)["status"])
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") == _UNKNOWN:
                return None
            raise PlanError(
                f"whether the execution {execution} still runs could not be asked: {error}. Start the run again; "
                'with "concurrent": true in the input it does not ask. Where the bucket came from another account, '
                "delete the source's runs/…/running.json"
            ) from error

    return status
