"""replay: load from the landing zone what the warehouse lacks."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from commands.display import Activity, activity
from commands.options import FOLDER, Concurrent, Folder, Json, Streams
from commands.run import Progress, Report, follow, tell
from local import cloud as clouds
from local import execution
from local.deployment import Deployment, deployed
from local.execution import Execution, Look
from local.inputs import check
from local.replaying import landed_count, loaded_count


def replay(
    source: Annotated[str, typer.Argument(help="The source to load.")],
    stream: Streams = None,
    concurrent: Concurrent = False,
    folder: Folder = FOLDER,
    json: Json = False,
) -> None:
    """Load from the landing zone all that the ledger lacks; the endpoint is not asked.

    Every window that has ever landed, and still stands in the bucket, is loaded unless the ledger has it, the
    newest run first. A new warehouse is filled by it. It may be repeated and interrupted at will: a window is
    loaded once.
    """
    deployment = deployed(clouds.get(folder))
    changes: dict[str, Any] = {"replay": True}
    changes |= ({"streams": stream} if stream else {}) | ({"concurrent": True} if concurrent else {})
    given = deployment.given(source, **changes)
    check(deployment, given, datetime.now(UTC))
    with activity() as show:
        report = replay_source(show, deployment, given)
    tell([report], json)


def replay_source(show: Activity, deployment: Deployment, given: dict[str, Any]) -> Report:
    """Start a replay with this input and follow it; answers its report."""
    source = given["source"]
    streams = given.get("streams") or list(deployment.catalogue(source).streams)
    work = show.begin(f"replay {source}")
    work.update("count what has landed")
    landed = landed_count(deployment, source, streams)

    with loaded_count(deployment, source, streams) as count:

        def progress(_: Execution, look: Look) -> Progress:
            loaded = min(count(), landed)
            return Progress(f"{look.state}: {loaded:,} of {landed:,} windows loaded", loaded, landed)

        (report,) = follow([(execution.start(deployment, source, given), work)], progress)
    return report
