"""demo: from nothing to rows in the warehouse."""

from typing import Any

import typer

from commands import cloud as clouds
from commands import doctor, package
from commands import run as runs
from commands.display import activity, fail, print_json, say
from commands.options import FOLDER, ITEMS, Authority, Data, Folder, Items, Json
from commands.reports import show_reports
from commands.tables import as_records, print_sample
from local.cloud import Cloud, find, stop
from local.deployment import Deployment
from operate.places import CATALOGUE
from xmlift.catalogue import load_source
from xmlift.layout import LINEAGE, stream_layout

_SAMPLE_ROWS = 3
# What the demo reads: the rest would take as long again, and shows nothing else. `make run` reads it.
_SHOWN = frozenset({"ewm", "ecb", "ewm_oslc"})


def demo(
    folder: Folder = FOLDER,
    items: Items = ITEMS,
    data: Data = None,
    authority: Authority = None,
    json: Json = False,
) -> None:
    """Start the local cloud, deploy to it, run some of its sources, show the rows."""
    if find(folder) is not None:
        fail(
            "A local cloud is running already; it was left as it is. "
            "Go on with it (make tick run, make query), or stop it first (make down)."
        )
        raise typer.Exit(1)
    _check_machine()
    with activity() as show:
        package.build(show)
        cloud = clouds.start(show, folder, items, data)
        try:
            deployment = clouds.deploy(show, cloud, authority)
        except BaseException as error:
            _give_up(cloud, error)
            raise
        readable = deployment.readable()
        _say_skipped(deployment, readable)
        sources = [source for source in readable if source in _SHOWN]
        try:
            reports = runs.run_sources(show, deployment, sources)
        except KeyboardInterrupt:
            say("Interrupted; the local cloud goes on. Next: make run, or make down")
            raise
    samples = {name: sample(deployment, name) for name in _loaded(reports)}
    if json:
        print_json({"cloud": clouds.describe(cloud), "reports": reports, "samples": samples})
    else:
        show_reports(reports)
        for name, rows in samples.items():
            if rows:
                print_sample(name, list(rows[0]), [list(row.values()) for row in rows])
        say("\nmake tick run   let time pass at the endpoint, then load only what changed")
        _say_others(set(readable) - set(sources))
        say("make status     how far every stream is loaded, and what is missing")
        say("make query      SQL prompt on the warehouse")
        say("make down       stop everything and remove its data")
    if runs.failed(reports):
        raise typer.Exit(1)


def sample(deployment: Deployment, table: str) -> list[dict[str, Any]]:
    """Some rows of a table, its key first, without the columns that tell where they came from."""
    source, name = table.split(".")
    key, columns = _key_and_columns(source, name)
    shown = [*key, *(column for column in columns if column not in key)]
    names = ", ".join(f'"{column}"' for column in shown)
    ordered = ", ".join(f'"{column}"' for column in key) or "1"
    statement = f'SELECT {names} FROM "{source}"."{name}" ORDER BY {ordered} LIMIT {_SAMPLE_ROWS}'  # noqa: S608 (our own names)
    with deployment.connect() as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return as_records(shown, cursor.fetchall())


def _key_and_columns(source: str, table: str) -> tuple[tuple[str, ...], list[str]]:
    path = CATALOGUE / f"{source}.yaml"
    stream = table.split("__", maxsplit=1)[0]
    layout = stream_layout(stream, load_source(path.read_bytes(), path.name).streams[stream])
    lineage = {name for name, _ in LINEAGE}
    (found,) = (each for each in layout.tables if each.name == table)
    return found.key, [column for column in found.column_names if column not in lineage]


def _give_up(cloud: Cloud, error: BaseException) -> None:
    why = "Interrupted" if isinstance(error, KeyboardInterrupt) else "Nothing can be run"
    say(f"{why}; stopping the local cloud. Its logs stay in {cloud.instance.logs}")
    stop(cloud.instance.folder)


def _say_skipped(deployment: Deployment, sources: list[str]) -> None:
    if skipped := sorted(
        source for source in set(deployment.sources) - set(sources) if deployment.is_asked(source)
    ):
        say(f"Skipped, for want of recorded responses (XMLIFT_DATA names their folder): {', '.join(skipped)}")


def _say_others(sources: set[str]) -> None:
    """What can be run, and was not: with as many letters before it as the other lines have."""
    if sources:
        say(f"make run        the other sources as well: {', '.join(sorted(sources))} (one alone: SOURCE=…)")


def _check_machine() -> None:
    lacking = [check for check in doctor.checks() if not check.ok]
    for check in lacking:
        doctor.show(check)
    if lacking:
        raise typer.Exit(1)


def _loaded(reports: list[dict[str, Any]]) -> list[str]:
    """The tables to show: of each source the stream that brought most, and its children."""
    streams = [
        (report["source"], max(report["streams"], key=lambda stream: int(stream["loaded"])))
        for report in reports
        if report["streams"]
    ]
    return [
        f"{source}.{table}"
        for source, stream in streams
        if stream["loaded"]
        for table in sorted({stream["stream"], *stream["tables"]})
    ]
