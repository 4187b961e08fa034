"""drop: put a file into a stream's inbox, and follow the run that it starts."""

from pathlib import Path
from typing import Annotated

import typer

from commands.display import activity
from commands.environments import LOCAL, Env, opened
from commands.options import FOLDER, Folder, Json
from commands.run import follow, tell
from operate import dropping


def drop(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="XML, or XML packed by gzip.")],
    stream: Annotated[str, typer.Argument(metavar="SOURCE.STREAM", help="The stream that it is for.")],
    name: Annotated[
        str | None, typer.Option("--name", help="Its name in the inbox.", show_default="the file's own")
    ] = None,
    folder: Folder = FOLDER,
    env: Env = LOCAL,
    json: Json = False,
) -> None:
    """Drop a file into a stream's inbox: S3 tells of it, and that starts the pipeline for it.

    A file of the same name is a new version, which is read as well; each version is loaded once.
    """
    deployment = opened(env, folder)
    with activity() as show:
        work = show.begin(f"drop {file.name}")
        started = dropping.drop(deployment, stream, file, name)
        reports = follow([(started, work)])
    tell(reports, json)
