"""secret: the credentials of a source, given to the local cloud and to nobody else."""

import getpass
import json
import sys
from typing import Annotated

import typer

from commands.display import say
from commands.environments import LOCAL, Env, opened
from commands.options import FOLDER, Folder
from operate.errors import OperatorError


def secret(
    source: Annotated[str, typer.Argument(help="The source that signs in with it.")],
    username: Annotated[
        str | None, typer.Option(help="The user's name at the source; else the secret's JSON is read.")
    ] = None,
    folder: Folder = FOLDER,
    env: Env = LOCAL,
) -> None:
    """Give a source its credentials: its password is asked for, or read from standard input.

    Without a user's name all of it is read from standard input, as JSON with what the source's login asks for.
    """
    deployment = opened(env, folder)
    if username is None:
        deployment.put_secret(source, _from_json(sys.stdin.read()))
        say(f"{source} signs in with what was read. Next: make run SOURCE={source}")
        return
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise OperatorError("No password came: type it, or give it as the first line of standard input")
    deployment.put_credentials(source, username, password)
    say(f"{source} signs in as {username}. Next: make run SOURCE={source}")


def _from_json(text: str) -> dict[str, str]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict) or not all(isinstance(part, str) for part in value.values()):
        raise OperatorError(
            'What was read is no JSON object of texts: give a user\'s name (USERNAME=…), or such as {"token": "…"} '
            "on standard input"
        )
    return value
