"""What runs did, for people: a table of all streams, then in words what changed, then what went wrong."""

from collections.abc import Iterable, Iterator
from typing import Any

from commands.display import fail, say
from commands.failures import failures
from commands.tables import print_table
from operate.places import CATALOGUE
from xmlift.catalogue import Stream, load_source
from xmlift.catalogue.cursor import DeltaLink

_COLUMNS = ("windows", "pages", "records", "rejected", "loaded", "seconds")


def show_reports(reports: Iterable[dict[str, Any]], from_raw: bool = False) -> None:
    """Print the table, and say the rest. from_raw: kept answers were read, and no endpoint."""
    reports = list(reports)
    rows = [row for report in reports for stream in report["streams"] for row in _rows(report, stream)]
    if rows:
        print_table(("stream", *_COLUMNS), rows, right=_COLUMNS)
    for report in reports:
        if report["status"] == "succeeded":
            whole = set() if from_raw else _read_as_a_whole(report["source"])
            for stream in report["streams"]:
                say(f"{report['source']}.{stream['stream']}: {changes(stream, stream['stream'] in whole)}")
        for warning in report.get("warnings", ()):
            say(f"Warning: {warning}")
    for report in reports:
        if report["status"] != "succeeded":
            for reason, details in failures(report):
                fail(reason, details)


def changes(stream: dict[str, Any], read_as_a_whole: bool) -> str:
    """What a run did to a stream's table, in words.

    read_as_a_whole: its endpoint is asked for no time, so that what it had before was read again.
    """
    told = [
        f"{count:,} {what}"
        for count, what in (
            # Reports of older runs, which `runs` shows too, lack some counts.
            (stream.get("recovered", 0), "windows of other runs loaded"),
            *_rows_loaded(stream, read_as_a_whole),
            (stream.get("removed", 0), "taken out"),
            (stream["stale"] + stream["duplicates"], "known already"),
            (stream["rejected"], "rejected"),
        )
        if count
    ]
    return ", ".join(told) or "nothing new"


def _rows_loaded(stream: dict[str, Any], read_as_a_whole: bool) -> list[tuple[int, str]]:
    # Where the ledger was forgotten, rows that have stayed are loaded over again: they are not called new.
    if stream.get("recovered") and not stream["windows"]:
        return [(stream["inserted"] + stream["updated"], "rows")]
    updated = "updated (the endpoint always answers all)" if read_as_a_whole else "updated"
    return [(stream["inserted"], "new"), (stream["updated"], updated)]


def _rows(report: dict[str, Any], stream: dict[str, Any]) -> Iterator[list[str]]:
    """A stream's line, and an indented one for each table of its children."""
    yield [f"{report['source']}.{stream['stream']}", *(f"{stream[column]:,}" for column in _COLUMNS)]
    for table, counts in sorted(stream["tables"].items()):
        if table != stream["stream"]:
            loaded = counts["inserted"] + counts["updated"]
            yield [f"  {table}", "", "", f"{counts['written']:,}", "", f"{loaded:,}", ""]


def _read_as_a_whole(source: str) -> set[str]:
    path = CATALOGUE / f"{source}.yaml"
    if not path.exists():
        return set()  # deployed by another working copy
    streams = load_source(path.read_bytes(), path.name).streams
    return {name for name, stream in streams.items() if is_read_as_a_whole(stream)}


def is_read_as_a_whole(stream: Stream) -> bool:
    """Whether a run that updates its rows can only have read all that the endpoint has.

    Where files are dropped, too, a run may be one file's.
    """
    if stream.request is None or stream.inbox or isinstance(stream.cursor, DeltaLink):
        return False
    return not stream.request.asks_for("{window.")
