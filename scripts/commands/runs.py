"""runs: what ran, how it ended, and one run in full."""

from typing import Annotated

import typer

from commands.display import activity, print_json, say
from commands.environments import LOCAL, Env, opened
from commands.options import FOLDER, Folder, Json
from commands.run_lines import as_json, show_run, show_runs
from operate.deployment import Deployment
from operate.past_runs import PastRuns


def runs(
    which: Annotated[
        str | None,
        typer.Argument(metavar="[SOURCE | RUN]", help="A source, or the name of one run; else all sources."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many, the newest first.")] = 20,
    folder: Folder = FOLDER,
    env: Env = LOCAL,
    json: Json = False,
) -> None:
    """Show the newest runs, or one in full.

    A line tells when a run started (UTC), how long it took, how it ended (RUNNING: it has not), what it was started
    for if not by the schedule, how many windows it dealt with, how many records it read, and as changes how many
    rows were new+changed (of a replay, how many it loaded). Below the table stands why runs have failed.

    A single run is shown with its report and every window that failed in it. It is named as the table's last column
    does, or in full.
    """
    deployment = opened(env, folder)
    if which is None or which in deployment.sources:
        _list(deployment, [which] if which else sorted(deployment.sources), limit, json)
    else:
        _show(deployment, which, json)


def _list(deployment: Deployment, sources: list[str], limit: int, json: bool) -> None:
    with activity(passing=True) as show:
        work = show.begin("look for runs")
        found = PastRuns(deployment).newest(sources, limit)
        work.finish()
    if json:
        print_json([as_json(run) for run in found])
    elif found:
        show_runs(found, of_one_source=len(sources) == 1)
    else:
        say(f"Nothing has run yet of {', '.join(sources)}. Start with: {deployment.command('run')}")


def _show(deployment: Deployment, name: str, json: bool) -> None:
    with activity(passing=True) as show:
        work = show.begin("look for the run")
        past = PastRuns(deployment)
        run = past.find(name)
        failed = past.failed_windows(run)
        work.finish()
    if json:
        print_json(as_json(run) | {"report": run.report, "failed_windows": failed})
    else:
        show_run(run, failed)
