"""rollback: make an earlier deployment live again, at once."""

from itertools import islice
from typing import Annotated, Any

import msgspec
import typer

from commands.display import print_json, say
from commands.environments import LOCAL, Env, opened
from commands.options import FOLDER, Folder, Json
from release import deployments
from release.rollback import RolledBack, roll_back

_LISTED = 20


def rollback(
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            help="Number of a deployment, or its commit; else the one before what is live.",
            metavar="WHICH",
        ),
    ] = None,
    known: Annotated[bool, typer.Option("--list", help="Show what was deployed, and move nothing.")] = False,
    env: Env = LOCAL,
    folder: Folder = FOLDER,
    json: Json = False,
) -> None:
    """Move the aliases of all functions and of the state machine back together, and say what has to follow.

    Nothing else moves: not the catalogues and schedules, not the roles, not the warehouse. Executions that are
    under way go on with what is live then.
    """
    deployment = opened(env, folder)
    if known:
        listed = list(islice(deployments.history(deployment), _LISTED))
        if json:
            print_json(msgspec.to_builtins(listed))
        for record in [] if json else listed:
            say(str(record))
        return
    done = roll_back(deployment, to)
    if json:
        print_json(_as_json(done))
        return
    say(f"{deployment.name} is at {done.to}; before: {done.since or 'no whole deployment'}")
    for moved in done.moved:
        say(f"  {moved.what}: version {moved.before} -> {moved.after}")
    if done.unchecked:
        say(f"Whether the warehouse lets this code in could not be checked: {done.unchecked}")
    say("Not moved: catalogues and schedules, roles, the warehouse")
    say(
        "The code is ahead of the environment now: drift finds these changed, and every apply moves them on again"
    )
    for moved in done.moved:
        say(f"  {moved.address}")
    say("Close it:")
    for line in done.closing:
        say(f"  {line}")


def _as_json(done: RolledBack) -> dict[str, Any]:
    return {
        "to": msgspec.to_builtins(done.to),
        "since": msgspec.to_builtins(done.since),
        "moved": [moved._asdict() for moved in done.moved],
        "closing": done.closing,
        "unchecked": done.unchecked,
    }
