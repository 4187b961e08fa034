"""smoke: what an environment needs before its first load, and one tiny load."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from commands.display import Activity, activity, print_json
from commands.doctor import show
from commands.environments import LOCAL, Env, opened
from commands.options import FOLDER, Folder, Json
from commands.run import run_sources
from operate import smoke as looks
from operate.check import Check
from operate.deployment import Deployment
from operate.inputs import check

_TINY = timedelta(days=1)


def smoke(
    source: Annotated[
        str | None,
        typer.Argument(help="The source to read a little of; else one that can be asked for a day."),
    ] = None,
    folder: Folder = FOLDER,
    env: Env = LOCAL,
    json: Json = False,
) -> None:
    """Check an environment before its first load: quotas, zones, certificates, secrets, and one tiny load.

    The load reads what changed within the last day; of a source that always answers all it has, all of that. It
    comes only where everything else is well. What it loads stays, and is not read again.
    """
    deployment = opened(env, folder)
    with activity(passing=True) as shown:
        work = shown.begin("look at the account")
        found = list(looks.checks(deployment, datetime.now(UTC)))
        work.finish()
    if all(each.ok for each in found):
        with activity() as shown:
            found.append(looks.answered("tiny load", lambda: tiny_load(shown, deployment, source)))
    if json:
        print_json([asdict(each) for each in found])
    else:
        for each in found:
            show(each)
    if not all(each.ok for each in found):
        raise typer.Exit(1)


def tiny_load(shown: Activity, deployment: Deployment, source: str | None) -> Check:
    """Read and load a little: the way of a record, from its endpoint to the warehouse."""
    name = source or first_to_try(deployment)
    if name is None:
        return Check("tiny load", True, "no source can be asked for a day of it: name one with SOURCE=…")
    now = datetime.now(UTC)
    stream = looks.stream_to_try(deployment.catalogue(name))
    changes = (
        {"streams": [stream], "from": (now - _TINY).isoformat(), "to": now.isoformat()} if stream else {}
    )
    check(deployment, deployment.given(name, **changes), now)
    (report,) = run_sources(shown, deployment, [name], changes)
    return Check(
        "tiny load",
        report["status"] == "succeeded",
        report["message"],
        f"{deployment.command(f'runs SOURCE={name}')}, and docs/operations.md: a failed window",
    )


def first_to_try(deployment: Deployment) -> str | None:
    """A source of which a day can be read by itself."""
    return next(
        (name for name in sorted(deployment.sources) if looks.stream_to_try(deployment.catalogue(name))), None
    )
