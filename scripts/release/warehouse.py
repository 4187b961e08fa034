"""Whether code of an earlier deployment may use the warehouse as it is now: it does not go back with the code."""

import json
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from operate.deployment import Deployment
from release.deployments import Versions

# Of the functions' errors, by name: it may not; and what code says that was there before the question was.
_SHUT_OUT, _KNOWS_NO_QUESTION = "ShutOutError", "ValidationError"
# A rollback is for the night, and the warehouse may be what is wrong.
_PATIENCE = 90


class Verdict(NamedTuple):
    """Why the code may not use the warehouse; why that could not be found out. Both empty: it may."""

    refusal: str = ""
    unknown: str = ""


def verdict(deployment: Deployment, to: Versions) -> Verdict:
    """Whether the code of these versions may use the warehouse: the migrate that would come back is asked.

    Code from before the question existed does not know it. Then the live one is asked whether the warehouse has
    shut out any code since.
    """
    found = _asked(deployment, to.functions["migrate"])
    if _KNOWS_NO_QUESTION not in found.get("errorType", ""):
        return _verdict(found)
    of_live = _asked(deployment, "live")
    if oldest := of_live.get("oldest_code", 0):
        return Verdict(
            f"code before version {oldest} may not use the warehouse, and it is older than versions"
        )
    return Verdict(unknown=_verdict(of_live).unknown)


def _verdict(told: dict[str, Any]) -> Verdict:
    why = str(told.get("errorMessage", ""))
    return Verdict(refusal=why) if told.get("errorType") == _SHUT_OUT else Verdict(unknown=why)


def _asked(deployment: Deployment, version: str) -> dict[str, Any]:
    """What a version of migrate answers, its error included; what kept it from answering, as an error as well."""
    try:
        answer = deployment.caller(_PATIENCE).invoke(
            FunctionName=deployment.outputs["functions"]["migrate"]["name"],
            Qualifier=version,
            Payload=json.dumps({"check": {}}),
        )
    except (BotoCoreError, ClientError) as error:
        return {"errorType": type(error).__name__, "errorMessage": str(error)}
    return dict(json.load(answer["Payload"]))
