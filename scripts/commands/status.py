"""status: how far every stream is loaded, what is missing, and what goes on."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from commands.display import activity, print_json
from commands.environments import LOCAL, Env, opened
from commands.options import FOLDER, Folder, Json
from commands.standing_lines import as_json, show_standings
from operate.standing import standing


def status(
    source: Annotated[str | None, typer.Argument(help="One source; else all.")] = None,
    gaps: Annotated[bool, typer.Option("--gaps", help="List every gap.")] = False,
    folder: Folder = FOLDER,
    env: Env = LOCAL,
    json: Json = False,
) -> None:
    """Show how far each stream is loaded, what is missing, and what goes on.

    watermark: up to there everything is loaded. lag: from there until now; it never falls below the stream's
    overlap, which every run reads again. gaps: what is missing before the newest loaded window; the next run reads
    it. quarantined: windows that the warehouse refused, with the reason below the table; every run tries them
    again. rows: what the ledger says the stream's own table holds.
    """
    deployment = opened(env, folder)
    sources = [source] if source else sorted(deployment.sources)
    with activity(passing=True) as show:
        work = show.begin("ask the ledger")
        standings = []
        for number, name in enumerate(sources):
            work.update(name, number, len(sources))
            standings.append(standing(deployment, name))
        work.finish()
    now = datetime.now(UTC)
    if json:
        print_json([as_json(each, now) for each in standings])
    else:
        show_standings(standings, now, gaps, deployment.command)
