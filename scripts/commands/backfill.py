"""backfill: read a range of the past."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from commands.display import activity, say
from commands.environments import LOCAL, Env, opened
from commands.options import FOLDER, Concurrent, Folder, Json, Streams
from commands.run import Report, run_sources, tell
from operate.errors import OperatorError
from operate.inputs import check, parse_time


def backfill(  # noqa: PLR0913, PLR0917 (each is an option)
    source: Annotated[str, typer.Argument(help="The source to read.")],
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="2026-01-01, or 2026-01-01T06:00:00+02:00.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="The end, which is not part of it any more.")
    ] = None,
    stream: Streams = None,
    reread: Annotated[bool, typer.Option("--reread", help="Read also what is loaded already.")] = False,
    concurrent: Concurrent = False,
    folder: Folder = FOLDER,
    env: Env = LOCAL,
    json: Json = False,
) -> None:
    """Read a range of the past from the endpoint, and load it.

    Only what of the range is not loaded yet is read: what lies before the start that the source's file names, for
    instance. With --reread all of it is read again, say after the endpoint's data was mended; each row then becomes
    what the endpoint answers now. --reread without a range reads all that there is.

    A day alone means its midnight in UTC. What a stream cannot do is refused before anything is started.
    """
    deployment = opened(env, folder)
    changes = asked(start, end, stream or [], reread) | ({"concurrent": True} if concurrent else {})
    check(deployment, deployment.given(source, **changes), datetime.now(UTC))
    with activity() as show:
        reports = run_sources(show, deployment, [source], changes)
    tell(reports, json)
    if not json and is_nothing_read(reports):
        say("All of it is loaded already; --reread reads it again")


def is_nothing_read(reports: list[Report]) -> bool:
    """Whether there was no window to read; of a re-read there always is one."""
    return not any(stream["windows"] for report in reports for stream in report["streams"])


def asked(start: str | None, end: str | None, streams: list[str], reread: bool) -> dict[str, Any]:
    """What the options change in an execution's input. Raises: OperatorError with the remedy."""
    if not reread and (start is None or end is None):
        raise OperatorError(
            "A range has two ends: give --from and --to. To read all again that the endpoint has, give --reread"
        )
    first = parse_time(start, "--from") if start is not None else None
    last = parse_time(end, "--to") if end is not None else None
    if first is not None and last is not None and first >= last:
        raise OperatorError(
            f"--from {start} is not before --to {end}: the range is empty. Give its beginning first"
        )
    given: dict[str, Any] = {
        "from": first.isoformat() if first else None,
        "to": last.isoformat() if last else None,
        "streams": streams,
        "reread": reread,
    }
    return {name: value for name, value in given.items() if value}
