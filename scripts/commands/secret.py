"""secret: the credentials of a source, given to its environment's secret and to nobody else."""

import getpass
import sys
from json import dumps, loads
from typing import Annotated

import typer

from commands.display import print_json, say
from commands.environments import LOCAL, Env, opened
from commands.options import FOLDER, Folder, Json
from operate.errors import OperatorError

# What may be seen on the screen while it is typed; of all others nothing is shown.
_SHOWN = {"username", "client_id"}


def secret(
    source: Annotated[str, typer.Argument(help="The source that signs in with it.")],
    username: Annotated[
        str | None, typer.Option(help="The user's name at the source; then only the password is asked for.")
    ] = None,
    folder: Folder = FOLDER,
    env: Env = LOCAL,
    json: Json = False,
) -> None:
    """Give a source its credentials: what its login needs is asked for, or read from standard input.

    From standard input comes JSON with all of it, or, with a user's name, the password as the first line.
    """
    deployment = opened(env, folder)
    place = deployment.secret_of(source)
    needed = deployment.catalogue(source).auth.parts
    if username is None:
        value = _asked(needed) if sys.stdin.isatty() else _from_json(sys.stdin.read(), needed)
    elif "username" in needed:
        value = {"username": username, "password": _password()}
    else:
        raise OperatorError(f"{source} signs in with {' and '.join(needed)}, and no user: leave USERNAME out")
    deployment.put_secret(source, value)
    if json:
        print_json({"source": source, "secret": place, "has": sorted(value)})
    else:
        who = f" as {username}" if username else f" with {' and '.join(needed)}"
        say(f"{source} signs in{who}, which {place} has. Next: {deployment.command(f'run SOURCE={source}')}")


def _asked(needed: tuple[str, ...]) -> dict[str, str]:
    value = {part: (input if part in _SHOWN else getpass.getpass)(f"{part}: ") for part in needed}
    if empty := [part for part, typed in value.items() if not typed]:
        raise OperatorError(f"Nothing was typed for {' and '.join(empty)}: the secret is as it was")
    return value


def _password() -> str:
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise OperatorError("No password came: type it, or give it as the first line of standard input")
    return password


def _from_json(text: str, needed: tuple[str, ...]) -> dict[str, str]:
    try:
        value = loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict) or not all(isinstance(part, str) for part in value.values()):
        raise OperatorError(
            "What was read is no JSON object of texts: "
            f"{dumps(dict.fromkeys(needed, '…'), ensure_ascii=False)} has to be on standard input"
        )
    if lacking := [part for part in needed if not value.get(part)]:
        raise OperatorError(
            f"What was read has no {' and no '.join(lacking)}, which the source's login needs"
        )
    return value
