"""Which environment a verb acts on: the local cloud's, or one on AWS."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from local import cloud as clouds
from local import deployment as local_deployment
from operate import aws
from operate.deployment import Deployment

LOCAL = "local"

Env = Annotated[
    str,
    typer.Option(
        "--env",
        metavar="NAME",
        help="An environment on AWS (terraform/environments/NAME), with the caller's credentials.",
        show_default="the local cloud",
    ),
]


def opened(env: str, folder: Path) -> Deployment:
    """The environment as it is deployed: `local` on the cloud that runs in `folder`, any other on AWS.

    Raises: OperatorError if it is not there, or not for this caller.
    """
    return local_deployment.deployed(clouds.get(folder)) if env == LOCAL else aws.deployed(env)


def is_on_aws(arguments: Sequence[str]) -> bool:
    """Whether a command line is meant for AWS, and the caller's AWS settings with it.

    It is if it names an environment there, or if it keeps or gets packages, which are nobody's environment.
    """
    if arguments[1:2] in (["publish"], ["fetch"]):
        return True
    named = [
        following if word == "--env" else word.partition("=")[2]
        for word, following in zip(arguments, [*arguments[1:], ""], strict=True)
        if word == "--env" or word.startswith("--env=")
    ]
    return any(name not in {"", LOCAL} for name in named)
