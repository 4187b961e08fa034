"""demo: from nothing to rows in the warehouse."""

from typing import Any

import typer

from commands import cloud as clouds
from commands import doctor, package
from commands import run as runs
from commands.display import activity, as_records, fail, print_json, print_table, say
from commands.options import FOLDER, ITEMS, Data, Folder, Items, Json
from local.cloud import find, stop
from local.deployment import Deployment

_SAMPLE_ROWS = 3
_SAMPLE_COLUMNS = 7


def demo(folder: Folder = FOLDER, items: Items = ITEMS, data: Data = None, json: Json = False) -> None:
    """Start the local cloud, deploy to it, run every source, show the rows."""
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
            deployment = clouds.deploy(show, cloud)
        except BaseException:
            say(f"Nothing can be run; stopping the local cloud. Its logs stay in {cloud.instance.logs}")
            stop(folder)
            raise
        reports = runs.run_sources(show, deployment, runs.served(deployment))
    samples = {name: sample(deployment, name) for name in _loaded(reports)}
    if json:
        print_json({"cloud": clouds.describe(cloud), "reports": reports, "samples": samples})
    else:
        runs.show_reports(reports)
        for name, rows in samples.items():
            if rows:
                print_table(f"\n{name}", list(rows[0]), [list(row.values()) for row in rows], width=28)
        say("\nmake tick run   let time pass at the endpoint, then load only what changed")
        say("make query      SQL prompt on the warehouse")
        say("make down       stop everything")
    if runs.failed(reports):
        raise typer.Exit(1)


def sample(deployment: Deployment, table: str) -> list[dict[str, Any]]:
    """Some rows of a table, without the columns that tell where they came from."""
    source, stream = table.split(".")
    with deployment.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{source}"."{stream}" LIMIT {_SAMPLE_ROWS}')  # noqa: S608 (our own names)
        names = [column.name for column in cursor.description or ()]
        shown = [name for name in names if not name.startswith("_")][:_SAMPLE_COLUMNS]
        return [{name: record[name] for name in shown} for record in as_records(names, cursor.fetchall())]


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
