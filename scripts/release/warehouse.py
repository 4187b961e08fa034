"""Whether code of an earlier deployment may use the warehouse as it is now: it does not go back with the code."""

import json

from operate.deployment import Deployment
from release.deployments import Versions

_KNOWS_NO_QUESTION = "ValidationError"


def refusal(deployment: Deployment, to: Versions) -> str | None:
    """Why the code of these versions may not use the warehouse, in its own words; None where it may.

    The version of migrate that would come back is asked. Code from before the question existed does not know it,
    and is let through: no warehouse shut it out then.
    """
    answer = deployment.client("lambda").invoke(
        FunctionName=deployment.outputs["functions"]["migrate"]["name"],
        Qualifier=to.functions["migrate"],
        Payload=json.dumps({"check": {}}),
    )
    told = json.load(answer["Payload"])
    if not answer.get("FunctionError") or _KNOWS_NO_QUESTION in told.get("errorType", ""):
        return None
    return str(told.get("errorMessage", told))
