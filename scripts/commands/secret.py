"""secret: the credentials of a source, given to the local cloud and to nobody else."""

import getpass
import sys
from typing import Annotated

import typer

from commands.display import say
from commands.options import FOLDER, Folder
from local import cloud as clouds
from local.deployment import deployed
from local.errors import LocalError


def secret(
    source: Annotated[str, typer.Argument(help="The source that signs in with it.")],
    username: Annotated[str, typer.Option(help="The user's name at the source.")],
    folder: Folder = FOLDER,
) -> None:
    """Give a source its credentials; the password is asked for, or read from standard input."""
    deployment = deployed(clouds.get(folder))
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise LocalError("No password came: type it, or give it as the first line of standard input")
    deployment.put_credentials(source, username, password)
    say(f"{source} signs in as {username}. Next: make run SOURCE={source}")
