"""The outputs of an environment, out of its Terraform state."""

import json
from typing import Any

from operate.errors import OperatorError

# Every Terraform since 0.12, and OpenTofu, writes this one.
_FORMAT = 4


def outputs_of(state: bytes) -> dict[str, Any]:
    """What the environment gives to those who operate it, by name.

    The state is read as it is, without Terraform: an answer at night should not wait for a provider of 700 MB.

    Raises: OperatorError if the state is of another format.
    """
    document = json.loads(state)
    if document.get("version") != _FORMAT:
        raise OperatorError(
            f"The state of the environment is of format {document.get('version')}, and format {_FORMAT} is read. "
            "Remedy: use the Terraform that `required_version` asks for, and apply with it"
        )
    return {name: output["value"] for name, output in document["outputs"].items()}
