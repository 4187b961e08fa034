"""replay: load from the landing zone what the warehouse lacks."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from commands.display import Activity, activity
from commands.options import FOLDER, Concurrent, Folder, Json, Streams
from commands.run import Progress, Report, follow, tell
from local import cloud as clouds
from local import execution
from local.deployment import deployed
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
        report = follow_replay(show, execution.start(deployment, source, given), given)
    tell([report], json)


def follow_replay(show: Activity, started: Execution, given: dict[str, Any]) -> Report:
    """Show how far a replay is that was started with this input; answers its report."""
    deployment, source = started.deployment, started.source
    streams = given.get("streams") or list(deployment.catalogue(source).streams)
    work = show.begin(f"replay {source}")
    work.update("count what has landed")
    landed = landed_count(deployment, source, streams)

    with loaded_count(deployment, source, streams) as count:

        def progress(_: Execution, look: Look) -> Progress:
            loaded = min(count(), landed)
            return Progress(f"{look.state}: {loaded:,} of {landed:,} windows loaded", loaded, landed)

        (report,) = follow([(started, work)], progress)
    return report
