"""replay: load from the landing zone what the warehouse lacks."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from commands.display import Activity, activity
from commands.environments import LOCAL, Env, opened
from commands.options import FOLDER, Concurrent, Folder, Json, Streams
from commands.run import Progress, Report, follow, run_sources, tell
from operate import execution
from operate.errors import OperatorError
from operate.execution import Execution, Look
from operate.inputs import check, parse_time
from operate.replaying import landed_count, loaded_count


def replay(  # noqa: PLR0913, PLR0917 (each is an option)
    source: Annotated[str, typer.Argument(help="The source to load.")],
    stream: Streams = None,
    from_raw: Annotated[
        bool, typer.Option("--from-raw", help="Parse the kept answers anew, by the mapping as it is now.")
    ] = False,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="With --from-raw: only what was read of this time."),
    ] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="TIME", help="The end of that time.")] = None,
    concurrent: Concurrent = False,
    folder: Folder = FOLDER,
    env: Env = LOCAL,
    json: Json = False,
) -> None:
    """Load from the landing zone all that the ledger lacks; the endpoint is not asked.

    Every window that has ever landed, and still stands in the bucket, is loaded unless the ledger has it, the
    newest run first. A new warehouse is filled by it. It may be repeated and interrupted at will: a window is
    loaded once.

    With --from-raw what is kept of a stream's answers (`keep_raw` in its file) is read once more, after a column
    was added or mended. Of each time the newest answer counts; what was read later than the kept answers stays.
    """
    deployment = opened(env, folder)
    changes = asked(stream or [], concurrent=concurrent, from_raw=from_raw, start=start, end=end)
    given = deployment.given(source, **changes)
    check(deployment, given, datetime.now(UTC))
    with activity() as show:
        if from_raw:
            reports = run_sources(show, deployment, [source], changes)
        else:
            reports = [follow_replay(show, execution.start(deployment, source, given), given)]
    tell(reports, json, from_raw)


def asked(
    streams: list[str], *, concurrent: bool, from_raw: bool, start: str | None, end: str | None
) -> dict[str, Any]:
    """What the options change in an execution's input. Raises: OperatorError with the remedy."""
    if not from_raw and (start or end):
        raise OperatorError("A replay loads all that has landed: --from and --to need --from-raw")
    given: dict[str, Any] = {
        "from_raw" if from_raw else "replay": True,
        "from": parse_time(start, "--from").isoformat() if start else None,
        "to": parse_time(end, "--to").isoformat() if end else None,
        "streams": streams,
        "concurrent": concurrent,
    }
    return {name: value for name, value in given.items() if value}


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
