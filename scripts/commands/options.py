"""Options that several verbs share."""

from pathlib import Path
from typing import Annotated

import typer

from local.cloud import DEFAULT_FOLDER

Folder = Annotated[
    Path, typer.Option("--folder", help="Where this local cloud keeps its files.", show_default=".local")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Concurrent = Annotated[
    bool, typer.Option("--concurrent", help="Go ahead beside an execution of the source that is under way.")
]
Streams = Annotated[
    list[str] | None, typer.Option("--stream", metavar="STREAM", help="Only this stream; may be given again.")
]
Items = Annotated[int, typer.Option(min=1, help="Work items at the XML endpoint when it starts.")]
Data = Annotated[
    Path | None,
    typer.Option(
        envvar="XMLIFT_DATA",
        exists=True,
        file_okay=False,
        resolve_path=True,
        help="Folder of recorded responses for the XML endpoint.",
        show_default="../shared/data, if it is there",
    ),
]
Authority = Annotated[
    Path | None,
    typer.Option(
        "--ca",
        envvar="XMLIFT_CA",
        exists=True,
        dir_okay=False,
        resolve_path=True,
        help="Certificates (PEM) of an authority that servers of yours are signed by, to be trusted too.",
    ),
]
FOLDER = DEFAULT_FOLDER
ITEMS = 5000
